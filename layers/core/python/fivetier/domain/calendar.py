"""When each line of business is refreshed (DOMAIN §2). A change here is signed like a change of policy.

The stacks turn every schedule into one EventBridge Scheduler schedule; who watches the runs asks here when each was
due last.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fivetier.domain.lobs import lob_settings
from fivetier.domain.tiers import Lob

MARKET_ZONE = "America/New_York"
#: Local hours in which no schedule may fire: clocks change in them, so a run would be skipped or come twice (R2.1).
CLOCK_CHANGE_HOURS = frozenset({1, 2})
#: Days of the week as Scheduler counts them, from 1.
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class Schedule:
    """One recurring refresh.

    Attributes:
        lob: line of business to refresh.
        name: name among the schedules of the LOB.
        cron: the six Scheduler fields: minute, hour, day of month, month, day of week, year.
        timezone: IANA zone the fields are read in.
        meaning: why the LOB is refreshed then.
    """

    lob: Lob
    name: str
    cron: str
    timezone: str
    meaning: str

    @property
    def expression(self) -> str:
        """The schedule as Scheduler writes it."""
        return f"cron({self.cron})"


SCHEDULES: tuple[Schedule, ...] = tuple(
    Schedule(Lob(name), each.name, each.cron, MARKET_ZONE, each.meaning)
    for name, settings in lob_settings().items()
    for each in settings.schedules
)


def refreshed_lobs() -> tuple[Lob, ...]:
    """Lines of business with a calendar, in the order of `Lob`."""
    return tuple(lob for lob in Lob if any(schedule.lob is lob for schedule in SCHEDULES))


def last_due(
    lob: Lob, *, after: datetime, until: datetime, schedules: Iterable[Schedule] = SCHEDULES
) -> datetime | None:
    """The latest instant in (after, until] at which a refresh of a line of business was due; None if there was none."""
    own = [schedule for schedule in schedules if schedule.lob is lob]
    return max((moment for schedule in own for moment in _due(schedule, after, until)), default=None)


def _due(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """Instants in (after, until] at which a schedule fires, aware UTC."""
    zone = ZoneInfo(schedule.timezone)
    minutes, hours, days, months, weekdays, years = schedule.cron.split()
    for number, name in enumerate(_WEEKDAYS, start=1):
        weekdays = weekdays.replace(name, str(number))
    on_days, in_months, in_years = _numbers(days, 1, 31), _numbers(months, 1, 12), _numbers(years, 1970, 2199)
    on_weekdays = _numbers(weekdays, 1, 7)
    clock = [time(hour, minute, tzinfo=zone) for hour in _hours(hours) for minute in _numbers(minutes, 0, 59)]
    day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    while day <= last:
        # isoweekday() ends with Sunday, Scheduler begins with it.
        is_named = day.day in on_days and day.isoweekday() % 7 + 1 in on_weekdays
        if is_named and day.month in in_months and day.year in in_years:
            moments = (datetime.combine(day, at).astimezone(UTC) for at in clock)
            yield from (moment for moment in moments if after < moment <= until)
        day += timedelta(days=1)


def check(schedules: Iterable[Schedule] = SCHEDULES) -> None:
    """Hold schedules against R2.1.

    Raises:
        ValueError: a schedule may fire while clocks change, names days in two ways, or repeats a name.
    """
    seen: set[tuple[Lob, str]] = set()
    for schedule in schedules:
        who = f"{schedule.lob} {schedule.name}"
        if (schedule.lob, schedule.name) in seen:
            raise ValueError(f"{who}: the name is taken")
        seen.add((schedule.lob, schedule.name))
        fields = schedule.cron.split()
        if len(fields) != 6:
            raise ValueError(f"{who}: a Scheduler cron has 6 fields, {schedule.cron!r} has {len(fields)}")
        if (fields[2] == "?") == (fields[4] == "?"):
            raise ValueError(f"{who}: exactly one of day of month and day of week must be ? (R2.1)")
        if hours := sorted(_hours(fields[1]) & CLOCK_CHANGE_HOURS):
            raise ValueError(f"{who}: may fire in hour {hours[0]} local, when clocks change (R2.1)")


def _hours(field: str) -> set[int]:
    return _numbers(field, 0, 23)


def _numbers(field: str, low: int, high: int) -> set[int]:
    """What a cron field names: numbers, `a-b`, `*` or `?`, each perhaps with `/step`, comma separated.

    Raises:
        ValueError: it has names or letters, which no schedule of ours uses.
    """
    numbers: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first in ("*", "?"):
            first, last = str(low), str(high)
        elif step and not last:
            last = str(high)
        numbers.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return numbers
