"""The calendar as people ask for it: what is due next, and what became of what was due."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fivetier.app.records import Run
from fivetier.app.scheduling import met_by
from fivetier.app.starting import landed_files, missing_sources, month_at
from fivetier.app.world import Ports, utc_text
from fivetier.domain.calendar import SCHEDULES, Due, Schedule, dues
from fivetier.domain.tiers import Lob
from fivetier.domain.watching import GRACE, LOOKBACK
from fivetier.feeds.catalog import sources_of

_WAITING = ("waiting_for_files", "overdue", "starting")


def describe(due: Due) -> dict[str, Any]:
    """What the calendar alone says of a due time."""
    return {
        "lob": due.lob.value,
        "due_at": utc_text(due.at),
        "sub_version": str(month_at(due.at)),
        "schedules": list(due.schedules),
        "expects": due.expects,
    }


def view_calendar(
    lobs: Iterable[Lob], after: datetime, until: datetime, ports: Ports, schedules: Iterable[Schedule] = SCHEDULES
) -> list[dict[str, Any]]:
    """Due times of lines of business in (after, until], in order, each with where it stands.

    What waited is met by the run of a later due time.
    """
    every, now = tuple(schedules), ports.clock.now()
    found: list[dict[str, Any]] = []
    for lob in lobs:
        runs, later = ports.runs.list_runs(lob.value), None
        for due in reversed(dues(lob, after=after, until=max(until, now), schedules=every)):
            standing = _standing(due, runs, ports)
            if later is not None and standing["standing"] in _WAITING:
                standing = later
            elif standing["standing"] == "met":
                later = standing
            if due.at <= until:
                found.append({**describe(due), **standing})
    return sorted(found, key=lambda row: str(row["due_at"]))


def _standing(due: Due, runs: list[Run], ports: Ports) -> dict[str, Any]:
    """Where a due time stands.

    `coming`; `met` by a run, with its state; `waiting_for_files`, with the sources; `nothing_landed` where it only
    looked; `starting`, and an hour later `overdue`, where the files are there; `let_go` once it is too old to start.
    """
    now = ports.clock.now()
    standing: dict[str, Any] = {"standing": "coming", "run_id": None, "state": None, "missing": []}
    if due.at > now:
        return standing
    run_id = met_by(due, runs, ports)
    if run_id is not None:
        state = next((run.state.value for run in runs if run.run_id == run_id), None)
        return {**standing, "standing": "met", "run_id": run_id, "state": state}
    if due.at <= now - LOOKBACK:
        return {**standing, "standing": "let_go"}
    missing = missing_sources(due.lob, landed_files(due.lob, str(month_at(due.at)), ports))
    if missing or not sources_of(due.lob):
        is_due = due.expects == "files"
        return {**standing, "standing": "waiting_for_files" if is_due else "nothing_landed", "missing": missing}
    return {**standing, "standing": "overdue" if due.at <= now - GRACE else "starting"}
