"""What a schedule's call is answered with, so that silence can be told from an answer.

A schedule fires when files are expected, not when they came. That they have not come, or are those people refused, is
no failure to repeat: it is written down, and who watches the runs (`watching`) tells the operators.
"""

from datetime import datetime

from fivetier.app.contracts import ScheduleAnswer, StartRequest
from fivetier.app.starting import start_refresh
from fivetier.app.world import Occasion, Ports, utc_text
from fivetier.domain.errors import AttemptNeedsReason, InputError, MissingSource

MET, NOT_SEEN = "schedule_met", "feed_not_seen"


def answer_schedule(request: StartRequest, ports: Ports) -> ScheduleAnswer:
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
        _record(NOT_SEEN, request.lob.value, due, ports, sub_version=missing.sub_version, sources=list(missing.sources))
        return ScheduleAnswer(missing=list(missing.sources))
    _record(MET, request.lob.value, due, ports, met_by=run_id)
    return ScheduleAnswer(run_id=run_id)


def is_met(lob: str, due: datetime, ports: Ports) -> bool:
    """Whether a refresh that was due was started, by its schedule or by anybody since."""
    if ports.runs.find_event(_occasion(lob).event_id(MET, _named(lob, due))) is not None:
        return True
    return any(run.started_at >= due for run in ports.runs.list_runs(lob))


def _record(event_type: str, lob: str, due: datetime, ports: Ports, **details: object) -> None:
    event = _occasion(lob).event(
        event_type, ports.clock.now(), discriminator=_named(lob, due), due_at=utc_text(due), **details
    )
    ports.runs.record_event(event)


def _occasion(lob: str) -> Occasion:
    """The occasion is the calendar's: there may be no run."""
    return Occasion("", lob)


def _named(lob: str, due: datetime) -> str:
    return f"{lob}@{utc_text(due)}"
