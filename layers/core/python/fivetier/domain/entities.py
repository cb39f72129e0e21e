"""Legal entities of a month and the parent payer of each, for lines of business whose sources know no contracts.

Exchange and commercial sources rarely name a parent, so it is looked up, from the strongest evidence down: the row
itself, the reviewed dictionary, the reference publisher (R1.9), the same legal entity in another line of business, what
was published. Where nothing speaks the entity stands as its own parent, and the report says so.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fivetier.domain.dictionary import Dictionary
from fivetier.domain.identity import Group
from fivetier.domain.ids import HIOS14, HIOS_ISSUER
from fivetier.domain.names import agreement_key, display_name, equality_key
from fivetier.domain.resolution import Disagreement, Refused, SourceRow
from fivetier.domain.slice import ExternalId, Node
from fivetier.domain.tiers import Tier
from fivetier.domain.tree import Place, Tree

ENTITY_UNNAMED = "ENTITY_UNNAMED"
EntityId = tuple[str, str]


def entity_id(row: SourceRow) -> EntityId | None:
    """System and id of a row's entity; a HIOS plan id begins with its issuer's (R1.2)."""
    if row["entity_id"]:
        return row["entity_id_system"], row["entity_id"]
    if row["plan_id"] and row["plan_id_system"] == HIOS14:
        return HIOS_ISSUER, row["plan_id"][:5]
    return None


@dataclass
class Entity:
    """One legal entity as this month's rows have it."""

    legal_key: str
    rows: list[SourceRow] = field(default_factory=list)
    ids: set[EntityId] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    place: Place | None = None

    @property
    def name(self) -> str:
        """The spelling to show."""
        return display_name(row["legal_name"] for row in self.rows if row["legal_name"])

    @property
    def stated_parents(self) -> list[str]:
        """Parents its own rows name, the most frequent first, ties by text."""
        counts = Counter(row["parent_name"] for row in self.rows if row["parent_name"])
        return sorted(counts, key=lambda name: (-counts[name], equality_key(name), name))

    @property
    def state(self) -> str | None:
        """Its state, where all rows are of one."""
        states = {row["state"] for row in self.rows if row["state"]}
        return states.pop() if len(states) == 1 else None


