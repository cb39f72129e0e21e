"""`fivetier refresh --sub-versions`: one child run per month, shown until each waits for people or has ended."""

import sys
import time
from typing import Any

import typer
from rich.live import Live
from rich.table import Table

from fivetier_cli.console import Exit, err, out, print_json
from fivetier_cli.stack import Deployed

POLL_SECONDS = 0.5
_WORKING = ("RUNNING", "PUBLISHING")


def refresh_months(
    deployed: Deployed, lob: str, months: list[str], reason: str, login: str, *, wait: bool, as_json: bool
) -> None:
    """Start the runs of a list of months, oldest first, and show them.

    Raises:
        typer.Exit: a child was refused (3) or failed (4).
    """
    body = {"lob": lob, "sub_versions": months, "reason": reason}
    children: list[dict[str, Any]] = deployed.call("POST", "/lookbacks", login=login, body=body)["children"]
    if wait:
        _follow(deployed, children, login, quiet=as_json)
    if as_json:
        print_json(children)
    else:
        out.print(_table(children))
        _say_what_next(children)
    if any(child["refused"] for child in children):
        raise typer.Exit(Exit.REFUSED)
    if any(child["state"] == "FAILED" for child in children):
        raise typer.Exit(Exit.RUN_FAILED)


def _follow(deployed: Deployed, children: list[dict[str, Any]], login: str, *, quiet: bool) -> None:
    """Poll until no child works any more; a terminal sees the table change."""
    with Live(console=err, refresh_per_second=4, transient=True) as live:
        while True:
            for child in children:
                if child["run_id"] and child["state"] in _WORKING:
                    _look(deployed, child, login)
            if not quiet and sys.stderr.isatty():
                live.update(_table(children))
            if not any(child["state"] in _WORKING for child in children):
                return
            time.sleep(POLL_SECONDS)


def _look(deployed: Deployed, child: dict[str, Any], login: str) -> None:
    run = deployed.call("GET", f"/runs/{child['run_id']}", login=login)
    child["state"] = run["state"]
    child["progress"] = ", ".join(run["progress"])
    if run.get("error"):
        child["message"] = f"{run['error']}: {run['cause']}"


def _table(children: list[dict[str, Any]]) -> Table:
    table = Table()
    for heading in ("month", "kind", "run", "state"):
        table.add_column(heading, no_wrap=True)
    table.add_column("steps done, or why it did not start or ended")
    for child in children:
        state = child["state"] or f"refused: {child['refused']}"
        said = child["message"] or child.get("progress", "")
        table.add_row(child["sub_version"], child["kind"], child["run_id"] or "", state, said)
    return table


def _say_what_next(children: list[dict[str, Any]]) -> None:
    for child in children:
        if child["state"] == "AWAITING_SIGN_OFF":
            out.print(f"Read it: fivetier report {child['run_id']}", markup=False)
    if any(child["state"] == "RUNNING" for child in children):
        out.print("They work one after another. Follow them: fivetier runs", markup=False)
