"""Runs one Athena statement."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError

from infra.local.athena import views
from infra.local.athena.functions import MACROS
from infra.local.athena.tables import GlueTable, Lake, Relation
from infra.local.athena.translate import translate
from infra.local.athena.types import sql_type
from infra.local.errors import QueryFailed, UnsupportedSql

_NAME: Final = r'(?:["`]?(\w+)["`]?\.)?["`]?(\w+)["`]?'
_CREATE_VIEW: Final = re.compile(rf"CREATE\s+(OR\s+REPLACE\s+)?VIEW\s+{_NAME}\s+AS\s+(.+)", re.I | re.S)
_DROP_VIEW: Final = re.compile(rf"DROP\s+VIEW\s+(IF\s+EXISTS\s+)?{_NAME}", re.I)
_CREATE_TABLE: Final = re.compile(
    rf"CREATE\s+TABLE\s+{_NAME}\s+(?:WITH\s*\((.*?)\)\s+)?AS\s+((?:SELECT|WITH|\().+)", re.I | re.S
)
_SHOW_TABLES: Final = re.compile(r"SHOW\s+TABLES(?:\s+IN\s+[\"`]?(\w+)[\"`]?)?(?:\s+'([^']*)')?", re.I)
_PROPERTY: Final = re.compile(r"(\w+)\s*=\s*(?:'([^']*)'|(\w+))")
_DEEPEST_VIEW: Final = 20


@dataclass(frozen=True)
class Statement:
    """What StartQueryExecution was given."""

    sql: str
    database: str
    parameters: tuple[str, ...]
    table_location: str


class Engine:
    """Athena's statements on the tables of a lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._statements: tuple[tuple[re.Pattern[str], Callable[..., pa.Table]], ...] = (
            (_CREATE_VIEW, self._create_view),
            (_DROP_VIEW, self._drop_view),
            (_CREATE_TABLE, self._create_table),
            (_SHOW_TABLES, self._show_tables),
        )

    def run(self, statement: Statement) -> pa.Table:
        """The statement's rows; none for DDL.

        Raises:
            QueryFailed: Athena would fail it.
            UnsupportedSql: the local stack cannot answer as Athena would.
        """
        sql = statement.sql.strip().rstrip(";").strip()
        for pattern, run in self._statements:
            if match := pattern.fullmatch(sql):
                return run(statement, match)
        return self._select(sql, statement.database, statement.parameters)

    def _select(self, sql: str, database: str, parameters: Sequence[str] = ()) -> pa.Table:
        query = _parse(sql)
        _fill_parameters(query, parameters)
        with duckdb.connect() as connection:
            _prepare(connection)
            text = _Binder(self._lake, connection).bind(query, database)
            try:
                return connection.execute(text).to_arrow_table()
            except duckdb.Error as error:
                raise _failure(error) from error

    def _create_view(self, statement: Statement, match: re.Match[str]) -> pa.Table:
        replace, database, name, sql = match.groups()
        database, name = (database or statement.database).lower(), name.lower()
        existing = self._lake.find(database, name)
        if existing is not None and not (replace and views.is_view(existing)):
            raise QueryFailed(code="ALREADY_EXISTS", reason=f"'{database}.{name}' already exists")
        columns = self._select(f"SELECT * FROM ({sql}) AS v LIMIT 0", database).schema
        write = self._lake.glue.update_table if existing else self._lake.glue.create_table
        write(DatabaseName=database, TableInput=views.table_input(database, name, sql, columns))
        return pa.table({})

    def _drop_view(self, statement: Statement, match: re.Match[str]) -> pa.Table:
        lenient, database, name = match.groups()
        database, name = (database or statement.database).lower(), name.lower()
        existing = self._lake.find(database, name)
        if existing is not None and views.is_view(existing):
            self._lake.glue.delete_table(DatabaseName=database, Name=name)
        elif existing is not None or not lenient:
            raise QueryFailed(code="TABLE_NOT_FOUND", reason=f"View '{database}.{name}' does not exist")
        return pa.table({})

    def _create_table(self, statement: Statement, match: re.Match[str]) -> pa.Table:
        database, name, options, sql = match.groups()
        database, name = (database or statement.database).lower(), name.lower()
        if self._lake.find(database, name) is not None:
            raise QueryFailed(code="TABLE_ALREADY_EXISTS", reason=f"'{database}.{name}' already exists")
        location = _table_location(options or "") or statement.table_location
        if self._lake.has_files(location):
            raise QueryFailed(code="HIVE_PATH_ALREADY_EXISTS", reason=f"{location} is not empty")
        rows = self._select(sql, statement.database, statement.parameters)
        self._lake.write_parquet_table(database, name, location, rows)
        return pa.table({})

    def _show_tables(self, statement: Statement, match: re.Match[str]) -> pa.Table:
        database, pattern = match.groups()
        names = self._lake.names((database or statement.database).lower())
        # Hive's pattern: * is any text, | separates alternatives.
        wanted = re.compile((pattern or "*").replace("*", ".*"))
        return pa.table({"tab_name": [each for each in names if wanted.fullmatch(each)]})


