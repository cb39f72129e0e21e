"""Which subsidiary a legal name means: the published node of the name, then an agreeing name, then a new node.

Never a guess: anything weaker than these becomes a new node and, where it looks like a rename, a finding
(DECISIONS, Identity; Ledger, events, findings). Parent payers are `parents.py`'s.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from fivetier.domain.ids import LEGAL_NAME, node_id
from fivetier.domain.names import resolution_key
from fivetier.domain.slice import Node, Slice
from fivetier.domain.tiers import Tier


@dataclass(frozen=True, slots=True)
class Group:
    """One legal entity under one parent, as this month's files have it.

    `members` are what it holds and can be followed by when it moves: contracts where there are any, else plans;
    `ids` are its own ids, each with its system (`hios_issuer|12345`).
    """

    legal_key: str
    parent_node_id: str
    members: frozenset[str]
    ids: frozenset[str] = frozenset()

    @property
    def name_key(self) -> str:
        """The name's own part of the key, which for an entity per state ends with `|` and the state."""
        return self.legal_key.partition("|")[0]

    def may_be(self, node: Node) -> bool:
        """Whether a node of this name can be meant: an entity per state is another one in another state."""
        _, is_per_state, state = self.legal_key.partition("|")
        return not is_per_state or (node.state or "") == state


@dataclass
class Registry:
    """What is already published: aliases and nodes to resolve against, ids that are taken.

    `neighbours` are the slices other lines of business have published: tiers 1 and 2 are shared with them. `present` is
    what readers see while a lookback resolves an earlier month: organizations are the same then and now.
    """

    published: Slice
    neighbours: Sequence[Slice] = ()
    present: Slice | None = None
    _by_alias: dict[tuple[int, str], list[str]] = field(init=False)
    _latest: dict[str, Node] = field(init=False)
    _elsewhere: dict[tuple[int, str], list[Node]] = field(init=False)

    def __post_init__(self) -> None:
        by_alias: dict[tuple[int, str], set[str]] = defaultdict(set)
        for alias in self.published.aliases:
            by_alias[alias.tier, alias.alias].add(alias.node_id)
        self._by_alias = {key: sorted(ids) for key, ids in by_alias.items()}
        self._latest = {node.node_id: node for node in sorted(self.published.nodes, key=lambda n: n.valid_from)}
        self._elsewhere = _live_by_alias(self.neighbours)

    def named(self, tier: Tier, alias: str) -> list[Node]:
        """Published nodes that bore this name, live ones first."""
        nodes = [self._latest[i] for i in self._by_alias.get((int(tier), alias), ()) if i in self._latest]
        return sorted(nodes, key=lambda node: (node.valid_to is not None, node.node_id))

    def elsewhere(self, tier: Tier, alias: str) -> list[Node]:
        """Live nodes of other lines of business that bear or bore this name, each once, in a fixed order."""
        return self._elsewhere.get((int(tier), alias), [])

    def known_names(self, tier: Tier) -> dict[str, list[str]]:
        """Every name (equality key) live nodes of a tier bear or bore, here or elsewhere -> their node ids."""
        names: dict[str, set[str]] = defaultdict(set)
        for (level, alias), nodes in self._elsewhere.items():
            if level == tier:
                names[alias] |= {node.node_id for node in nodes}
        for (level, alias), ids in self._by_alias.items():
            if level == tier:
                names[alias] |= {found for found in ids if found in self.published.live_nodes}
        return {alias: sorted(ids) for alias, ids in sorted(names.items()) if ids}

    def live(self, tier: Tier) -> list[Node]:
        """Published live nodes of a tier, in a fixed order."""
        return sorted((n for n in self.published.live_nodes.values() if n.tier == tier), key=lambda n: n.node_id)

    def is_taken(self, candidate_id: str) -> bool:
        """Whether a published node, live or ended, bears this id."""
        return candidate_id in self._latest


