"""From accepted source rows to the candidate slice of an LOB whose plans hang on contracts (ARCHITECTURE §1).

Contracts tie everything together: a row of the contract directory places one contract under a legal entity
and a parent; a plan row hangs a benefits plan on a contract. What the files no longer say ends; what they
cannot say this month (a source that did not land, a row in quarantine) is carried forward as published.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from fivetier.domain.completeness import Completeness, Listing, compare_listings, merged, parent_names
from fivetier.domain.crosswalk import PlanCrosswalk
from fivetier.domain.dictionary import Dictionary
from fivetier.domain.identity import Group
from fivetier.domain.ids import CMS_CONTRACT_PBP, node_id
from fivetier.domain.names import equality_key
from fivetier.domain.resolution import Disagreement, Refused, Resolution, RunContext, SourceRow, SourceRows
from fivetier.domain.slice import Contract, ExternalId, Node, Slice
from fivetier.domain.tiers import Tier
from fivetier.domain.tree import Branch, Place, Tree

CONTRACT_NOT_IN_DIRECTORY = "CONTRACT_NOT_IN_DIRECTORY"


@dataclass(frozen=True, slots=True)
class _Placement:
    """One contract under its legal entity and parent."""

    contract: Contract  # lob_node_id still empty
    place: Place


def resolve_contracts(rows: SourceRows, context: RunContext, published: Slice, dictionary: Dictionary) -> Resolution:
    """Build the candidate slice for a month.

    Row order and spelling case do not matter: ids come from normalized keys, ties are broken by text.

    Args:
        rows: accepted source rows by role.
        context: the run.
        published: the slice readers see now; an empty one before the first publication.
        dictionary: reviewed parent names.
    """
    return _Resolver(rows, context, published, dictionary).run()


class _Resolver:
    """The steps of one resolution; state lives only as long as `run`."""

    def __init__(self, rows: SourceRows, context: RunContext, published: Slice, dictionary: Dictionary) -> None:
        self._rows, self._context, self._published = rows, context, published
        self._tree = Tree(context, published, dictionary, context.day)
        self._crosswalk = PlanCrosswalk.of(rows.crosswalk, CMS_CONTRACT_PBP, published)
        self._dictionary = dictionary
        self._refused: list[Refused] = []
        self._disagreements: list[Disagreement] = []
        self._held_plans: list[str] = []

    def run(self) -> Resolution:
        entities = sorted(self._rows.entities, key=lambda row: str(row["contract_id"]))
        reference = self._reference_parents()
        parents = self._tree.resolve_parent_names([*(row["parent_name"] for row in entities), *reference.values()])
        placements = [self._place(row, parents.node_of, reference) for row in entities]
        held = self._held_contracts({p.contract.contract_id for p in placements})
        placements += held
        nodes, lob_node_of = self._tree.upper_tiers([p.place for p in placements])
        contracts = {
            p.contract.contract_id: replace(p.contract, lob_node_id=lob_node_of[p.place.group]) for p in placements
        }
        plans = self._plans(contracts)
        nodes |= plans
        linked = self._crosswalk.links(plans, self._node_of(plans), self._tree.origin, self._context.day)
        return Resolution(
            candidate=self._tree.grow(
                nodes,
                Branch(
                    contracts=contracts,
                    external_ids=self._plan_ids(plans),
                    crosswalks=linked.edges,
                    end_reasons=linked.end_reasons or {},
                ),
            ),
            refused=(*self._refused, *linked.refused),
            disagreements=tuple(self._disagreements),
            held=(*(p.contract.contract_id for p in held), *self._held_plans),
            completeness=self._completeness(nodes, plans),
            taken_names=parents.taken,
        )

    # -- tiers 1 to 3 ------------------------------------------------------------------------------------

    def _place(self, row: SourceRow, parent_ids: Mapping[str, str], reference: Mapping[str, str]) -> _Placement:
        origin, parent = self._tree.origin(row), parent_ids[equality_key(row["parent_name"])]
        self._tree.parents.add(parent, row["parent_name"], origin)
        parent = self._settle_parent(row, parent, parent_ids, reference.get(row["contract_id"]))
        contract = Contract(
            contract_id=row["contract_id"],
            lob_node_id="",
            program=row["program"],
            organization_type=row["organization_type"],
            plan_type=row["contract_plan_type"],
            marketing_name=row["marketing_name"],
            effective_date=row["effective_date"],
            valid_from=max(self._context.day, row["effective_date"] or self._context.day),
            origin=origin,
        )
        group = Group(equality_key(row["legal_name"]), parent, frozenset((contract.contract_id,)))
        return _Placement(contract, Place(group, row["legal_name"], origin))

    def _settle_parent(self, row: SourceRow, cms_parent: str, parent_ids: Mapping[str, str], other: str | None) -> str:
        """Keep the published parent where Aequalis contradicts CMS (DECISIONS, Aequalis against CMS)."""
        if other is None or parent_ids[equality_key(other)] == cms_parent:
            return cms_parent
        kept, kept_name = cms_parent, row["parent_name"]
        if row["contract_id"] in self._published.live_contracts:
            node, _ = self._published.ancestors(row["contract_id"])
            kept, kept_name = node.node_id, node.name
            self._tree.parents.add(kept, kept_name, node.origin)
        self._disagreements.append(Disagreement(row["contract_id"], row["parent_name"], other, kept_name))
        return kept

    def _reference_parents(self) -> dict[str, str]:
        """Contract -> parent as Aequalis has it; the first by text where its own rows differ."""
        parents: dict[str, str] = {}
        for row in self._rows.reference or ():
            if row["contract_id"] and row["parent_name"]:
                names = (row["parent_name"], parents.get(row["contract_id"], row["parent_name"]))
                parents[row["contract_id"]] = min(names, key=lambda name: (equality_key(name), name))
        return parents

    def _held_contracts(self, accepted: Collection[str]) -> list[_Placement]:
        placements = []
        for contract_id in sorted(set(self._rows.held) & self._published.live_contracts.keys() - set(accepted)):
            contract = self._published.live_contracts[contract_id]
            parent, subsidiary = self._published.ancestors(contract_id)
            self._tree.parents.add(parent.node_id, parent.name, parent.origin)
            group = Group(equality_key(subsidiary.name), parent.node_id, frozenset((contract_id,)))
            placements.append(_Placement(contract, Place(group, subsidiary.name, contract.origin)))
        return placements

    # -- tier 4 ------------------------------------------------------------------------------------------

    def _known_plans(self) -> dict[str, str]:
        """Plan id -> node of every plan ever published, a renewed one under its new id too (R1.10)."""
        return self._crosswalk.known | self._crosswalk.renumbered

    def _plans(self, contracts: Mapping[str, Contract]) -> dict[str, Node]:
        known = self._known_plans()
        reference = _by_plan(self._placed(self._rows.reference or (), contracts))
        names = {plan_id: row["plan_name"] for plan_id, row in reference.items() if row["plan_name"]}
        described: dict[str, SourceRow] = {}
        if self._rows.plans is None:
            described = {plan_id: row for plan_id, row in reference.items() if self._may_describe(plan_id, row)}
        else:
            described = {row["plan_id"]: row for row in self._placed(self._rows.plans, contracts)}
        plans = {
            (node := known.get(plan_id) or node_id(Tier.BENEFITS_PLAN, CMS_CONTRACT_PBP, plan_id)): self._plan(
                node, plan_id, row, contracts[row["contract_id"]], names
            )
            for plan_id, row in sorted(described.items())
        }
        return self._carried_plans(known, plans, contracts) | plans

    def _may_describe(self, plan_id: str, row: SourceRow) -> bool:
        """Whether a source may speak of a plan: one published from another source is carried forward instead."""
        before = self._published.live_nodes.get(self._known_plans().get(plan_id, ""))
        return before is None or before.origin.source == row["source"]

    def _placed(self, rows: Sequence[SourceRow], contracts: Mapping[str, Contract]) -> list[SourceRow]:
        """Rows whose contract is known; the others are refused."""
        placed = []
        for row in rows:
            if row["contract_id"] in contracts:
                placed.append(row)
            else:
                message = f"contract {row['contract_id']} is not in the contract directory of this run"
                self._refused.append(Refused(row, CONTRACT_NOT_IN_DIRECTORY, message))
        return placed

    def _plan(self, node: str, plan_id: str, row: SourceRow, contract: Contract, names: Mapping[str, str]) -> Node:
        before = self._published.live_nodes.get(node)
        return replace(
            self._tree.node(node, Tier.BENEFITS_PLAN, contract.lob_node_id, plan_id, self._tree.origin(row)),
            name=row["plan_name"] or names.get(plan_id) or (before.name if before else plan_id),
            plan_type=row["plan_type"],
            plan_year=row["plan_year"],
            valid_from=max(self._context.day, contract.valid_from),
        )

    def _carried_plans(
        self, known: Mapping[str, str], plans: Mapping[str, Node], contracts: Mapping[str, Contract]
    ) -> dict[str, Node]:
        """Published plans that no source can speak of this month, under their contract of today."""
        carried = {}
        for plan_id, node in sorted(known.items()):
            before = self._published.live_nodes.get(node)
            contract = contracts.get(plan_id[: plan_id.index("-")])
            if before is None or contract is None or node in plans:
                continue
            is_held = not {plan_id, contract.contract_id}.isdisjoint(self._rows.held_plans)
            if self._rows.plans is None or is_held:
                begins = max(before.valid_from, contract.valid_from)
                carried[node] = replace(before, parent_node_id=contract.lob_node_id, valid_from=begins)
                self._held_plans += [plan_id] if is_held else []
        return carried

    def _completeness(self, nodes: Mapping[str, Node], plans: Mapping[str, Node]) -> Completeness | None:
        """Plans by contract and PBP in both publishers' lists; a segment is a part of one plan (R1.3)."""
        if self._rows.plans is None or self._rows.reference is None:
            return None

        def up(node: Node, steps: int) -> Node:
            return node if steps == 0 else up(nodes[node.parent_node_id or ""], steps - 1)

        name_of = parent_names(nodes.values(), self._dictionary, self._context.day)
        cms = [
            (_pbp(plan_id), Listing(_pbp(plan_id), plans[node].name, up(plans[node], 3).name))
            for plan_id, node in self._node_of(plans).items()
        ]
        aequalis = [
            (
                _pbp(row["plan_id"]),
                Listing(
                    _pbp(row["plan_id"]),
                    row["plan_name"] or row["plan_id"],
                    name_of(row["parent_name"]),
                    frozenset([row["state"] or ""]),
                ),
            )
            for row in sorted(self._rows.reference, key=lambda row: (row["plan_id"] or "", row["trace_id"]))
            if row["plan_id"]
        ]
        return compare_listings(merged(cms), merged(aequalis))

    def _node_of(self, plans: Mapping[str, Node]) -> dict[str, str]:
        """Plan id -> node, of this candidate."""
        return {row.id_value: row.node_id for row in self._plan_ids(plans)}

    def _plan_ids(self, plans: Mapping[str, Node]) -> list[ExternalId]:
        """The ids plans are known by; a renumbered plan has its new one beside the old one no longer."""
        minted = {node: plan_id for plan_id, node in self._known_plans().items()}
        said = [*(self._rows.plans or ()), *(self._rows.reference or ())]
        known = self._known_plans()
        for plan_id in sorted({row["plan_id"] for row in said if row["plan_id"]}):
            minted[known.get(plan_id) or node_id(Tier.BENEFITS_PLAN, CMS_CONTRACT_PBP, plan_id)] = plan_id
        return [
            ExternalId(
                node.node_id, CMS_CONTRACT_PBP, minted[node.node_id], node.valid_from, node.origin, node.plan_year
            )
            for node in plans.values()
        ]


def _pbp(plan_id: str) -> str:
    """Contract and plan number of an id, without its segment."""
    return "-".join(plan_id.split("-")[:2])


def _by_plan(rows: Sequence[SourceRow]) -> dict[str, SourceRow]:
    """One row per plan: of the latest plan year, ties by text, so that the order of rows does not matter."""

    def order(row: SourceRow) -> tuple[object, ...]:
        texts = (row["plan_name"] or "", row["plan_type"] or "")
        return (row["plan_year"] or 0, *map(equality_key, texts), *texts, row["trace_id"])

    return {row["plan_id"]: row for row in sorted(rows, key=order) if row["plan_id"]}
