"""Tiers 1 to 3 of a candidate, and how its rows follow from those published: what every resolver shares."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from fivetier.domain.crosswalk import MERGED
from fivetier.domain.dictionary import Dictionary
from fivetier.domain.history import evolve, same_contract, same_node
from fivetier.domain.identity import Group, Registry, resolve_subsidiaries, subsidiary_key
from fivetier.domain.ids import LEGAL_NAME, LOB_SYSTEM, PARENT_NAME, node_id
from fivetier.domain.names import display_name, equality_key
from fivetier.domain.parents import Parents, resolve_parents
from fivetier.domain.resolution import RunContext, SourceRow
from fivetier.domain.slice import Alias, Contract, Crosswalk, ExternalId, Node, Origin, PlanNetwork, ServiceArea, Slice
from fivetier.domain.tiers import Tier


@dataclass
class Names:
    """Spellings of this month, by node."""

    of_node: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    origin: dict[str, Origin] = field(default_factory=dict)

    def add(self, node: str, spelling: str, origin: Origin) -> None:
        """Note that a node was called so."""
        self.of_node[node].append(spelling)
        self.origin.setdefault(node, origin)

    def shown(self, node: str, published: Node | None) -> str:
        """The published spelling while any of this month's equals it, else the most frequent of this month."""
        spellings = self.of_node[node]
        if published is not None and equality_key(published.name) in {equality_key(s) for s in spellings}:
            return published.name
        return display_name(spellings)


@dataclass(frozen=True, slots=True)
class Place:
    """One legal entity under its parent, as one row has it."""

    group: Group
    legal_name: str
    origin: Origin
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """What hangs on the tree beside its nodes."""

    contracts: Mapping[str, Contract] = field(default_factory=dict)
    external_ids: Iterable[ExternalId] = ()
    plan_networks: Iterable[PlanNetwork] = ()
    service_areas: Iterable[ServiceArea] = ()
    crosswalks: Iterable[Crosswalk] = ()
    end_reasons: Mapping[str, str] = field(default_factory=dict)


