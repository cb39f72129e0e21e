"""Which Trino functions are translated, and how.

`SAME` answers alike in both engines. `REWRITTEN` would not, and is replaced.
Every other function is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sqlglot import exp

from infra.local.errors import QueryFailed, UnsupportedSql

Rewrite = Callable[[exp.Expression], exp.Expression]

SAME: Final = frozenset(
    {
        exp.Abs, exp.And, exp.AnyValue, exp.Array, exp.ArrayAgg,
        exp.ArrayContains, exp.Case, exp.Ceil, exp.Coalesce, exp.Count, exp.CountIf,
        exp.CumeDist, exp.CurrentDate, exp.Day, exp.DayOfWeekIso, exp.DayOfYear,
        exp.DenseRank, exp.Exists, exp.Exp, exp.FirstValue, exp.Floor, exp.Greatest,
        exp.GroupConcat, exp.Hour, exp.If, exp.Lag, exp.LastValue, exp.Lead,
        exp.Least, exp.Length, exp.Ln, exp.LogicalAnd, exp.LogicalOr, exp.Lower, exp.Max,
        exp.Min, exp.Minute, exp.Month, exp.NthValue, exp.Ntile, exp.Nullif, exp.Or,
        exp.Pad, exp.PercentRank, exp.Pow, exp.Quarter, exp.Rank, exp.RegexpLike,
        exp.Replace, exp.Reverse, exp.Round, exp.RowNumber, exp.Second,
        exp.Split, exp.Sqrt, exp.StartsWith, exp.Stddev, exp.StddevPop, exp.StddevSamp,
        exp.StrPosition, exp.Trim, exp.Unnest, exp.Upper, exp.Variance, exp.VariancePop,
        exp.WeekOfYear, exp.Year,
    }
)  # fmt: skip

# Helpers a connection gets; DuckDB would answer null, or something else, there.
MACROS: Final = (
    "trino_int_div(a, b) AS CASE WHEN b = 0 THEN error('DIVISION_BY_ZERO: Division by zero') ELSE a // b END",
    "trino_int_mod(a, b) AS CASE WHEN b = 0 THEN error('DIVISION_BY_ZERO: Division by zero') ELSE a % b END",
    "trino_regexp_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END",
    "trino_split_part(s, d, n) AS CASE WHEN n <= len(string_split(s, d)) THEN split_part(s, d, n) END",
    "trino_subscript(l, i) AS CASE WHEN i BETWEEN 1 AND len(l) THEN l[i] WHEN l IS NULL OR i IS NULL"
    " THEN NULL ELSE error('INVALID_FUNCTION_ARGUMENT: Array subscript out of bounds') END",
    "trino_parsed(s, p, t) AS CASE WHEN s IS NULL OR regexp_full_match(s, p) THEN s"
    " ELSE error('INVALID_CAST_ARGUMENT: Cannot cast ''' || s || ''' to ' || t) END",
    "trino_parsed_or_null(s, p) AS CASE WHEN regexp_full_match(s, p) THEN s END",
)

_EXACT: Final = (*exp.DataType.INTEGER_TYPES, exp.DataType.Type.DECIMAL)
_REAL: Final = tuple(exp.DataType.FLOAT_TYPES)
_TEXT: Final = tuple(exp.DataType.TEXT_TYPES)
_INTEGER: Final = tuple(exp.DataType.INTEGER_TYPES)
_TEMPORAL: Final = (exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP)
_CALENDAR_UNITS: Final = {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY"}
_CLOCK_UNITS: Final = {"HOUR", "MINUTE", "SECOND", "MILLISECOND"}
_STRFTIME: Final = re.compile(r"(%[YmdHMSyjaAbB]|[^%])*")
_PARSERS: Final = (
    (_INTEGER, r"[+-]?[0-9]+"),
    ((exp.DataType.Type.DATE,), r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*"),
    (
        (exp.DataType.Type.TIMESTAMP,),
        r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?\s*",
    ),
    (_REAL, r"\s*([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|[+-]?Infinity)\s*"),
    ((exp.DataType.Type.DECIMAL,), r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"),
    ((exp.DataType.Type.BOOLEAN,), r"(?i)true|false|t|f|1|0"),
)


def is_type(node: exp.Expression | None, kinds: tuple[exp.DataType.Type, ...]) -> bool:
    """Whether the typed node is of one of these kinds."""
    return node is not None and node.type is not None and node.type.is_type(*kinds)


def is_text(node: exp.Expression | None) -> bool:
    """Whether the node is a varchar."""
    return is_type(node, _TEXT)


def is_number(node: exp.Expression | None) -> bool:
    """Whether the node is any number."""
    return is_type(node, (*_EXACT, *_REAL))


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _literal(node: exp.Expression | None, what: str) -> str:
    if not isinstance(node, exp.Literal):
        raise UnsupportedSql(feature=f"{what} that is not a literal")
    return str(node.this)


def _divide(node: exp.Expression) -> exp.Expression:
    left, right = node.this, node.expression
    if is_type(left, _INTEGER) and is_type(right, _INTEGER):
        return _call("trino_int_div", left, right)
    if is_number(left) and is_number(right) and (is_type(left, _REAL) or is_type(right, _REAL)):
        # Explicit, so that sqlglot adds nothing of its own around it.
        double = exp.DataType.build("double")
        return exp.Div(this=exp.cast(left, double), expression=exp.cast(right, double))
    raise UnsupportedSql(feature=f"the division {node.sql('athena')}", advice="cast one side to double")


def _modulo(node: exp.Expression) -> exp.Expression:
    if is_type(node.this, _INTEGER) and is_type(node.expression, _INTEGER):
        return _call("trino_int_mod", node.this, node.expression)
    raise UnsupportedSql(feature=f"the remainder {node.sql('athena')} of non-integers")


def _sum(node: exp.Expression) -> exp.Expression:
    """DuckDB sums integers into 128 bits; Trino stays at bigint and fails beyond."""
    return exp.cast(node.copy(), "BIGINT") if is_type(node.this, _INTEGER) else node


def _avg(node: exp.Expression) -> exp.Expression:
    argument = node.this.this if isinstance(node.this, exp.Distinct) else node.this
    if is_type(argument, (*_INTEGER, *_REAL)):
        return node
    raise UnsupportedSql(feature=f"{node.sql('athena')}", advice="cast its argument to double")


def _cast(node: exp.Expression) -> exp.Expression:
    source, target = node.this, node.args["to"]
    if target.is_type(*_TEXT):
        return _cast_to_text(node)
    pattern = next((pattern for kinds, pattern in _PARSERS if target.is_type(*kinds)), None)
    if pattern is None:
        raise UnsupportedSql(feature=f"a cast to {target.sql('athena')}")
    if is_text(source):
        node.set("this", _parsed(node, source, pattern, target))
    elif target.is_type(*_INTEGER) and is_type(source, (*_REAL, exp.DataType.Type.DECIMAL)):
        node.set("this", exp.Round(this=source))
    elif source.type is None or source.type.is_type("unknown"):
        raise UnsupportedSql(feature=f"{node.sql('athena')} of an unknown type")
    return node


def _parsed(node: exp.Expression, source: exp.Expression, pattern: str, target: exp.DataType) -> exp.Expression:
    """The text, once it is known to be what Trino reads: DuckDB reads more."""
    if isinstance(node, exp.TryCast):
        return _call("trino_parsed_or_null", source, exp.Literal.string(pattern))
    name = exp.Literal.string(target.sql("athena").lower())
    return _call("trino_parsed", source, exp.Literal.string(pattern), name)


def _cast_to_text(node: exp.Expression) -> exp.Expression:
    source, target = node.this, node.args["to"]
    plain = (*_EXACT, *_TEXT, exp.DataType.Type.DATE, exp.DataType.Type.BOOLEAN)
    if not is_type(source, plain) and not isinstance(source, exp.Null):
        raise UnsupportedSql(feature=f"{node.sql('athena')}: the text of that type")
    if not target.expressions:
        return node
    length = target.expressions[0].this
    return exp.Substring(this=exp.cast(source, "VARCHAR"), start=exp.Literal.number(1), length=length)


def _date_diff(node: exp.Expression) -> exp.Expression:
    """Trino counts whole units passed; DuckDB's date_diff counts boundaries crossed."""
    unit = node.args["unit"].name.upper()
    if unit not in _CALENDAR_UNITS | _CLOCK_UNITS:
        raise UnsupportedSql(feature=f"date_diff by {unit.lower()}")
    return _call("date_sub", exp.Literal.string(unit.lower()), node.expression, node.this)


