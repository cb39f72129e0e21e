"""The whole calendar on an injected clock: 24 months with four clock changes, a leap day and two plan-year starts.

Two oracles that share nothing with the code: DOMAIN §2 as predicates asked at every minute of UTC, and dateutil's
recurrence rules. What is compared are instants, and what holds one second before, at and after each.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import DAILY, rrule
from fivetier.app.starting import month_at
from fivetier.domain.calendar import CLOCK_CHANGE_HOURS, SCHEDULES, Due, Schedule, check, dues, last_due, next_due
from fivetier.domain.tiers import Lob
from hypothesis import given, settings
from hypothesis import strategies as st

MARKET = ZoneInfo("America/New_York")
BEGIN, END = datetime(2027, 2, 1, tzinfo=UTC), datetime(2029, 2, 1, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata", "Asia/Manila", "Pacific/Kiritimati")
QUARTERS = (1, 4, 7, 10)

#: DOMAIN §2, read by a person: is this local minute, at 6 o'clock, one of the schedule's?
DOMAIN: dict[tuple[str, str], Callable[[datetime], bool]] = {
    ("medicare_advantage", "stage_september"): lambda t: t.minute == 0 and t.month == 9 and 25 <= t.day <= 30,
    ("medicare_advantage", "stage_october"): lambda t: t.minute == 0 and t.month == 10,
    ("medicare_advantage", "plan_year"): lambda t: t.minute == 0 and (t.month, t.day) == (1, 2),
    ("medicare_advantage", "settle"): lambda t: t.minute == 0 and (t.month, t.day) == (2, 20),
    ("medicare_advantage", "quarterly"): lambda t: t.minute == 0 and t.day == 10 and t.month in (4, 7, 10),
    ("aca_exchange", "stage"): lambda t: t.minute == 0 and (t.month, t.day) == (11, 1),
    ("aca_exchange", "plan_year"): lambda t: t.minute == 30 and (t.month, t.day) == (1, 2),
    ("aca_exchange", "reissue_check"): lambda t: t.minute == 0 and t.day == 5 and 2 <= t.month <= 6,
    ("aca_exchange", "quarterly"): lambda t: t.minute == 0 and t.day == 10 and t.month in (4, 7, 10),
    ("medicaid", "quarterly"): lambda t: t.minute == 0 and t.day == 5 and t.month in QUARTERS,
    ("commercial", "monthly"): lambda t: t.minute == 0 and t.day == 5,
}
#: A look that may find nothing; every other schedule expects files.
LOOKS = {
    ("medicare_advantage", "stage_september"),
    ("medicare_advantage", "stage_october"),
    ("aca_exchange", "reissue_check"),
}


@pytest.fixture(scope="module")
def oracle() -> list[tuple[datetime, str, str]]:
    """Every minute of UTC, asked what is due: (instant, LOB, schedule)."""
    found, moment = [], BEGIN
    while moment < END:
        local = moment.astimezone(MARKET)
        if local.hour == 6:
            found += [(moment, *key) for key, names in DOMAIN.items() if names(local)]
        moment += MINUTE
    return found


def every_due() -> list[Due]:
    return [due for lob in Lob for due in dues(lob, after=BEGIN - SECOND, until=END - SECOND)]


def test_the_calendar_is_that_of_the_domain_page_at_every_minute_of_24_months(
    oracle: list[tuple[datetime, str, str]],
) -> None:
    ours = sorted((due.at, due.lob.value, name) for due in every_due() for name in due.schedules)
    assert ours == sorted(oracle)
    assert {(s.lob.value, s.name) for s in SCHEDULES} == set(DOMAIN)
    # 82 of Medicare Advantage (one instant of each October has two schedules), 20, 8 and 24.
    assert (len(ours), len(every_due())) == (136, 134)


def test_it_covers_what_can_go_wrong() -> None:
    """Four clock changes, a leap day, two starts of a plan year: the proof above must not shrink unseen."""
    offsets = [(BEGIN + timedelta(days=day)).astimezone(MARKET).utcoffset() for day in range((END - BEGIN).days)]
    assert sum(before != after for before, after in pairwise(offsets)) == 4
    assert BEGIN < datetime(2028, 2, 29, tzinfo=UTC) < END
    starts = [due.at.isoformat() for due in every_due() if "plan_year" in due.schedules]
    assert starts == [f"{year}-01-02T11:{minute}:00+00:00" for minute in ("00", "30") for year in (2028, 2029)]


def test_files_are_expected_but_where_a_look_may_find_nothing() -> None:
    assert {(s.lob.value, s.name) for s in SCHEDULES if s.expects == "perhaps"} == LOOKS
    both = [due for due in every_due() if len(due.schedules) > 1]
    assert [(due.at.isoformat(), due.schedules, due.expects) for due in both] == [
        (f"{year}-10-10T10:00:00+00:00", ("stage_october", "quarterly"), "files") for year in (2027, 2028)
    ]


def test_nothing_is_due_a_second_early_and_everything_at_its_second() -> None:
    """More than 400 probes; each in five zones, since a clock may stand anywhere."""
    probes = 0
    for due in every_due():
        for zone in map(ZoneInfo, ZONES):
            at = due.at.astimezone(zone)
            early, late = at - SECOND, at + SECOND
            assert due not in dues(due.lob, after=at - timedelta(days=3), until=early)
            assert last_due(due.lob, after=early, until=at) == due == last_due(due.lob, after=early, until=late)
            assert next_due(due.lob, after=early) == due
            following = next_due(due.lob, after=at)
            assert following is not None
            assert following.at > due.at
            assert dues(due.lob, after=at, until=late) == ()
        probes += 3
    assert probes >= 400


def test_walking_from_due_to_due_meets_every_one_once() -> None:
    for lob in Lob:
        walked, at = [], BEGIN - SECOND
        while (due := next_due(lob, after=at)) is not None and due.at < END:
            walked.append(due)
            at = due.at
        assert walked == [due for due in every_due() if due.lob is lob]


def test_a_refresh_is_about_the_month_it_is_due_in() -> None:
    for due in every_due():
        local = due.at.astimezone(MARKET)
        assert str(month_at(due.at)) == f"{local:%Y_%m}"
        assert local.hour == 6


@pytest.mark.parametrize(
    ("local", "before", "at"),
    [
        ("2028-01-01T00:00:00", "2027_12", "2028_01"),
        ("2028-03-01T00:00:00", "2028_02", "2028_03"),
        ("2028-02-29T00:00:00", "2028_02", "2028_02"),
        ("2028-04-01T00:00:00", "2028_03", "2028_04"),
        ("2028-11-01T00:00:00", "2028_10", "2028_11"),
        ("2029-01-01T00:00:00", "2028_12", "2029_01"),
    ],
)
def test_months_and_plan_years_turn_at_midnight_in_new_york(local: str, before: str, at: str) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=MARKET).astimezone(UTC)
    assert (str(month_at(moment - SECOND)), str(month_at(moment)), str(month_at(moment + SECOND))) == (before, at, at)


@pytest.mark.parametrize("year", [2028, 2029])
def test_nothing_begins_between_new_year_and_six_on_the_second(year: int) -> None:
    begin = datetime(year - 1, 12, 31, tzinfo=MARKET)
    until = datetime(year, 1, 2, 6, tzinfo=MARKET)
    for lob in Lob:
        assert dues(lob, after=begin, until=until - SECOND) == ()
    assert [d.lob.value for lob in Lob for d in dues(lob, after=begin, until=until + 30 * MINUTE)] == [
        "medicare_advantage",
        "aca_exchange",
    ]


# ---- schedules nobody has written yet --------------------------------------------------------------------------

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Schedule, rrule]:
    """A schedule, and the same as a recurrence rule of dateutil, which counts weekdays from Monday."""

    def some(values: list[int]) -> list[int]:
        return sorted(draw(st.sets(st.sampled_from(values), min_size=1, max_size=4)))

    minutes = some(list(range(60)))
    hours = some([hour for hour in range(24) if hour not in CLOCK_CHANGE_HOURS])
    months = draw(st.one_of(st.none(), st.just([2]), st.builds(lambda: some(list(range(1, 13))))))
    rule: dict[str, object] = {"byminute": minutes, "byhour": hours, "bysecond": 0, "bymonth": months}
    in_months = "*" if months is None else _text(months)
    if draw(st.booleans()):
        days = some(list(range(1, 32)))
        cron, rule = f"{_text(days)} {in_months} ?", rule | {"bymonthday": days}
    else:
        weekdays = some(list(range(7)))
        cron = f"? {in_months} {','.join(WEEKDAYS[day] for day in weekdays)}"
        rule |= {"byweekday": [(day - 1) % 7 for day in weekdays]}
    expression = f"{_text(minutes)} {_text(hours)} {cron} *"
    schedule = Schedule(Lob.MEDICAID, "any", expression, "America/New_York", "-")
    check([schedule])
    begin, until = datetime(2027, 2, 1, tzinfo=MARKET), datetime(2029, 1, 31, 23, 59, tzinfo=MARKET)
    return schedule, rrule(DAILY, dtstart=begin, until=until, **rule)


def _text(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


@settings(deadline=None)
@given(schedules())
def test_any_schedule_fires_as_an_independent_reader_says(pair: tuple[Schedule, rrule]) -> None:
    schedule, rule = pair
    expected = [local.astimezone(UTC) for local in rule]
    after = datetime(2027, 2, 1, tzinfo=MARKET) - SECOND
    until = datetime(2029, 1, 31, 23, 59, tzinfo=MARKET)
    assert [due.at for due in dues(Lob.MEDICAID, after=after, until=until, schedules=[schedule])] == expected
    if expected:
        first = next_due(Lob.MEDICAID, after=after, schedules=[schedule])
        assert first is not None
        assert first.at == expected[0]


@pytest.mark.parametrize(
    ("after", "expected"),
    [("2027-03-01", "2028-02-29"), ("2028-02-29", "2032-02-29"), ("2096-03-01", "2104-02-29")],
)
def test_a_leap_day_is_waited_for(after: str, expected: str) -> None:
    schedule = Schedule(Lob.MEDICAID, "leap", "0 6 29 2 ? *", "America/New_York", "-")
    found = next_due(Lob.MEDICAID, after=datetime.fromisoformat(f"{after}T12:00:00+00:00"), schedules=[schedule])
    assert found is not None
    assert found.at.isoformat() == f"{expected}T11:00:00+00:00"


def test_what_is_over_is_never_due_again() -> None:
    schedule = Schedule(Lob.MEDICAID, "once", "0 6 1 4 ? 2027", "America/New_York", "-")
    assert next_due(Lob.MEDICAID, after=END, schedules=[schedule]) is None


@pytest.mark.parametrize("cron", ["60 6 1 * ? *", "0 6 32 * ? *", "0 6 0 * ? *", "0 6 1 13 ? *", "0 6 ? * 8 *"])
def test_a_number_that_cannot_be_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"medicaid any: .* names nothing between"):
        check([Schedule(Lob.MEDICAID, "any", cron, "America/New_York", "-")])
