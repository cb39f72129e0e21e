"""What a schedule's call is answered with, so that silence can be told from an answer.

A schedule fires when files are expected, not when they came. That they have not come, or are those people refused, is
no failure to repeat: it is written down, and who watches the runs (`watching`) tells people. Files that come later are
found by the hourly look, which then starts what was due: a late publisher needs nobody to wait for it (ADR 20).
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache

from fivetier.app.contracts import ScheduleAnswer, StartRequest
from fivetier.app.records import LandedObject, Run
from fivetier.app.starting import landed_files, missing_sources, month_at, start_refresh
from fivetier.app.world import Occasion, Ports, utc_text
from fivetier.domain.calendar import SCHEDULES, Due, Schedule, dues
from fivetier.domain.errors import AttemptNeedsReason, InputError, MissingSource
from fivetier.domain.runs import RunState, feed_digest
from fivetier.domain.tiers import Lob
from fivetier.domain.watching import LOOKBACK
from fivetier.feeds.catalog import sources_of

MET, NOT_SEEN, NOTHING_LANDED = "schedule_met", "feed_not_seen", "nothing_landed"
#: Who requests what the calendar starts.
SCHEDULER = "scheduler"
_SECOND = timedelta(seconds=1)


def answer_schedule(request: StartRequest, ports: Ports, schedules: Iterable[Schedule] = SCHEDULES) -> ScheduleAnswer:
    """Start the refresh that is due, or write down why there is none to start.

    Raises:
        InputError: the call does not say when it was due.
    """
    due = request.scheduled_at
    if due is None:
        raise InputError("a schedule says when it was due; use `fivetier refresh` or the API to start one by hand")
    try:
        run_id = start_refresh(request, ports).run_id
    except AttemptNeedsReason as refused:
        run_id = refused.run_id
    except MissingSource as missing:
        is_expected = _expects_files(request.lob, due, schedules)
        kind = NOT_SEEN if is_expected else NOTHING_LANDED
        _record(kind, request.lob.value, due, ports, sub_version=missing.sub_version, sources=list(missing.sources))
        return ScheduleAnswer(missing=list(missing.sources), is_expected=is_expected)
    _record(MET, request.lob.value, due, ports, met_by=run_id)
    return ScheduleAnswer(run_id=run_id)


def start_late(lob: Lob, ports: Ports, schedules: Iterable[Schedule] = SCHEDULES) -> str | None:
    """Start the newest refresh that was due and has its files only now; None if there is none.

    Safe to repeat, and beside the schedule's own call: the run is named after what landed.
    """
    if not sources_of(lob):
        return None
    now, every = ports.clock.now(), tuple(schedules)
    runs = ports.runs.list_runs(lob.value)
    landed = cache(lambda month: landed_files(lob, month, ports))
    for due in reversed(dues(lob, after=now - LOOKBACK, until=now, schedules=every)):
        was_met = met_by(due, runs, ports) is not None
        if _can_start(due, runs, landed, was_met=was_met):
            return answer_schedule(StartRequest(lob=lob, scheduled_at=due.at), ports, every).run_id
        if was_met:
            return None
    return None


def _can_start(due: Due, runs: Iterable[Run], landed: Callable[[str], list[LandedObject]], *, was_met: bool) -> bool:
    """Whether every required file of a due refresh is there and no run has read these files.

    A run that failed answers to the files it read, and not to what was landed over them since.
    """
    month = str(month_at(due.at))
    earlier = [run for run in runs if run.kind == "refresh" and run.sub_version == month]
    if was_met and not (earlier and earlier[0].state is RunState.FAILED):
        return False
    files = landed(month)
    if missing_sources(due.lob, files):
        return False
    digest = feed_digest([(each.source, each.sha256) for each in files])
    return not was_met or digest not in {run.feed_digest for run in earlier}


def met_by(due: Due, runs: Iterable[Run], ports: Ports) -> str | None:
    """The run that answers a due time: the calendar's, or one by hand since, for that month or a later one.

    What the calendar began counts once it says so; until then its start was cut off, and is repeated.
    """
    lob, month = due.lob.value, str(month_at(due.at))
    answer = ports.runs.find_event(_occasion(lob).event_id(MET, named(lob, due.at)))
    if answer is not None:
        return str(answer.details["met_by"])
    for run in runs:
        is_by_hand = run.kind == "refresh" and run.requested_by != SCHEDULER
        if is_by_hand and run.started_at >= due.at and run.sub_version >= month:
            return run.run_id
    return None


def is_answered(due: Due, ports: Ports, schedules: Iterable[Schedule] = SCHEDULES) -> bool:
    """Whether a refresh that was due, or a later one of its line of business, was started."""
    runs = ports.runs.list_runs(due.lob.value)
    since = dues(due.lob, after=due.at - _SECOND, until=ports.clock.now(), schedules=schedules)
    return any(met_by(each, runs, ports) is not None for each in since)


def named(lob: str, due: datetime) -> str:
    """What tells the events of one due time from those of another."""
    return f"{lob}@{utc_text(due)}"


def _expects_files(lob: Lob, due: datetime, schedules: Iterable[Schedule]) -> bool:
    """Whether absence is to be told; a time the calendar does not know is taken seriously."""
    known = dues(lob, after=due - _SECOND, until=due, schedules=schedules)
    return not known or known[-1].expects == "files"


def _record(event_type: str, lob: str, due: datetime, ports: Ports, **details: object) -> None:
    event = _occasion(lob).event(
        event_type, ports.clock.now(), discriminator=named(lob, due), due_at=utc_text(due), **details
    )
    ports.runs.record_event(event)


def _occasion(lob: str) -> Occasion:
    """The occasion is the calendar's: there may be no run."""
    return Occasion("", lob)
