"""The views analysts read and the queries they begin with: names, meaning, columns, SQL.

A view in the Glue catalog states the types of its columns. They are taken from `domain.tables` here and held against
the SQL by a test, so that synthesizing needs no SQL parser.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fivetier.domain.tables import (
    CONTRACT,
    HIERARCHY_NODE,
    PLAN_CROSSWALK,
    PLAN_NETWORK,
    RELEASE,
    RELEASE_MONTH,
    ColumnType,
    Table,
)

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column of a view."""

    name: str
    type: ColumnType
    meaning: str


@dataclass(frozen=True, slots=True)
class View:
    """One view; its SQL is `<name>.sql` and names tables without a database, so it follows its own."""

    name: str
    meaning: str
    columns: tuple[ViewColumn, ...]

    @property
    def sql(self) -> str:
        """Its SELECT."""
        return (_FOLDER / f"{self.name}.sql").read_text(encoding="utf-8").strip()


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One query people begin with; its SQL is `named/<name>.sql`."""

    name: str
    meaning: str

    @property
    def sql(self) -> str:
        """Its text."""
        return (_FOLDER / "named" / f"{self.name}.sql").read_text(encoding="utf-8").strip()


def _of(table: Table, names: str, renamed: Mapping[str, str] | None = None) -> tuple[ViewColumn, ...]:
    """Columns of a table, under the view's own names where those differ: view name -> table name."""
    known = {column.name: column for column in table.columns}
    columns = []
    for name in names.split():
        column = known[(renamed or {}).get(name, name)]
        columns.append(ViewColumn(name, column.type, column.meaning))
    return tuple(columns)


def _hierarchy(period: str) -> tuple[ViewColumn, ...]:
    return (
        *_of(HIERARCHY_NODE, "node_id tier"),
        ViewColumn("tier_name", "text", "parent payer, subsidiary, line of business, benefits plan, network"),
        *_of(HIERARCHY_NODE, "name parent_node_id"),
        ViewColumn("parent_name", "text", "name of the node one tier up"),
        ViewColumn("lob", "text", "line of business; null on tiers 1 and 2, which belong to none"),
        *_of(HIERARCHY_NODE, "state plan_year plan_type"),
        ViewColumn("valid_from", "date", f"first day {period} holds"),
        ViewColumn("valid_to", "date", f"first day {period} no longer holds; null while it does"),
        ViewColumn("release_id", "text", "release the row is shown from"),
    )


_PLAN_ID = (
    ViewColumn("plan_id_system", "text", "whose id plan_id is: cms_contract_pbp, hios14, state_program_plan, ..."),
    ViewColumn("plan_id", "text", "the plan's usual id in its line of business"),
)

VIEWS: tuple[View, ...] = (
    View("v_hierarchy", "The published hierarchy as it holds today, each node once.", _hierarchy("the row")),
    View(
        "v_hierarchy_history",
        "The published hierarchy on every day, ended rows included; each node once a day.",
        _hierarchy("this piece of the row"),
    ),
    View(
        "v_plan_path",
        "Every benefits plan that holds today, with its whole path.",
        (
            ViewColumn("parent_node_id", "text", "tier 1 node"),
            ViewColumn("parent_name", "text", "parent payer"),
            ViewColumn("subsidiary_node_id", "text", "tier 2 node"),
            ViewColumn("subsidiary_name", "text", "subsidiary"),
            ViewColumn("lob_node_id", "text", "tier 3 node: the subsidiary's line of business"),
            ViewColumn("lob_name", "text", "name of the tier 3 node"),
            *_of(HIERARCHY_NODE, "lob"),
            *_of(CONTRACT, "contract_id"),
            ViewColumn("program", "text", "the contract's program (R1.13), or the state's managed care program (R1.7)"),
            *_of(CONTRACT, "organization_type"),
            ViewColumn("plan_node_id", "text", "tier 4 node"),
            *_PLAN_ID,
            ViewColumn("plan_name", "text", "benefits plan"),
            *_of(HIERARCHY_NODE, "plan_type plan_year state"),
            ViewColumn("networks", "int", "how many networks it may be used in; 0 while no source says"),
            *_of(HIERARCHY_NODE, "valid_from release_id"),
        ),
    ),
    View(
        "v_plan_network",
        "Every network a benefits plan may be used in today, with the plan's path.",
        (
            ViewColumn("parent_name", "text", "parent payer"),
            ViewColumn("subsidiary_name", "text", "subsidiary"),
            *_of(HIERARCHY_NODE, "lob"),
            *_of(PLAN_NETWORK, "plan_node_id"),
            *_PLAN_ID,
            ViewColumn("plan_name", "text", "benefits plan"),
            *_of(HIERARCHY_NODE, "state plan_year"),
            *_of(PLAN_NETWORK, "network_node_id"),
            ViewColumn("network_name", "text", "network"),
            *_of(PLAN_NETWORK, "network_tier valid_from release_id"),
        ),
    ),
    View(
        "v_plan_crosswalk",
        "What becomes of benefits plans when a plan year begins, as their publishers state it.",
        (
            *_of(PLAN_CROSSWALK, "lob plan_year from_node_id"),
            ViewColumn("from_plan_id", "text", "the id the plan had before that day"),
            ViewColumn("from_plan_name", "text", "the plan's last name"),
            ViewColumn("from_end_reason", "text", "why the plan ended, for example merged; null while it lives"),
            *_of(PLAN_CROSSWALK, "status area zip_code"),
            ViewColumn("to_node_id", "text", "tier 4 node that follows; null when none does"),
            ViewColumn("to_plan_id", "text", "the id of the plan that follows"),
            ViewColumn("to_plan_name", "text", "the name of the plan that follows"),
            *_of(PLAN_CROSSWALK, "valid_from release_id"),
        ),
    ),
    View(
        "v_release",
        "What is published: one row per line of business.",
        _of(
            RELEASE,
            "lob sub_version release_id run_id kind base_release_id manifest_digest signers audit_head published_at",
        ),
    ),
    View(
        "v_release_month",
        "Which lookback tells of which earlier month: one row per line of business and month.",
        _of(
            RELEASE_MONTH,
            "lob sub_version release_id base_release_id manifest_digest signers audit_head published_at",
        ),
    ),
    View(
        "v_hierarchy_month",
        "The hierarchy of each month a lookback refreshed, as it was then.",
        (
            *_of(RELEASE_MONTH, "sub_version"),
            *_of(HIERARCHY_NODE, "lob node_id tier name parent_node_id"),
            ViewColumn("parent_name", "text", "name of the node one tier up"),
            *_of(HIERARCHY_NODE, "state plan_year plan_type valid_from"),
            *_of(RELEASE_MONTH, "release_id"),
        ),
    ),
)

NAMED_QUERIES: tuple[NamedQuery, ...] = (
    NamedQuery("hierarchy_as_of", "The whole hierarchy on one day"),
    NamedQuery("plans_of_parent", "Every benefits plan under one parent payer"),
    NamedQuery("plans_per_parent_and_state", "How many plans each parent payer has in each state"),
    NamedQuery("networks_of_plan", "The networks one benefits plan may be used in"),
    NamedQuery("what_happened_to_plan", "The life of one benefits plan, and what followed"),
    NamedQuery("publications", "What is published of each line of business, and who signed it"),
)
