"""Runs the SQL expressions of a mapping: DuckDB over one in-memory table, without files, network or extensions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

import duckdb
import pyarrow as pa

from fivetier.domain.errors import InvalidMapping
from fivetier.feeds.values import Value

if TYPE_CHECKING:
    from fivetier.domain.tables import ColumnType

SqlType = Literal["VARCHAR", "INTEGER", "BIGINT", "DATE", "TIMESTAMP", "BOOLEAN"]
TYPES: Mapping["ColumnType", SqlType] = {
    "text": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "bool": "BOOLEAN",
}


def connect() -> duckdb.DuckDBPyConnection:
    """Open a DuckDB that can reach nothing but the tables handed to it."""
    return duckdb.connect(
        ":memory:",
        config={
            "enable_external_access": False,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "threads": 1,
            "lock_configuration": True,
        },
    )


def evaluate(
    connection: duckdb.DuckDBPyConnection,
    expression: str,
    sql_type: SqlType,
    columns: Mapping[str, Sequence[str | None]],
    *,
    mapping: str,
) -> list[Value]:
    """Apply one scalar expression to text columns of equal length; null where a value makes it fail.

    `TRY` makes a failing cast null for that row only. It also refuses subqueries and volatile functions, so the
    same file always gives the same rows.

    Raises:
        InvalidMapping: the expression is no scalar SQL over these columns.
    """
    rows = len(next(iter(columns.values())))
    names = [*columns, "__row"]
    arrays = [*(pa.array(values, pa.string()) for values in columns.values()), pa.array(range(rows), pa.int64())]
    connection.register("cells", pa.Table.from_arrays(arrays, names=names))
    try:
        found = connection.execute(
            f"SELECT TRY(CAST(({expression}) AS {sql_type})) FROM cells ORDER BY __row"
        ).fetchall()
    except duckdb.Error as refused:
        raise InvalidMapping(mapping=mapping, detail=f"{expression!r} cannot be run: {refused}") from refused
    finally:
        connection.unregister("cells")
    return [cast("Value", row[0]) for row in found]
