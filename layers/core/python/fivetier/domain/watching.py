"""When somebody must be told that nothing happened (RELIABILITY §5): runs not started, questions not answered."""

from datetime import datetime, timedelta

#: How long after its time a refresh may start before it counts as overdue.
GRACE = timedelta(hours=1)
#: How far back a missed refresh is still looked for; the calendar's next one asks for newer files.
LOOKBACK = timedelta(days=30)
#: How long a feed may be absent after its due time before Data Operations is told, and before the leads are, too.
ESCALATIONS = (GRACE, timedelta(days=3))
#: Shares of the time to sign, in percent, at which those who have not decided are reminded.
REMINDERS = (50, 80)


def share_gone(*, expires_at: datetime, lasts: timedelta, now: datetime) -> float:
    """How much of the time to sign has gone, in percent; 100 and more once it is over."""
    return 100 * (1 - (expires_at - now) / lasts)


def escalation_at(absent: timedelta) -> int:
    """How many stages of people are told by now; 0 before the first."""
    return sum(absent >= stage for stage in ESCALATIONS)


def reminder_at(share: float) -> int | None:
    """The reminder that is due at a share: the highest reached; none before the first and none once time is over."""
    if share >= 100:
        return None
    return max((reminder for reminder in REMINDERS if share >= reminder), default=None)
