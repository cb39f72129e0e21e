"""Hierarchy events: one per real-world fact, not one per row (DECISIONS, Ledger, events, findings)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from fivetier.domain.crosswalk import MERGED, TERMINATED
from fivetier.domain.names import equality_key
from fivetier.domain.slice import Node, Slice
from fivetier.domain.tiers import Tier

EventType = Literal[
    "parent_changed",
    "merged",
    "subsidiary_changed",
    "renamed",
    "renumbered",
    "moved_lob",
    "terminated",
    "removed",
    "added",
]

_ORDER: dict[str, int] = {kind: rank for rank, kind in enumerate(get_args(EventType))}


@dataclass(frozen=True, slots=True)
class Event:
    """One fact: what it is about (`scope`), from what to what, and every unit and node it touches.

    Units are contracts; plans, where a line of business has no contracts. `of` names what plans are or were of, where
    no contract does: their subsidiary; or the plan itself, where only its id is another.
    """

    event_type: EventType
    scope: Literal["contract", "plan", "parent payer", "subsidiary"]
    before: str | None
    after: str | None
    contracts: tuple[str, ...]
    node_ids: tuple[str, ...]
    possible_rename: bool = False
    of: str = ""


def find_events(published: Slice, candidate: Slice, neighbours: Sequence[Slice] = ()) -> tuple[Event, ...]:
    """Every event between two slices, largest first within its type.

    Args:
        published: what readers see.
        candidate: what is proposed.
        neighbours: what is published of other lines of business; a plan that went there moved.
    """
    events = [
        *_moves(published, candidate),
        *_renames(published, candidate),
        *_renumbered(published, candidate),
        *_contracts_come_and_gone(published, candidate),
        *_plans_come_and_gone(published, candidate, neighbours),
    ]
    return tuple(
        sorted(
            events,
            key=lambda e: (
                _ORDER[e.event_type],
                e.scope != "contract",
                -len(e.contracts),
                equality_key(e.before or ""),
                equality_key(e.after or ""),
                e.node_ids,
            ),
        )
    )


def _moves(published: Slice, candidate: Slice) -> Iterable[Event]:
    """Units in both slices whose parent, or under one parent whose legal entity, is another node.

    One event per pair of parents over all their units, whatever else changed on them; a change of legal entity is an
    event of its own only where the parent stayed. A parent that became a part of the other was merged.
    """
    parents: dict[tuple[Node, Node], list[str]] = defaultdict(list)
    entities: dict[tuple[Node, Node], list[str]] = defaultdict(list)
    touched: dict[tuple[Node, Node], set[str]] = defaultdict(set)
    for contract_id in sorted(published.units.keys() & candidate.units.keys()):
        (old_parent, old_entity), (new_parent, new_entity) = published.units[contract_id], candidate.units[contract_id]
        if old_parent.node_id != new_parent.node_id:
            parents[old_parent, new_parent].append(contract_id)
            touched[old_parent, new_parent] |= {old_entity.node_id, new_entity.node_id}
        elif old_entity.node_id != new_entity.node_id:
            entities[old_entity, new_entity].append(contract_id)
    for (old, new), contracts in _by_nodes(parents):
        is_merger = candidate.end_reason(old.node_id) == MERGED
        yield Event(
            "merged" if is_merger else "parent_changed",
            "parent payer",
            old.name,
            new.name,
            tuple(contracts),
            (old.node_id, new.node_id, *sorted(touched[old, new])),
            not is_merger and _took_over(old, new, published, candidate),
        )
    for (old, new), contracts in _by_nodes(entities):
        yield Event(
            "subsidiary_changed",
            "subsidiary",
            old.name,
            new.name,
            tuple(contracts),
            (old.node_id, new.node_id),
            _took_over(old, new, published, candidate),
        )


def _by_nodes(pairs: dict[tuple[Node, Node], list[str]]) -> list[tuple[tuple[Node, Node], list[str]]]:
    return sorted(pairs.items(), key=lambda item: (item[0][0].node_id, item[0][1].node_id))


def _took_over(old: Node, new: Node, published: Slice, candidate: Slice) -> bool:
    """The old organization is gone and the new one was unknown: it may be the same one under a new name."""
    return old.node_id not in candidate.live_nodes and new.node_id not in published.live_nodes


def _units_by_node(slice_: Slice) -> dict[str, list[str]]:
    contracts: dict[str, list[str]] = defaultdict(list)
    for unit in sorted(slice_.units):
        for node in slice_.units[unit]:
            contracts[node.node_id].append(unit)
    return contracts


def _renames(published: Slice, candidate: Slice) -> Iterable[Event]:
    contracts = _units_by_node(candidate)
    for node_id in sorted(published.live_nodes.keys() & candidate.live_nodes.keys()):
        old, new = published.live_nodes[node_id], candidate.live_nodes[node_id]
        if new.tier <= Tier.SUBSIDIARY and equality_key(old.name) != equality_key(new.name):
            scope: Literal["parent payer", "subsidiary"] = (
                "parent payer" if new.tier == Tier.PARENT_PAYER else "subsidiary"
            )
            yield Event("renamed", scope, old.name, new.name, tuple(contracts[node_id]), (node_id,))


def _renumbered(published: Slice, candidate: Slice) -> Iterable[Event]:
    """Plans that go on under another id."""
    for node in sorted(published.plan_ids.keys() & candidate.plan_ids.keys()):
        old, new = published.plan_ids[node], candidate.plan_ids[node]
        kept = {row.id_value for row in candidate.external_ids if row.node_id == node and row.valid_to is None}
        if old not in kept:
            named = candidate.live_nodes[node].name
            yield Event("renumbered", "plan", old, new, (_unit_of(new, candidate),), (node,), of=named)


def _unit_of(plan_id: str, slice_: Slice) -> str:
    """The unit a plan counts to: its contract, or itself."""
    return plan_id[: plan_id.index("-")] if slice_.contracts else plan_id


def _plans_by_unit(slice_: Slice) -> dict[str, dict[str, str]]:
    """Contract, or the subsidiary's node where there are no contracts -> plan id -> node, of live plans."""
    plans: dict[str, dict[str, str]] = defaultdict(dict)
    for node, plan_id in slice_.plan_ids.items():
        if slice_.contracts:
            plans[_unit_of(plan_id, slice_)][plan_id] = node
        elif plan_id in slice_.units:
            plans[slice_.units[plan_id][1].node_id][plan_id] = node
    return plans


