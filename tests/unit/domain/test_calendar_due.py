"""When a refresh was due last, over months, zones and clock changes; and when people are reminded."""

from datetime import UTC, datetime, timedelta

import pytest
from fivetier.domain.calendar import MARKET_ZONE, Schedule, last_due
from fivetier.domain.tiers import Lob
from fivetier.domain.watching import reminder_at, share_gone

MA = Lob.MEDICARE_ADVANTAGE
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(until: str, *, cron: str = "", days: int = 30) -> str | None:
    schedules = {"schedules": [Schedule(MA, "one", cron, MARKET_ZONE, "-")]} if cron else {}
    found = last_due(MA, after=at(until) - days * DAY, until=at(until), **schedules)
    return None if found is None else found.at.isoformat()


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        # 06:00 in New York is 10:00 UTC in summer, 11:00 in winter.
        ("2026-09-25T09:59:59", None),
        ("2026-09-25T10:00:00", "2026-09-25T10:00:00+00:00"),
        ("2026-09-26T09:59:59", "2026-09-25T10:00:00+00:00"),
        ("2026-10-01T10:00:00", "2026-10-01T10:00:00+00:00"),
        ("2026-11-22T00:00:00", "2026-10-31T10:00:00+00:00"),
        ("2027-01-02T10:59:59", None),
        ("2027-01-02T11:00:00", "2027-01-02T11:00:00+00:00"),
        ("2027-02-20T11:00:00", "2027-02-20T11:00:00+00:00"),
        ("2027-04-10T10:00:00", "2027-04-10T10:00:00+00:00"),
    ],
)
def test_the_calendar_of_medicare_advantage(until: str, expected: str | None) -> None:
    assert due(until) == expected


@pytest.mark.parametrize(
    ("cron", "until", "expected"),
    [
        ("15,45 6/6 ? * TUE *", "2026-11-22T00:00:00", "2026-11-17T23:45:00+00:00"),
        ("0 6 ? * SUN-MON *", "2026-11-22T12:00:00", "2026-11-22T11:00:00+00:00"),
        ("0 6 29 2 ? *", "2028-03-01T00:00:00", "2028-02-29T11:00:00+00:00"),
        ("0 6 1 * ? 2025", "2026-11-22T00:00:00", None),
        # On the days clocks change the hour is that of the new time.
        ("0 6 8 3 ? *", "2026-03-09T00:00:00", "2026-03-08T10:00:00+00:00"),
        ("0 6 1 11 ? *", "2026-11-02T00:00:00", "2026-11-01T11:00:00+00:00"),
    ],
)
def test_every_field_counts(cron: str, until: str, expected: str | None) -> None:
    assert due(until, cron=cron) == expected


def test_the_beginning_is_left_out_and_another_line_of_business_is_not_due() -> None:
    moment = at("2026-10-01T10:00:00")
    assert last_due(MA, after=moment, until=moment + timedelta(hours=23)) is None
    assert last_due(Lob.MEDICAID, after=moment - DAY, until=moment) is None


def test_people_are_reminded_at_half_and_at_eighty_percent() -> None:
    week, end = timedelta(days=7), at("2026-11-29T00:00:00")
    found = {
        hours: reminder_at(share_gone(expires_at=end, lasts=week, now=end - week + timedelta(hours=hours)))
        for hours in (0, 83, 84, 134, 135, 167, 168, 200)
    }
    assert found == {0: None, 83: None, 84: 50, 134: 50, 135: 80, 167: 80, 168: None, 200: None}
