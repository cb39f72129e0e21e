"""One LOB's slice of the database, as rows: what is published, or what a run proposes.

Rows keep their history: a node that ended stays, with `valid_to` set. *Live* means `valid_to` is null.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar

import pyarrow as pa

from fivetier.domain.errors import DuplicateKey
from fivetier.domain.tables import (
    CONTRACT,
    EXTERNAL_ID,
    HIERARCHY_NODE,
    NODE_ALIAS,
    PLAN_CROSSWALK,
    PLAN_NETWORK,
    SERVICE_AREA,
    Table,
)
from fivetier.domain.tiers import Lob, Tier


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row came from: source, landed row, the run that wrote it first, and when (naive UTC)."""

    source: str
    trace_id: str
    run_id: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Node:
    """A row of `hierarchy_node`."""

    node_id: str
    tier: int
    parent_node_id: str | None
    name: str
    valid_from: date
    origin: Origin
    state: str | None = None
    plan_year: int | None = None
    plan_type: str | None = None
    program: str | None = None
    service_area_id: str | None = None
    valid_to: date | None = None
    end_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalId:
    """A row of `external_id`."""

    node_id: str
    id_system: str
    id_value: str
    valid_from: date
    origin: Origin
    plan_year: int | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """A row of `node_alias`; `alias` is the equality key of `name`."""

    node_id: str
    tier: int
    alias: str
    name: str
    valid_from: date
    origin: Origin
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """A row of `contract`."""

    contract_id: str
    lob_node_id: str
    program: str
    organization_type: str
    plan_type: str
    valid_from: date
    origin: Origin
    marketing_name: str | None = None
    effective_date: date | None = None
    valid_to: date | None = None
    end_reason: str | None = None


@dataclass(frozen=True, slots=True)
class PlanNetwork:
    """A row of `plan_network`: a plan may be used in a network (R1.1)."""

    plan_node_id: str
    network_node_id: str
    network_tier: str
    valid_from: date
    origin: Origin
    valid_to: date | None = None

    @property
    def key(self) -> str:
        """What makes two rows one."""
        return f"{self.plan_node_id}|{self.network_node_id}|{self.network_tier}"