class Entities:
    """Groups rows by entity, finds each one's parent, and places it in the tree."""

    def __init__(self, tree: Tree, dictionary: Dictionary, *, per_state: bool) -> None:
        self._tree, self._dictionary, self._per_state = tree, dictionary, per_state
        self._by_key: dict[str, Entity] = {}
        self._by_id: dict[EntityId, Entity] = {}
        self.refused: list[Refused] = []
        self.disagreements: list[Disagreement] = []
        self.assumed: list[str] = []

    def gather(self, rows: Sequence[SourceRow]) -> None:
        """Group rows: those of one id are one entity, and so are ids of one legal name."""
        by_id: dict[EntityId, list[SourceRow]] = defaultdict(list)
        for row in rows:
            own = entity_id(row)
            if own is not None:
                by_id[own].append(row)
            elif row["legal_name"]:
                self._entity(row["legal_name"], row["state"]).rows.append(row)
            else:
                self.refused.append(Refused(row, ENTITY_UNNAMED, "the row names no organization, by id or by name"))
        for own in sorted(by_id):
            self._gather_id(own, by_id[own])

    def _gather_id(self, own: EntityId, rows: Sequence[SourceRow]) -> None:
        names = [row["legal_name"] for row in rows if row["legal_name"]] or self._published_names(own)
        if not names:
            message = f"no source names the organization with {own[0]} {own[1]}"
            self.refused += [Refused(row, ENTITY_UNNAMED, message) for row in rows]
            return
        states = {row["state"] for row in rows if row["state"]}
        entity = self._entity(display_name(names), states.pop() if len(states) == 1 else None)
        entity.rows += [row if row["legal_name"] else {**row, "legal_name": display_name(names)} for row in rows]
        entity.ids.add(own)
        for text in {further for row in rows for further in json.loads(row["other_ids"] or "[]")}:
            entity.ids.add((own[0], text))
        self._by_id[own] = entity

    def _entity(self, name: str, state: str | None) -> Entity:
        key = equality_key(name)
        if self._per_state:
            key = f"{key}|{state or ''}"
        return self._by_key.setdefault(key, Entity(key))

    def _published_names(self, own: EntityId) -> list[str]:
        published = self._tree.published
        holders = {e.node_id for e in published.external_ids if (e.id_system, e.id_value) == own}
        return [published.live_nodes[node].name for node in sorted(holders) if node in published.live_nodes]

    def of(self, row: SourceRow) -> Entity | None:
        """The entity of a row; None where no gathered row is of it."""
        own = entity_id(row)
        if own is not None:
            return self._by_id.get(own)
        if not row["legal_name"]:
            return None
        key = equality_key(row["legal_name"])
        return self._by_key.get(f"{key}|{row['state'] or ''}" if self._per_state else key)

    # -- parents -----------------------------------------------------------------------------------------

    def place(self, reference: Sequence[SourceRow]) -> list[Place]:
        """Find every entity's parent; returns the entities in a fixed order."""
        entities = [self._by_key[key] for key in sorted(self._by_key)]
        said_elsewhere = self._reference_parents(reference)
        names = [name for entity in entities for name in entity.stated_parents]
        names += [entity.name for entity in entities] + list(said_elsewhere.values())
        owners = {entity.legal_key: self._dictionary.owner_of(entity.name, self._tree.day) for entity in entities}
        names += [owner.name for owner in owners.values() if owner is not None]
        parents = self._tree.resolve_parent_names(names)
        self.taken = [t for t in parents.taken if t.spelling in {n for e in entities for n in e.stated_parents}]
        siblings = self._same_entity_elsewhere()
        published = self._published_parents()
        for entity in entities:
            owner = owners[entity.legal_key]
            node, name = self._parent_of(
                entity,
                parents.node_of,
                owner=None if owner is None else owner.name,
                reference=said_elsewhere.get(entity.legal_key),
                sibling=siblings.get(agreement_key(entity.name)),
                published=published,
            )
            origin = self._tree.origin(entity.rows[0])
            for stated in entity.stated_parents or [name]:
                known = parents.node_of.get(equality_key(stated))
                self._tree.parents.add(node, stated if known == node else name, origin)
            ids = frozenset(f"{system}|{value}" for system, value in entity.ids)
            group = Group(entity.legal_key, node, frozenset(entity.members), ids)
            entity.place = Place(group, entity.name, origin, entity.state)
        return [entity.place for entity in entities if entity.place is not None]

    def _parent_of(
        self,
        entity: Entity,
        node_of: Mapping[str, str],
        *,
        owner: str | None,
        reference: str | None,
        sibling: Node | None,
        published: Mapping[EntityId | str, Node],
    ) -> tuple[str, str]:
        """Node and name of the parent; a source that contradicts is told, and what is published stays (DECISIONS)."""
        stated = entity.stated_parents
        said = [*stated, *([owner] if owner is not None and not stated else [])]
        keys: list[EntityId | str] = [*sorted(entity.ids), entity.legal_key]
        before = next((published[key] for key in keys if key in published), None)
        if before is not None and self._dictionary.has_merged(before.name, self._tree.day):
            before = None
        if said:
            first = node_of[equality_key(said[0])]
            others = [*said[1:], *([reference] if reference is not None else [])]
            against = next((name for name in others if node_of[equality_key(name)] != first), None)
            if against is None:
                return first, said[0]
            kept = (before.node_id, before.name) if before is not None else (first, said[0])
            self.disagreements.append(Disagreement(entity.name, said[0], against, kept[1]))
            return kept
        if reference is not None:
            return node_of[equality_key(reference)], reference
        if sibling is not None:
            return sibling.node_id, sibling.name
        if before is not None and equality_key(before.name) != equality_key(entity.name):
            return before.node_id, before.name
        self.assumed.append(entity.name)
        return node_of[equality_key(entity.name)], entity.name

    def _reference_parents(self, reference: Sequence[SourceRow]) -> dict[str, str]:
        """Entity -> parent as the reference has it, the first by text where its own rows differ."""
        found: dict[str, str] = {}
        for row in reference:
            entity = self.of(row)
            if entity is not None and row["parent_name"]:
                names = (row["parent_name"], found.get(entity.legal_key, row["parent_name"]))
                found[entity.legal_key] = min(names, key=lambda name: (equality_key(name), name))
        return found

    def _same_entity_elsewhere(self) -> dict[str, Node]:
        """Parent of each legal entity other lines of business have published, where they agree on one."""
        found: dict[str, dict[str, Node]] = defaultdict(dict)
        for slice_ in self._tree.context.neighbours:
            for node in slice_.live_nodes.values():
                parent = slice_.live_nodes.get(node.parent_node_id or "")
                if node.tier == Tier.SUBSIDIARY and parent is not None:
                    found[agreement_key(node.name)][parent.node_id] = parent
        return {key: next(iter(nodes.values())) for key, nodes in found.items() if len(nodes) == 1}

    def _published_parents(self) -> dict[EntityId | str, Node]:
        """Live parent by entity id, and by legal key."""
        live, found = self._tree.published.live_nodes, dict[EntityId | str, Node]()
        for node in live.values():
            parent = live.get(node.parent_node_id or "")
            if node.tier == Tier.SUBSIDIARY and parent is not None:
                key = equality_key(node.name)
                found[f"{key}|{node.state or ''}" if self._per_state else key] = parent
        for row in self._tree.published.external_ids:
            holder = live.get(row.node_id)
            if row.valid_to is None and holder is not None and holder.tier == Tier.SUBSIDIARY:
                parent = live.get(holder.parent_node_id or "")
                if parent is not None:
                    found[row.id_system, row.id_value] = parent
        return found

    def external_ids(self, nodes: Mapping[Group, Node]) -> list[ExternalId]:
        """Ids of the entities' own, on the subsidiary each one is now."""
        rows = []
        for entity in self._by_key.values():
            node = nodes.get(entity.place.group) if entity.place is not None else None
            if node is not None:
                rows += [
                    ExternalId(node.node_id, system, value, node.valid_from, node.origin)
                    for system, value in sorted(entity.ids)
                ]
        return rows
