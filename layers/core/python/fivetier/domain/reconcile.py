"""What publishing a candidate would change: nodes and contracts, counted so that the sums tie.

Live rows only: `published = unchanged + changed + removed`, `candidate = unchanged + changed + added`
(DECISIONS, Ledger). The control totals are checked, because a repeated key would otherwise pass as "added".
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fivetier.domain.errors import LedgerDoesNotTie
from fivetier.domain.history import same_node
from fivetier.domain.names import equality_key
from fivetier.domain.slice import Contract, Node, Slice
from fivetier.domain.tiers import Tier


@dataclass(frozen=True, slots=True)
class Delta:
    """Keys by what happens to them; the order is the order of the keys."""

    unchanged: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def published(self) -> int:
        """Rows live before."""
        return len(self.unchanged) + len(self.changed) + len(self.removed)

    @property
    def candidate(self) -> int:
        """Rows live after."""
        return len(self.unchanged) + len(self.changed) + len(self.added)

    def counts(self) -> dict[str, int]:
        """The six numbers of the ledger."""
        return {
            "published": self.published,
            "candidate": self.candidate,
            "unchanged": len(self.unchanged),
            "changed": len(self.changed),
            "added": len(self.added),
            "removed": len(self.removed),
        }


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """How many kept rows differ in one column, with samples `(key, before, after)`."""

    table: str
    column: str
    count: int
    samples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Candidate against published, on nodes and on contracts."""

    nodes: Delta
    tiers: Mapping[int, Delta]
    contracts: Delta
    columns: tuple[ColumnChange, ...] = field(default=())


_SPELLED = frozenset({"name", "parent payer", "subsidiary", "marketing_name", "organization_type", "plan_type"})


def _contract_columns(contract: Contract, slice_: Slice) -> dict[str, str]:
    parent, subsidiary = slice_.ancestors(contract.contract_id)
    return {
        "parent payer": f"{parent.name}\0{parent.node_id}",
        "subsidiary": f"{subsidiary.name}\0{subsidiary.node_id}",
        "marketing_name": contract.marketing_name or "",
        "organization_type": contract.organization_type,
        "plan_type": contract.plan_type,
        "program": contract.program,
        "effective_date": "" if contract.effective_date is None else contract.effective_date.isoformat(),
    }


def _node_columns(node: Node, slice_: Slice) -> dict[str, str]:
    parent = slice_.live_nodes.get(node.parent_node_id or "")
    if parent is not None and parent.tier == Tier.LINE_OF_BUSINESS:
        parent = slice_.live_nodes.get(parent.parent_node_id or "", parent)  # the LOB's own name says nothing
    return {
        "parent": f"{parent.name if parent else ''}\0{node.parent_node_id}",
        "name": node.name,
        "plan_type": node.plan_type or "",
        "plan_year": "" if node.plan_year is None else str(node.plan_year),
        "state": node.state or "",
    }


def _differs(column: str, before: str, after: str) -> bool:
    """Values differ; spelling of text columns does not count, a node behind a name does."""
    if "\0" in before:
        return before.split("\0")[1] != after.split("\0")[1]
    if column in _SPELLED:
        return equality_key(before) != equality_key(after)
    return before != after


def _delta(before: Mapping[str, object], after: Mapping[str, object], is_same: Callable[[str], bool]) -> Delta:
    kept = sorted(before.keys() & after.keys())
    return Delta(
        unchanged=tuple(key for key in kept if is_same(key)),
        changed=tuple(key for key in kept if not is_same(key)),
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


def require_tie(equation: str, left: int, right: int) -> None:
    """Stop when two sides of a ledger differ.

    Raises:
        LedgerDoesNotTie: they do.
    """
    if left != right:
        raise LedgerDoesNotTie(equation=equation, left=left, right=right)


def reconcile(published: Slice, candidate: Slice) -> Reconciliation:
    """Compare two slices of one LOB, live rows by key.

    Raises:
        DuplicateKey: a node or contract is live twice.
        LedgerDoesNotTie: the control totals differ.
    """
    before, after = published.live_nodes, candidate.live_nodes
    nodes = _delta(before, after, lambda key: same_node(before[key], after[key]))
    require_tie(
        "published = unchanged + changed + removed",
        sum(r.valid_to is None for r in published.nodes),
        nodes.published,
    )
    require_tie(
        "candidate = unchanged + changed + added",
        sum(r.valid_to is None for r in candidate.nodes),
        nodes.candidate,
    )

    old = {key: _contract_columns(row, published) for key, row in published.live_contracts.items()}
    new = {key: _contract_columns(row, candidate) for key, row in candidate.live_contracts.items()}
    contracts = _delta(old, new, lambda key: not any(_differs(c, old[key][c], new[key][c]) for c in old[key]))
    require_tie("contracts kept + added", len(candidate.live_contracts), contracts.candidate)

    tier_of = {**{k: n.tier for k, n in before.items()}, **{k: n.tier for k, n in after.items()}}
    tiers = {
        int(tier): Delta(*(tuple(k for k in keys if tier_of[k] == tier) for keys in _parts(nodes))) for tier in Tier
    }
    columns = _column_changes("contract", {k: (old[k], new[k]) for k in contracts.changed})
    columns += _column_changes(
        "hierarchy_node",
        {
            f"{Tier(after[k].tier).label} {after[k].name}\0{k}": (
                _node_columns(before[k], published),
                _node_columns(after[k], candidate),
            )
            for k in nodes.changed
        },
    )
    return Reconciliation(nodes, tiers, contracts, tuple(columns))


def _parts(delta: Delta) -> tuple[tuple[str, ...], ...]:
    return delta.unchanged, delta.changed, delta.added, delta.removed


def _column_changes(table: str, changed: Mapping[str, tuple[dict[str, str], dict[str, str]]]) -> list[ColumnChange]:
    counts: Counter[str] = Counter()
    samples: dict[str, list[tuple[str, str, str]]] = {}
    for key, (before, after) in sorted(changed.items()):
        for column in before:
            if _differs(column, before[column], after[column]):
                counts[column] += 1
                shown = (key.split("\0")[0], before[column].split("\0")[0], after[column].split("\0")[0])
                if len(samples.setdefault(column, [])) < 5:
                    samples[column].append(shown)
    most_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [ColumnChange(table, column, count, tuple(samples[column])) for column, count in most_first]
