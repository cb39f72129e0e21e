"""From accepted source rows to the candidate slice of an LOB (ARCHITECTURE §1, Resolve).

Contracts tie everything together: a row of the contract directory places one contract under a legal entity
and a parent; a plan row hangs a benefits plan on a contract. What the files no longer say ends; what they
cannot say this month (a source that did not land, a row in quarantine) is carried forward as published.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fivetier.domain.history import evolve, same_contract, same_node
from fivetier.domain.identity import Group, Registry, resolve_parents, resolve_subsidiaries, subsidiary_key
from fivetier.domain.ids import CMS_CONTRACT_PBP, LEGAL_NAME, LOB_SYSTEM, PARENT_NAME, node_id
from fivetier.domain.names import display_name, equality_key, resolution_key
from fivetier.domain.resolution import Disagreement, Refused, Resolution, RunContext, SourceRow, SourceRows
from fivetier.domain.slice import Alias, Contract, ExternalId, Node, Origin, Slice
from fivetier.domain.tiers import Tier

CONTRACT_NOT_IN_DIRECTORY = "CONTRACT_NOT_IN_DIRECTORY"


@dataclass(frozen=True, slots=True)
class _Placement:
    """One contract under its legal entity and parent."""

    contract: Contract  # lob_node_id still empty
    group: Group
    legal_name: str


@dataclass
class _Names:
    """Spellings of this month, by node."""

    of_node: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    origin: dict[str, Origin] = field(default_factory=dict)

    def add(self, node: str, spelling: str, origin: Origin) -> None:
        self.of_node[node].append(spelling)
        self.origin.setdefault(node, origin)

    def shown(self, node: str, published: Node | None) -> str:
        """The published spelling while any of this month's equals it, else the most frequent of this month."""
        spellings = self.of_node[node]
        if published is not None and equality_key(published.name) in {equality_key(s) for s in spellings}:
            return published.name
        return display_name(spellings)


def resolve(rows: SourceRows, context: RunContext, published: Slice) -> Resolution:
    """Build the candidate slice for a month.

    Row order and spelling case do not matter: ids come from normalized keys, ties are broken by text.

    Args:
        rows: accepted source rows by role.
        context: the run.
        published: the slice readers see now; an empty one before the first publication.
    """
    return _Resolver(rows, context, published).run()


