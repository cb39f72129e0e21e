"""The gates every candidate passes: DOMAIN §6 codes that apply, plus what reading and resolving found.

A rollback passes those that look at the slice itself. The others ask whether a change may come from wrong files; in a
rollback the change is the purpose, and a gate that holds back a bad refresh would hold back its undoing (ADR 10).

Each check returns one finding or nothing; a check that cannot run raises. Severities stand in `findings.RULES`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise

from fivetier.domain.candidate import Candidate
from fivetier.domain.crosswalk import MERGED, TERMINATED
from fivetier.domain.findings import Finding, finding
from fivetier.domain.ids import (
    HIOS_ISSUER,
    LEGAL_NAME,
    LOB_SYSTEM,
    NETWORK_SYSTEM,
    PARENT_NAME,
    REPORTED_PLAN,
    STATE_PROGRAM_PLAN,
)
from fivetier.domain.intervals import Interval
from fivetier.domain.lobs import lob_settings
from fivetier.domain.names import equality_key
from fivetier.domain.reconcile import Delta
from fivetier.domain.slice import Contract, Node, Slice
from fivetier.domain.source_checks import (
    check_across_lobs,
    check_assumed_parents,
    check_disagreement,
    check_held,
    check_network_unknown,
    check_period_mismatch,
    check_plan_not_in_cms,
    check_plan_not_in_reference,
    check_quarantined,
    check_source_missing,
    check_taken_names,
)
from fivetier.domain.tiers import Tier

_TIER_OF_SYSTEM = {
    **{system: Tier.BENEFITS_PLAN for lob in lob_settings().values() for system in lob.plan_id_systems},
    PARENT_NAME: Tier.PARENT_PAYER,
    LEGAL_NAME: Tier.SUBSIDIARY,
    LOB_SYSTEM: Tier.LINE_OF_BUSINESS,
    HIOS_ISSUER: Tier.SUBSIDIARY,
    STATE_PROGRAM_PLAN: Tier.BENEFITS_PLAN,
    REPORTED_PLAN: Tier.BENEFITS_PLAN,
    NETWORK_SYSTEM: Tier.NETWORK,
}
#: A network is its subsidiary's: it stands beside the tree, two steps below the parent payer (R1.1).
_NETWORK_DEPTH = 3


def _interval(row: Node | Contract) -> Interval:
    return Interval(row.valid_from, row.valid_to)


def _rows_by_node(slice_: Slice) -> dict[str, list[Node]]:
    rows: dict[str, list[Node]] = defaultdict(list)
    for node in slice_.nodes:
        rows[node.node_id].append(node)
    return {key: sorted(found, key=lambda n: n.valid_from) for key, found in rows.items()}


def _name(node: Node) -> dict[str, str]:
    return {"node_id": node.node_id, "tier": Tier(node.tier).label, "name": node.name}


# ---- structure -----------------------------------------------------------------------------------------


def check_cycle(c: Candidate) -> Finding | None:
    """CYCLE: a walk upwards revisits a node, or a live node does not stand at depth = tier."""
    bad = []
    for node in c.slice.live_nodes.values():
        seen, at = {node.node_id}, node
        while at.parent_node_id in c.slice.live_nodes and at.parent_node_id not in seen:
            at = c.slice.live_nodes[at.parent_node_id]
            seen.add(at.node_id)
        if at.parent_node_id in seen or (at.parent_node_id is None and len(seen) != _depth(node)):
            bad.append(_name(node))
    return finding("CYCLE", bad)


def _depth(node: Node) -> int:
    return _NETWORK_DEPTH if node.tier == Tier.NETWORK else node.tier


def check_tier_skip(c: Candidate) -> Finding | None:
    """TIER_SKIP: a parent is not exactly one tier up, or a tier-1 node has one."""
    bad = []
    for node in c.slice.live_nodes.values():
        parent = c.slice.live_nodes.get(node.parent_node_id or "")
        if (node.tier == Tier.PARENT_PAYER) != (node.parent_node_id is None) or (
            parent is not None and parent.tier != _depth(node) - 1
        ):
            bad.append({**_name(node), "parent": parent.name if parent else str(node.parent_node_id)})
    return finding("TIER_SKIP", bad)


def check_orphan(c: Candidate) -> Finding | None:
    """ORPHAN: some day of a row's validity has no row of its parent.

    Where a source joins plans and networks, a live plan without a network and a live network without a plan are too.
    """
    rows = _rows_by_node(c.slice)
    bad = [
        {**_name(node), "parent_node_id": str(node.parent_node_id), "from": str(node.valid_from)}
        for node in c.slice.nodes
        if node.tier > Tier.PARENT_PAYER and not _covered(_interval(node), rows.get(node.parent_node_id or "", []))
    ]
    bridges = [row for row in c.slice.plan_networks if row.valid_to is None]
    joined = {row.plan_node_id for row in bridges} | {row.network_node_id for row in bridges}
    if bridges:
        bad += [
            {**_name(node), "parent_node_id": str(node.parent_node_id), "from": str(node.valid_from)}
            for node in c.slice.live_nodes.values()
            if node.tier >= Tier.BENEFITS_PLAN and node.node_id not in joined
        ]
    return finding("ORPHAN", bad)


def _covered(wanted: Interval, rows: Iterable[Node]) -> bool:
    """Whether the rows together hold on every day of `wanted`."""
    day = wanted.valid_from
    for row in rows:
        interval = _interval(row)
        if interval.holds_on(day):
            if interval.valid_to is None or (wanted.valid_to is not None and interval.valid_to >= wanted.valid_to):
                return True
            day = interval.valid_to
    return False


def check_duplicate(c: Candidate) -> Finding | None:
    """DUP: one identifier, or one (name, parent, state, plan year), on two live nodes of a tier."""
    holders: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for row in c.slice.external_ids:
        if row.valid_to is None and row.node_id in c.slice.live_nodes:
            holders["id", row.id_system, row.id_value, row.plan_year].add(row.node_id)
    for node in c.slice.live_nodes.values():
        key = ("name", node.tier, equality_key(node.name), node.parent_node_id, node.state, node.plan_year)
        if node.tier < Tier.BENEFITS_PLAN:  # plans and networks may share a name; their ids tell them apart
            holders[key].add(node.node_id)
    bad = [
        {"shared": " ".join(str(part) for part in key if part is not None), "nodes": ", ".join(sorted(nodes))}
        for key, nodes in holders.items()
        if len(nodes) > 1
    ]
    return finding("DUP", bad)


def check_collapsed(c: Candidate) -> Finding | None:
    """COLLAPSED: one node holds identifiers of two tiers."""
    tiers: dict[str, set[str]] = defaultdict(set)
    for row in c.slice.external_ids:
        if row.valid_to is None and row.id_system in _TIER_OF_SYSTEM:
            tiers[row.node_id].add(_TIER_OF_SYSTEM[row.id_system].label)
    bad = [{"node_id": key, "tiers": ", ".join(sorted(found))} for key, found in tiers.items() if len(found) > 1]
    return finding("COLLAPSED", bad)


def check_non_recon(c: Candidate) -> Finding | None:
    """NON_RECON: every live contract rolls up to a live LOB node, and every LOB node has one, where there are any."""
    lob_nodes = {n.node_id for n in c.slice.live_nodes.values() if n.tier == Tier.LINE_OF_BUSINESS}
    used = {contract.lob_node_id for contract in c.slice.live_contracts.values()}
    bad = [
        {
            "contract_id": contract.contract_id,
            "lob_node_id": contract.lob_node_id,
            "problem": "no such live LOB node",
        }
        for contract in c.slice.live_contracts.values()
        if contract.lob_node_id not in lob_nodes
    ]
    idle = lob_nodes - used if c.slice.contracts else set()
    bad += [{**_name(c.slice.live_nodes[node]), "problem": "no contract"} for node in sorted(idle)]
    bad += [
        {**_name(node), "problem": f"a {Tier(node.tier).label} without anything below it"}
        for node in _childless(c.slice)
    ]
    return finding("NON_RECON", bad)


def _childless(slice_: Slice) -> list[Node]:
    parents = {node.parent_node_id for node in slice_.live_nodes.values()}
    upper = (Tier.PARENT_PAYER, Tier.SUBSIDIARY)
    return [n for n in slice_.live_nodes.values() if n.tier in upper and n.node_id not in parents]


# ---- time ----------------------------------------------------------------------------------------------


def _segments(slice_: Slice) -> Iterable[tuple[Node, Node]]:
    for rows in _rows_by_node(slice_).values():
        yield from pairwise(rows)


def _new_segments(c: Candidate) -> Iterable[tuple[Node, Node]]:
    """Only what this candidate adds: history that was published before was signed before."""
    known = {(row.node_id, row.valid_from) for row in c.published.nodes}
    pairs = _segments(c.slice)
    return ((a, b) for a, b in pairs if not {(a.node_id, a.valid_from), (b.node_id, b.valid_from)} <= known)


def check_overlap(c: Candidate) -> Finding | None:
    """OVERLAP: two rows of one node hold on the same day."""
    return finding("OVERLAP", [_name(b) for a, b in _segments(c.slice) if _interval(a).overlaps(_interval(b))])


def check_gap(c: Candidate) -> Finding | None:
    """GAP: a node that came back has days without a row."""
    bad = [
        {**_name(b), "from": str(a.valid_to), "to": str(b.valid_from)}
        for a, b in _new_segments(c)
        if a.valid_to is not None and a.valid_to < b.valid_from
    ]
    return finding("GAP", bad)


def check_term_reenrol(c: Candidate) -> Finding | None:
    """TERM_REENROL: a node ended for absence and came back within the same month."""
    bad = [
        {**_name(b), "ended": str(a.valid_to), "back": str(b.valid_from)}
        for a, b in _new_segments(c)
        if a.valid_to is not None
        and a.end_reason == "absent_from_source"
        and (a.valid_to.year, a.valid_to.month) == (b.valid_from.year, b.valid_from.month)
    ]
    return finding("TERM_REENROL", bad)


def check_retro(c: Candidate) -> Finding | None:
    """RETRO: a contract is new, or newly dated, with an effective date inside a period already approved."""
    if c.published_sub_version is None:
        return None
    approved_until = c.published_sub_version.end
    bad = []
    for contract_id, contract in sorted(c.slice.live_contracts.items()):
        before = c.published.live_contracts.get(contract_id)
        is_new = before is None or before.effective_date != contract.effective_date
        if is_new and contract.effective_date is not None and contract.effective_date < approved_until:
            bad.append({"contract_id": contract_id, "effective_date": str(contract.effective_date)})
    return finding("RETRO", bad)


# ---- against what is published -------------------------------------------------------------------------


def check_drift_parent(c: Candidate) -> Finding | None:
    """DRIFT_PARENT: a kept node hangs under another parent."""
    return _drift(c, "DRIFT_PARENT", lambda node: node.parent_node_id)


def check_drift_name(c: Candidate) -> Finding | None:
    """DRIFT_NAME: a kept node bears another name."""
    return _drift(c, "DRIFT_NAME", lambda node: equality_key(node.name))


def _drift(c: Candidate, code: str, value: Callable[[Node], object]) -> Finding | None:
    bad = []
    for key, after in sorted(c.slice.live_nodes.items(), key=lambda item: (item[1].tier, item[0])):
        before = c.published.live_nodes.get(key)
        if before is not None and value(before) != value(after):
            bad.append(
                {
                    **_name(after),
                    "name_before": before.name,
                    "parent": _parent_name(c.slice, after),
                    "parent_before": _parent_name(c.published, before),
                }
            )
    return finding(code, bad)


def _parent_name(slice_: Slice, node: Node) -> str:
    parent = slice_.live_nodes.get(node.parent_node_id or "")
    if parent is not None and parent.tier == Tier.LINE_OF_BUSINESS:
        parent = slice_.live_nodes.get(parent.parent_node_id or "")  # the LOB's own name says nothing
    return "" if parent is None else parent.name


def check_drift_lob(c: Candidate) -> Finding | None:
    """DRIFT_LOB: a kept LOB node speaks of another line of business, or a node left its own."""
    bad = [
        {**_name(after), "before": c.published.live_nodes[key].name}
        for key, after in sorted(c.slice.live_nodes.items())
        if key in c.published.live_nodes
        and after.tier == Tier.LINE_OF_BUSINESS
        and equality_key(c.published.live_nodes[key].name) != equality_key(after.name)
    ]
    return finding("DRIFT_LOB", bad)


def check_row_drop(c: Candidate) -> Finding | None:
    """ROW_DROP: the LOB's share of the published contracts, or of the nodes of a tier, or more of it is gone."""
    return None if c.drop_confirmation else finding("ROW_DROP", _dropped(c))


