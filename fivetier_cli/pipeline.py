"""Commands that move a run along: land, refresh, rollback, runs, report, sign."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from fivetier.app.records import LandedObject
from fivetier.domain.errors import UnknownSource
from fivetier.domain.ids import SubVersion
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of
from rich.table import Table

from fivetier_cli.console import Exit, UsageError, err, out, print_json, show_report
from fivetier_cli.lookbacks import refresh_months
from fivetier_cli.stack import DEFAULT_STATE, AsJson, Deployed, StateDir, attach

LobOption = Annotated[Lob, typer.Option(help="Line of business.")]
MonthOption = Annotated[str, typer.Option(help="Month of the run, YYYY_MM.")]
RequesterOption = Annotated[str, typer.Option("--as", help="Who requests it.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until people are asked, or the run ends.")]
POLL_SECONDS = 0.5
OUTCOME_SECONDS = 300


def land(
    files: Annotated[list[Path], typer.Argument(help="Files as their publisher names them.", exists=True)],
    lob: LobOption,
    source: Annotated[str, typer.Option(help="Source id, for example cms_ma_contract_directory.")],
    sub_version: MonthOption,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Land files of one source for one month; the newest file of a source is the one a run uses."""
    month = SubVersion.parse(sub_version)
    known = [spec.source for spec in sources_of(lob)]
    if source not in known:
        raise UnknownSource(lob=lob, source=source, known=known)
    attach(state).use()
    landed = []
    for path in files:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name the file")
        with err.status(f"landing {path.name}", spinner="dots"):
            landed.append(land_file(path, lob, source, month))
    if as_json:
        print_json([obj.model_dump(mode="json") for obj in landed])
        return
    for obj in landed:
        out.print(f"landed {obj.key} ({obj.size:,} bytes, sha256 {obj.sha256[:12]})", markup=False)


def land_file(path: Path, lob: Lob, source: str, month: SubVersion) -> LandedObject:
    """Put one file where discovery finds it, on the stack this process uses."""
    from fivetier.aws.wiring import landing

    return landing().put(lob, source, str(month), path.name, path.read_bytes())


