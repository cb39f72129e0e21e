"""`fivetier calendar` and `fivetier releases`: what is due when, and what readers see of each line of business."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import typer
from fivetier.app.calendar_view import describe
from fivetier.domain.calendar import MARKET_ZONE, dues, refreshed_lobs
from fivetier.domain.manifest import canonical_json, sha256_hex
from fivetier.domain.tiers import Lob
from rich.table import Table

from fivetier_cli.console import UsageError, err, out, print_json
from fivetier_cli.querying import run_query
from fivetier_cli.stack import DEFAULT_STATE, AsJson, StateDir, attach
from infra.local.errors import StackNotRunning

_MARKET = ZoneInfo(MARKET_ZONE)
_SECOND = timedelta(seconds=1)
#: No line of business rests longer than that between two due times.
_LONGEST_REST = timedelta(days=400)
_OPEN = ("waiting_for_files", "overdue", "starting")
_WORDS = {
    "coming": "",
    "let_go": "let go: nobody started it in 30 days",
    "nothing_landed": "only looked, and nothing has landed",
    "overdue": "overdue: files are there, no run",
    "starting": "files are there, no run yet",
}
_RELEASES = """
SELECT lob, sub_version, release_id, run_id, kind, manifest_digest, signers, published_at FROM v_release
"""


def calendar(
    lob: Annotated[Lob | None, typer.Option(help="Only this line of business.")] = None,
    begin: Annotated[str | None, typer.Option("--from", metavar="DATE", help="From this day on, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="To the end of this day, YYYY-MM-DD.")] = None,
    ahead: Annotated[int, typer.Option("--next", min=1, max=50, help="How many next ones, where no day is given.")] = 3,
    login: Annotated[str, typer.Option("--as", help="Who asks.")] = "data_ops_reviewer",
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Show what is due and what became of it, in New York's days and hours.

    Without days: of each line of business what is open, the last due time and the next ones.
    """
    now = datetime.now(UTC)
    lobs = refreshed_lobs() if lob is None else (lob,)
    if begin is None and until is None:
        rows = _around(_asked(lobs, now - _LONGEST_REST, now + _LONGEST_REST, login, state), now, ahead)
    else:
        first = now if begin is None else _midnight(begin)
        last = first + timedelta(days=365) if until is None else _midnight(until, days=1)
        if not _SECOND <= last - first <= timedelta(days=3 * 366):
            raise UsageError("--until lies behind --from, by three years at most")
        rows = _asked(lobs, first - _SECOND, last - _SECOND, login, state)
    if as_json:
        print_json(rows)
    elif rows:
        _show(rows)
    else:
        out.print("Nothing is due then.")


def _asked(lobs: Iterable[Lob], after: datetime, until: datetime, login: str, state: Path) -> list[dict[str, Any]]:
    """Due times with where they stand; where no stack runs without it, since the times are known anyway."""
    wanted = list(lobs)
    try:
        deployed = attach(state)
    except StackNotRunning as absent:
        err.print(f"{absent}. Shown is what is due, not what became of it.", markup=False)
        found = [describe(due) for lob in wanted for due in dues(lob, after=after, until=until)]
        return sorted(found, key=lambda row: str(row["due_at"]))
    query = {"from": after.isoformat(), "until": until.isoformat()}
    if len(wanted) == 1:
        query["lob"] = wanted[0].value
    rows: list[dict[str, Any]] = deployed.call("GET", f"/calendar?{urlencode(query)}", login=login)
    return rows


def _around(rows: list[dict[str, Any]], now: datetime, ahead: int) -> list[dict[str, Any]]:
    """Of each line of business what is open, the last due time and the next ones."""
    shown = []
    for lob in dict.fromkeys(row["lob"] for row in rows):
        past = [row for row in rows if row["lob"] == lob and _moment(row) <= now]
        coming = [row for row in rows if row["lob"] == lob and _moment(row) > now]
        shown += [*(row for row in past[:-1] if row.get("standing") in _OPEN), *past[-1:], *coming[:ahead]]
    return sorted(shown, key=lambda row: str(row["due_at"]))


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table()
    for heading in ("due (New York)", "line of business", "month", "schedule"):
        table.add_column(heading, no_wrap=True)
    table.add_column("where it stands")
    for row in rows:
        local = _moment(row).astimezone(_MARKET)
        schedules = ", ".join(row["schedules"]) + ("" if row["expects"] == "files" else " (only looks)")
        table.add_row(f"{local:%Y-%m-%d %H:%M}", row["lob"], row["sub_version"], schedules, _words(row))
    out.print(table)


def _words(row: dict[str, Any]) -> str:
    standing = row.get("standing", "coming")
    if standing == "met":
        return f"{row['state']}: {row['run_id']}"
    if standing == "waiting_for_files":
        return f"waiting for {', '.join(row['missing']) or 'a source'}"
    return _WORDS[standing]


def _moment(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["due_at"])


def _midnight(text: str, *, days: int = 0) -> datetime:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=_MARKET)
    except ValueError:
        raise UsageError(f"a day is written YYYY-MM-DD, not {text!r}") from None
    return (day + timedelta(days=days)).astimezone(UTC)


def releases(state: StateDir = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Show the release manifest: the approved version of each line of business that readers see now (R2.2).

    Its digest is the SHA-256 of the list as canonical JSON, so that a quarter can be quoted by one number.
    """
    deployed = attach(state)
    deployed.use()
    columns, rows = run_query(_RELEASES, deployed)
    published = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    listed = [published.get(lob.value, {"lob": lob.value, **dict.fromkeys(columns[1:])}) for lob in Lob]
    digest = sha256_hex(canonical_json(listed))
    if as_json:
        print_json({"releases": listed, "digest": digest})
        return
    table = Table()
    for heading in ("line of business", "month", "release", "published (UTC)", "signed by", "manifest digest"):
        table.add_column(heading, no_wrap=True)
    for row in listed:
        table.add_row(
            row["lob"],
            row["sub_version"],
            row["release_id"] or "nothing yet",
            (row["published_at"] or "")[:19],
            row["signers"],
            (row["manifest_digest"] or "")[:12],
        )
    out.print(table)
    out.print(f"Digest of this list: {digest}", markup=False)
