"""Athena SQL gives Athena's answer, or is refused by name.

Expected values come from the Trino documentation, https://trino.io/docs/current/functions.html,
which https://docs.aws.amazon.com/athena/latest/ug/functions.html refers to. No stack is needed:
the engine runs on a lake without tables.
"""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.athena.engine import Engine, Statement
from infra.local.athena.types import text
from infra.local.errors import QueryFailed, UnsupportedSql


class EmptyLake:
    """A catalog without tables."""

    def find(self, database: str, name: str) -> None:
        return None

    def names(self, database: str) -> list[str]:
        return []


def run(sql: str, *parameters: str) -> list[tuple[str | None, ...]]:
    engine = Engine(EmptyLake())  # type: ignore[arg-type]
    table = engine.run(Statement(sql=sql, database="db", parameters=parameters, table_location="s3://b/t"))
    columns: list[list[Any]] = [column.to_pylist() for column in table.columns]
    return [tuple(text(value) for value in row) for row in zip(*columns, strict=True)]


VALUES = {
    "7 / 2": "3",
    "-7 / 2": "-3",
    "-7 % 3": "-1",
    "7 / 2.0e0": "3.5",
    "1e0 / 0": "Infinity",
    "cast(2.5 as integer)": "3",
    "cast(2.5e0 as integer)": "3",
    "cast(-2.5e0 as bigint)": "-3",
    "cast('12' as integer)": "12",
    "try_cast('1.5' as integer)": None,
    "try_cast('2020/01/01' as date)": None,
    "try_cast('2020-01-01T10:00:00' as timestamp)": None,
    "cast('2020-01-01 10:00:00' as timestamp)": "2020-01-01 10:00:00.000",
    "cast(1.50 as varchar)": "1.50",
    "cast('abcdef' as varchar(3))": "abc",
    "cast(date '2020-01-01' as varchar)": "2020-01-01",
    "date_diff('month', date '2020-01-31', date '2020-02-29')": "1",
    "date_diff('month', date '2020-01-15', date '2020-02-14')": "0",
    "date_diff('year', date '2020-06-01', date '2021-05-31')": "0",
    "date_diff('hour', timestamp '2020-01-01 00:59:00', timestamp '2020-01-01 01:01:00')": "0",
    "date_diff('day', date '2020-01-01', date '2020-03-01')": "60",
    "date_add('month', 1, date '2020-01-31')": "2020-02-29",
    "date '2020-01-31' + interval '1' month": "2020-02-29",
    "date_trunc('month', date '2020-01-31')": "2020-01-01",
    "date_trunc('hour', timestamp '2020-01-01 10:59:00')": "2020-01-01 10:00:00.000",
    "day_of_week(date '2020-01-05')": "7",
    "extract(year from date '2020-01-05')": "2020",
    "date_format(timestamp '2020-01-05 03:04:05', '%Y-%m-%d %H:%i')": "2020-01-05 03:04",
    "concat('a', null)": None,
    "concat('a', 'b', 'c')": "abc",
    "'a' || 'b'": "ab",
    "greatest(1, null)": None,
    "substr('abcdef', 2, 3)": "bcd",
    "split_part('a-b', '-', 2)": "b",
    "split_part('a-b', '-', 5)": None,
    "regexp_replace('2020-01', '(\\d+)-(\\d+)', '$2/$1')": "01/2020",
    "regexp_replace('aaa', 'a', 'b')": "bbb",
    "regexp_extract('x12', '[0-9]+')": "12",
    "regexp_extract('x', '[0-9]+')": None,
    "regexp_like('abc', 'b')": "true",
    "array['a', 'b'][2]": "b",
    "cardinality(array[1, 2])": "2",
    "contains(array[1, 2], 2)": "true",
    "array_join(array['a', 'b'], ',')": "a,b",
    "array['a', null]": "[a, null]",
    "coalesce(null, 1)": "1",
    "if(1 = 2, 'a', 'b')": "b",
    "upper('a')": "A",
    "lpad('1', 3, '0')": "001",
    "round(2.5)": "3",
    "1e10": "1.0E10",
    "0.0001e0": "1.0E-4",
    "123456.5e0": "123456.5",
    "true": "true",
    "count(*) filter (where x > 1)": "2",
    "sum(x)": "6",
    "avg(x)": "2.0",
    "max_by(s, x)": "c",
    "max_by(nullif(s, 'c'), x)": None,
    "count(distinct s)": "3",
    "array_agg(x order by x desc)": "[3, 2, 1]",
    "listagg(s, ',') within group (order by s)": "a,b,c",
}
AGGREGATES = ("count(", "sum(", "avg(", "max_by(", "array_agg(", "listagg(")