class _Resolver:
    """The steps of one resolution; state lives only as long as `run`."""

    def __init__(self, rows: SourceRows, context: RunContext, published: Slice) -> None:
        self._rows, self._context, self._published = rows, context, published
        self._registry = Registry(published)
        self._parents, self._subsidiaries = _Names(), _Names()
        self._refused: list[Refused] = []
        self._disagreements: list[Disagreement] = []
        self._held_plans: list[str] = []

    def run(self) -> Resolution:
        entities = sorted(self._rows.entities, key=lambda row: str(row["contract_id"]))
        parent_ids = self._resolve_parent_names(entities)
        placements = [self._place(row, parent_ids) for row in entities]
        held = self._held_contracts({p.contract.contract_id for p in placements})
        placements += held
        nodes, contracts = self._upper_tiers(placements)
        plans, not_in_cms = self._plans(contracts)
        nodes |= plans
        return Resolution(
            candidate=self._evolve(nodes, contracts),
            refused=tuple(self._refused),
            disagreements=tuple(self._disagreements),
            held=(*(p.contract.contract_id for p in held), *self._held_plans),
            plans_not_in_cms=tuple(not_in_cms),
        )

    # -- tiers 1 to 3 ------------------------------------------------------------------------------------

    def _origin(self, row: SourceRow) -> Origin:
        return Origin(row["source"], row["trace_id"], self._context.run_id, self._context.observed_at)

    def _resolve_parent_names(self, entities: Sequence[SourceRow]) -> dict[str, str]:
        spellings: dict[str, list[str]] = defaultdict(list)
        for row in entities:
            spellings[equality_key(row["parent_name"])].append(row["parent_name"])
        return resolve_parents({key: display_name(names) for key, names in spellings.items()}, self._registry)

    def _place(self, row: SourceRow, parent_ids: Mapping[str, str]) -> _Placement:
        origin, parent = self._origin(row), parent_ids[equality_key(row["parent_name"])]
        self._parents.add(parent, row["parent_name"], origin)
        parent = self._settle_parent(row, parent)
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
        return _Placement(contract, group, row["legal_name"])

    def _settle_parent(self, row: SourceRow, cms_parent: str) -> str:
        """Keep the published parent where Aequalis contradicts CMS (DECISIONS, Aequalis against CMS)."""
        other = self._reference_parents().get(row["contract_id"])
        if other is None or resolution_key(other) == resolution_key(row["parent_name"]):
            return cms_parent
        if cms_parent in {node.node_id for node in self._registry.named(Tier.PARENT_PAYER, equality_key(other))}:
            return cms_parent
        kept, kept_name = cms_parent, row["parent_name"]
        if row["contract_id"] in self._published.live_contracts:
            node, _ = self._published.ancestors(row["contract_id"])
            kept, kept_name = node.node_id, node.name
            self._parents.add(kept, kept_name, node.origin)
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
            self._parents.add(parent.node_id, parent.name, parent.origin)
            group = Group(equality_key(subsidiary.name), parent.node_id, frozenset((contract_id,)))
            placements.append(_Placement(contract, group, subsidiary.name))
        return placements

    def _upper_tiers(self, placements: Sequence[_Placement]) -> tuple[dict[str, Node], dict[str, Contract]]:
        ids = self._subsidiary_ids(placements)
        nodes: dict[str, Node] = {}
        contracts: dict[str, Contract] = {}
        parents_of: dict[str, str] = {}
        for place in placements:
            subsidiary = ids[place.group.legal_key, place.group.parent_node_id]
            self._subsidiaries.add(subsidiary, place.legal_name, place.contract.origin)
            parents_of[subsidiary] = place.group.parent_node_id
            lob_node = node_id(Tier.LINE_OF_BUSINESS, LOB_SYSTEM, f"{subsidiary}|{self._context.lob}")
            contracts[place.contract.contract_id] = replace(place.contract, lob_node_id=lob_node)
            nodes[lob_node] = self._node(
                lob_node, Tier.LINE_OF_BUSINESS, subsidiary, self._context.lob.label, place.contract.origin
            )
        for names, tier in ((self._parents, Tier.PARENT_PAYER), (self._subsidiaries, Tier.SUBSIDIARY)):
            used = set(parents_of.values()) if tier is Tier.PARENT_PAYER else parents_of.keys()
            for node in sorted(used):
                shown = names.shown(node, self._published.live_nodes.get(node))
                nodes[node] = self._node(node, tier, parents_of.get(node), shown, names.origin[node])
        return nodes, contracts

    def _subsidiary_ids(self, placements: Sequence[_Placement]) -> dict[tuple[str, str], str]:
        contracts: dict[tuple[str, str], set[str]] = defaultdict(set)
        spellings: dict[str, list[str]] = defaultdict(list)
        for place in placements:
            contracts[place.group.legal_key, place.group.parent_node_id] |= place.group.contracts
            spellings[place.group.legal_key].append(place.legal_name)
        groups = [Group(legal, parent, frozenset(ids)) for (legal, parent), ids in contracts.items()]
        shown = {key: display_name(names) for key, names in spellings.items()}
        found = resolve_subsidiaries(groups, shown, self._registry, period=str(self._context.sub_version))
        return {(group.legal_key, group.parent_node_id): node for group, node in found.items()}

    def _node(self, node: str, tier: Tier, parent: str | None, name: str, origin: Origin) -> Node:
        return Node(node, int(tier), parent, name, self._context.day, origin)

    # -- tier 4 ------------------------------------------------------------------------------------------

    def _published_plan_ids(self) -> dict[str, str]:
        """Plan id -> node of every plan ever published, so that one that comes back keeps its node."""
        return {e.id_value: e.node_id for e in self._published.external_ids if e.id_system == CMS_CONTRACT_PBP}

    def _plans(self, contracts: Mapping[str, Contract]) -> tuple[dict[str, Node], list[str]]:
        known = self._published_plan_ids()
        reference = _by_plan(self._placed(self._rows.reference or (), contracts))
        names = {plan_id: row["plan_name"] for plan_id, row in reference.items() if row["plan_name"]}
        described: dict[str, SourceRow] = {}
        not_in_cms: list[str] = []
        if self._rows.plans is None:
            described = {plan_id: row for plan_id, row in reference.items() if self._may_describe(plan_id, row)}
        else:
            described = {row["plan_id"]: row for row in self._placed(self._rows.plans, contracts)}
            not_in_cms = sorted(reference.keys() - described.keys())
        plans = {
            (node := known.get(plan_id) or node_id(Tier.BENEFITS_PLAN, CMS_CONTRACT_PBP, plan_id)): self._plan(
                node, plan_id, row, contracts[row["contract_id"]], names
            )
            for plan_id, row in sorted(described.items())
        }
        return self._carried_plans(known, plans, contracts) | plans, not_in_cms

    def _may_describe(self, plan_id: str, row: SourceRow) -> bool:
        """Whether a source may speak of a plan: one published from another source is carried forward instead."""
        before = self._published.live_nodes.get(self._published_plan_ids().get(plan_id, ""))
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
            self._node(node, Tier.BENEFITS_PLAN, contract.lob_node_id, plan_id, self._origin(row)),
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

    # -- rows --------------------------------------------------------------------------------------------

    def _evolve(self, nodes: Mapping[str, Node], contracts: Mapping[str, Contract]) -> Slice:
        day, published = self._context.day, self._published
        return Slice(
            self._context.lob,
            nodes=evolve(published.nodes, nodes, key=lambda n: n.node_id, same=same_node, day=day),
            contracts=evolve(published.contracts, contracts, key=lambda c: c.contract_id, same=same_contract, day=day),
            external_ids=evolve(
                published.external_ids,
                self._external_ids(nodes),
                key=_external_key,
                same=lambda a, b: True,
                day=day,
            ),
            aliases=(*published.aliases, *self._new_aliases(nodes)),
        )

    def _external_ids(self, nodes: Mapping[str, Node]) -> dict[str, ExternalId]:
        """The key each live node is known by, as an external id; published ones stay as they are."""
        known = {e.node_id: e for e in self._published.external_ids}
        plan_of = {node: plan_id for plan_id, node in self._minted_plans().items()}
        wanted: dict[str, ExternalId] = {}
        for node in nodes.values():
            system, value = self._own_id(node, plan_of)
            before = known.get(node.node_id)
            if before is not None:
                system, value = before.id_system, before.id_value
            row = ExternalId(node.node_id, system, value, node.valid_from, node.origin, node.plan_year)
            wanted[_external_key(row)] = row
        return wanted

    def _minted_plans(self) -> dict[str, str]:
        rows = [*(self._rows.plans or ()), *(self._rows.reference or ())]
        ids = {row["plan_id"] for row in rows if row["plan_id"]}
        return {plan_id: node_id(Tier.BENEFITS_PLAN, CMS_CONTRACT_PBP, plan_id) for plan_id in ids}

    def _own_id(self, node: Node, plan_of: Mapping[str, str]) -> tuple[str, str]:
        match node.tier:
            case Tier.PARENT_PAYER:
                return PARENT_NAME, equality_key(node.name)
            case Tier.SUBSIDIARY:
                period = str(self._context.sub_version)
                return LEGAL_NAME, subsidiary_key(
                    node.node_id, equality_key(node.name), node.parent_node_id or "", period
                )
            case Tier.LINE_OF_BUSINESS:
                return LOB_SYSTEM, f"{node.parent_node_id}|{self._context.lob}"
            case _:
                return CMS_CONTRACT_PBP, plan_of.get(node.node_id, node.name)

    def _new_aliases(self, nodes: Mapping[str, Node]) -> list[Alias]:
        known = {(alias.tier, alias.alias, alias.node_id) for alias in self._published.aliases}
        new: dict[tuple[int, str, str], Alias] = {}
        for tier, names in ((Tier.PARENT_PAYER, self._parents), (Tier.SUBSIDIARY, self._subsidiaries)):
            for node, spellings in sorted(names.of_node.items()):
                for spelling in sorted(set(spellings)):
                    key = (int(tier), equality_key(spelling), node)
                    if node in nodes and key not in known and key not in new:
                        row = Alias(node, key[0], key[1], spelling, self._context.day, names.origin[node])
                        new[key] = row
        return list(new.values())


def _by_plan(rows: Sequence[SourceRow]) -> dict[str, SourceRow]:
    """One row per plan: of the latest plan year, ties by text, so that the order of rows does not matter."""

    def order(row: SourceRow) -> tuple[object, ...]:
        texts = (row["plan_name"] or "", row["plan_type"] or "")
        return (row["plan_year"] or 0, *map(equality_key, texts), *texts, row["trace_id"])

    return {row["plan_id"]: row for row in sorted(rows, key=order) if row["plan_id"]}


def _external_key(row: ExternalId) -> str:
    return f"{row.node_id}|{row.id_system}|{row.id_value}"