def _same_type(node: exp.Expression) -> exp.Expression:
    """Keep a date a date: DuckDB makes a timestamp of date arithmetic."""
    argument = node.this
    if is_type(argument, (exp.DataType.Type.DATE,)):
        cast = exp.cast(node.copy(), "DATE")
        cast.type = exp.DataType.build("date")
        return cast
    if is_type(argument, (exp.DataType.Type.TIMESTAMP,)):
        return node
    raise UnsupportedSql(feature=f"{node.sql('athena')} of an unknown type")


def _arithmetic(node: exp.Expression) -> exp.Expression:
    """Trino adds intervals to dates, and numbers to numbers; DuckDB also days and texts."""
    operands = (node.this, node.expression)
    if isinstance(node.expression, exp.Interval) and not isinstance(node, exp.Mul):
        return _same_type(node)
    if any(is_type(each, _TEMPORAL) or isinstance(each, exp.Interval) for each in operands):
        raise UnsupportedSql(feature=f"{node.sql('athena')}", advice="use date_add or date_diff")
    if any(is_text(each) for each in operands):
        raise QueryFailed(code="TYPE_MISMATCH", reason=f"cannot calculate with a text: {node.sql('athena')}")
    return node


def _join_texts(node: exp.Expression) -> exp.Expression:
    for each in (node.this, node.expression):
        if is_number(each) or is_type(each, (*_TEMPORAL, exp.DataType.Type.BOOLEAN)):
            raise QueryFailed(code="TYPE_MISMATCH", reason=f"cannot join {each.type} by ||: cast it to varchar")
    return node