@pytest.mark.parametrize("expression", VALUES)
def test_an_expression_has_trinos_value(expression: str) -> None:
    source = "" if not expression.startswith(AGGREGATES) else ROWS
    assert run(f"SELECT {expression} AS v{source}") == [(VALUES[expression],)]


ROWS = " FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) AS t (x, s)"
FAILS = {
    "1 / 0": "DIVISION_BY_ZERO",
    "1 % 0": "DIVISION_BY_ZERO",
    "cast('1.5' as integer)": "INVALID_CAST_ARGUMENT",
    "cast('2020-01-01T10:00:00' as timestamp)": "INVALID_CAST_ARGUMENT",
    "cast('2020/01/01' as date)": "INVALID_CAST_ARGUMENT",
    "array[1, 2][3]": "INVALID_FUNCTION_ARGUMENT",
    "array[1, 2][-1]": "INVALID_FUNCTION_ARGUMENT",
    "array[1, 2][0]": "INVALID_FUNCTION_ARGUMENT",
    "'1' = 1": "TYPE_MISMATCH",
    "date '2020-01-01' = '2020-01-01'": "TYPE_MISMATCH",
    "1 between '0' and '2'": "TYPE_MISMATCH",
    "'1' + 1": "TYPE_MISMATCH",
    "1 || 'a'": "TYPE_MISMATCH",
    "no_such_column": "COLUMN_NOT_FOUND",
    "from from": "SYNTAX_ERROR",
}


@pytest.mark.parametrize("expression", FAILS)
def test_what_trino_fails_fails_with_its_name(expression: str) -> None:
    with pytest.raises(QueryFailed) as failed:
        run(f"SELECT {expression} AS v")
    assert failed.value.code == FAILS[expression]


REFUSED = {
    "SELECT 7.0 / 2": "the division",
    "SELECT 100.0 * x / 3 FROM (VALUES 1) AS t (x)": "the division",
    "SELECT avg(1.5)": "AVG",
    "SELECT 7.5 % 2": "the remainder",
    "SELECT format('%s', 1)": "the function format",
    "SELECT approx_distinct(1)": "the function approx_distinct",
    "SELECT json_extract_scalar('{}', '$.a')": "the function json_extract_scalar",
    "SELECT no_such_function(1)": "the function no_such_function",
    "SELECT current_timestamp": "the function current_timestamp",
    "SELECT element_at(array[1], 1)": "element_at",
    "SELECT transform(array[1], x -> x)": "the function transform",
    "SELECT substr('abc', 0)": "substr",
    "SELECT date '2020-01-02' - date '2020-01-01'": "use date_add or date_diff",
    "SELECT date '2020-01-02' + 1": "use date_add or date_diff",
    "SELECT array[1][x] FROM (VALUES 1) AS t (x)": "an array index",
    "SELECT cast(1.5e0 as varchar)": "the text of that type",
    "SELECT cast('{}' as json)": "a cast to JSON",
    "SELECT date_format(timestamp '2020-01-01 00:00:00', '%v')": "the format",
    'SELECT * FROM db."t$snapshots"': "the metadata table",
    "SELECT * FROM information_schema.tables": "the metadata table",
    "SELECT * FROM t FOR VERSION AS OF 1": "FOR VERSION",
    "SELECT * FROM UNNEST(array[1], array[2]) AS u (a, b)": "UNNEST of several arrays",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r": "WITH RECURSIVE",
    "INSERT INTO t VALUES (1)": "INSERT INTO t",
    "DELETE FROM t": "DELETE FROM t",
    "MSCK REPAIR TABLE t": "MSCK REPAIR TABLE",
    "UNLOAD (SELECT 1) TO 's3://b/k'": "UNLOAD",
    "EXPLAIN SELECT 1": "EXPLAIN SELECT 1",
    "SHOW PARTITIONS t": "SHOW PARTITIONS t",
    "CREATE TABLE n WITH (table_type = 'ICEBERG') AS SELECT 1 AS x": "CREATE TABLE AS with table_type",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_could_differ_is_refused_by_name(sql: str) -> None:
    lake = EmptyLake()
    lake.has_files = lambda location: False  # type: ignore[attr-defined]
    engine = Engine(lake)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedSql) as refused:
        engine.run(Statement(sql=sql, database="db", parameters=(), table_location="s3://b/t"))
    assert REFUSED[sql] in str(refused.value)


