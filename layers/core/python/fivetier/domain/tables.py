"""Every table and column once. Arrow, Iceberg and Glue schemas and the data dictionary come from here.

Types are few on purpose: text, int (32 bit), bigint (64 bit), date, timestamp (naive UTC, microseconds), bool.
uuid, time, unsigned and nanosecond types trouble Athena or Glue (ARCHITECTURE §3).
"""

from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa

ColumnType = Literal["text", "int", "bigint", "date", "timestamp", "bool"]

_ARROW: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "bool": pa.bool_(),
}
_GLUE: dict[ColumnType, str] = {
    "text": "string",
    "int": "int",
    "bigint": "bigint",
    "date": "date",
    "timestamp": "timestamp",
    "bool": "boolean",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, whether it may be null, and what it means to a reader of SQL."""

    name: str
    type: ColumnType
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table; `key` is unique among the rows of one release."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names) or not set(self.key) <= set(names):
            raise ValueError(f"{self.name}: columns repeat, or the key names an unknown column")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(column.name for column in self.columns)

    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema rows of this table have, everywhere."""
        return pa.schema([pa.field(c.name, _ARROW[c.type], nullable=c.nullable) for c in self.columns])

    def glue_columns(self) -> list[dict[str, str]]:
        """The columns as Glue and Athena name them."""
        return [{"Name": c.name, "Type": _GLUE[c.type], "Comment": c.meaning} for c in self.columns]

    def from_rows(self, rows: list[dict[str, object]]) -> pa.Table:
        """Build a table from row dicts; an absent key is null.

        Raises:
            ValueError: a row has an unknown key, or null in a column that never is.
        """
        known = set(self.column_names)
        for row in rows:
            if extra := row.keys() - known:
                raise ValueError(f"{self.name}: unknown column(s) {', '.join(sorted(extra))}")
        table = pa.Table.from_pylist(rows, schema=self.arrow_schema())
        for column in self.columns:
            if not column.nullable and table.column(column.name).null_count:
                raise ValueError(f"{self.name}.{column.name} is null in a row and must not be")
        return table


_LOB = Column("lob", "text", "line of business; partition")
_RELEASE = Column("release_id", "text", "run whose publication these rows are; partition")
_VALID_FROM = Column("valid_from", "date", "first day the row holds")
_VALID_TO = Column("valid_to", "date", "first day it no longer holds; null while it does", nullable=True)
_SOURCE = Column("source", "text", "source the row was read from")
_TRACE = Column("trace_id", "text", "landed object version and row number the row came from")
_RUN = Column("run_id", "text", "run that wrote the row first")
_OBSERVED = Column("observed_at", "timestamp", "when that run saw it, UTC")

NORMALIZED_ROW = Table(
    "normalized_row",
    "One accepted source row in canonical fields; a source fills the columns it knows.",
    ("trace_id",),
    (
        _LOB,
        _SOURCE,
        Column("source_object", "text", "landed file"),
        Column("row_number", "int", "record in the file, 1 is the first line"),
        _TRACE,
        Column("parent_name", "text", "tier 1 as the source spells it", nullable=True),
        Column("legal_name", "text", "tier 2 as the source spells it", nullable=True),
        Column("state", "text", "two-letter state", nullable=True),
        Column("contract_id", "text", "CMS contract", nullable=True),
        Column("marketing_name", "text", "name the organization markets to beneficiaries", nullable=True),
        Column("organization_type", "text", "CMS organization type of the contract", nullable=True),
        Column("contract_plan_type", "text", "CMS plan type of the contract", nullable=True),
        Column("program", "text", "MA, PACE, COST, HCPP, MMP, LI_NET or DEMO (R1.13)", nullable=True),
        Column("effective_date", "date", "day the contract began with CMS", nullable=True),
        Column("plan_id", "text", "tier 4 id, canonical form (R1.3)", nullable=True),
        Column("plan_name", "text", "benefits plan name", nullable=True),
        Column("plan_type", "text", "HMO, Local PPO, ...", nullable=True),
        Column("plan_year", "int", "plan year the row speaks of", nullable=True),
        Column("entity_id_system", "text", "whose id entity_id is, for example hios_issuer", nullable=True),
        Column("entity_id", "text", "tier 2 id, canonical form", nullable=True),
        Column("plan_id_system", "text", "whose id plan_id is (R1.2); the line of business's usual one", nullable=True),
        Column("state_program", "text", "Medicaid managed care program of the state (R1.7)", nullable=True),
        Column("area", "text", "county FIPS, county or region; null for all of the state", nullable=True),
        Column("zip_code", "text", "ZIP code within the area; null for all of it", nullable=True),
        Column("network_id", "text", "tier 5 id, unique within issuer and plan year only (R1.2)", nullable=True),
        Column("network_name", "text", "tier 5 as the source spells it", nullable=True),
        Column("network_tier", "text", "tier of the network within the plan, free text (R1.1)", nullable=True),
        Column("service_area_id", "text", "service area, unique within issuer and plan year", nullable=True),
        Column("next_plan_id", "text", "plan that follows plan_id by a crosswalk; null when none does", nullable=True),
        Column("crosswalk_status", "text", "what becomes of plan_id, canonical (R1.10, R1.11)", nullable=True),
        Column("other_names", "text", "further names of the entity, a JSON list", nullable=True),
        Column("other_ids", "text", "further ids of the entity in entity_id_system, a JSON list", nullable=True),
    ),
)

QUARANTINE = Table(
    "quarantine",
    "A source row that cannot be read or placed, kept as it came.",
    ("trace_id",),
    (
        _LOB,
        Column("run_id", "text", "run that refused the row"),
        _SOURCE,
        Column("source_object", "text", "landed file"),
        Column("row_number", "int", "record in the file, 1 is the first line"),
        _TRACE,
        Column("reason_code", "text", "why, for example CONTRACT_NOT_IN_DIRECTORY"),
        Column("column_name", "text", "column at fault", nullable=True),
        Column("value", "text", "value at fault, as it came", nullable=True),
        Column("message", "text", "what a reviewer should know"),
        Column("subject_id", "text", "contract or plan the row speaks of, where readable", nullable=True),
        Column("raw_row", "text", "the whole row as JSON, contact columns dropped"),
    ),
)

SUPPRESSED = Table(
    "suppressed",
    "A valid source row that a rule keeps out, counted and traceable.",
    ("trace_id",),
    (
        _LOB,
        Column("run_id", "text", "run that left it out"),
        _SOURCE,
        Column("source_object", "text", "landed file"),
        Column("row_number", "int", "record in the file, 1 is the first line"),
        _TRACE,
        Column("rule_id", "text", "rule that keeps it out, for example R1.3"),
    ),
)

HIERARCHY_NODE = Table(
    "hierarchy_node",
    "Tiers 1 to 4 (5 where networks are known) with business-time history.",
    ("node_id", "valid_from"),
    (
        _LOB,
        _RELEASE,
        Column("node_id", "text", "surrogate id, never reused (R1.2)"),
        Column("tier", "int", "1 parent payer, 2 subsidiary, 3 LOB, 4 benefits plan, 5 network"),
        Column("parent_node_id", "text", "node one tier up; null on tier 1", nullable=True),
        Column("name", "text", "name to show"),
        Column("state", "text", "state of the entity, where the source has one", nullable=True),
        Column("plan_year", "int", "plan year, where the id is per year", nullable=True),
        Column("plan_type", "text", "benefits plan type", nullable=True),
        _VALID_FROM,
        _VALID_TO,
        Column("end_reason", "text", "why the row ended, for example absent_from_source", nullable=True),
        _SOURCE,
        _TRACE,
        _RUN,
        _OBSERVED,
        Column("program", "text", "Medicaid managed care program of the plan (R1.7)", nullable=True),
        Column("service_area_id", "text", "service area of the plan within its subsidiary and year", nullable=True),
    ),
)

EXTERNAL_ID = Table(
    "external_id",
    "Identifiers of nodes in other people's systems; system and value always together (R1.2).",
    ("node_id", "id_system", "id_value", "valid_from"),
    (
        _LOB,
        _RELEASE,
        Column("node_id", "text", "node"),
        Column("id_system", "text", "cms_contract_pbp, parent_name, legal_name, ..."),
        Column("id_value", "text", "the id in that system"),
        Column("plan_year", "int", "plan year, where the id is per year", nullable=True),
        _VALID_FROM,
        _VALID_TO,
        _SOURCE,
        _TRACE,
        _RUN,
        _OBSERVED,
    ),
)

NODE_ALIAS = Table(
    "node_alias",
    "Names seen for a node; later rows resolve through them before anything is minted.",
    ("tier", "alias", "node_id", "valid_from"),
    (
        _LOB,
        _RELEASE,
        Column("node_id", "text", "node"),
        Column("tier", "int", "tier of the node"),
        Column("alias", "text", "the name's equality key"),
        Column("name", "text", "the name as spelled when first seen"),
        _VALID_FROM,
        _VALID_TO,
        _SOURCE,
        _TRACE,
        _RUN,
        _OBSERVED,
    ),
)

CONTRACT = Table(
    "contract",
    "CMS contracts: not a tier, but what links a benefits plan to its subsidiary's LOB node.",
    ("contract_id", "valid_from"),
    (
        _LOB,
        _RELEASE,
        Column("contract_id", "text", "CMS contract number"),
        Column("lob_node_id", "text", "tier 3 node the contract belongs to"),
        Column("program", "text", "MA, PACE, COST, HCPP, MMP, LI_NET or DEMO (R1.13)"),
        Column("organization_type", "text", "CMS organization type"),
        Column("plan_type", "text", "CMS plan type of the contract"),
        Column("marketing_name", "text", "name marketed to beneficiaries", nullable=True),
        Column("effective_date", "date", "day the contract began with CMS", nullable=True),
        _VALID_FROM,
        _VALID_TO,
        Column("end_reason", "text", "why the row ended", nullable=True),
        _SOURCE,
        _TRACE,
        _RUN,
        _OBSERVED,
    ),
)

PLAN_NETWORK = Table(
    "plan_network",
    "Which networks a benefits plan may be used in; many to many (R1.1).",
    ("plan_node_id", "network_node_id", "network_tier", "valid_from"),
    (
        _LOB,
        _RELEASE,
        Column("plan_node_id", "text", "tier 4 node"),
        Column("network_node_id", "text", "tier 5 node"),
        Column("network_tier", "text", "tier of the network within the plan as the source has it; empty if none"),
        _VALID_FROM,
        _VALID_TO,
        _SOURCE,
        _TRACE,
        _RUN,
        _OBSERVED,
    ),
)

SERVICE_AREA = Table(
    "service_area",
    "Where plans of a subsidiary are sold: one row per county of a service area, or one for all of a state.",
    ("subsidiary_node_id", "service_area_id", "plan_year", "state", "area", "zip_codes", "valid_from"),
    (
        _LOB,
        _RELEASE,
        Column("subsidiary_node_id", "text", "tier 2 node the area's id belongs to"),
        Column("service_area_id", "text", "service area, unique within subsidiary and plan year"),
        Column("plan_year", "int", "plan year"),
        Column("state", "text", "two-letter state"),
        Column("area", "text", "county FIPS; empty for all of the state"),
        Column("zip_codes", "text", "ZIP codes of the county it covers, comma separated; empty for all of it"),
        _VALID_FROM,
        _VALID_TO,
        _SOURCE,
        _TRACE,
        _RUN,
        _OBSERVED,
    ),
)

PLAN_CROSSWALK = Table(
    "plan_crosswalk",
    "What becomes of a benefits plan at the start of a plan year, as its publisher states it (R1.10, R1.11).",
    ("from_node_id", "to_node_id", "plan_year", "status", "area", "zip_code", "valid_from"),
    (
        _LOB,
        _RELEASE,
        Column("from_node_id", "text", "tier 4 node of the year before"),
        Column("to_node_id", "text", "tier 4 node that follows; empty when none does"),
        Column("plan_year", "int", "the plan year that begins"),
        Column("status", "text", "renewed, consolidated, terminated, ...; plan, county, zip for the exchange"),
        Column("area", "text", "county FIPS the row holds for; empty for everywhere"),
        Column("zip_code", "text", "ZIP code the row holds for; empty for all of the area"),
        _VALID_FROM,
        _VALID_TO,
        _SOURCE,
        _TRACE,
        _RUN,
        _OBSERVED,
    ),
)

RELEASE = Table(
    "release",
    "The publication: one row per LOB names the release readers see (DECISIONS, Publication).",
    ("lob",),
    (
        _LOB,
        Column("release_id", "text", "release readers of this LOB see"),
        Column("run_id", "text", "run that published it"),
        Column("kind", "text", "refresh, rollback or lookback"),
        Column("sub_version", "text", "month of the release, YYYY_MM"),
        Column("base_release_id", "text", "release it was compared with", nullable=True),
        Column("manifest_digest", "text", "SHA-256 people signed"),
        Column("signers", "text", "role=login pairs, space separated"),
        Column("audit_head", "text", "hash of the audit chain's head when it was published"),
        Column("published_at", "timestamp", "when, UTC"),
    ),
)

RELEASE_MONTH = Table(
    "release_month",
    "History refreshed by lookbacks: one row per LOB and month names the release that tells of it (R2.4).",
    ("lob", "sub_version"),
    tuple(
        replace(column, meaning="release that tells of the month") if column.name == "release_id" else column
        for column in RELEASE.columns
    ),
)

#: Tables of one LOB's release, in the order they are staged, listed and copied.
RELEASE_TABLES: tuple[Table, ...] = (
    HIERARCHY_NODE,
    EXTERNAL_ID,
    NODE_ALIAS,
    CONTRACT,
    PLAN_NETWORK,
    SERVICE_AREA,
    PLAN_CROSSWALK,
)
#: Tables whose rows are publications: they say which release tells of what.
PUBLICATIONS: tuple[Table, ...] = (RELEASE, RELEASE_MONTH)
ALL_TABLES: tuple[Table, ...] = (*RELEASE_TABLES, *PUBLICATIONS, QUARANTINE, SUPPRESSED, NORMALIZED_ROW)