def check_row_drop_confirmed(c: Candidate) -> Finding | None:
    """ROW_DROP_CONFIRMED: so it is, and somebody of Data Operations says that it is real (ADR 22)."""
    if c.drop_confirmation is None:
        return None
    said = {"confirmed_by": c.drop_confirmation.by, "reason": c.drop_confirmation.reason}
    return finding("ROW_DROP_CONFIRMED", [{**row, **said} for row in _dropped(c)])


def _dropped(c: Candidate) -> list[dict[str, str]]:
    share = lob_settings()[c.lob.value].row_drop_share
    deltas: list[tuple[str, Delta]] = [("contract", c.reconciliation.contracts)]
    deltas += [(Tier(tier).label, delta) for tier, delta in sorted(c.reconciliation.tiers.items())]
    explained = _explained(c)
    return [
        {"what": what, "published": str(delta.published), "gone": str(len(set(delta.removed) - explained))}
        for what, delta in deltas
        if delta.published and len(set(delta.removed) - explained) >= share * delta.published
    ]


def _explained(c: Candidate) -> set[str]:
    """Nodes that are gone for a stated reason: a crosswalk or a review says so, or a network's plan year is over."""
    stated = {key for key in c.published.live_nodes if c.slice.end_reason(key) in (MERGED, TERMINATED)}
    years = {node.plan_year for node in c.slice.live_nodes.values() if node.tier == Tier.NETWORK}
    networks = [node for node in c.published.live_nodes.values() if node.tier == Tier.NETWORK]
    return stated | {node.node_id for node in networks if years and node.plan_year not in years}


