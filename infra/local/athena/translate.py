"""A query in Athena's SQL becomes a query in DuckDB's SQL, or is refused by name."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.errors import OptimizeError, SchemaError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from infra.local.athena.functions import REWRITTEN, SAME, is_number, is_text, is_type
from infra.local.errors import QueryFailed, UnsupportedSql

Schema = Mapping[str, Mapping[str, Mapping[str, exp.DataType]]]

# Grammar sqlglot or DuckDB would accept although Athena does not, or that
# means something else there.
_REFUSED_CLAUSES = {
    exp.Qualify: "QUALIFY",
    exp.Pivot: "PIVOT",
    exp.TableSample: "TABLESAMPLE",
    exp.MatchRecognize: "MATCH_RECOGNIZE",
    exp.Lateral: "LATERAL",
    exp.Lambda: "a lambda",
    exp.AtTimeZone: "AT TIME ZONE",
    exp.Struct: "a row",
    exp.Dot: "a field of a row",
    exp.ILike: "ILIKE",
    exp.Placeholder: "a ? without an execution parameter",
    exp.Parameter: "a parameter",
}
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Like, exp.NullSafeEQ, exp.NullSafeNEQ)
_TEMPORAL = (exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP)


def translate(query: exp.Query, schema: Schema, database: str) -> exp.Query:
    """Rewrite a parsed Athena query for DuckDB.

    Raises:
        QueryFailed: Athena would refuse it: an unknown column, mismatched types.
        UnsupportedSql: the answer could differ from Athena's.
    """
    _check_clauses(query)
    _name_columns(query)
    _type_decimals(query)
    catalog = MappingSchema(dict(schema), dialect="athena", normalize=False)
    try:
        # Trino knows no alias of a column in WHERE, GROUP BY and HAVING.
        typed = qualify(query, schema=catalog, dialect="athena", db=database, expand_alias_refs=False)
    except (OptimizeError, SchemaError) as error:
        raise QueryFailed(code="COLUMN_NOT_FOUND", reason=str(error)) from error
    typed = annotate_types(typed, schema=catalog, dialect="athena")
    for node in typed.find_all(*_COMPARISONS, exp.Between, exp.In):
        _check_comparison(node)
    return _rewrite(typed)


def _check_clauses(query: exp.Query) -> None:
    for node in query.walk():
        for kind, name in _REFUSED_CLAUSES.items():
            if isinstance(node, kind):
                raise UnsupportedSql(feature=name)
        if isinstance(node, exp.Star) and any(node.args.values()):
            raise UnsupportedSql(feature="* with EXCEPT, REPLACE or RENAME")
        if isinstance(node, exp.With) and node.args.get("recursive"):
            raise UnsupportedSql(feature="WITH RECURSIVE")
        if isinstance(node, exp.Distinct) and node.args.get("on"):
            raise UnsupportedSql(feature="DISTINCT ON")
        if isinstance(node, exp.Unnest) and (len(node.expressions) != 1 or node.args.get("offset")):
            raise UnsupportedSql(feature="UNNEST of several arrays or WITH ORDINALITY")
        if isinstance(node, exp.Func) and type(node) not in SAME and type(node) not in REWRITTEN:
            raise UnsupportedSql(feature=f"the function {_name(node)}")


def _name(node: exp.Func) -> str:
    name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
    return name.lower()


def _name_columns(query: exp.Query) -> None:
    """Give unnamed columns Athena's names: _col0, _col1."""
    for select in query.find_all(exp.Select):
        starred = False
        for position, column in enumerate(select.expressions):
            starred = starred or column.is_star
            if isinstance(column, exp.Alias | exp.Column | exp.Star):
                continue
            if starred:
                raise UnsupportedSql(feature="an unnamed column after *", advice="name it with AS")
            column.replace(exp.alias_(column.copy(), f"_col{position}"))


def _type_decimals(query: exp.Query) -> None:
    """Make 2.5 the decimal it is in Trino; sqlglot takes it for a double."""
    for literal in list(query.find_all(exp.Literal)):
        text = str(literal.this)
        if literal.is_string or "." not in text or "e" in text.lower():
            continue
        whole, fraction = text.split(".")
        precision = max(len(whole.lstrip("0")) + len(fraction), 1)
        literal.replace(exp.cast(literal.copy(), f"DECIMAL({precision}, {len(fraction)})"))


def _check_comparison(node: exp.Expression) -> None:
    """Trino compares no text with numbers or dates; DuckDB would convert."""
    if isinstance(node, exp.Between):
        others = [node.args["low"], node.args["high"]]
    elif isinstance(node, exp.In):
        others = node.expressions
    else:
        others = [node.expression]
    for other in others:
        for one, another in ((node.this, other), (other, node.this)):
            if is_text(one) and (is_number(another) or is_type(another, _TEMPORAL)):
                raise QueryFailed(
                    code="TYPE_MISMATCH",
                    reason=f"cannot compare {one.type} with {another.type}: {node.sql('athena')}",
                )


def _rewrite(query: exp.Query) -> exp.Query:
    """Apply the rewrites from the leaves up, so that each sees typed arguments."""
    for node in reversed(list(query.bfs())):
        rewrite = REWRITTEN.get(type(node))
        if rewrite is None or _is_decimal_literal(node):
            continue
        kind, replaced = node.type, rewrite(node)
        replaced.type = replaced.type or kind
        if replaced is not node:
            node.replace(replaced)
    return query


def _is_decimal_literal(node: exp.Expression) -> bool:
    """Whether the node is what `_type_decimals` made of a literal."""
    is_number = isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and not node.this.is_string
    return is_number and node.args["to"].is_type("decimal")