def refresh(
    lob: LobOption,
    sub_version: Annotated[str, typer.Option(help="Month of the run, YYYY_MM.")] = "",
    sub_versions: Annotated[
        str, typer.Option(metavar="A,B,C", help="Several months: the latest in full, the others as lookbacks.")
    ] = "",
    lookback_of: Annotated[
        str, typer.Option(metavar="YYYY_MM", help="Refresh --sub-version lightly, as history beside this later month.")
    ] = "",
    login: RequesterOption = "data_ops_reviewer",
    reason: Annotated[str, typer.Option(help="Why to ask again after a rejection, an expiry or a newer run.")] = "",
    confirm_drop: Annotated[
        bool, typer.Option("--confirm-drop", help="State, with --reason, that what ROW_DROP found gone is really gone.")
    ] = False,
    wait: WaitOption = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return while runs of several months still work.")] = False,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Start the refresh of a month, or of several, from what has landed; the same files again are the same run."""
    if bool(sub_version) == bool(sub_versions):
        raise UsageError("give --sub-version YYYY_MM, or --sub-versions with several months")
    if sub_versions:
        if confirm_drop or lookback_of:
            raise UsageError("--confirm-drop and --lookback-of go with --sub-version: one month at a time")
        months = [month.strip() for month in sub_versions.split(",")]
        refresh_months(attach(state), lob.value, months, reason, login, wait=not no_wait, as_json=as_json)
        return
    deployed = attach(state)
    body = {"lob": lob.value, "sub_version": sub_version, "reason": reason, "confirm_drop": confirm_drop}
    body |= {"lookback_of": lookback_of} if lookback_of else {}
    status = deployed.call("POST", "/runs", login=login, body=body)
    _tell(_follow(deployed, status, login, wait=wait, quiet=as_json), as_json=as_json)


def rollback(
    lob: LobOption,
    to: Annotated[str, typer.Option(metavar="RUN", help="A run that was published: readers see its release again.")],
    reason: Annotated[str, typer.Option(help="Why, in words; it is kept for good.")],
    login: RequesterOption = "data_ops_reviewer",
    wait: WaitOption = False,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Ask to go back to an earlier publication; it takes effect once both leads have signed it."""
    deployed = attach(state)
    body = {"lob": lob.value, "to": to, "reason": reason}
    status = deployed.call("POST", "/rollbacks", login=login, body=body)
    run = deployed.call("GET", f"/runs/{status['run_id']}", login=login)
    if not as_json:
        out.print(f"Readers would see {run['rollback_to']} instead of {run['base_snapshot']}.", markup=False)
        forward = f"fivetier rollback --lob {lob.value} --to {run['base_snapshot']} --reason TEXT"
        out.print(f"Forward again, once it is published: {forward}", markup=False)
    status = _follow(deployed, status, login, wait=wait, quiet=as_json)
    _tell(status | {"rollback_to": run["rollback_to"], "base_snapshot": run["base_snapshot"]}, as_json=as_json)


def _follow(deployed: Deployed, status: dict[str, Any], login: str, *, wait: bool, quiet: bool) -> dict[str, Any]:
    """Where a requested run stands, after waiting for it if asked to."""
    if not wait:
        return status
    run = follow(deployed, str(status["run_id"]), login, quiet=quiet)
    followed = {"run_id": run["run_id"], "state": run["state"]}
    return followed | ({"error": run["error"], "cause": run["cause"]} if run.get("error") else {})


def _tell(status: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(status)
    else:
        _say_where_it_stands(status)
    if status["state"] == "FAILED":
        raise typer.Exit(Exit.RUN_FAILED)


def follow(deployed: Deployed, run_id: str, login: str, *, quiet: bool) -> dict[str, Any]:
    """Poll until the run waits for people or has ended; row counts appear as steps report them."""
    shown: set[str] = set()
    while True:
        run: dict[str, Any] = deployed.call("GET", f"/runs/{run_id}", login=login)
        for step, counts in run["progress"].items():
            if step not in shown and not quiet:
                shown.add(step)
                numbers = ", ".join(f"{name} {count:,}" for name, count in counts.items())
                err.print(f"  {step}: {numbers}", markup=False)
        if run["state"] not in ("RUNNING", "PUBLISHING"):
            return run
        time.sleep(POLL_SECONDS)


def _say_where_it_stands(status: dict[str, Any]) -> None:
    run_id, state = status["run_id"], status["state"]
    out.print(f"{run_id} is {state}", markup=False)
    if status.get("error"):
        out.print(f"{status['error']}: {status['cause']}", markup=False)
    if state == "AWAITING_SIGN_OFF":
        out.print(f"Read it: fivetier report {run_id}", markup=False)
        out.print(
            f"Sign it: fivetier sign {run_id} --role engineering_lead --as engineering_lead "
            "--decision approve --reason TEXT",
            markup=False,
        )
    elif state == "RUNNING":
        out.print("Follow it: fivetier runs", markup=False)
    elif state == "SUPERSEDED":
        out.print("Ask for it again: the same command with a --reason not given before", markup=False)


def runs(
    lob: Annotated[Lob | None, typer.Option(help="Only this line of business.")] = None,
    login: Annotated[str, typer.Option("--as", help="Who asks.")] = "data_ops_reviewer",
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    query = "" if lob is None else f"?lob={lob.value}"
    found = attach(state).call("GET", f"/runs{query}", login=login)
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("No run yet: land files, then `fivetier refresh`.")
        return
    table = Table()
    for heading in ("run", "state", "requested by", "started (UTC)"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what it is, who is waited for, why it ended")
    for run in found:
        table.add_row(run["run_id"], run["state"], run["requested_by"], run["started_at"][:19], _note(run))
    out.print(table)


def _note(run: dict[str, Any]) -> str:
    """What is special about a run, who is waited for, and why it ended."""
    notes = [
        f"rollback to {run['rollback_to']}" if run["rollback_to"] else "",
        f"lookback of {run['lookback_of']}" if run["lookback_of"] else "",
        "confirms a drop" if run["confirms_drop"] else "",
        ", ".join(run["waiting_for"]),
        f"{run['error']}: {run['cause']}" if run["error"] else "",
    ]
    return "; ".join(filter(None, notes))


def report(
    run_id: Annotated[str, typer.Argument(metavar="RUN")],
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    login: Annotated[str, typer.Option("--as", help="Who reads.")] = "data_ops_reviewer",
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Show the frozen report of a run: what would change, and what to look at before signing."""
    found = attach(state).call("GET", f"/runs/{run_id}/report", login=login)
    show_report(found, html=html, as_json=as_json)


def sign(
    run_id: Annotated[str, typer.Argument(metavar="RUN")],
    role: Annotated[str, typer.Option(help="Role to sign in: engineering_lead or data_lead.")],
    login: Annotated[str, typer.Option("--as", help="Who signs; the local stack has one login per role.")],
    decision: Annotated[str, typer.Option(help="approve or reject.")],
    reason: Annotated[str, typer.Option(help="Why, in words; it is kept for good.")],
    tick: Annotated[
        list[str] | None, typer.Option(metavar="CODE=REASON", help="A P1 finding you looked at; repeat per code.")
    ] = None,
    digest: Annotated[
        str | None, typer.Option(help="Manifest digest you reviewed; the run's own when left out.")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return before a last decision took effect.")] = False,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Approve or reject a run in a role. Both leads must approve, two persons, neither the requester."""
    ticks = dict(_tick(text) for text in tick or [])
    if decision not in ("approve", "reject"):
        raise UsageError(f"--decision is approve or reject, not {decision!r}")
    deployed = attach(state)
    run = deployed.call("GET", f"/runs/{run_id}", login=login)
    body = {"role": role, "decision": decision, "reason": reason, "ticks": ticks}
    receipt = decide(deployed, run, body | ({"manifest_digest": digest} if digest else {}), login)
    if not receipt["still_waiting_for"] and not no_wait:
        with err.status("waiting for the outcome", spinner="dots"):
            receipt["state"] = outcome(deployed, run_id, login)
    if as_json:
        print_json(receipt)
    else:
        _say_what_was_signed(receipt, login)
    if receipt.get("state") == "FAILED":
        raise typer.Exit(Exit.RUN_FAILED)


def decide(deployed: Deployed, run: Mapping[str, Any], body: Mapping[str, Any], login: str) -> dict[str, Any]:
    """Send a decision on the round and, unless it names another, the digest of the run; returns the receipt."""
    path = f"/sign-offs/{run['run_id']}/{run['round_number'] or 0}"
    signed = {"manifest_digest": run["manifest_digest"] or "0" * 64, **body}
    receipt: dict[str, Any] = deployed.call("POST", path, login=login, body=signed)
    return receipt


def outcome(deployed: Deployed, run_id: str, login: str) -> str:
    """The state the decision leads to: the last signature publishes, a rejection ends the run."""
    deadline = time.monotonic() + OUTCOME_SECONDS
    while True:
        state = str(deployed.call("GET", f"/runs/{run_id}", login=login)["state"])
        if state not in ("AWAITING_SIGN_OFF", "PUBLISHING") or time.monotonic() > deadline:
            return state
        time.sleep(POLL_SECONDS)


def _say_what_was_signed(receipt: dict[str, Any], login: str) -> None:
    out.print(f"{login} as {receipt['role']}: {receipt['meaning']} ({receipt['signed_at']})", markup=False)
    if receipt["still_waiting_for"]:
        out.print(f"Still waiting for: {', '.join(receipt['still_waiting_for'])}", markup=False)
    elif "state" in receipt:
        out.print(f"{receipt['run_id']} is {receipt['state']}", markup=False)


def _tick(text: str) -> tuple[str, str]:
    code, separator, reason = text.partition("=")
    if not separator or not code.strip() or not reason.strip():
        raise UsageError(f"--tick wants CODE=REASON, not {text!r}")
    return code.strip(), reason.strip()
