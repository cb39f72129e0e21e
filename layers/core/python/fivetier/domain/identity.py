"""Which node a name or an id means: exact id, then alias, then an agreeing name, then a new node.

Never a guess: anything weaker than these becomes a new node and, where it looks like a rename, a finding
(DECISIONS, Identity; Ledger, events, findings).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from fivetier.domain.ids import LEGAL_NAME, PARENT_NAME, node_id
from fivetier.domain.names import resolution_key
from fivetier.domain.slice import Node, Slice
from fivetier.domain.tiers import Tier


@dataclass(frozen=True, slots=True)
class Group:
    """All contracts of one legal entity under one parent, as this month's files have them."""

    legal_key: str
    parent_node_id: str
    contracts: frozenset[str]


@dataclass
class Registry:
    """What is already published: aliases and nodes to resolve against, ids that are taken."""

    published: Slice
    _by_alias: dict[tuple[int, str], list[str]] = field(init=False)
    _latest: dict[str, Node] = field(init=False)

    def __post_init__(self) -> None:
        by_alias: dict[tuple[int, str], set[str]] = defaultdict(set)
        for alias in self.published.aliases:
            by_alias[alias.tier, alias.alias].add(alias.node_id)
        self._by_alias = {key: sorted(ids) for key, ids in by_alias.items()}
        self._latest = {node.node_id: node for node in sorted(self.published.nodes, key=lambda n: n.valid_from)}

    def named(self, tier: Tier, alias: str) -> list[Node]:
        """Published nodes that bore this name, live ones first."""
        nodes = [self._latest[i] for i in self._by_alias.get((int(tier), alias), ()) if i in self._latest]
        return sorted(nodes, key=lambda node: (node.valid_to is not None, node.node_id))

    def live(self, tier: Tier) -> list[Node]:
        """Published live nodes of a tier, in a fixed order."""
        return sorted((n for n in self.published.live_nodes.values() if n.tier == tier), key=lambda n: n.node_id)

    def is_taken(self, candidate_id: str) -> bool:
        """Whether a published node, live or ended, bears this id."""
        return candidate_id in self._latest


def _renamed(new: Mapping[str, str], gone: Iterable[Node]) -> dict[str, str]:
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


def resolve_parents(spellings: Mapping[str, str], registry: Registry) -> dict[str, str]:
    """Give every parent name (equality key -> a spelling) its tier-1 node id."""
    found = {key: nodes[0].node_id for key in spellings if (nodes := registry.named(Tier.PARENT_PAYER, key))}
    gone = [node for node in registry.live(Tier.PARENT_PAYER) if node.node_id not in found.values()]
    found |= _renamed({key: spellings[key] for key in spellings if key not in found}, gone)
    return found | {key: node_id(Tier.PARENT_PAYER, PARENT_NAME, key) for key in spellings if key not in found}


def resolve_subsidiaries(
    groups: Collection[Group], spellings: Mapping[str, str], registry: Registry, *, period: str
) -> dict[Group, str]:
    """Give every (legal entity, parent) of this month its tier-2 node id.

    A legal name under the parent it had keeps its node. A name that left its parent as a whole takes its node
    along; when only some of its contracts left, the node stays and the leavers get a new one.

    Args:
        groups: what the files say this month.
        spellings: legal-name equality key -> a spelling.
        registry: what is published.
        period: the sub-version, part of the key when an id minted earlier under the same key has moved on.
    """
    ordered = sorted(groups, key=lambda g: (g.legal_key, g.parent_node_id))
    found = _match_by_name(ordered, registry)
    found |= _match_renamed([group for group in ordered if group not in found], found, spellings, registry)
    taken = set(found.values())
    for group in ordered:
        if group not in found:
            found[group] = _mint_subsidiary(group, registry, taken, period)
            taken.add(found[group])
    return found


def _published_contracts(published: Slice) -> dict[str, set[str]]:
    """Live contract numbers by subsidiary node."""
    contracts: dict[str, set[str]] = defaultdict(set)
    for contract_id in published.live_contracts:
        contracts[published.ancestors(contract_id)[1].node_id].add(contract_id)
    return contracts


def _match_by_name(groups: Collection[Group], registry: Registry) -> dict[Group, str]:
    """Match groups with the published nodes that bore their legal name.

    The parent it had decides first; then shared contracts; a move without a shared contract counts only when
    there is one group and one node to pair. A node stands under one parent, whichever of its names groups bear.
    """
    found: dict[Group, str] = {}
    parent_of: dict[str, str] = {}
    for group in groups:
        known = registry.named(Tier.SUBSIDIARY, group.legal_key)
        same = next((n for n in known if n.parent_node_id == group.parent_node_id), None)
        if same is not None:
            found[group] = same.node_id
            parent_of[same.node_id] = group.parent_node_id
    moves = _possible_moves([group for group in groups if group not in found], parent_of.keys(), registry)
    for _, group, node in sorted(moves, key=lambda m: (-m[0], m[1].parent_node_id, m[1].legal_key, m[2])):
        if group not in found and parent_of.setdefault(node, group.parent_node_id) == group.parent_node_id:
            found[group] = node
    return found


def _possible_moves(
    moved: Collection[Group], stayed: Collection[str], registry: Registry
) -> Iterable[tuple[int, Group, str]]:
    """How many contracts a group shares with each live node of its name that did not stay where it was."""
    contracts_of = _published_contracts(registry.published)
    for legal_key, same_name in groupby(moved, key=lambda g: g.legal_key):
        groups = list(same_name)
        known = registry.named(Tier.SUBSIDIARY, legal_key)
        left = [n.node_id for n in known if n.valid_to is None and n.node_id not in stayed]
        only_pair = len(groups) == len(left) == 1
        for group in groups:
            for node in left:
                shared = len(group.contracts & contracts_of.get(node, set()))
                if shared or only_pair:
                    yield shared, group, node


def _match_renamed(
    unknown: list[Group], found: Mapping[Group, str], spellings: Mapping[str, str], registry: Registry
) -> dict[Group, str]:
    """Pair unknown legal names with vanished nodes of the same parent whose names agree."""
    renamed: dict[Group, str] = {}
    gone = [node for node in registry.live(Tier.SUBSIDIARY) if node.node_id not in found.values()]
    for parent in sorted({group.parent_node_id for group in unknown}):
        mine = {group.legal_key: group for group in unknown if group.parent_node_id == parent}
        pairs = _renamed({key: spellings[key] for key in mine}, [n for n in gone if n.parent_node_id == parent])
        renamed |= {mine[key]: node for key, node in pairs.items()}
    return renamed


def _mint_subsidiary(group: Group, registry: Registry, taken: Collection[str], period: str) -> str:
    """Mint from name and parent; add the period where that id was given out and has moved on (never reused)."""
    key = f"{group.legal_key}|{group.parent_node_id}"
    minted = node_id(Tier.SUBSIDIARY, LEGAL_NAME, key)
    if registry.is_taken(minted) or minted in taken:
        return node_id(Tier.SUBSIDIARY, LEGAL_NAME, f"{key}|{period}")
    return minted


def subsidiary_key(node: str, legal_key: str, parent_node_id: str, period: str) -> str:
    """The key under which `_mint_subsidiary` gave out an id this month."""
    key = f"{legal_key}|{parent_node_id}"
    return key if node_id(Tier.SUBSIDIARY, LEGAL_NAME, key) == node else f"{key}|{period}"