def _contracts_come_and_gone(published: Slice, candidate: Slice) -> Iterable[Event]:
    sides: tuple[tuple[EventType, Slice, Slice], ...] = (
        ("removed", published, candidate),
        ("added", candidate, published),
    )
    for kind, here, there in sides:
        plans = _plans_by_unit(here)
        for contract_id in sorted(here.live_contracts.keys() - there.live_contracts.keys()):
            parent, entity = here.ancestors(contract_id)
            label = f"{contract_id} ({parent.name})"
            nodes = [n.node_id for n in (parent, entity) if n.node_id not in there.live_nodes]
            nodes += sorted(plans.get(contract_id, {}).values())
            before, after = (label, None) if kind == "removed" else (None, label)
            yield Event(kind, "contract", before, after, (contract_id,), tuple(nodes))


def _plans_come_and_gone(published: Slice, candidate: Slice, neighbours: Sequence[Slice]) -> Iterable[Event]:
    """One event per kept contract, or per subsidiary, that gained, and one per one that lost, benefits plans.

    Plans that went for a stated reason have events of their own: merged into another, terminated, moved to another
    line of business.
    """
    old, new = _plans_by_unit(published), _plans_by_unit(candidate)
    if published.contracts or candidate.contracts:
        kept = published.live_contracts.keys() & candidate.live_contracts.keys()
    else:
        kept = old.keys() | new.keys()
    elsewhere = {
        (row.id_system, row.id_value): slice_.lob.label
        for slice_ in neighbours
        for row in slice_.external_ids
        if row.valid_to is None
    }
    moved = {
        row.node_id: elsewhere[row.id_system, row.id_value]
        for row in published.external_ids
        if row.valid_to is None and (row.id_system, row.id_value) in elsewhere
    }
    for unit in sorted(kept):
        before, after = old.get(unit, {}), new.get(unit, {})
        gone = {plan: node for plan, node in sorted(before.items()) if node not in after.values()}
        come = sorted(plan for plan, node in after.items() if node not in before.values())
        gone = {plan: node for plan, node in gone.items() if node not in candidate.live_nodes}
        come = [plan for plan in come if after[plan] not in published.live_nodes]
        holder = candidate.live_nodes.get(unit) or published.live_nodes.get(unit)
        named = holder.name if holder is not None else ""
        for event in _ended(unit, gone, moved, candidate):
            yield replace(event, of=named)
        if come:
            units = (unit,) if candidate.contracts else tuple(come)
            yield Event("added", "plan", None, ", ".join(come), units, tuple(after[p] for p in come), of=named)


def _ended(unit: str, gone: Mapping[str, str], moved: Mapping[str, str], candidate: Slice) -> Iterable[Event]:
    """Why plans of one contract or subsidiary are gone, one event per reason."""
    by_reason: dict[tuple[EventType, str | None], list[str]] = defaultdict(list)
    for plan, node in gone.items():
        reason = candidate.end_reason(node)
        if node in moved:
            by_reason["moved_lob", moved[node]].append(plan)
        elif reason == MERGED:
            by_reason["merged", _successors(node, candidate)].append(plan)
        else:
            by_reason["terminated" if reason == TERMINATED else "removed", None].append(plan)
    for (kind, after), plans in by_reason.items():
        units = (unit,) if candidate.contracts else tuple(plans)
        yield Event(kind, "plan", ", ".join(plans), after, units, tuple(gone[plan] for plan in plans))


def _successors(node: str, candidate: Slice) -> str | None:
    """Ids of the plans a crosswalk leads to."""
    ids = {candidate.plan_ids.get(row.to_node_id) for row in candidate.crosswalks if row.from_node_id == node}
    return ", ".join(sorted(found for found in ids if found)) or None
