"""`fivetier sql`: read what is published."""

import csv
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fivetier_cli.console import UsageError, err, out, print_json
from fivetier_cli.stack import DEFAULT_STATE, AsJson, Deployed, StateDir, attach

Columns = list[str]
Rows = list[list[str | None]]


def sql(
    statement: Annotated[str, typer.Argument(metavar="SELECT", help="For example: SELECT * FROM v_hierarchy")],
    staging: Annotated[bool, typer.Option("--staging", help="Ask the staging workgroup (tmp_... tables).")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Query the published views, as Athena would answer. Locally DuckDB does the work behind Athena's API."""
    deployed = attach(state)
    deployed.use()
    columns, rows = run_query(statement, deployed, staging=staging)
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([columns, *rows])
    else:
        print_rows(columns, rows)
        err.print(f"{len(rows):,} rows; answered by DuckDB on the local stack, not by Athena.")


def print_rows(columns: Columns, rows: Rows, console: Console = out) -> None:
    """Show an answer as a table."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if value is None else value for value in row))
    console.print(table)


def run_query(statement: str, deployed: Deployed, *, staging: bool = False) -> tuple[Columns, Rows]:
    """Ask the production workgroup, or the staging one, on the stack this process uses.

    Raises:
        UsageError: Athena refuses the statement; the message is its own.
    """
    import boto3

    workgroup = deployed.outputs["StagingWorkgroup" if staging else "ProductionWorkgroup"]
    database = deployed.outputs["StagingDatabase" if staging else "LakeDatabase"]
    athena = boto3.client("athena")
    query_id = athena.start_query_execution(
        QueryString=statement, WorkGroup=workgroup, QueryExecutionContext={"Database": database}
    )["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
        if status["State"] in ("FAILED", "CANCELLED"):
            raise UsageError(status.get("StateChangeReason", f"the query was {status['State'].lower()}"))
        if status["State"] == "SUCCEEDED":
            break
        time.sleep(0.1)
    columns: list[str] = []
    rows: list[list[str | None]] = []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        columns = [column["Name"] for column in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
        rows += [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]
    return columns, rows[1:]  # Athena's first row repeats the header