class Tree:
    """Builds tiers 1 to 3 of one candidate; state lives only as long as the resolver that holds it.

    Args:
        context: the run.
        published: the slice readers see now.
        dictionary: reviewed parent names.
        day: first day the candidate's changes hold; the run's month, or the plan year its files are of.
    """

    def __init__(self, context: RunContext, published: Slice, dictionary: Dictionary, day: date) -> None:
        self.context, self.published, self.day = context, published, day
        self.registry = Registry(published, context.known_elsewhere, context.present)
        self.parents, self.subsidiaries = Names(), Names()
        self._dictionary = dictionary
        self._reviewed: dict[str, str] = {}
        self._minted_from: dict[str, str] = {}
        self._key_of: dict[str, str] = {}

    def origin(self, row: SourceRow) -> Origin:
        """Where a row of this run came from."""
        return Origin(row["source"], row["trace_id"], self.context.run_id, self.context.observed_at)

    def resolve_parent_names(self, names: Iterable[str]) -> Parents:
        """Give every spelling of a parent its tier-1 node, by equality key."""
        spellings: dict[str, list[str]] = defaultdict(list)
        for name in names:
            spellings[equality_key(name)].append(name)
        shown = {key: display_name(found) for key, found in spellings.items()}
        parents = resolve_parents(shown, self.registry, self._dictionary, day=self.day)
        self._reviewed |= parents.reviewed_name
        self._minted_from |= parents.minted_from
        return parents

    def node(self, node: str, tier: Tier, parent: str | None, name: str, origin: Origin) -> Node:
        """A node as it is to be from `day` on."""
        return Node(node, int(tier), parent, name, self.day, origin)

    def upper_tiers(self, places: Sequence[Place]) -> tuple[dict[str, Node], dict[Group, str]]:
        """Nodes of tiers 1 to 3, and the tier-3 node of every group."""
        ids = self._subsidiary_ids(places)
        nodes: dict[str, Node] = {}
        lob_node_of: dict[Group, str] = {}
        parents_of: dict[str, str] = {}
        states: dict[str, set[str | None]] = defaultdict(set)
        for place in places:
            subsidiary = ids[place.group.legal_key, place.group.parent_node_id]
            self.subsidiaries.add(subsidiary, place.legal_name, place.origin)
            parents_of[subsidiary] = place.group.parent_node_id
            states[subsidiary].add(place.state)
            lob_node = node_id(Tier.LINE_OF_BUSINESS, LOB_SYSTEM, f"{subsidiary}|{self.context.lob}")
            lob_node_of[place.group] = lob_node
            nodes[lob_node] = self.node(
                lob_node, Tier.LINE_OF_BUSINESS, subsidiary, self.context.lob.label, place.origin
            )
        for node in sorted(set(parents_of.values())):
            nodes[node] = self.node(node, Tier.PARENT_PAYER, None, self._parent_name(node), self.parents.origin[node])
        for node in sorted(parents_of):
            shown = self.subsidiaries.shown(node, self.published.live_nodes.get(node))
            made = self.node(node, Tier.SUBSIDIARY, parents_of[node], shown, self.subsidiaries.origin[node])
            nodes[node] = replace(made, state=next(iter(states[node])) if len(states[node]) == 1 else None)
        return nodes, lob_node_of

    def _parent_name(self, node: str) -> str:
        return self._reviewed.get(node) or self.parents.shown(node, self.published.live_nodes.get(node))

    def _subsidiary_ids(self, places: Sequence[Place]) -> dict[tuple[str, str], str]:
        members: dict[tuple[str, str], set[str]] = defaultdict(set)
        own_ids: dict[tuple[str, str], set[str]] = defaultdict(set)
        spellings: dict[str, list[str]] = defaultdict(list)
        for place in places:
            members[place.group.legal_key, place.group.parent_node_id] |= place.group.members
            own_ids[place.group.legal_key, place.group.parent_node_id] |= place.group.ids
            spellings[place.group.legal_key].append(place.legal_name)
        groups = [
            Group(legal, parent, frozenset(members[legal, parent]), frozenset(own_ids[legal, parent]))
            for legal, parent in members
        ]
        shown = {key: display_name(names) for key, names in spellings.items()}
        found = resolve_subsidiaries(groups, shown, self.registry, period=str(self.context.sub_version))
        self._key_of = {node: group.legal_key for group, node in found.items()}
        return {(group.legal_key, group.parent_node_id): node for group, node in found.items()}

    # -- rows --------------------------------------------------------------------------------------------

    def grow(self, nodes: Mapping[str, Node], branch: Branch) -> Slice:
        """Every row of the candidate: what was published, carried forward to what is wanted from `day` on."""
        day, published = self.day, self.published
        wanted_ids = {external_key(row): row for row in (*self._own_ids(nodes), *branch.external_ids)}
        return Slice(
            self.context.lob,
            nodes=evolve(
                published.nodes,
                nodes,
                key=lambda n: n.node_id,
                same=same_node,
                day=day,
                reasons=self._mergers() | dict(branch.end_reasons),
            ),
            contracts=evolve(
                published.contracts, branch.contracts, key=lambda c: c.contract_id, same=same_contract, day=day
            ),
            external_ids=evolve(published.external_ids, wanted_ids, key=external_key, same=lambda a, b: True, day=day),
            aliases=(*published.aliases, *self._new_aliases(nodes)),
            plan_networks=evolve(
                published.plan_networks,
                {row.key: row for row in branch.plan_networks},
                key=lambda row: row.key,
                same=lambda a, b: True,
                day=day,
            ),
            service_areas=evolve(
                published.service_areas,
                {row.key: row for row in branch.service_areas},
                key=lambda row: row.key,
                same=lambda a, b: True,
                day=day,
            ),
            crosswalks=_with_new(published.crosswalks, branch.crosswalks),
        )

    def _mergers(self) -> dict[str, str]:
        """Published parents that, as reviewed, are a part of another one by now."""
        parents = self.registry.live(Tier.PARENT_PAYER)
        return {n.node_id: MERGED for n in parents if self._dictionary.has_merged(n.name, self.day)}

    def _own_ids(self, nodes: Mapping[str, Node]) -> list[ExternalId]:
        """The key each live node of tiers 1 to 3 is known by; published ones stay as they are."""
        systems = (PARENT_NAME, LEGAL_NAME, LOB_SYSTEM)
        slices = [slice_ for slice_ in (self.context.present, self.published) if slice_ is not None]
        known = {e.node_id: e for slice_ in slices for e in slice_.external_ids if e.id_system in systems}
        rows = []
        for node in nodes.values():
            if node.tier > Tier.LINE_OF_BUSINESS:
                continue
            before = known.get(node.node_id)
            system, value = (before.id_system, before.id_value) if before is not None else self._own_id(node)
            rows.append(ExternalId(node.node_id, system, value, node.valid_from, node.origin, node.plan_year))
        return rows

    def _own_id(self, node: Node) -> tuple[str, str]:
        if node.tier == Tier.PARENT_PAYER:
            minted = self._minted_from.get(node.node_id)  # empty for a name of nothing but marks
            return PARENT_NAME, self._shared_key(node.node_id) if minted is None else minted
        if node.tier == Tier.SUBSIDIARY:
            period = str(self.context.sub_version)
            key = self._key_of.get(node.node_id, equality_key(node.name))
            return LEGAL_NAME, subsidiary_key(node.node_id, key, node.parent_node_id or "", period)
        return LOB_SYSTEM, f"{node.parent_node_id}|{self.context.lob}"

    def _shared_key(self, node: str) -> str:
        """The key another line of business has for a parent that was minted there."""
        rows = (row for slice_ in self.context.known_elsewhere for row in slice_.external_ids)
        return next(row.id_value for row in rows if row.node_id == node and row.id_system == PARENT_NAME)

    def _new_aliases(self, nodes: Mapping[str, Node]) -> list[Alias]:
        known = {(alias.tier, alias.alias, alias.node_id) for alias in self.published.aliases}
        new: dict[tuple[int, str, str], Alias] = {}
        for tier, names in ((Tier.PARENT_PAYER, self.parents), (Tier.SUBSIDIARY, self.subsidiaries)):
            for node, spellings in sorted(names.of_node.items()):
                for spelling in sorted(set(spellings)):
                    key = (int(tier), equality_key(spelling), node)
                    if node in nodes and key not in known and key not in new:
                        new[key] = Alias(node, key[0], key[1], spelling, self.day, names.origin[node])
        return list(new.values())


def external_key(row: ExternalId) -> str:
    """The identity of an external id."""
    return f"{row.node_id}|{row.id_system}|{row.id_value}"


def _with_new(published: Collection[Crosswalk], new: Iterable[Crosswalk]) -> tuple[Crosswalk, ...]:
    """Crosswalks are facts of one year: added, never changed."""
    known = {row.key for row in published}
    added = {row.key: row for row in new if row.key not in known}
    return (*published, *added.values())