@dataclass(frozen=True, slots=True)
class ServiceArea:
    """A row of `service_area`: a county, or all of a state, in which plans of a subsidiary with this area are sold."""

    subsidiary_node_id: str
    service_area_id: str
    plan_year: int
    state: str
    area: str
    zip_codes: str
    valid_from: date
    origin: Origin
    valid_to: date | None = None

    @property
    def key(self) -> str:
        """What makes two rows one."""
        place = (self.state, self.area, self.zip_codes)
        parts = (self.subsidiary_node_id, self.service_area_id, self.plan_year, *place)
        return "|".join(str(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """A row of `plan_crosswalk`: what becomes of a plan when a plan year begins, perhaps by place (R1.10, R1.11)."""

    from_node_id: str
    to_node_id: str
    plan_year: int
    status: str
    area: str
    zip_code: str
    valid_from: date
    origin: Origin
    valid_to: date | None = None

    @property
    def key(self) -> str:
        """What makes two rows one."""
        parts = (self.from_node_id, self.to_node_id, self.plan_year, self.status, self.area, self.zip_code)
        return "|".join(str(part) for part in parts)


AnyRow = Node | ExternalId | Alias | Contract | PlanNetwork | ServiceArea | Crosswalk
Row = TypeVar("Row", Node, ExternalId, Alias, Contract, PlanNetwork, ServiceArea, Crosswalk)
_ORIGIN_FIELDS = tuple(f.name for f in fields(Origin))


def _to_dict(row: AnyRow, lob: Lob, release_id: str) -> dict[str, object]:
    values = {f.name: getattr(row, f.name) for f in fields(row) if f.name != "origin"}
    values |= {name: getattr(row.origin, name) for name in _ORIGIN_FIELDS}
    return {**values, "lob": lob.value, "release_id": release_id}


def _from_dict(kind: type[Row], values: Mapping[str, Any]) -> Row:
    origin = Origin(**{name: values[name] for name in _ORIGIN_FIELDS})
    own = {f.name: values[f.name] for f in fields(kind) if f.name != "origin"}
    return kind(origin=origin, **own)


def _unique(rows: Sequence[Row], table: str, key: Callable[[Row], str]) -> dict[str, Row]:
    """Index live rows by key.

    Raises:
        DuplicateKey: two live rows share it; which of them holds cannot be known.
    """
    index: dict[str, Row] = {}
    repeated: list[str] = []
    for row in rows:
        if row.valid_to is None:
            if key(row) in index:
                repeated.append(key(row))
            index[key(row)] = row
    if repeated:
        raise DuplicateKey(table=table, key=("id", "valid_to is null"), count=len(repeated), sample=repeated[0])
    return index


@dataclass(frozen=True)
class Slice:
    """All rows of one LOB in one release, live and ended."""

    lob: Lob
    nodes: tuple[Node, ...] = ()
    external_ids: tuple[ExternalId, ...] = ()
    aliases: tuple[Alias, ...] = ()
    contracts: tuple[Contract, ...] = ()
    plan_networks: tuple[PlanNetwork, ...] = ()
    service_areas: tuple[ServiceArea, ...] = ()
    crosswalks: tuple[Crosswalk, ...] = ()

    @cached_property
    def live_nodes(self) -> dict[str, Node]:
        """Live nodes by node_id."""
        return _unique(self.nodes, "hierarchy_node", lambda row: row.node_id)

    @cached_property
    def live_contracts(self) -> dict[str, Contract]:
        """Live contracts by contract number."""
        return _unique(self.contracts, "contract", lambda row: row.contract_id)

    def ancestors(self, contract_id: str) -> tuple[Node, Node]:
        """The parent payer and the subsidiary of a live contract.

        Raises:
            KeyError: the contract, or a node above it, is not live.
        """
        lob_node = self.live_nodes[self.live_contracts[contract_id].lob_node_id]
        subsidiary = self.live_nodes[lob_node.parent_node_id or ""]
        return self.live_nodes[subsidiary.parent_node_id or ""], subsidiary

    @cached_property
    def units(self) -> dict[str, tuple[Node, Node]]:
        """Parent payer and subsidiary by unit: live contracts, or live plans where the LOB has no contracts.

        A plan whose path is broken has no place here; the gates tell of it.
        """
        if self.contracts:
            return {contract_id: self.ancestors(contract_id) for contract_id in self.live_contracts}
        ids = self.plan_ids
        units = {}
        for node in self.live_nodes.values():
            subsidiary = self.live_nodes.get(self._parent_of(self._parent_of(node.node_id)))
            parent = self.live_nodes.get(self._parent_of(subsidiary.node_id if subsidiary else ""))
            if node.tier == Tier.BENEFITS_PLAN and subsidiary is not None and parent is not None:
                units[ids.get(node.node_id, node.node_id)] = (parent, subsidiary)
        return units

    @cached_property
    def plan_ids(self) -> dict[str, str]:
        """Id of every live plan by its node: the first by text where it has several."""
        tiers = {node.node_id for node in self.live_nodes.values() if node.tier == Tier.BENEFITS_PLAN}
        rows = sorted((row for row in self.external_ids if row.valid_to is None), key=lambda row: row.id_value)
        return {row.node_id: row.id_value for row in reversed(rows) if row.node_id in tiers}

    def end_reason(self, node: str) -> str | None:
        """Why a node that is not live ended last; None while it is live or was never there."""
        if node in self.live_nodes:
            return None
        return self._last_reason.get(node)

    @cached_property
    def _last_reason(self) -> dict[str, str | None]:
        return {row.node_id: row.end_reason for row in sorted(self.nodes, key=lambda row: row.valid_from)}

    def _parent_of(self, node: str) -> str:
        found = self.live_nodes.get(node)
        return "" if found is None else found.parent_node_id or ""

    def to_tables(self, release_id: str) -> dict[str, pa.Table]:
        """The release tables by name, rows in a fixed order (equal slices give equal bytes)."""

        def build(table: Table, rows: Sequence[AnyRow]) -> pa.Table:
            order = [(column, "ascending") for column in table.key]
            return table.from_rows([_to_dict(row, self.lob, release_id) for row in rows]).sort_by(order)

        return {
            HIERARCHY_NODE.name: build(HIERARCHY_NODE, self.nodes),
            EXTERNAL_ID.name: build(EXTERNAL_ID, self.external_ids),
            NODE_ALIAS.name: build(NODE_ALIAS, self.aliases),
            CONTRACT.name: build(CONTRACT, self.contracts),
            PLAN_NETWORK.name: build(PLAN_NETWORK, self.plan_networks),
            SERVICE_AREA.name: build(SERVICE_AREA, self.service_areas),
            PLAN_CROSSWALK.name: build(PLAN_CROSSWALK, self.crosswalks),
        }

    @classmethod
    def from_tables(cls, lob: Lob, tables: Mapping[str, pa.Table]) -> "Slice":
        """Read the rows of one release back; `release_id` and `lob` columns are the partition, not the row."""
        return cls(
            lob,
            nodes=tuple(_from_dict(Node, row) for row in tables[HIERARCHY_NODE.name].to_pylist()),
            external_ids=tuple(_from_dict(ExternalId, row) for row in tables[EXTERNAL_ID.name].to_pylist()),
            aliases=tuple(_from_dict(Alias, row) for row in tables[NODE_ALIAS.name].to_pylist()),
            contracts=tuple(_from_dict(Contract, row) for row in tables[CONTRACT.name].to_pylist()),
            plan_networks=tuple(_from_dict(PlanNetwork, row) for row in tables[PLAN_NETWORK.name].to_pylist()),
            service_areas=tuple(_from_dict(ServiceArea, row) for row in tables[SERVICE_AREA.name].to_pylist()),
            crosswalks=tuple(_from_dict(Crosswalk, row) for row in tables[PLAN_CROSSWALK.name].to_pylist()),
        )
