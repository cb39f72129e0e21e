"""The local stack's scheduler finds the same instants as the calendar, schedule by schedule over 24 months."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fivetier.domain.calendar import SCHEDULES, Schedule, dues

from infra.local.schedules import next_occurrence

BEGIN, END = datetime(2027, 2, 1, tzinfo=UTC), datetime(2029, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: f"{schedule.lob.value}-{schedule.name}")
def test_both_say_when_a_schedule_fires_next(schedule: Schedule) -> None:
    zone, found, at = ZoneInfo(schedule.timezone), [], BEGIN
    while (following := next_occurrence(schedule.expression, zone, BEGIN, at)) is not None and following < END:
        at = following.astimezone(UTC)
        found.append(at)
    ours = [due.at for due in dues(schedule.lob, after=BEGIN, until=END - timedelta(seconds=1), schedules=[schedule])]
    assert found == ours
    assert len(ours) >= 2