def _live_by_alias(slices: Sequence[Slice]) -> dict[tuple[int, str], list[Node]]:
    found: dict[tuple[int, str], dict[str, Node]] = defaultdict(dict)
    for slice_ in slices:
        for alias in slice_.aliases:
            node = slice_.live_nodes.get(alias.node_id)
            if node is not None and alias.valid_to is None:
                found[alias.tier, alias.alias].setdefault(node.node_id, node)
    return {key: [nodes[node] for node in sorted(nodes)] for key, nodes in found.items()}


def renamed(new: Mapping[str, str], gone: Iterable[Node]) -> dict[str, str]:
    """Pair names nobody knows with nodes nobody names any more, where exactly one of each agrees.

    Args:
        new: equality key -> spelling, of names without a node.
        gone: published live nodes that no name of this month resolves to.
    """
    names: dict[str, list[str]] = defaultdict(list)
    nodes: dict[str, list[str]] = defaultdict(list)
    for key, spelling in new.items():
        names[resolution_key(spelling)].append(key)
    for node in gone:
        nodes[resolution_key(node.name)].append(node.node_id)
    return {keys[0]: nodes[agreed][0] for agreed, keys in names.items() if len(keys) == 1 and len(nodes[agreed]) == 1}


def resolve_subsidiaries(
    groups: Collection[Group], spellings: Mapping[str, str], registry: Registry, *, period: str
) -> dict[Group, str]:
    """Give every (legal entity, parent) of this month its tier-2 node id.

    An id of its own decides first. A legal name under the parent it had keeps its node. A name that left its parent as
    a whole takes its node along; when only some of its contracts left, the node stays and the leavers get a new one.

    Args:
        groups: what the files say this month.
        spellings: legal-name equality key -> a spelling.
        registry: what is published.
        period: the sub-version, part of the key when an id minted earlier under the same key has moved on.
    """
    ordered = sorted(groups, key=lambda g: (g.legal_key, g.parent_node_id))
    found = _match_by_id(ordered, registry)
    found |= _match_by_name([group for group in ordered if group not in found], registry, set(found.values()))
    found |= _match_renamed([group for group in ordered if group not in found], found, spellings, registry)
    found |= _match_in_present([group for group in ordered if group not in found], found, registry)
    taken = set(found.values())
    for group in ordered:
        if group not in found:
            found[group] = _mint_subsidiary(group, registry, taken, period)
            taken.add(found[group])
    return found


def _match_in_present(groups: list[Group], found: Mapping[Group, str], registry: Registry) -> dict[Group, str]:
    """Match groups the month's history does not know with what readers see now, whose ids history did not give out."""
    if registry.present is None:
        return {}
    now, taken = Registry(registry.present), set(found.values())
    known = {group: node for group, node in _match_by_id(groups, now).items() if node not in taken}
    taken |= set(known.values())
    known |= _match_by_name([group for group in groups if group not in known], now, taken)
    return {group: node for group, node in known.items() if not registry.is_taken(node)}


def _published_members(published: Slice) -> dict[str, set[str]]:
    """What is live below each subsidiary node: contract numbers, or plan ids where there are no contracts."""
    members: dict[str, set[str]] = defaultdict(set)
    for unit, (_, subsidiary) in published.units.items():
        members[subsidiary.node_id].add(unit)
    return members


def _match_by_id(groups: Collection[Group], registry: Registry) -> dict[Group, str]:
    """Match groups with published subsidiaries that bear their ids; most shared ids first, ties by text."""
    holders: dict[str, str] = {}
    for row in registry.published.external_ids:
        holder = registry.published.live_nodes.get(row.node_id)
        is_own = row.valid_to is None and row.id_system != LEGAL_NAME
        if is_own and holder is not None and holder.tier == Tier.SUBSIDIARY:
            holders[f"{row.id_system}|{row.id_value}"] = row.node_id
    claims: list[tuple[int, str, str, Group, str]] = []
    for group in groups:
        shared = Counter(holders[own] for own in group.ids if own in holders)
        claims += [(-count, group.legal_key, group.parent_node_id, group, node) for node, count in shared.items()]
    found: dict[Group, str] = {}
    for _, _, _, group, node in sorted(claims, key=lambda claim: (*claim[:3], claim[4])):
        if group not in found and node not in found.values():
            found[group] = node
    return found


