"""Looks for what did not happen, once an hour: no other step runs when nothing does (RELIABILITY §5)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from fivetier.app.contracts import Watched
from fivetier.app.policy import policies
from fivetier.app.records import OpenAsk, Run
from fivetier.app.scheduling import is_answered, named
from fivetier.app.starting import landed_files, missing_sources, month_at
from fivetier.app.world import Occasion, Ports, utc_text
from fivetier.domain.calendar import SCHEDULES, Due, Schedule, dues
from fivetier.domain.runs import RunState
from fivetier.domain.tiers import Lob
from fivetier.domain.watching import GRACE, LOOKBACK, REMINDERS, escalation_at, reminder_at, share_gone
from fivetier.feeds.catalog import sources_of

REMINDER_DUE, FEED_OVERDUE = "reminder_due", "feed_overdue"


def watch_runs(
    ports: Ports,
    *,
    is_calendar_on: bool,
    sign_off_seconds: int | None = None,
    schedules: Iterable[Schedule] = SCHEDULES,
) -> Watched:
    """Count what is overdue, and note each reminder and each escalation once; the mail function sends them.

    Args:
        ports: the world.
        is_calendar_on: whether refreshes are started by the calendar; where they are not, none is overdue.
        sign_off_seconds: how long people are asked, instead of what the LOB's policy says.
        schedules: the calendar.
    """
    now, every = ports.clock.now(), tuple(schedules)
    overdue, unseen, running, shares, ages = 0, 0, 0, [], []
    for lob, policy in policies().items():
        if is_calendar_on:
            runs, feeds = _missed(lob, every, now, ports)
            overdue, unseen = overdue + runs, unseen + feeds
        lasts = timedelta(seconds=sign_off_seconds or policy.sign_off_seconds)
        for run in ports.runs.list_runs(lob.value):
            running += run.state in (RunState.RUNNING, RunState.PUBLISHING)
            ask = ports.runs.get_ask(run.run_id) if run.state is RunState.AWAITING_SIGN_OFF else None
            if ask is not None:
                share = share_gone(expires_at=ask.expires_at, lasts=lasts, now=now)
                shares.append(share)
                ages.append(lasts - (ask.expires_at - now))
                _remind(run, ask, reminder_at(share), ports)
    half, eighty = (sum(share >= reminder for share in shares) for reminder in REMINDERS)
    oldest = max(ages, default=timedelta())
    return Watched(
        runs_overdue=overdue,
        feeds_not_seen=unseen,
        runs_open=running,
        asks_open=len(shares),
        asks_past_half=half,
        asks_past_eighty=eighty,
        oldest_ask_hours=round(oldest / timedelta(hours=1), 2),
    )


def _missed(lob: Lob, schedules: Iterable[Schedule], now: datetime, ports: Ports) -> tuple[int, int]:
    """How many refreshes (0 or 1) and how many required sources are missing; who has no files cannot start.

    Looks that find something only perhaps are not missed by anybody.
    """
    recent = dues(lob, after=now - LOOKBACK, until=now - GRACE, schedules=schedules)
    expecting = [due for due in recent if due.expects == "files"]
    if not expecting or not sources_of(lob) or is_answered(expecting[-1], ports, schedules):
        return 0, 0
    due = expecting[-1]
    missing = missing_sources(lob, landed_files(lob, str(month_at(due.at)), ports))
    if not missing:
        return 1, 0
    _escalate(due, missing, ports)
    return 0, len(missing)


def _escalate(due: Due, missing: list[str], ports: Ports) -> None:
    """Note that people are to be told of an absence: once per due time and stage."""
    now = ports.clock.now()
    stage = escalation_at(now - due.at)
    event = Occasion("", due.lob.value).event(
        FEED_OVERDUE,
        now,
        discriminator=f"{named(due.lob.value, due.at)}@{stage}",
        due_at=utc_text(due.at),
        sub_version=str(month_at(due.at)),
        sources=missing,
        stage=stage,
    )
    ports.runs.record_event(event)


def _remind(run: Run, ask: OpenAsk, reminder: int | None, ports: Ports) -> None:
    if reminder is None:
        return
    event = Occasion(run.run_id, run.lob).event(
        REMINDER_DUE,
        ports.clock.now(),
        discriminator=f"{ask.round_number}@{reminder}",
        round_number=ask.round_number,
        percent=reminder,
    )
    ports.runs.record_event(event)
