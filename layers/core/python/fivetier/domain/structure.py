"""From accepted source rows to the candidate slice of an LOB without contracts: exchange, Medicaid, commercial, others.

Which facts a row states shows in the columns it fills: an entity (id or legal name), a benefits plan, a network, or
several of them at once. What the files no longer say ends; what they cannot say this time (an optional source that did
not land, a row in quarantine) is carried forward as published.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from fivetier.domain.completeness import Completeness, Listing, compare_listings, merged, parent_names
from fivetier.domain.crosswalk import PlanCrosswalk
from fivetier.domain.dictionary import Dictionary
from fivetier.domain.entities import Entities, Entity
from fivetier.domain.identity import Group
from fivetier.domain.ids import EIN, HIOS10, HIOS_ISSUER, REPORTED_PLAN, STATE_PROGRAM_PLAN, node_id
from fivetier.domain.lobs import lob_settings
from fivetier.domain.names import display_name, equality_key
from fivetier.domain.networks import ISSUER_NOT_IN_RUN, Networks
from fivetier.domain.resolution import Refused, Resolution, RunContext, SourceRow, SourceRows
from fivetier.domain.slice import ExternalId, Node, ServiceArea, Slice
from fivetier.domain.tiers import Tier
from fivetier.domain.tree import Branch, Tree

PlanKey = tuple[str, str]

#: Ids that name an issuer, a product or a sponsor, not one plan (R1.6): a plan is told by its name and carrier too.
_WIDER_THAN_A_PLAN = frozenset({HIOS_ISSUER, HIOS10, EIN})


def resolve_structure(rows: SourceRows, context: RunContext, published: Slice, dictionary: Dictionary) -> Resolution:
    """Build the candidate slice for a month.

    Row order and spelling case do not matter: ids come from normalized keys, ties are broken by text. Files of a plan
    year still to come take effect on its first day and are not seen by `current` until then (R2.3).

    Args:
        rows: accepted source rows by role; `plans` are of all its sources, the leading one first.
        context: the run.
        published: the slice readers see now; an empty one before the first publication.
        dictionary: reviewed parent names.
    """
    return _Resolver(rows, context, published, dictionary).run()


@dataclass
class _Plan:
    """One plan as this month's rows have it; the leading source's rows come first."""

    rows: list[SourceRow]
    entity: Entity

    def first(self, column: str) -> str | None:
        """The value of the leading source that has one."""
        return next((row[column] for row in self.rows if row[column]), None)

    def name(self) -> str | None:
        """The most frequent name of the leading source that names it."""
        for source in dict.fromkeys(row["source"] for row in self.rows):
            names = [row["plan_name"] for row in self.rows if row["source"] == source and row["plan_name"]]
            if names:
                return display_name(names)
        return None

    def state(self) -> str | None:
        """Its state, where it is of one."""
        states = {row["state"] for row in self.rows if row["state"]}
        return states.pop() if len(states) == 1 else None

    def year(self) -> int | None:
        """The latest plan year its rows speak of."""
        return max((row["plan_year"] for row in self.rows if row["plan_year"]), default=None)


class _Resolver:
    """The steps of one resolution; state lives only as long as `run`."""

    def __init__(self, rows: SourceRows, context: RunContext, published: Slice, dictionary: Dictionary) -> None:
        self._settings = lob_settings()[context.lob.value]
        self._context, self._published = context, published
        self._plan_rows = _ordered(rows.plans or ())
        self._reference = _ordered(rows.reference or ())
        self._rows = rows
        self._tree = Tree(context, published, dictionary, _effective_day(context, self._plan_rows))
        self._entities = Entities(self._tree, dictionary, per_state=self._settings.entity_per_state)
        self._dictionary = dictionary
        self._refused: list[Refused] = []
        self._held: list[str] = []

    def run(self) -> Resolution:
        made_of = [*self._plan_rows, *self._beyond()]
        self._entities.gather(made_of)
        plans = self._gather_plans(made_of)
        places = self._entities.place(self._reference)
        nodes, lob_node_of = self._tree.upper_tiers(places)
        subsidiary_of = {group: nodes[nodes[lob].parent_node_id or ""] for group, lob in lob_node_of.items()}
        plan_nodes, node_of = self._plan_nodes(plans, lob_node_of)
        nodes |= plan_nodes
        nodes |= self._held_nodes(nodes)
        networks = Networks(self._tree, self._entities, subsidiary_of)
        tier5 = networks.resolve(self._plan_rows, self._rows.networks, self._node_of_row(made_of, node_of))
        crosswalk = PlanCrosswalk.of(self._rows.crosswalk, self._usual_system, self._published)
        by_id = {value: node for (system, value), node in node_of.items() if system == self._usual_system}
        linked = crosswalk.links(plan_nodes, by_id, self._tree.origin, self._context.day)
        areas = self._service_areas(subsidiary_of)
        branch = Branch(
            external_ids=[
                *self._entities.external_ids(subsidiary_of),
                *self._plan_ids(plan_nodes, plans, node_of),
                *tier5.external_ids,
            ],
            plan_networks=tier5.bridges,
            service_areas=areas,
            crosswalks=linked.edges,
            end_reasons=linked.end_reasons or {},
        )
        return Resolution(
            candidate=self._tree.grow(nodes | tier5.nodes, branch),
            refused=(*self._entities.refused, *self._refused, *networks.refused, *linked.refused),
            disagreements=tuple(self._entities.disagreements),
            held=tuple(self._held),
            completeness=self._completeness(nodes, plans),
            taken_names=tuple(self._entities.taken),
            assumed_parents=tuple(self._entities.assumed),
        )

    @property
    def _usual_system(self) -> str:
        return next(iter(self._settings.plan_id_systems), "")

    def _beyond(self) -> list[SourceRow]:
        """Reference rows of states the leading sources say nothing of: there the reference creates the plans (R1.9)."""
        covered = {row["state"] for row in self._plan_rows}
        return [row for row in self._reference if row["state"] not in covered]

    # -- tier 4 ------------------------------------------------------------------------------------------

    def _key(self, row: SourceRow) -> PlanKey | None:
        """Id system and id of a row's plan; None for a row that speaks of none."""
        system = row["plan_id_system"] or self._usual_system
        if row["plan_id"] and system not in _WIDER_THAN_A_PLAN:
            return system, row["plan_id"]
        if row["plan_id"]:
            carrier = equality_key(row["legal_name"] or "")
            parts = (system, row["plan_id"], carrier, equality_key(row["plan_name"] or ""))
            return REPORTED_PLAN, "|".join(parts)
        return self._described(row)

    @staticmethod
    def _described(row: SourceRow) -> PlanKey | None:
        """State, program and name: what tells a Medicaid plan where there is no id (R1.7)."""
        if not (row["state"] and row["state_program"] and row["plan_name"]):
            return None
        parts = (row["state"], equality_key(row["state_program"]), equality_key(row["plan_name"]))
        return STATE_PROGRAM_PLAN, "|".join(parts)

    def _gather_plans(self, rows: Sequence[SourceRow]) -> dict[PlanKey, _Plan]:
        plans: dict[PlanKey, _Plan] = {}
        for row in rows:
            key, entity = self._key(row), self._entities.of(row)
            if key is None or entity is None:
                continue
            plans.setdefault(key, _Plan([], entity)).rows.append(row)
            plans[key].entity.members.add(key[1])
        return plans

    def _plan_nodes(
        self, plans: Mapping[PlanKey, _Plan], lob_node_of: Mapping[Group, str]
    ) -> tuple[dict[str, Node], dict[PlanKey, str]]:
        crosswalk = PlanCrosswalk.of(self._rows.crosswalk, self._usual_system, self._published)
        known = {(row.id_system, row.id_value): row.node_id for row in self._published.external_ids}
        known |= {(self._usual_system, new): node for new, node in crosswalk.renumbered.items()}
        known |= self._moved_programs(plans, known)
        nodes: dict[str, Node] = {}
        node_of: dict[PlanKey, str] = {}
        for key, plan in sorted(plans.items()):
            described = self._described(plan.rows[0])
            node = known.get(key) or known.get(described or key) or node_id(Tier.BENEFITS_PLAN, *key)
            before = self._published.live_nodes.get(node)
            place = plan.entity.place
            assert place is not None
            made = self._tree.node(
                node,
                Tier.BENEFITS_PLAN,
                lob_node_of[place.group],
                plan.name() or (before.name if before is not None else key[1]),
                self._tree.origin(plan.rows[0]),
            )
            nodes[node] = replace(
                made,
                state=plan.state(),
                plan_year=plan.year(),
                plan_type=plan.first("plan_type"),
                program=plan.first("state_program"),
                service_area_id=plan.first("service_area_id"),
            )
            node_of[key] = node
        return nodes, node_of

    def _moved_programs(self, plans: Mapping[PlanKey, _Plan], known: Mapping[PlanKey, str]) -> dict[PlanKey, str]:
        """Plans without ids whose program bears another name: one gone and one new of a name in a state are one."""
        gone: dict[tuple[str, str], list[str]] = defaultdict(list)
        come: dict[tuple[str, str], list[PlanKey]] = defaultdict(list)
        for node, plan_id in self._published.plan_ids.items():
            state, name = plan_id.partition("|")[0], plan_id.rpartition("|")[2]
            if (STATE_PROGRAM_PLAN, plan_id) not in plans and known.get((STATE_PROGRAM_PLAN, plan_id)) == node:
                gone[state, name].append(node)
        for key in plans:
            if key[0] == STATE_PROGRAM_PLAN and key not in known:
                come[key[1].partition("|")[0], key[1].rpartition("|")[2]].append(key)
        return {keys[0]: gone[at][0] for at, keys in come.items() if len(keys) == 1 and len(gone[at]) == 1}

    def _node_of_row(self, rows: Sequence[SourceRow], node_of: Mapping[PlanKey, str]) -> dict[str, str]:
        """Plan node by trace_id of the rows that speak of a plan."""
        keys = [(row["trace_id"], self._key(row)) for row in rows]
        return {trace: node_of[key] for trace, key in keys if key is not None and key in node_of}

    def _plan_ids(
        self, nodes: Mapping[str, Node], plans: Mapping[PlanKey, _Plan], node_of: Mapping[PlanKey, str]
    ) -> list[ExternalId]:
        """Each plan's own id, and the one the reference knows it by."""
        by_reference: dict[PlanKey, PlanKey] = {}
        for row in self._reference:
            key, described = self._key(row), self._described(row)
            if key is not None and described is not None and described in plans:
                by_reference[described] = key
        rows = []
        for key, node_key in node_of.items():
            node = nodes[node_key]
            for system, value in sorted({key, by_reference.get(key, key)}):
                rows.append(ExternalId(node.node_id, system, value, node.valid_from, node.origin, node.plan_year))
        published = self._published.external_ids
        return [*rows, *(row for row in published if row.valid_to is None and row.node_id in self._held_ids)]

    def _held_nodes(self, built: Mapping[str, Node]) -> dict[str, Node]:
        """Published plans whose rows are in quarantine, with as much of the path they had as was not built anew."""
        texts = {equality_key(text) for text in self._rows.held_plans}
        live = self._published.live_nodes
        self._held_ids: set[str] = set()
        nodes: dict[str, Node] = {}
        for node_key, plan_id in sorted(self._published.plan_ids.items()):
            node = live[node_key]
            named = {equality_key(node.name), equality_key(plan_id), equality_key(plan_id[:5])}
            if node_key in built or texts.isdisjoint(named):
                continue
            self._held.append(plan_id)
            at: Node | None = node
            while at is not None and at.node_id not in built:
                nodes[at.node_id] = at
                self._held_ids.add(at.node_id)
                at = live.get(at.parent_node_id or "")
        return nodes

    def _completeness(self, nodes: Mapping[str, Node], plans: Mapping[PlanKey, _Plan]) -> Completeness | None:
        """Plans by their id, or by state, program and name, in both publishers' lists (R1.9)."""
        if self._rows.reference is None:
            return None
        own = {row["trace_id"] for row in self._plan_rows}
        cms: list[tuple[PlanKey, Listing]] = []
        for key, plan in plans.items():
            place, rows = plan.entity.place, [row for row in plan.rows if row["trace_id"] in own]
            if rows and place is not None:
                states = frozenset(row["state"] for row in rows if row["state"])
                parent = nodes[place.group.parent_node_id].name
                cms.append((key, Listing(key[1], plan.name() or key[1], parent, states)))
        cms += self._held_listings()
        known, name_of = dict(cms), parent_names(nodes.values(), self._dictionary, self._tree.day)
        aequalis: list[tuple[PlanKey, Listing]] = []
        for row in self._reference:
            keys = [key for key in (self._key(row), self._described(row)) if key is not None]
            at = next((key for key in keys if key in known), keys[0] if keys else None)
            if at is not None:
                entity, states = self._entities.of(row), frozenset([row["state"] or ""])
                place = entity.place if entity is not None else None
                parent = name_of(row["parent_name"]) if place is None else nodes[place.group.parent_node_id].name
                aequalis.append((at, Listing(at[1], row["plan_name"] or at[1], parent, states)))
        covered = {row["state"] for row in self._plan_rows if row["state"]}
        return compare_listings(merged(cms), merged(aequalis), covered=covered)

    def _held_listings(self) -> list[tuple[PlanKey, Listing]]:
        """Published plans whose rows are in quarantine: unreadable this month, and listed all the same."""
        live, units = self._published.live_nodes, self._published.units
        return [
            (
                (row.id_system, row.id_value),
                Listing(row.id_value, live[row.node_id].name, units[row.id_value][0].name, _states(live[row.node_id])),
            )
            for row in self._published.external_ids
            if row.valid_to is None and row.id_value in units and row.id_value in self._held
        ]

    # -- where plans are sold ----------------------------------------------------------------------------

    def _service_areas(self, subsidiary_of: Mapping[Group, Node]) -> list[ServiceArea]:
        if self._rows.service_areas is None:
            alive = {node.node_id for node in subsidiary_of.values()}
            areas = self._published.service_areas
            return [row for row in areas if row.valid_to is None and row.subsidiary_node_id in alive]
        areas_found = []
        for row in _ordered(self._rows.service_areas):
            entity = self._entities.of(row)
            if entity is None or entity.place is None:
                message = f"issuer {row['entity_id']} has no plan in the files of this run"
                self._refused.append(Refused(row, ISSUER_NOT_IN_RUN, message))
                continue
            areas_found.append(
                ServiceArea(
                    subsidiary_of[entity.place.group].node_id,
                    row["service_area_id"],
                    row["plan_year"] or self._tree.day.year,
                    row["state"],
                    row["area"] or "",
                    row["zip_code"] or "",
                    self._tree.day,
                    self._tree.origin(row),
                )
            )
        return areas_found


def _states(node: Node) -> frozenset[str]:
    return frozenset([node.state] if node.state else [])


def _ordered(rows: Sequence[SourceRow]) -> list[SourceRow]:
    """Rows in an order that does not depend on the files': by source as given, then by what they say."""
    rank = {source: position for position, source in enumerate(dict.fromkeys(row["source"] for row in rows))}

    def order(row: SourceRow) -> tuple[object, ...]:
        texts = (row["plan_id"], row["legal_name"], row["plan_name"], row["state"], row["area"], row["network_id"])
        return (rank[row["source"]], *(text or "" for text in texts), row["trace_id"])

    return sorted(rows, key=order)


def _effective_day(context: RunContext, rows: Sequence[SourceRow]) -> date:
    """The run's month, or the first day of the plan year most of its rows are of where that is still to come."""
    years = Counter(row["plan_year"] for row in rows if row["plan_year"])
    if not years:
        return context.day
    year = max(years, key=lambda value: (years[value], value))
    return max(context.day, date(year, 1, 1))