class _Binder:
    """Connects the names of one query with views and relations."""

    def __init__(self, lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
        self._lake, self._connection = lake, connection
        self._relations: dict[tuple[str, str], Relation] = {}

    def bind(self, query: exp.Query, database: str) -> str:
        """The DuckDB text of the query; its tables are registered."""
        self._resolve(query, database.lower(), depth=0)
        schema: dict[str, dict[str, dict[str, exp.DataType]]] = {}
        for (owner, name), relation in self._relations.items():
            known = {column: sql_type(kind) for column, kind in relation.columns.items() if kind}
            schema.setdefault(owner, {})[name] = {column: kind for column, kind in known.items() if kind is not None}
        translated = translate(query, schema, database.lower())
        used = {column.name for column in translated.find_all(exp.Column)}
        for number, (key, relation) in enumerate(self._relations.items()):
            readable = list(schema[key[0]][key[1]])
            columns = [column for column in readable if column in used] or readable[:1]
            self._connection.register(f"relation_{number}", relation.open(columns))
            for table in translated.find_all(exp.Table):
                if (table.db, table.name) == key:
                    table.set("db", None)
                    table.set("this", exp.to_identifier(f"relation_{number}", quoted=True))
        return _duckdb_text(translated)

    def _resolve(self, query: exp.Query, database: str, depth: int) -> None:
        """Qualify every table; put views in as sub-queries."""
        if depth > _DEEPEST_VIEW:
            raise QueryFailed(code="VIEW_IS_RECURSIVE", reason="views nest too deeply")
        for table in list(query.find_all(exp.Table)):
            if _is_cte(table):
                continue
            owner, name = self._address(table, database)
            entry = self._lake.find(owner, name)
            if entry is None:
                raise QueryFailed(
                    code="TABLE_NOT_FOUND",
                    reason=f"Table 'awsdatacatalog.{owner}.{name}' does not exist",
                )
            alias = table.alias or name
            if views.is_view(entry):
                table.replace(self._view(entry, alias, depth))
            else:
                self._keep(entry, table, alias)

    def _view(self, entry: GlueTable, alias: str, depth: int) -> exp.Subquery:
        sql, database = views.stored_query(entry)
        inner = _parse(sql)
        self._resolve(inner, database.lower(), depth + 1)
        return exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(alias)))

    def _keep(self, entry: GlueTable, table: exp.Table, alias: str) -> None:
        owner, name = entry["DatabaseName"], entry["Name"]
        if (owner, name) not in self._relations:
            self._relations[owner, name] = self._lake.relation(entry)
        table.set("catalog", None)
        table.set("db", exp.to_identifier(owner))
        table.set("this", exp.to_identifier(name))
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))

    @staticmethod
    def _address(table: exp.Table, database: str) -> tuple[str, str]:
        name = table.name.lower()
        owner = (table.db or database).lower()
        if not isinstance(table.this, exp.Identifier):
            raise UnsupportedSql(feature=f"the table function {table.this.sql('athena')}")
        if table.catalog and table.catalog.lower() != "awsdatacatalog":
            raise UnsupportedSql(feature=f"the catalog {table.catalog}")
        if "$" in name or owner == "information_schema":
            raise UnsupportedSql(feature=f"the metadata table {owner}.{name}")
        if table.args.get("version") or table.args.get("when"):
            raise UnsupportedSql(feature="FOR VERSION or TIMESTAMP AS OF")
        return owner, name


def _duckdb_text(query: exp.Query) -> str:
    try:
        return query.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise UnsupportedSql(feature=str(error).splitlines()[0]) from error


def _is_cte(table: exp.Table) -> bool:
    """Whether the name is that of a WITH query around it."""
    node = table.parent
    while node is not None and not table.db:
        if isinstance(node, exp.Query) and any(each.alias.lower() == table.name.lower() for each in node.ctes):
            return True
        node = node.parent
    return False


def _parse(sql: str) -> exp.Query:
    try:
        statements = sqlglot.parse(sql, read="athena")
    except SqlglotError as error:
        raise QueryFailed(code="SYNTAX_ERROR", reason=str(error).splitlines()[0]) from error
    if len(statements) != 1:
        raise QueryFailed(code="SYNTAX_ERROR", reason="only one statement is allowed")
    query = statements[0]
    if isinstance(query, exp.Query) and not isinstance(query, exp.Table):
        return query
    raise UnsupportedSql(feature=f"the statement {' '.join(sql.split()[:3])}")


def _fill_parameters(query: exp.Query, parameters: Sequence[str]) -> None:
    """Put execution parameters, SQL literals, in the place of the ? marks."""
    marks = [node for node in query.dfs() if isinstance(node, exp.Placeholder)]
    if len(marks) != len(parameters):
        raise QueryFailed(
            code="INVALID_PARAMETER_USAGE",
            reason=f"{len(marks)} parameters in the query, {len(parameters)} given",
        )
    for mark, parameter in zip(marks, parameters, strict=True):
        value = sqlglot.parse_one(parameter, read="athena")
        if not isinstance(value, exp.Literal | exp.Boolean | exp.Null | exp.Cast | exp.Neg):
            raise UnsupportedSql(feature=f"the parameter {parameter!r}", advice="give a literal")
        mark.replace(value)


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET default_null_order = 'nulls_last'")
    for macro in MACROS:
        connection.execute(f"CREATE MACRO {macro}")


def _failure(error: duckdb.Error) -> QueryFailed:
    """DuckDB's error; those our macros raise carry Trino's name already."""
    message = str(error).splitlines()[0].removeprefix("Invalid Input Error: ")
    code, separator, reason = message.partition(": ")
    if separator and code.isupper() and " " not in code:
        return QueryFailed(code=code, reason=reason)
    return QueryFailed(code="GENERIC_USER_ERROR", reason=message)


def _table_location(options: str) -> str | None:
    """The external_location of CREATE TABLE AS; other options are refused."""
    location = None
    properties = {name.lower(): quoted or bare for name, quoted, bare in _PROPERTY.findall(options)}
    for name, value in properties.items():
        if name == "external_location":
            location = value
        elif (name, value.upper()) != ("format", "PARQUET"):
            raise UnsupportedSql(feature=f"CREATE TABLE AS with {name}")
    if options.strip() and not properties:
        raise UnsupportedSql(feature=f"CREATE TABLE AS with {options.strip()}")
    return location
