"""The calendar as people ask for it: where each due time stands, on an injected clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fivetier.app.calendar_view import view_calendar
from fivetier.app.contracts import CalendarQuery, StartRequest
from fivetier.app.scheduling import answer_schedule, start_late
from fivetier.domain.runs import RunState
from fivetier.domain.tiers import Lob
from pydantic import ValidationError

from tests.support.cms import directory, entries
from tests.support.rehearsal import DIRECTORY, MA, Rehearsal

DUE = datetime(2027, 4, 10, 10, 0, tzinfo=UTC)
MONTH = "2027_04"


@pytest.fixture
def rehearsal() -> Rehearsal:
    """On the second at which the quarter's refresh of Medicare Advantage is due."""
    rehearsal = Rehearsal()
    rehearsal.world.clock.tick = timedelta()
    rehearsal.world.clock.set(DUE)
    return rehearsal


def standing(rehearsal: Rehearsal, due: datetime = DUE) -> dict[str, Any]:
    (row,) = view_calendar([MA], due - timedelta(days=1), due + timedelta(hours=1), rehearsal.world)
    return row


def test_a_due_time_comes_waits_is_late_and_is_met(rehearsal: Rehearsal) -> None:
    rehearsal.world.clock.set(DUE - timedelta(seconds=1))
    assert standing(rehearsal)["standing"] == "coming"
    rehearsal.world.clock.set(DUE)
    waiting = standing(rehearsal)
    assert (waiting["standing"], waiting["missing"], waiting["sub_version"]) == (
        "waiting_for_files",
        [DIRECTORY],
        MONTH,
    )
    rehearsal.land(MONTH, directory(entries()))
    assert standing(rehearsal)["standing"] == "starting"
    rehearsal.world.clock.set(DUE + timedelta(hours=1, seconds=-1))
    assert standing(rehearsal)["standing"] == "starting"
    rehearsal.world.clock.set(DUE + timedelta(hours=1))
    assert standing(rehearsal)["standing"] == "overdue"
    run_id = start_late(MA, rehearsal.world)
    met = standing(rehearsal)
    assert (met["standing"], met["run_id"], met["state"]) == ("met", run_id, "RUNNING")
    rehearsal.close(str(run_id), RunState.FAILED)
    assert standing(rehearsal)["state"] == "FAILED"


def test_what_was_never_started_is_let_go(rehearsal: Rehearsal) -> None:
    rehearsal.world.clock.set(DUE + timedelta(days=30, seconds=-1))
    assert standing(rehearsal)["standing"] == "waiting_for_files"
    rehearsal.world.clock.set(DUE + timedelta(days=30))
    assert standing(rehearsal)["standing"] == "let_go"


def test_what_somebody_started_by_hand_is_met(rehearsal: Rehearsal) -> None:
    rehearsal.land(MONTH, directory(entries()))
    rehearsal.world.clock.advance(hours=2)
    run_id = rehearsal.start(MONTH).run_id
    assert standing(rehearsal)["run_id"] == run_id


def test_a_look_that_found_nothing_is_not_waiting(rehearsal: Rehearsal) -> None:
    look = datetime(2027, 9, 25, 10, 0, tzinfo=UTC)
    rehearsal.world.clock.set(look + timedelta(hours=5))
    assert standing(rehearsal, look)["standing"] == "nothing_landed"


def test_an_earlier_due_time_is_met_by_the_run_of_a_later_one(rehearsal: Rehearsal) -> None:
    due, look = datetime(2027, 10, 10, 10, 0, tzinfo=UTC), datetime(2027, 10, 12, 10, 0, tzinfo=UTC)
    rehearsal.world.clock.set(look)
    assert standing(rehearsal, due)["standing"] == "waiting_for_files"
    rehearsal.land("2027_10", directory(entries()))
    run_id = answer_schedule(StartRequest(lob=MA, scheduled_at=look), rehearsal.world).run_id
    assert (standing(rehearsal, due)["standing"], standing(rehearsal, due)["run_id"]) == ("met", run_id)


def test_all_lines_of_business_stand_in_one_calendar_each_for_itself(rehearsal: Rehearsal) -> None:
    rehearsal.land(MONTH, directory(entries()))
    answer_schedule(StartRequest(lob=MA, scheduled_at=DUE), rehearsal.world)
    rehearsal.world.clock.advance(hours=3)
    begin, end = datetime(2027, 4, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC)
    rows = view_calendar(Lob, begin, end, rehearsal.world)
    assert [row["due_at"] for row in rows] == sorted(row["due_at"] for row in rows)
    found = {(row["lob"], *row["schedules"]): row["standing"] for row in rows}
    assert found == {
        ("aca_exchange", "reissue_check"): "nothing_landed",
        ("aca_exchange", "quarterly"): "waiting_for_files",
        ("commercial", "monthly"): "waiting_for_files",
        ("medicaid", "quarterly"): "waiting_for_files",
        ("medicare_advantage", "quarterly"): "met",
    }


@pytest.mark.parametrize("until", ["2027-01-01T00:00:00Z", "2030-02-01T00:00:00Z"])
def test_a_question_is_bounded(until: str) -> None:
    with pytest.raises(ValidationError, match="by three years at most"):
        CalendarQuery.model_validate({"from": "2027-01-01T00:00:00Z", "until": until})