def _keeping_nulls(name: str) -> Rewrite:
    """max_by and min_by: DuckDB's own skip the rows whose wanted value is null."""
    return lambda node: _call(name, node.this, node.expression)


def _substring(node: exp.Expression) -> exp.Expression:
    start = node.args.get("start")
    if not isinstance(start, exp.Literal) or int(start.this) < 1:
        raise UnsupportedSql(feature="substr from a start that is not a literal of 1 or more")
    return node


def _concat(node: exp.Expression) -> exp.Expression:
    """DuckDB's concat skips nulls; `||` gives null, as Trino's concat does."""
    joined = node.expressions[0]
    for part in node.expressions[1:]:
        joined = exp.DPipe(this=joined, expression=part)
    return exp.paren(joined)


def _regexp_replace(node: exp.Expression) -> exp.Expression:
    replacement = node.args.get("replacement")
    text = _literal(replacement, "a regexp_replace replacement") if replacement else ""
    node.set("replacement", exp.Literal.string(re.sub(r"\$(\d)", r"\\\1", text)))
    return node


def _regexp_extract(node: exp.Expression) -> exp.Expression:
    group = node.args.get("group") or exp.Literal.number(0)
    return _call("trino_regexp_extract", node.this, node.expression, group)


def _split_part(node: exp.Expression) -> exp.Expression:
    arguments = (node.this, node.args["delimiter"], node.args["part_index"])
    return _call("trino_split_part", *arguments)


def _cardinality(node: exp.Expression) -> exp.Expression:
    return _call("len", node.this)


def _array_join(node: exp.Expression) -> exp.Expression:
    if not isinstance(node.this, exp.Expression) or node.args.get("null"):
        raise UnsupportedSql(feature="array_join with a replacement of nulls")
    return node


def _subscript(node: exp.Expression) -> exp.Expression:
    if node.args.get("safe"):
        raise UnsupportedSql(feature="element_at", advice="use array[index]")
    try:
        # sqlglot counts from 0 inside; Trino and the macro count from 1.
        position = int(node.expressions[0].sql()) + 1
    except ValueError as error:
        raise UnsupportedSql(feature="an array index that is not a literal") from error
    return _call("trino_subscript", node.this, exp.Literal.number(position))


def _date_format(node: exp.Expression) -> exp.Expression:
    if _STRFTIME.fullmatch(_literal(node.args["format"], "a date_format format")) is None:
        raise UnsupportedSql(feature=f"the format of {node.sql('athena')}")
    return node


def _extract(node: exp.Expression) -> exp.Expression:
    if node.this.name.upper() not in {"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}:
        raise UnsupportedSql(feature=f"extract of {node.this.name.lower()}")
    return node


def _ts_or_ds(node: exp.Expression) -> exp.Expression:
    """`date(x)`: a cast in other words."""
    return _cast(exp.Cast(this=node.this, to=exp.DataType.build("date")))


REWRITTEN: Final[dict[type[exp.Expression], Rewrite]] = {
    exp.Add: _arithmetic,
    exp.ArgMax: _keeping_nulls("arg_max_null"),
    exp.ArgMin: _keeping_nulls("arg_min_null"),
    exp.ArraySize: _cardinality,
    exp.ArrayToString: _array_join,
    exp.Avg: _avg,
    exp.Bracket: _subscript,
    exp.Cast: _cast,
    exp.Concat: _concat,
    exp.Date: _ts_or_ds,
    exp.DateAdd: _same_type,
    exp.DateDiff: _date_diff,
    exp.DateTrunc: _same_type,
    exp.Div: _divide,
    exp.DPipe: _join_texts,
    exp.Extract: _extract,
    exp.Mod: _modulo,
    exp.Mul: _arithmetic,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.SplitPart: _split_part,
    exp.StrToTime: _date_format,
    exp.Sub: _arithmetic,
    exp.Substring: _substring,
    exp.Sum: _sum,
    exp.TimeToStr: _date_format,
    exp.TimestampTrunc: _same_type,
    exp.TryCast: _cast,
}
