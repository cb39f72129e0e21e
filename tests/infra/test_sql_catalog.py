"""Every SQL file: grammatical, true to the schemas, and deployed as Athena writes views itself."""

import base64
import json

import pytest
import sqlglot
from fivetier.domain.tables import ALL_TABLES
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from infra.settings import ROOT
from infra.sql.catalog import NAMED_QUERIES, VIEWS, NamedQuery, View
from tests.infra.assembly import Assembly
from tests.infra.lake_sql import Lake

SQL = ROOT / "infra" / "sql"
EVERY = [*VIEWS, *NAMED_QUERIES]
_SQL_TYPES = {
    "text": "VARCHAR",
    "int": "INT",
    "bigint": "BIGINT",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "bool": "BOOLEAN",
}
_DUCKDB = {"text": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "date": "DATE", "bool": "BOOLEAN"}
#: What sqlglot translates from Athena to DuckDB without a difference (EXPERIMENTS C); anything else needs a look there.
EXACT_FUNCTIONS = {
    exp.Case,
    exp.If,
    exp.Cast,
    exp.Count,
    exp.CurrentDate,
    exp.Lead,
    exp.Min,
    exp.RowNumber,
    exp.SplitPart,
    exp.And,
    exp.Or,
}


def _schema() -> dict[str, dict[str, str]]:
    tables = {table.name: {c.name: _SQL_TYPES[c.type] for c in table.columns} for table in ALL_TABLES}
    views = {view.name: {c.name: _SQL_TYPES[c.type] for c in view.columns} for view in VIEWS}
    return tables | views


def test_every_file_is_in_the_catalog() -> None:
    assert {file.stem for file in SQL.glob("*.sql")} == {view.name for view in VIEWS}
    assert {file.stem for file in (SQL / "named").glob("*.sql")} == {query.name for query in NAMED_QUERIES}


@pytest.mark.parametrize("source", EVERY, ids=lambda source: source.name)
def test_it_is_one_select_that_names_only_columns_there_are(source: View | NamedQuery) -> None:
    (statement,) = sqlglot.parse(source.sql, read="athena")
    assert isinstance(statement, exp.Select)
    qualified = qualify(statement, schema=_schema(), dialect="athena", validate_qualify_columns=True)
    assert qualified.named_selects
    known = _schema().keys() | {cte.alias for cte in statement.find_all(exp.CTE)}
    assert {table.name for table in statement.find_all(exp.Table)} <= known


@pytest.mark.parametrize("source", EVERY, ids=lambda source: source.name)
def test_it_uses_only_what_is_translated_exactly(source: View | NamedQuery) -> None:
    (statement,) = sqlglot.parse(source.sql, read="athena")
    assert {type(function) for function in statement.find_all(exp.Func)} <= EXACT_FUNCTIONS


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_shows_published_rows_only(view: View) -> None:
    """Whatever rows a view reads are joined with a publication, or are found through rows that are."""
    (statement,) = sqlglot.parse(view.sql, read="athena")
    for select in statement.find_all(exp.Select):
        tables = {table.name for table in select.find_all(exp.Table) if table.find_ancestor(exp.Select) is select}
        assert "hierarchy_node" not in tables or tables & {"release", "release_month"}


def test_only_the_views_of_months_show_history() -> None:
    of_months = {view.name for view in VIEWS if "release_month" in view.sql}
    assert of_months == {"v_release_month", "v_hierarchy_month"}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_declared_columns_are_what_the_select_gives(view: View) -> None:
    found = Lake().types(view.name)
    assert list(found) == [column.name for column in view.columns]
    for column in view.columns:
        # Athena's own views of Iceberg times keep milliseconds.
        expected = "TIMESTAMP_MS" if column.type == "timestamp" else _DUCKDB[column.type]
        assert found[column.name] == expected, column.name


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_column_says_what_it_means(view: View) -> None:
    assert all(column.meaning for column in view.columns)


@pytest.mark.parametrize("query", NAMED_QUERIES, ids=lambda query: query.name)
def test_a_named_query_runs_before_anything_is_published(query: NamedQuery) -> None:
    assert Lake().query(query.sql) == []


def test_views_are_deployed_as_athena_keeps_them(assembly: Assembly) -> None:
    deployed = {p["TableInput"]["Name"]: p for p in assembly.of_type("AWS::Glue::Table").values()}
    assert set(deployed) == {view.name for view in VIEWS}
    for view in VIEWS:
        table = deployed[view.name]["TableInput"]
        assert deployed[view.name]["DatabaseName"] == "fivetier_prod"
        assert table["TableType"] == "VIRTUAL_VIEW"
        assert table["Parameters"]["presto_view"] == "true"
        assert table["ViewExpandedText"] == "/* Presto View */"
        text = table["ViewOriginalText"]
        assert text.startswith("/* Presto View: ")
        content = json.loads(base64.b64decode(text.removeprefix("/* Presto View: ").removesuffix(" */")))
        assert content["originalSql"] == view.sql
        assert (content["catalog"], content["schema"]) == ("awsdatacatalog", "fivetier_prod")
        names = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
        assert names == [column["name"] for column in content["columns"]] == [c.name for c in view.columns]
        hive = {column["Type"] for column in table["StorageDescriptor"]["Columns"]}
        presto = {column["type"] for column in content["columns"]}
        assert hive <= {"string", "int", "date", "timestamp"}
        assert presto <= {"varchar", "integer", "date", "timestamp(3)"}


def test_each_workgroup_enforces_its_own_encrypted_place(assembly: Assembly) -> None:
    groups = assembly.by_name("AWS::Athena::WorkGroup", "Name")
    assert set(groups) == {"production", "staging"}
    for kind, group in groups.items():
        configuration = group["WorkGroupConfiguration"]
        assert configuration["EnforceWorkGroupConfiguration"] is True
        assert configuration["EngineVersion"] == {"SelectedEngineVersion": "Athena engine version 3"}
        assert configuration["BytesScannedCutoffPerQuery"] == 1000 * 1024**3
        result = configuration["ResultConfiguration"]
        assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
        assert f"/{kind}/" in json.dumps(result["OutputLocation"])


def test_named_queries_lie_in_the_production_workgroup(assembly: Assembly) -> None:
    deployed = {p["Name"]: p for p in assembly.of_type("AWS::Athena::NamedQuery").values()}
    assert set(deployed) == {query.name for query in NAMED_QUERIES}
    for query in NAMED_QUERIES:
        assert deployed[query.name]["QueryString"] == query.sql
        assert deployed[query.name]["WorkGroup"] == "fivetier-prod-production"
        assert deployed[query.name]["Database"] == "fivetier_prod"
