"""The SQL of `infra/sql` on DuckDB: Athena's dialect translated, on tables as `domain.tables` defines them."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from typing import Any

import duckdb
import sqlglot
from fivetier.domain.tables import (
    ALL_TABLES,
    CONTRACT,
    EXTERNAL_ID,
    HIERARCHY_NODE,
    NODE_ALIAS,
    PLAN_CROSSWALK,
    PLAN_NETWORK,
    RELEASE,
    RELEASE_MONTH,
    Table,
)

from infra.sql.catalog import VIEWS

Row = dict[str, Any]
SEEN_AT = datetime.fromisoformat("2026-01-02T03:04:05.678901")
_FILL: dict[str, Any] = {
    "text": "-",
    "int": 0,
    "bigint": 0,
    "date": date(2020, 1, 1),
    "timestamp": SEEN_AT,
    "bool": False,
}


@cache
def translated(sql: str) -> str:
    """Athena's SQL as DuckDB understands it."""
    (statement,) = sqlglot.transpile(sql, read="athena", write="duckdb")
    return statement


def row(table: Table, **values: Any) -> Row:
    """A row with the given values; other columns that never are null get a filler."""
    filler = {column.name: None if column.nullable else _FILL[column.type] for column in table.columns}
    assert values.keys() <= filler.keys()
    return {**filler, **values}


def node(
    release: str, node_id: str, tier: int, parent: str | None, start: date, end: date | None = None, **more: Any
) -> Row:
    lob, release_id = release.split("/")
    name = more.pop("name", node_id.upper())
    values = {"node_id": node_id, "tier": tier, "parent_node_id": parent, "name": name, **more}
    return row(HIERARCHY_NODE, lob=lob, release_id=release_id, valid_from=start, valid_to=end, **values)


def published(release: str, *, at: datetime) -> Row:
    lob, release_id = release.split("/")
    return row(RELEASE, lob=lob, release_id=release_id, run_id=release_id, sub_version="2026_01", published_at=at)


class Lake:
    """A database with the lake's tables and views."""

    def __init__(
        self,
        *,
        nodes: Iterable[Row] = (),
        releases: Iterable[Row] = (),
        ids: Iterable[Row] = (),
        contracts: Iterable[Row] = (),
        networks: Iterable[Row] = (),
        crosswalks: Iterable[Row] = (),
        aliases: Iterable[Row] = (),
        months: Iterable[Row] = (),
    ) -> None:
        self._db = duckdb.connect()
        rows = {HIERARCHY_NODE: nodes, RELEASE: releases, EXTERNAL_ID: ids, CONTRACT: contracts}
        rows |= {NODE_ALIAS: aliases, PLAN_NETWORK: networks, PLAN_CROSSWALK: crosswalks}
        rows[RELEASE_MONTH] = months
        for table in ALL_TABLES:
            content = table.from_rows(list(rows.get(table, ())))
            self._db.register("content", content)
            self._db.execute(f'CREATE TABLE "{table.name}" AS SELECT * FROM content')
            self._db.unregister("content")
        for view in VIEWS:
            self._db.execute(f"CREATE VIEW {view.name} AS {translated(view.sql)}")

    def query(self, sql: str) -> list[Row]:
        """Rows of an Athena query."""
        return self._db.execute(translated(sql)).to_arrow_table().to_pylist()

    def types(self, view: str) -> dict[str, str]:
        """Column types of a view, in order."""
        return {name: kind for name, kind, *_ in self._db.execute(f"DESCRIBE {view}").fetchall()}

    def as_of(self, day: date) -> list[Row]:
        """The hierarchy on a day, with the condition the view's comment gives."""
        text = f"DATE '{day.isoformat()}'"
        return self.query(
            f"SELECT * FROM v_hierarchy_history WHERE {text} >= valid_from AND (valid_to IS NULL OR {text} < valid_to)"
        )
