"""One type, five names: Glue (Hive), Athena, Arrow, sqlglot, and its text in a result."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from typing import Any, Final

import pyarrow as pa
from sqlglot import exp

from infra.local.errors import UnsupportedSql

_ARROW_OF_HIVE: Final = {
    "bigint": pa.int64(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "tinyint": pa.int8(),
    "double": pa.float64(),
    "float": pa.float32(),
    "string": pa.string(),
    "varchar": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
_DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_ARRAY: Final = re.compile(r"array<(.+)>")

# Arrow test, Athena's name, Hive's name.
_NAMES: Final = (
    (pa.types.is_boolean, "boolean", "boolean"),
    (pa.types.is_int8, "tinyint", "tinyint"),
    (pa.types.is_int16, "smallint", "smallint"),
    (pa.types.is_int32, "integer", "int"),
    (pa.types.is_int64, "bigint", "bigint"),
    (pa.types.is_float64, "double", "double"),
    (pa.types.is_float32, "float", "float"),
    (pa.types.is_date32, "date", "date"),
    (pa.types.is_string, "varchar", "string"),
    (pa.types.is_large_string, "varchar", "string"),
    (pa.types.is_null, "varchar", "string"),
)


def arrow_of_hive(name: str) -> pa.DataType | None:
    """The Arrow type of a Glue column, or None if it is not readable here."""
    name = name.lower().strip()
    if match := _DECIMAL.fullmatch(name):
        return pa.decimal128(int(match[1]), int(match[2]))
    if match := _ARRAY.fullmatch(name):
        item = arrow_of_hive(match[1])
        return None if item is None else pa.list_(item)
    return _ARROW_OF_HIVE.get(re.sub(r"^(varchar|char)\(\d+\)$", "varchar", name))


def _parts(kind: pa.DataType) -> tuple[str, str]:
    """Athena's and Hive's names of an Arrow type.

    Raises:
        UnsupportedSql: the type has no faithful text here.
    """
    if pa.types.is_decimal(kind):
        name = f"decimal({kind.precision},{kind.scale})"
        return name, name
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        athena, hive = _parts(kind.value_type)
        return f"array({athena})", f"array<{hive}>"
    if pa.types.is_timestamp(kind) and kind.tz is None:
        return "timestamp", "timestamp"
    for matches, athena, hive in _NAMES:
        if matches(kind):
            return athena, hive
    raise UnsupportedSql(feature=f"the type {kind}")


def athena_name(kind: pa.DataType) -> str:
    """The type as Athena's result metadata and views call it."""
    return _parts(kind)[0]


def hive_name(kind: pa.DataType) -> str:
    """The type as Glue columns call it."""
    return _parts(kind)[1]


def sql_type(kind: pa.DataType) -> exp.DataType | None:
    """The type as the translator sees it; None for what cannot be read here."""
    try:
        return exp.DataType.build(hive_name(kind), dialect="hive")
    except UnsupportedSql:
        return None


def text(value: Any) -> str | None:
    """A value as Athena writes it into results."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03}"
    if isinstance(value, list):
        return "[" + ", ".join("null" if each is None else str(text(each)) for each in value) + "]"
    return str(value)


def _double(value: float) -> str:
    """Java's text of a double: plain from 1e-3 to 1e7, else with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        digits = f"{decimal.Decimal(repr(value)):f}"
        return digits if "." in digits else f"{digits}.0"
    sign, numerals, exponent = decimal.Decimal(repr(value)).normalize().as_tuple()
    figures = "".join(map(str, numerals))
    power = int(exponent) + len(figures) - 1
    return f"{'-' if sign else ''}{figures[0]}.{figures[1:] or '0'}E{power}"
