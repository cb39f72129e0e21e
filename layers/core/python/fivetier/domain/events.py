"""Hierarchy events: one per real-world fact, not one per row (DECISIONS, Ledger, events, findings)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fivetier.domain.ids import CMS_CONTRACT_PBP
from fivetier.domain.names import equality_key
from fivetier.domain.slice import Node, Slice
from fivetier.domain.tiers import Tier

EventType = Literal["parent_changed", "subsidiary_changed", "renamed", "added", "removed"]

_ORDER: dict[EventType, int] = {
    "parent_changed": 0,
    "subsidiary_changed": 1,
    "renamed": 2,
    "removed": 3,
    "added": 4,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One fact: what it is about (`scope`), from what to what, and every contract and node it touches."""

    event_type: EventType
    scope: Literal["contract", "plan", "parent payer", "subsidiary"]
    before: str | None
    after: str | None
    contracts: tuple[str, ...]
    node_ids: tuple[str, ...]
    possible_rename: bool = False


def find_events(published: Slice, candidate: Slice) -> tuple[Event, ...]:
    """Every event between two slices, largest first within its type."""
    events = [
        *_moves(published, candidate),
        *_renames(published, candidate),
        *_contracts_come_and_gone(published, candidate),
        *_plans_come_and_gone(published, candidate),
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
    """Contracts in both slices whose parent, or under one parent whose legal entity, is another node.

    One event per pair of parents over all their contracts, whatever else changed on them; a change of legal entity
    is an event of its own only where the parent stayed.
    """
    parents: dict[tuple[Node, Node], list[str]] = defaultdict(list)
    entities: dict[tuple[Node, Node], list[str]] = defaultdict(list)
    touched: dict[tuple[Node, Node], set[str]] = defaultdict(set)
    for contract_id in sorted(published.live_contracts.keys() & candidate.live_contracts.keys()):
        (old_parent, old_entity), (new_parent, new_entity) = (
            published.ancestors(contract_id),
            candidate.ancestors(contract_id),
        )
        if old_parent.node_id != new_parent.node_id:
            parents[old_parent, new_parent].append(contract_id)
            touched[old_parent, new_parent] |= {old_entity.node_id, new_entity.node_id}
        elif old_entity.node_id != new_entity.node_id:
            entities[old_entity, new_entity].append(contract_id)
    for (old, new), contracts in _by_nodes(parents):
        yield Event(
            "parent_changed",
            "parent payer",
            old.name,
            new.name,
            tuple(contracts),
            (old.node_id, new.node_id, *sorted(touched[old, new])),
            _took_over(old, new, published, candidate),
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


def _contracts_by_node(slice_: Slice) -> dict[str, list[str]]:
    contracts: dict[str, list[str]] = defaultdict(list)
    for contract_id in sorted(slice_.live_contracts):
        for node in slice_.ancestors(contract_id):
            contracts[node.node_id].append(contract_id)
    return contracts


def _renames(published: Slice, candidate: Slice) -> Iterable[Event]:
    contracts = _contracts_by_node(candidate)
    for node_id in sorted(published.live_nodes.keys() & candidate.live_nodes.keys()):
        old, new = published.live_nodes[node_id], candidate.live_nodes[node_id]
        if new.tier <= Tier.SUBSIDIARY and equality_key(old.name) != equality_key(new.name):
            scope: Literal["parent payer", "subsidiary"] = (
                "parent payer" if new.tier == Tier.PARENT_PAYER else "subsidiary"
            )
            yield Event("renamed", scope, old.name, new.name, tuple(contracts[node_id]), (node_id,))


def _plans_by_contract(slice_: Slice) -> dict[str, dict[str, str]]:
    """Contract -> plan id -> node, of live plans."""
    plans: dict[str, dict[str, str]] = defaultdict(dict)
    for row in slice_.external_ids:
        if row.id_system == CMS_CONTRACT_PBP and row.valid_to is None and row.node_id in slice_.live_nodes:
            plans[row.id_value[: row.id_value.index("-")]][row.id_value] = row.node_id
    return plans


def _contracts_come_and_gone(published: Slice, candidate: Slice) -> Iterable[Event]:
    sides: tuple[tuple[EventType, Slice, Slice], ...] = (
        ("removed", published, candidate),
        ("added", candidate, published),
    )
    for kind, here, there in sides:
        plans = _plans_by_contract(here)
        for contract_id in sorted(here.live_contracts.keys() - there.live_contracts.keys()):
            parent, entity = here.ancestors(contract_id)
            label = f"{contract_id} ({parent.name})"
            nodes = [n.node_id for n in (parent, entity) if n.node_id not in there.live_nodes]
            nodes += sorted(plans.get(contract_id, {}).values())
            before, after = (label, None) if kind == "removed" else (None, label)
            yield Event(kind, "contract", before, after, (contract_id,), tuple(nodes))


def _plans_come_and_gone(published: Slice, candidate: Slice) -> Iterable[Event]:
    """One event per kept contract that gained, and one per contract that lost, benefits plans."""
    old, new = _plans_by_contract(published), _plans_by_contract(candidate)
    for contract_id in sorted(published.live_contracts.keys() & candidate.live_contracts.keys()):
        before, after = old.get(contract_id, {}), new.get(contract_id, {})
        gone, come = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
        if gone:
            yield Event("removed", "plan", ", ".join(gone), None, (contract_id,), tuple(before[p] for p in gone))
        if come:
            yield Event("added", "plan", None, ", ".join(come), (contract_id,), tuple(after[p] for p in come))
