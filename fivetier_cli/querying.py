"""`fivetier sql` and `fivetier audit verify`: read what is published, and prove how it came about."""

import csv
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from fivetier.domain.audit import ChainedEvent, verify
from fivetier.domain.tiers import Lob
from rich.console import Console
from rich.table import Table

from fivetier_cli.console import Exit, UsageError, err, out, print_json
from fivetier_cli.stack import DEFAULT_STATE, AsJson, Deployed, StateDir, attach

Columns = list[str]
Rows = list[list[str | None]]

audit_app = typer.Typer(help="The audit chain.", no_args_is_help=True)


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


@audit_app.command("verify")
def audit_verify(
    lob: Annotated[Lob, typer.Option(help="Whose chain.")] = Lob.MEDICARE_ADVANTAGE,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Verify a downloaded copy of the chain instead; needs no stack.")
    ] = None,
    anchor: Annotated[list[str] | None, typer.Option(help="A head hash known from elsewhere; repeatable.")] = None,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Check the audit chain from first to last event, and that published releases are anchored in it."""
    events, anchors = _from_folder(folder) if folder else _from_stack(lob, state)
    problems = verify(events, lob=lob.value, anchors=[*anchors, *(anchor or [])])
    head = max(events, key=lambda event: event.seq, default=None)
    result = {
        "lob": lob.value,
        "events": len(events),
        "head": None if head is None else head.hash,
        "anchors": len(anchors) + len(anchor or []),
        "ok": not problems,
        "problems": problems,
    }
    if as_json:
        print_json(result)
    else:
        out.print(f"{lob.value}: {len(events)} events, head {result['head']}", markup=False)
        for problem in problems:
            out.print(f"  {problem}", style="red", markup=False)
        out.print("The chain holds." if not problems else "The chain does not hold.")
    if problems:
        raise typer.Exit(Exit.RUN_FAILED)


def _from_folder(folder: Path) -> tuple[list[ChainedEvent], list[str]]:
    events = []
    for path in sorted(folder.rglob("*.json")):
        try:
            events.append(ChainedEvent.model_validate_json(path.read_bytes()))
        except ValueError as error:
            raise UsageError(f"{path} is no audit event: {error}") from error
    return events, []


def _from_stack(lob: Lob, state: Path) -> tuple[list[ChainedEvent], list[str]]:
    """The stored chain, with the head recorded in the release row as anchor."""
    attach(state).use()
    from fivetier.app.chaining import settle
    from fivetier.aws.runtime import ports

    settle(lob, ports())
    current: Any = ports().lake.current_release(lob)
    return ports().audit.read_from(lob, 0), [] if current is None else [current.audit_head]
