"""When each line of business is refreshed (DOMAIN §2). A change here is signed like a change of policy.

The stacks turn every schedule into one EventBridge Scheduler schedule; who watches the runs asks here when each was
due last. Fields are read by us, not by a cron library: those count days of the week from 0 or from Monday, know no `?`,
or no year, and each function would carry one for three dozen lines. A test holds the lines to two oracles.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fivetier.domain.lobs import Expectation, lob_settings
from fivetier.domain.tiers import Lob

MARKET_ZONE = "America/New_York"
#: Local hours in which no schedule may fire: clocks change in them, so a run would be skipped or come twice (R2.1).
CLOCK_CHANGE_HOURS = frozenset({1, 2})
#: Days of the week as Scheduler counts them, from 1.
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
#: How far the next due time is looked for: near first, at last beyond a February 29 that a century leaves out.
_HORIZONS = (timedelta(days=40), timedelta(days=400), timedelta(days=9 * 366))


@dataclass(frozen=True, slots=True)
class Schedule:
    """One recurring refresh.

    Attributes:
        lob: line of business to refresh.
        name: name among the schedules of the LOB.
        cron: the six Scheduler fields: minute, hour, day of month, month, day of week, year.
        timezone: IANA zone the fields are read in.
        meaning: why the LOB is refreshed then.
        expects: whether files are due then, or only perhaps there.
    """

    lob: Lob
    name: str
    cron: str
    timezone: str
    meaning: str
    expects: Expectation = "files"

    @property
    def expression(self) -> str:
        """The schedule as Scheduler writes it."""
        return f"cron({self.cron})"


@dataclass(frozen=True, slots=True)
class Due:
    """One instant at which a line of business is refreshed.

    Attributes:
        lob: line of business.
        at: aware UTC.
        schedules: names of its schedules that fire then.
        expects: `files` if any of them says so.
    """

    lob: Lob
    at: datetime
    schedules: tuple[str, ...]
    expects: Expectation


SCHEDULES: tuple[Schedule, ...] = tuple(
    Schedule(Lob(name), each.name, each.cron, MARKET_ZONE, each.meaning, each.expects)
    for name, settings in lob_settings().items()
    for each in settings.schedules
)


def refreshed_lobs() -> tuple[Lob, ...]:
    """Lines of business with a calendar, in the order of `Lob`."""
    return tuple(lob for lob in Lob if any(schedule.lob is lob for schedule in SCHEDULES))


def dues(lob: Lob, *, after: datetime, until: datetime, schedules: Iterable[Schedule] = SCHEDULES) -> tuple[Due, ...]:
    """Every instant in (after, until] at which a refresh of a line of business is due, in order."""
    firing: dict[datetime, list[Schedule]] = defaultdict(list)
    for schedule in schedules:
        if schedule.lob is lob:
            for moment in _due(schedule, after, until):
                firing[moment].append(schedule)
    return tuple(
        Due(
            lob,
            moment,
            tuple(schedule.name for schedule in own),
            "files" if any(schedule.expects == "files" for schedule in own) else "perhaps",
        )
        for moment, own in sorted(firing.items())
    )


def last_due(lob: Lob, *, after: datetime, until: datetime, schedules: Iterable[Schedule] = SCHEDULES) -> Due | None:
    """The latest in (after, until], or None."""
    found = dues(lob, after=after, until=until, schedules=schedules)
    return found[-1] if found else None


def next_due(lob: Lob, *, after: datetime, schedules: Iterable[Schedule] = SCHEDULES) -> Due | None:
    """The first behind an instant; None if nothing is due in the longest time between two leap days."""
    every = tuple(schedules)
    for horizon in _HORIZONS:
        if found := dues(lob, after=after, until=after + horizon, schedules=every):
            return found[0]
    return None


@dataclass(frozen=True, slots=True)
class _Fields:
    """What the fields of a schedule name; `weekdays` as Scheduler counts them."""

    clock: tuple[time, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]

    def name(self, day: date) -> bool:
        """Whether the schedule fires on a day."""
        # isoweekday() ends with Sunday, Scheduler begins with it.
        is_day = day.day in self.days and day.isoweekday() % 7 + 1 in self.weekdays
        return is_day and day.month in self.months and day.year in self.years


def _parsed(schedule: Schedule) -> _Fields:
    minutes, hours, days, months, weekdays, years = schedule.cron.split()
    for number, name in enumerate(_WEEKDAYS, start=1):
        weekdays = weekdays.replace(name, str(number))
    zone = ZoneInfo(schedule.timezone)
    at_minutes = sorted(_numbers(minutes, 0, 59))
    return _Fields(
        clock=tuple(time(hour, minute, tzinfo=zone) for hour in sorted(_hours(hours)) for minute in at_minutes),
        days=_numbers(days, 1, 31),
        months=_numbers(months, 1, 12),
        weekdays=_numbers(weekdays, 1, 7),
        years=_numbers(years, 1970, 2199),
    )


def _due(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """Instants in (after, until] at which a schedule fires, aware UTC."""
    zone, fields = ZoneInfo(schedule.timezone), _parsed(schedule)
    day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    while day <= last:
        if fields.name(day):
            moments = (datetime.combine(day, at).astimezone(UTC) for at in fields.clock)
            yield from (moment for moment in moments if after < moment <= until)
        day += timedelta(days=1)


def check(schedules: Iterable[Schedule] = SCHEDULES) -> None:
    """Hold schedules against R2.1.

    Raises:
        ValueError: a schedule may fire while clocks change, names days in two ways, has a field nobody can read, or
            repeats a name.
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
        try:
            _parsed(schedule)
        except ValueError as error:
            raise ValueError(f"{who}: {error}") from None


def _hours(field: str) -> frozenset[int]:
    return _numbers(field, 0, 23)


def _numbers(field: str, low: int, high: int) -> frozenset[int]:
    """What a cron field names: numbers, `a-b`, `*` or `?`, each perhaps with `/step`, comma separated.

    Raises:
        ValueError: it has names or letters, which no schedule of ours uses, or a number that cannot be.
    """
    numbers: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first in ("*", "?"):
            first, last = str(low), str(high)
        elif step and not last:
            last = str(high)
        named = range(int(first), int(last or first) + 1, int(step or 1))
        if not named or named[0] < low or named[-1] > high:
            raise ValueError(f"{part} names nothing between {low} and {high}")
        numbers.update(named)
    return frozenset(numbers)


check()
