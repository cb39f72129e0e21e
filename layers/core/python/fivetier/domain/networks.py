"""Tier 5: networks, and which plans may be used in them (R1.1).

A network id is its issuer's and may mean another network next year: the key is issuer, id and plan year (R1.2).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fivetier.domain.entities import Entities, Entity
from fivetier.domain.identity import Group
from fivetier.domain.ids import NETWORK_SYSTEM, node_id
from fivetier.domain.names import display_name, equality_key
from fivetier.domain.resolution import Refused, SourceRow
from fivetier.domain.slice import ExternalId, Node, PlanNetwork
from fivetier.domain.tiers import Tier
from fivetier.domain.tree import Tree

ISSUER_NOT_IN_RUN = "ISSUER_NOT_IN_RUN"


@dataclass
class Tier5:
    """Networks of a candidate, the plans in them, and their ids."""

    nodes: dict[str, Node] = field(default_factory=dict)
    bridges: list[PlanNetwork] = field(default_factory=list)
    external_ids: list[ExternalId] = field(default_factory=list)


class Networks:
    """Builds tier 5 from rows that name a network, or carries it forward when none was to be had."""

    def __init__(self, tree: Tree, entities: Entities, subsidiary_of: Mapping[Group, Node]) -> None:
        self._tree, self._entities, self._subsidiary_of = tree, entities, subsidiary_of
        self.refused: list[Refused] = []

    def resolve(
        self,
        plan_rows: Sequence[SourceRow],
        network_rows: Sequence[SourceRow] | None,
        node_of_row: Mapping[str, str],
    ) -> Tier5:
        """Networks of this month.

        Args:
            plan_rows: rows of plan sources; those that name a network too join plan and network.
            network_rows: rows of network sources; None when none landed.
            node_of_row: trace_id -> plan node.
        """
        joining = [row for row in plan_rows if row["network_id"] or row["network_name"]]
        if network_rows is None and not joining:
            return self._carried(set(node_of_row.values()))
        named: dict[str, list[tuple[SourceRow, Entity]]] = defaultdict(list)
        for row in (*(network_rows or ()), *joining):
            entity = self._entities.of(row)
            if entity is None or entity.place is None:
                if row not in joining:
                    message = f"issuer {row['entity_id']} has no plan in the files of this run"
                    self.refused.append(Refused(row, ISSUER_NOT_IN_RUN, message))
                continue
            named[self._value(row, entity)].append((row, entity))
        tier5 = Tier5()
        known = {e.id_value: e.node_id for e in self._tree.published.external_ids if e.id_system == NETWORK_SYSTEM}
        for value in sorted(named):
            self._add(tier5, value, named[value], known, node_of_row)
        return tier5

    def _add(
        self,
        tier5: Tier5,
        value: str,
        rows: Sequence[tuple[SourceRow, Entity]],
        known: Mapping[str, str],
        node_of_row: Mapping[str, str],
    ) -> None:
        first, entity = rows[0]
        node = known.get(value) or node_id(Tier.NETWORK, NETWORK_SYSTEM, value)
        before = self._tree.published.live_nodes.get(node)
        names = [row["network_name"] for row, _ in rows if row["network_name"]]
        name = display_name(names) if names else before.name if before is not None else first["network_id"]
        assert entity.place is not None
        owner = self._subsidiary_of[entity.place.group]
        made = self._tree.node(node, Tier.NETWORK, owner.node_id, name, self._tree.origin(first))
        states = {row["state"] for row, _ in rows if row["state"]}
        tier5.nodes[node] = replace(
            made, plan_year=first["plan_year"], state=states.pop() if len(states) == 1 else None
        )
        tier5.external_ids.append(
            ExternalId(node, NETWORK_SYSTEM, value, made.valid_from, made.origin, first["plan_year"])
        )
        tier5.bridges += [
            PlanNetwork(
                node_of_row[row["trace_id"]], node, row["network_tier"] or "", self._tree.day, self._tree.origin(row)
            )
            for row, _ in rows
            if row["trace_id"] in node_of_row
        ]

    def _value(self, row: SourceRow, entity: Entity) -> str:
        """Issuer, network and year as one text; where the network has no id, its name tells it."""
        owner = row["entity_id"] or min((value for _, value in entity.ids), default=entity.legal_key)
        network = row["network_id"] or equality_key(row["network_name"])
        return "|".join(str(part) for part in (owner, network, row["plan_year"]) if part is not None)

    def _carried(self, plans: set[str]) -> Tier5:
        """Published networks of subsidiaries that are still there, with the plans that are."""
        published, owners = self._tree.published, {node.node_id for node in self._subsidiary_of.values()}
        kept = [
            node
            for node in published.live_nodes.values()
            if node.tier == Tier.NETWORK and node.parent_node_id in owners
        ]
        ids = {node.node_id for node in kept}
        return Tier5(
            nodes={node.node_id: node for node in kept},
            bridges=[
                row
                for row in published.plan_networks
                if row.valid_to is None and row.network_node_id in ids and row.plan_node_id in plans
            ],
            external_ids=[row for row in published.external_ids if row.valid_to is None and row.node_id in ids],
        )