def test_unnamed_columns_are_named_as_athena_names_them() -> None:
    engine = Engine(EmptyLake())  # type: ignore[arg-type]
    sql = "SELECT 1, 2 AS two, max(3)"
    table = engine.run(Statement(sql=sql, database="db", parameters=(), table_location=""))
    assert table.column_names == ["_col0", "two", "_col2"]


def test_nulls_come_last_either_way() -> None:
    rows = "FROM (VALUES 2, NULL, 1) AS t (x)"
    assert run(f"SELECT x {rows} ORDER BY x") == [("1",), ("2",), (None,)]
    assert run(f"SELECT x {rows} ORDER BY x DESC") == [("2",), ("1",), (None,)]


def test_a_cte_a_join_and_a_window() -> None:
    sql = """
        WITH a AS (SELECT * FROM (VALUES (1, 'x'), (2, 'y')) AS t (k, v)),
             b AS (SELECT * FROM (VALUES (1, 10), (1, 20)) AS t (k, n))
        SELECT a.v, b.n, row_number() OVER (PARTITION BY a.k ORDER BY b.n DESC) AS rank
        FROM a LEFT JOIN b ON a.k = b.k ORDER BY a.v, rank
    """
    assert run(sql) == [("x", "20", "1"), ("x", "10", "2"), ("y", None, "1")]


def test_execution_parameters_fill_the_marks_in_order() -> None:
    """https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html."""
    assert run("SELECT ? AS a, ? AS b", "'x''y'", "2") == [("x'y", "2")]
    with pytest.raises(QueryFailed, match="INVALID_PARAMETER_USAGE"):
        run("SELECT ? AS a")


def test_an_array_is_unnested() -> None:
    sql = "SELECT t.k, u.v FROM (VALUES (1, ARRAY['a', 'b'])) AS t (k, l) CROSS JOIN UNNEST(l) AS u (v)"
    assert run(sql) == [("1", "a"), ("1", "b")]


def test_an_integer_sum_beyond_bigint_fails() -> None:
    with pytest.raises(QueryFailed):
        run("SELECT sum(x) AS s FROM (VALUES 9223372036854775807, 1) AS t (x)")


def test_an_alias_orders_but_does_not_filter_or_group() -> None:
    """https://trino.io/docs/current/sql/select.html."""
    rows = "FROM (VALUES 2, 1) AS t (x)"
    assert run(f"SELECT x + 1 AS y {rows} ORDER BY y") == [("2",), ("3",)]
    assert run(f"SELECT x AS y, count(*) AS n {rows} GROUP BY 1 ORDER BY 1") == [("1", "1"), ("2", "1")]
    for clause in ("WHERE y > 1", "GROUP BY y"):
        with pytest.raises(QueryFailed, match="COLUMN_NOT_FOUND"):
            run(f"SELECT x AS y {rows} {clause}")