def _match_by_name(groups: Collection[Group], registry: Registry, taken: Collection[str]) -> dict[Group, str]:
    """Match groups with the published nodes that bore their legal name.

    The parent it had decides first; then shared contracts; a move without a shared contract counts only when
    there is one group and one node to pair. A node stands under one parent, whichever of its names groups bear.
    """
    found: dict[Group, str] = {}
    parent_of: dict[str, str] = {}
    for group in groups:
        named = registry.named(Tier.SUBSIDIARY, group.name_key)
        known = [n for n in named if n.node_id not in taken and group.may_be(n)]
        same = next((n for n in known if n.parent_node_id == group.parent_node_id), None)
        if same is not None:
            found[group] = same.node_id
            parent_of[same.node_id] = group.parent_node_id
    stayed = {*parent_of, *taken}
    moves = _possible_moves([group for group in groups if group not in found], stayed, registry)
    for _, group, node in sorted(moves, key=lambda m: (-m[0], m[1].parent_node_id, m[1].legal_key, m[2])):
        if group not in found and parent_of.setdefault(node, group.parent_node_id) == group.parent_node_id:
            found[group] = node
    return found


def _possible_moves(
    moved: Collection[Group], stayed: Collection[str], registry: Registry
) -> Iterable[tuple[int, Group, str]]:
    """How many contracts a group shares with each live node of its name that did not stay where it was."""
    members_of = _published_members(registry.published)
    for _, same_name in groupby(moved, key=lambda g: g.legal_key):
        groups = list(same_name)
        known = [n for n in registry.named(Tier.SUBSIDIARY, groups[0].name_key) if groups[0].may_be(n)]
        left = [n.node_id for n in known if n.valid_to is None and n.node_id not in stayed]
        only_pair = len(groups) == len(left) == 1
        for group in groups:
            for node in left:
                shared = len(group.members & members_of.get(node, set()))
                if shared or only_pair:
                    yield shared, group, node


def _match_renamed(
    unknown: list[Group], found: Mapping[Group, str], spellings: Mapping[str, str], registry: Registry
) -> dict[Group, str]:
    """Pair unknown legal names with vanished nodes of the same parent whose names agree."""
    found_again: dict[Group, str] = {}
    gone = [node for node in registry.live(Tier.SUBSIDIARY) if node.node_id not in found.values()]
    for parent in sorted({group.parent_node_id for group in unknown}):
        mine = {group.legal_key: group for group in unknown if group.parent_node_id == parent}
        pairs = renamed({key: spellings[key] for key in mine}, [n for n in gone if n.parent_node_id == parent])
        found_again |= {mine[key]: node for key, node in pairs.items()}
    return found_again


def _mint_subsidiary(group: Group, registry: Registry, taken: Collection[str], period: str) -> str:
    """Mint from name and parent; add the period where that id was given out and has moved on (never reused)."""
    key = f"{group.legal_key}|{group.parent_node_id}"
    shared = [
        n for n in registry.elsewhere(Tier.SUBSIDIARY, group.legal_key) if n.parent_node_id == group.parent_node_id
    ]
    minted = shared[0].node_id if shared else node_id(Tier.SUBSIDIARY, LEGAL_NAME, key)
    if registry.is_taken(minted) or minted in taken:
        return node_id(Tier.SUBSIDIARY, LEGAL_NAME, f"{key}|{period}")
    return minted


def subsidiary_key(node: str, legal_key: str, parent_node_id: str, period: str) -> str:
    """The key under which `_mint_subsidiary` gave out an id this month."""
    key = f"{legal_key}|{parent_node_id}"
    return key if node_id(Tier.SUBSIDIARY, LEGAL_NAME, key) == node else f"{key}|{period}"
