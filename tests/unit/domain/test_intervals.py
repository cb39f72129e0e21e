"""Half-open business time: `[valid_from, valid_to)`."""

from datetime import date, timedelta

import pytest
from fivetier.domain.intervals import Interval
from hypothesis import given
from hypothesis import strategies as st

START = date(2024, 1, 1)
DAYS = st.integers(0, 12).map(lambda days: START + timedelta(days=days))


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    first = draw(DAYS)
    return Interval(first, draw(st.none() | st.integers(1, 12).map(lambda days: first + timedelta(days=days))))


def days(interval: Interval) -> set[date]:
    window = [START + timedelta(days=n) for n in range(40)]
    return {day for day in window if interval.holds_on(day)}


@given(intervals(), intervals())
def test_overlap_is_a_shared_day_whoever_asks(one: Interval, other: Interval) -> None:
    assert one.overlaps(other) == other.overlaps(one) == bool(days(one) & days(other))


@given(intervals(), intervals())
def test_covering_is_having_every_day(one: Interval, other: Interval) -> None:
    assert one.covers(other) == (days(other) <= days(one))


@given(intervals())
def test_an_interval_holds_its_first_day_and_not_its_end(one: Interval) -> None:
    assert one.holds_on(one.valid_from) and not one.holds_on(one.valid_from - timedelta(days=1))
    if one.valid_to is not None:
        assert one.holds_on(one.valid_to - timedelta(days=1)) and not one.holds_on(one.valid_to)
        assert not one.overlaps(Interval(one.valid_to))


def test_an_inclusive_term_date_becomes_the_day_after() -> None:
    assert Interval.from_inclusive(START, date(2024, 12, 31)) == Interval(START, date(2025, 1, 1))
    assert Interval.from_inclusive(START, START).holds_on(START)
    assert Interval.from_inclusive(START, None).valid_to is None


@pytest.mark.parametrize("end", [START, START - timedelta(days=1)])
def test_an_interval_without_a_day_is_refused(end: date) -> None:
    with pytest.raises(ValueError, match="holds no day"):
        Interval(START, end)