def check_possible_rename(c: Candidate) -> Finding | None:
    """POSSIBLE_RENAME: everything of a vanished organization went to an unknown one."""
    bad = [
        {"from": str(e.before), "to": str(e.after), "scope": e.scope, "contracts": ", ".join(e.contracts)}
        for e in c.events
        if e.possible_rename
    ]
    return finding("POSSIBLE_RENAME", bad)


CHECKS: tuple[Callable[[Candidate], Finding | None], ...] = (
    check_cycle,
    check_drift_lob,
    check_row_drop,
    check_row_drop_confirmed,
    check_collapsed,
    check_orphan,
    check_duplicate,
    check_tier_skip,
    check_drift_parent,
    check_non_recon,
    check_overlap,
    check_retro,
    check_possible_rename,
    check_disagreement,
    check_held,
    check_drift_name,
    check_gap,
    check_term_reenrol,
    check_network_unknown,
    check_source_missing,
    check_period_mismatch,
    check_plan_not_in_cms,
    check_plan_not_in_reference,
    check_taken_names,
    check_assumed_parents,
    check_across_lobs,
    check_quarantined,
)

#: Those of them that need nothing but the slice.
SLICE_CHECKS = frozenset(
    {
        check_cycle,
        check_collapsed,
        check_orphan,
        check_duplicate,
        check_tier_skip,
        check_non_recon,
        check_overlap,
        check_network_unknown,
    }
)


def run_gates(candidate: Candidate) -> tuple[Finding, ...]:
    """Every check that applies, P0 first."""
    checks = [check for check in CHECKS if candidate.rollback_to is None or check in SLICE_CHECKS]
    found = [result for check in checks if (result := check(candidate)) is not None]
    return tuple(sorted(found, key=lambda f: f.rule.severity))
