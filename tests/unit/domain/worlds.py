"""Small invented markets: directory and plan rows as the readers hand them over, and the slices they make."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from fivetier.domain.candidate import Candidate, SourceUse
from fivetier.domain.events import Event, find_events
from fivetier.domain.ids import SubVersion
from fivetier.domain.names import equality_key
from fivetier.domain.reconcile import reconcile
from fivetier.domain.resolution import Resolution, RunContext, SourceRow, SourceRows
from fivetier.domain.resolve import resolve
from fivetier.domain.slice import Slice
from fivetier.domain.tables import NORMALIZED_ROW
from fivetier.domain.tiers import Lob
from hypothesis import strategies as st

LOB = Lob.MEDICARE_ADVANTAGE
SEEN = datetime(2025, 6, 9, 8, 30, tzinfo=UTC).replace(tzinfo=None)
MONTHS = ("2024_08", "2024_11", "2024_12", "2025_01", "2025_06")
DIRECTORY, MONTHLY, AEQUALIS = "cms_ma_contract_directory", "cms_monthly_report_by_plan", "aequalis"

# Pairs that differ in legal form or in spelling are here on purpose.
PARENTS = ("Alder Group", "ALDER GROUP, INC.", "Birch Mutual", "The Birch Mutual Company", "Élan Santé", "A&D Trust")
LEGALS = ("Alder Plan of Ohio, Inc.", "Alder Plan of Ohio LLC", "Birch Care", "Cedar HMO", "CEDAR H.M.O.", "Fir")
CONTRACTS = ("H0001", "H0002", "H0003", "R0004", "E0005", "X0001", "90091", "H0008")


@dataclass(frozen=True)
class Deal:
    """One contract of an invented market, with the numbers of its benefits plans."""

    contract_id: str
    legal: str = "Cedar HMO"
    parent: str = "Birch Mutual"
    plans: tuple[int, ...] = (1,)
    marketing: str | None = "Cedar"
    effective: date | None = date(2015, 1, 1)
    program: str = "MA"


def source_row(source: str, number: int, **values: object) -> dict[str, Any]:
    """A row of `normalized_row`; what is not given is null."""
    known = dict.fromkeys(NORMALIZED_ROW.column_names)
    assert values.keys() <= known.keys()
    stamp = {"source_object": f"{source}.csv", "row_number": number, "trace_id": f"{source}-{number}"}
    return {**known, "lob": LOB.value, "source": source, **stamp, **values}


def directory_rows(deals: Iterable[Deal]) -> list[SourceRow]:
    return [
        source_row(
            DIRECTORY,
            number,
            contract_id=deal.contract_id,
            legal_name=deal.legal,
            parent_name=deal.parent,
            marketing_name=deal.marketing,
            organization_type="Local CCP",
            contract_plan_type="HMO/HMOPOS",
            program=deal.program,
            effective_date=deal.effective,
        )
        for number, deal in enumerate(deals, start=2)
    ]


def plan_rows(deals: Iterable[Deal], **values: object) -> list[SourceRow]:
    ids = [(deal.contract_id, f"{deal.contract_id}-{number:03}") for deal in deals for number in deal.plans]
    return [
        source_row(MONTHLY, number, contract_id=contract, plan_id=plan, **{"plan_type": "Local PPO", **values})
        for number, (contract, plan) in enumerate(ids, start=2)
    ]


def insight(contract_id: str, parent: str, plan: int = 1, **values: object) -> SourceRow:
    """A row of Aequalis."""
    return source_row(
        AEQUALIS,
        int(str(values.pop("number", 2))),
        contract_id=contract_id,
        plan_id=f"{contract_id}-{plan:03}",
        parent_name=parent,
        **{"plan_type": "PPO", "plan_year": 2025, "plan_name": f"Choice {plan}", **values},
    )


def context(month: str) -> RunContext:
    return RunContext(LOB, SubVersion.parse(month), f"run-{month}", SEEN)


def run(
    month: str,
    deals: Sequence[Deal],
    published: Slice | None = None,
    *,
    plans: bool = True,
    reference: Sequence[SourceRow] | None = None,
    held: Collection[str] = (),
    held_plans: Collection[str] = (),
) -> Resolution:
    """Resolve a market for a month."""
    extra = {"held_plans": held_plans} if held_plans else {}
    rows = SourceRows(directory_rows(deals), plan_rows(deals) if plans else None, reference, held=held, **extra)
    return resolve(rows, context(month), published or Slice(LOB))


def publish(month: str, deals: Sequence[Deal], published: Slice | None = None, **options: Any) -> Slice:
    return run(month, deals, published, **options).candidate


def moved(deals: Iterable[Deal], contracts: Collection[str], **changes: Any) -> list[Deal]:
    """A copy in which some contracts changed."""
    return [replace(deal, **changes) if deal.contract_id in contracts else deal for deal in deals]


def events(before: Slice, after: Slice, *kinds: str) -> list[Event]:
    return [event for event in find_events(before, after) if not kinds or event.event_type in kinds]


def node_of(slice_: Slice, tier: int, name: str) -> str:
    """The id of the one live node of a tier with a name."""
    (found,) = [n.node_id for n in slice_.live_nodes.values() if (n.tier, n.name) == (tier, name)]
    return found


def rows_of(slice_: Slice) -> tuple[set[Any], ...]:
    """A slice without the order of its rows."""
    return set(slice_.nodes), set(slice_.external_ids), set(slice_.aliases), set(slice_.contracts)


def said(slice_: Slice) -> set[tuple[object, ...]]:
    """What the live rows say, whatever the spelling and wherever it was read."""
    nodes = {
        (n.node_id, n.tier, n.parent_node_id, equality_key(n.name), equality_key(n.plan_type or ""), n.valid_from)
        for n in slice_.live_nodes.values()
    }
    contracts = {(c.contract_id, c.lob_node_id, c.program, c.valid_from) for c in slice_.live_contracts.values()}
    return nodes | contracts


def as_of(slice_: Slice, day: date) -> set[tuple[object, ...]]:
    """What held on a day."""
    held = [row for row in (*slice_.nodes, *slice_.contracts) if row.valid_from <= day < (row.valid_to or date.max)]
    return {
        tuple(getattr(row, name) for name in row.__slots__ if name not in ("valid_to", "end_reason")) for row in held
    }


def deals(contracts: Sequence[str] = CONTRACTS, *, least: int = 0) -> st.SearchStrategy[list[Deal]]:
    """Any market over a few contracts, entities, parents, plan numbers and effective dates."""
    deal = st.builds(
        Deal,
        contract_id=st.sampled_from(contracts),
        legal=st.sampled_from(LEGALS),
        parent=st.sampled_from(PARENTS),
        plans=st.sets(st.integers(1, 3), max_size=2).map(lambda found: tuple(sorted(found))),
        marketing=st.sampled_from(("Cedar", None)),
        effective=st.sampled_from((None, date(2015, 1, 1), date(2025, 1, 1), date(2025, 9, 1))),
    )
    return st.lists(deal, unique_by=lambda d: d.contract_id, min_size=least, max_size=len(contracts))


@st.composite
def chains(draw: st.DrawFn, length: int = 5) -> list[list[Deal]]:
    """Markets that follow from one another: in each, some contracts move, leave, change their entity or come back."""
    everybody = draw(deals(least=4))
    market, markets = everybody, [everybody]
    for _ in range(length - 1):
        some = draw(st.sets(st.sampled_from([deal.contract_id for deal in everybody]), min_size=1))
        field, values = draw(st.sampled_from([("parent", PARENTS), ("legal", LEGALS), ("", ())]))
        if field:
            market = moved(market, some, **{field: draw(st.sampled_from(values))})
        else:
            stay = {deal.contract_id for deal in market} ^ some
            known = {deal.contract_id: deal for deal in (*everybody, *market)}
            market = [known[contract] for contract in sorted(stay)]
        markets.append(market)
    return markets


LANDED = tuple(SourceUse(source, source == DIRECTORY, landed=True) for source in (DIRECTORY, MONTHLY, AEQUALIS))


def judged(published: Slice, found: Resolution, *, month: str = "2025_06", **changes: Any) -> Candidate:
    """A candidate as the gates get it; `changes` plant what no resolution would bring."""
    facts = Candidate(
        lob=LOB,
        sub_version=SubVersion.parse(month),
        published_sub_version=SubVersion.parse("2024_08"),
        published=published,
        resolution=found,
        reconciliation=reconcile(published, found.candidate),
        events=find_events(published, found.candidate),
        sources=LANDED,
    )
    return replace(facts, **changes)
