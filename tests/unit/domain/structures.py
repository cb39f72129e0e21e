"""Small invented markets without contracts: exchange, Medicaid and commercial rows as the readers hand them over."""

from collections.abc import Sequence
from typing import Any

from fivetier.domain.candidate import Candidate
from fivetier.domain.dictionary import Dictionary, parse_dictionary
from fivetier.domain.events import find_events
from fivetier.domain.ids import SubVersion
from fivetier.domain.reconcile import reconcile
from fivetier.domain.resolution import Resolution, RunContext, SourceRow, SourceRows
from fivetier.domain.resolve import resolve
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Lob
from worlds import SEEN, source_row

ACA, MEDICAID, COMMERCIAL = Lob.ACA_EXCHANGE, Lob.MEDICAID, Lob.COMMERCIAL
NOBODY = Dictionary()
REVIEWED = parse_dictionary(
    """
version: 1.0.0
parents:
  - name: Oak Health
    aliases: [Oak, Oak/Elm]
    subsidiaries: ["Oak Plan of New Mexico, Inc."]
    source: s
    reviewed: 2026-01-01
  - {name: Elm Plans, aliases: [Elm], merged_into: Oak Health, merged_on: 2020-01-23, source: s, reviewed: 2026-01-01}
  - name: Pine Group
    formerly: [{name: Spruce Inc, until: 2022-06-28}]
    source: s
    reviewed: 2026-01-01
"""
)
_numbers = iter(range(2, 10_000_000))


def row(lob: Lob, source: str, **values: Any) -> SourceRow:
    """A canonical row with a trace of its own."""
    return {**source_row(source, next(_numbers)), "lob": lob.value, **values}


def sold(plan_id: str, issuer: str, county: str = "35001", year: int = 2026, **values: Any) -> SourceRow:
    """A plan sold in a county, as the QHP landscape has it."""
    return row(
        ACA,
        "qhp_landscape",
        state=plan_id[5:7],
        legal_name=issuer,
        entity_id_system="hios_issuer",
        entity_id=plan_id[:5],
        plan_id_system="hios14",
        plan_id=plan_id,
        area=county,
        **{"plan_name": f"Silver {plan_id[-4:]}", "plan_type": "HMO", "plan_year": year, **values},
    )


def network(issuer: str, network_id: str, name: str, year: int = 2026) -> SourceRow:
    """A row of the Network PUF."""
    return row(
        ACA,
        "network_puf",
        state=network_id[:2],
        entity_id_system="hios_issuer",
        entity_id=issuer,
        network_id=network_id,
        network_name=name,
        plan_year=year,
    )


def walk(old: str | None, new: str | None, status: str, year: int = 2026, **values: Any) -> SourceRow:
    """A row of a plan crosswalk."""
    return row(
        ACA, "plan_id_crosswalk_puf", plan_id=old, next_plan_id=new, crosswalk_status=status, plan_year=year, **values
    )


def enrolled(state: str, program: str, plan: str, parent: str | None, **values: Any) -> SourceRow:
    """A plan of a state program, as the Medicaid enrollment report has it."""
    return row(
        MEDICAID,
        "medicaid_managed_care",
        state=state,
        state_program=program,
        plan_name=plan,
        legal_name=plan,
        parent_name=parent,
        **{"plan_type": "MCO", "plan_year": 2019, **values},
    )


def payer(payer_id: str, name: str, parent: str | None = None, **values: Any) -> SourceRow:
    """An entry of a clearinghouse's payer directory."""
    return row(
        COMMERCIAL,
        "payer_directory",
        entity_id_system="clearinghouse_payer",
        entity_id=payer_id,
        legal_name=name,
        parent_name=parent,
        **values,
    )


def settle(
    lob: Lob,
    month: str,
    plans: Sequence[SourceRow],
    published: Slice | None = None,
    *,
    dictionary: Dictionary = NOBODY,
    neighbours: tuple[Slice, ...] = (),
    **roles: Any,
) -> Resolution:
    """Resolve rows for a month."""
    context = RunContext(lob, SubVersion.parse(month), f"run-{month}", SEEN, None, neighbours)
    return resolve(SourceRows(plans=plans, **roles), context, published or Slice(lob), dictionary)


def weighed(
    published: Slice, found: Resolution, month: str = "2026_01", neighbours: tuple[Slice, ...] = ()
) -> Candidate:
    """A resolution beside what is published, ready for the gates."""
    return Candidate(
        lob=published.lob,
        sub_version=SubVersion.parse(month),
        published_sub_version=None,
        published=published,
        resolution=found,
        reconciliation=reconcile(published, found.candidate),
        events=find_events(published, found.candidate, neighbours),
        sources=(),
        neighbours=neighbours,
    )


def path(slice_: Slice, plan_id: str) -> tuple[str, ...]:
    """Names from the parent payer down to a plan."""
    (node,) = [slice_.live_nodes[node] for node, value in slice_.plan_ids.items() if value == plan_id]
    names = [node.name]
    while node.parent_node_id is not None:
        node = slice_.live_nodes[node.parent_node_id]
        names.append(node.name)
    return tuple(reversed(names))


def names(slice_: Slice, tier: int) -> list[str]:
    """Live names of a tier, sorted."""
    return sorted(node.name for node in slice_.live_nodes.values() if node.tier == tier)
