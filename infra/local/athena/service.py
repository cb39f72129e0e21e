"""Puts the engine behind ministack's Athena calls."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ministack.core.responses import error_response_json
from ministack.services import athena, s3

from infra.local.errors import QueryFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from infra.local.athena.engine import Engine

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

_LOG = logging.getLogger(__name__)
# ministack's own DDL is kept for these two: it only writes to Glue.
_CATALOG_DDL: Final = re.compile(r"\s*(CREATE\s+EXTERNAL\s+TABLE|DROP\s+TABLE)\s", re.I)
_PRECISION: Final = re.compile(r"decimal\((\d+),(\d+)\)")


@dataclass(frozen=True)
class QueryResult:
    """A statement's rows as texts, and what they took."""

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    scanned_bytes: int


_NO_ROWS: Final = QueryResult([], [], [], 0)


class AthenaService:
    """The Athena calls whose answer differs from ministack's own."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._start: Callable[[Request], Response] = athena._start_query_execution
        self._results: Callable[[Request], Response] = athena._get_query_results
        self._workgroup: Callable[[Request], Response] = athena._get_workgroup
        self._parse_ddl: Callable[[str], Any] = athena._parse_ddl
        self._precision: Callable[[str], tuple[int, int]] = athena._type_precision_scale

    def start_query_execution(self, request: Request) -> Response:
        """StartQueryExecution: the workgroup may enforce where results go."""
        name = request.get("WorkGroup", "primary")
        workgroup = athena._workgroups.get(name)
        if workgroup is None or workgroup.get("State") != "ENABLED":
            response: Response = error_response_json(
                "InvalidRequestException", f"WorkGroup {name} is not found or disabled.", 400
            )
            return response
        configuration = workgroup.get("Configuration", {})
        if configuration.get("EnforceWorkGroupConfiguration"):
            request = {key: value for key, value in request.items() if key != "ResultConfiguration"}
        answer = self._start(request)
        if answer[0] == 200:
            query_id = json.loads(answer[2])["QueryExecutionId"]
            self._complete(athena._executions[query_id], request)
        return answer

    @staticmethod
    def _complete(execution: dict[str, Any], request: Request) -> None:
        """What ministack leaves out of a new execution."""
        query_id = execution["QueryExecutionId"]
        location = execution["ResultConfiguration"]["OutputLocation"].removesuffix(f"{query_id}.csv")
        suffix = "csv" if execution["StatementType"] == "DML" else "txt"
        target = f"{location.rstrip('/')}/{query_id}.{suffix}"
        execution["ResultConfiguration"]["OutputLocation"] = target
        if request.get("ExecutionParameters"):
            execution["ExecutionParameters"] = request["ExecutionParameters"]

    async def execute_query(
        self, query_id: str, query: str, database: str, ddl: Any, catalog: str | None = None
    ) -> None:
        """Stand-in for `athena._execute_query`: run and record how it ended."""
        execution = athena._executions[query_id]
        execution["Status"]["State"] = "RUNNING"
        started = time.monotonic()
        try:
            if ddl is not None:
                athena._run_ddl(ddl, database)
                result = _NO_ROWS
            else:
                result = await asyncio.to_thread(self._run, execution, database)
            self._succeed(execution, result, started)
        except (QueryFailed, ValueError) as error:
            _fail(execution, str(error))
        # The edge of the service: an unforeseen fault fails this query, by its name.
        except Exception as error:  # noqa: BLE001
            _LOG.exception("query %s broke the engine", query_id)
            _fail(execution, f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}")
        execution["Status"]["CompletionDateTime"] = time.time()

    def _run(self, execution: dict[str, Any], database: str) -> QueryResult:
        """Run the statement; called off the event loop."""
        from infra.local.athena.engine import Statement
        from infra.local.athena.types import athena_name, text

        folder, _, file = execution["ResultConfiguration"]["OutputLocation"].rpartition("/")
        statement = Statement(
            sql=execution["Query"],
            database=database or "default",
            parameters=tuple(execution.get("ExecutionParameters", ())),
            table_location=f"{folder}/tables/{file.partition('.')[0]}",
        )
        table: pa.Table = self._engine().run(statement)
        return QueryResult(
            columns=table.column_names,
            types=[athena_name(each.type) for each in table.schema],
            rows=[
                [text(value) for value in row]
                for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
            ],
            scanned_bytes=table.nbytes,
        )

    @staticmethod
    def _succeed(execution: dict[str, Any], result: QueryResult, started: float) -> None:
        if execution["Status"]["State"] == "CANCELLED":
            return
        execution["_results"] = {"columns": result.columns, "rows": result.rows}
        execution["_column_types"] = result.types
        elapsed = int((time.monotonic() - started) * 1000)
        execution["Statistics"]["EngineExecutionTimeInMillis"] = elapsed
        execution["Statistics"]["TotalExecutionTimeInMillis"] = elapsed
        execution["Statistics"]["DataScannedInBytes"] = result.scanned_bytes
        _save(execution["ResultConfiguration"]["OutputLocation"], result.columns, result.rows)
        execution["Status"]["State"] = "SUCCEEDED"

    def get_work_group(self, request: Request) -> Response:
        """GetWorkGroup: with the settings every workgroup of AWS has."""
        workgroup = athena._workgroups.get(request.get("WorkGroup"))
        if workgroup is not None:
            configuration = workgroup.setdefault("Configuration", {})
            configuration.setdefault("EnforceWorkGroupConfiguration", False)
            configuration.setdefault("ResultConfiguration", {})
        return self._workgroup(request)

    def get_query_results(self, request: Request) -> Response:
        """GetQueryResults: types without their parameters, as Athena gives them."""
        status, headers, body = self._results(request)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        for column in answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]:
            column["Type"] = column["Type"].split("(")[0]
        return status, headers, json.dumps(answer).encode()

    def parse_ddl(self, query: str) -> Any:
        """Stand-in for `athena._parse_ddl`, which takes CREATE TABLE AS for its own."""
        return self._parse_ddl(query) if _CATALOG_DDL.match(query) else None

    def precision_scale(self, kind: str) -> tuple[int, int]:
        """Stand-in for `athena._type_precision_scale`, which gives each decimal 38,0."""
        match = _PRECISION.fullmatch(kind)
        return (int(match[1]), int(match[2])) if match else self._precision(kind)


def _fail(execution: dict[str, Any], reason: str) -> None:
    execution["Status"]["State"] = "FAILED"
    execution["Status"]["StateChangeReason"] = reason[:2000]


def _save(location: str, names: list[str], values: list[list[str | None]]) -> None:
    """Write the result file: every value quoted, a null empty.

    Raises:
        QueryFailed: the result bucket refuses it.
    """
    lines = [names, *values] if location.endswith(".csv") else values
    body = "".join(",".join(map(_quoted, line)) + "\n" for line in lines).encode()
    bucket, _, key = location.removeprefix("s3://").partition("/")
    headers = {"content-type": "text/csv", "content-length": str(len(body))}
    answer = s3._put_object(bucket, key, body, headers)
    if answer[0] >= 300:
        raise QueryFailed(code="PERMISSION_DENIED", reason=f"cannot write {location}: {answer[2]!r}")


def _quoted(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def install(engine: Callable[[], Engine]) -> None:
    """Put the replaced calls in ministack's place."""
    service = AthenaService(engine)
    athena._start_query_execution = service.start_query_execution
    athena._execute_query = service.execute_query
    athena._get_workgroup = service.get_work_group
    athena._get_query_results = service.get_query_results
    athena._parse_ddl = service.parse_ddl
    athena._type_precision_scale = service.precision_scale
