"""When each line of business is refreshed (DOMAIN §2). A change here is signed like a change of policy.

Data only: the stacks turn every schedule into one EventBridge Scheduler schedule, and monitoring may ask of it which
run is overdue.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fivetier.domain.tiers import Lob

MARKET_ZONE = "America/New_York"
#: Local hours in which no schedule may fire: clocks change in them, so a run would be skipped or come twice (R2.1).
CLOCK_CHANGE_HOURS = frozenset({1, 2})


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


SCHEDULES: tuple[Schedule, ...] = (
    Schedule(
        Lob.MEDICARE_ADVANTAGE,
        "stage_september",
        "0 6 25-30 9 ? *",
        MARKET_ZONE,
        "crosswalk and landscape files of the coming plan year begin to arrive",
    ),
    Schedule(
        Lob.MEDICARE_ADVANTAGE,
        "stage_october",
        "0 6 1-31 10 ? *",
        MARKET_ZONE,
        "landscape around 10/1 and crosswalk files until late October; open enrolment begins 10/15",
    ),
    Schedule(
        Lob.MEDICARE_ADVANTAGE,
        "plan_year",
        "0 6 2 1 ? *",
        MARKET_ZONE,
        "the contract year began on January 1",
    ),
    Schedule(
        Lob.MEDICARE_ADVANTAGE,
        "settle",
        "0 6 20 2 ? *",
        MARKET_ZONE,
        "the January files held enrolments to early December only; February's hold the new year",
    ),
    Schedule(
        Lob.MEDICARE_ADVANTAGE,
        "quarterly",
        "0 6 10 4,7,10 ? *",
        MARKET_ZONE,
        "structure and attributions at least once a quarter (R2.3)",
    ),
)


def refreshed_lobs() -> tuple[Lob, ...]:
    """Lines of business with a calendar, in the order of `Lob`."""
    return tuple(lob for lob in Lob if any(schedule.lob is lob for schedule in SCHEDULES))


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
    """Hours a cron field names: numbers, `a-b`, `*`, each perhaps with `/step`, comma separated."""
    hours: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first == "*":
            first, last = "0", "23"
        elif step and not last:
            last = "23"
        hours.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return hours
