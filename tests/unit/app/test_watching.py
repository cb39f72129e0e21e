"""What is noticed when nothing happens: refreshes that did not start, feeds that did not come, people who wait."""

from datetime import UTC, datetime

import pytest
from fivetier.app.contracts import StartRequest, Watched
from fivetier.app.notifying import REMINDED, Mailing, tell_news
from fivetier.app.scheduling import answer_schedule
from fivetier.app.watching import REMINDER_DUE, watch_runs
from fivetier.domain.calendar import SCHEDULES
from fivetier.domain.errors import InputError
from fivetier.domain.runs import RunState
from fivetier.web import mails

from tests.support.cms import directory, entries
from tests.support.rehearsal import DIRECTORY, MA, Rehearsal

#: The calendar's first day of 2026's autumn, 06:00 in New York.
DUE = datetime(2026, 9, 25, 10, 0, tzinfo=UTC)
MONTH = "2026_09"
OWN = [schedule for schedule in SCHEDULES if schedule.lob is MA]
NOTHING = Watched(
    runs_overdue=0, feeds_not_seen=0, runs_open=0, asks_open=0, asks_past_half=0, asks_past_eighty=0, oldest_ask_hours=0
)
MAILING = Mailing(
    addresses={role: [f"{role}@example.test"] for role in ("engineering_lead", "data_lead", "data_ops_reviewer")},
    front_door_url="https://pages.example.test",
    console_url=None,
    state_machines={MA.value: "arn:aws:states:us-east-1:123456789012:stateMachine:refresh"},
    write_ask=mails.ask_letter,
    write_reminder=mails.reminder_letter,
    write_outcome=mails.outcome_letter,
)


class Office(Rehearsal):
    """A rehearsal that begins when a refresh is due."""

    def __init__(self) -> None:
        super().__init__()
        self.world.clock.set(DUE)

    def fire(self, due: datetime = DUE) -> str | None:
        """The schedule calls, twice as it may."""
        request = StartRequest(lob=MA, scheduled_at=due)
        first, again = answer_schedule(request, self.world), answer_schedule(request, self.world)
        assert first == again
        return first.run_id

    def watch(self, **options: bool) -> Watched:
        return watch_runs(self.world, **{"is_calendar_on": True, **options}, schedules=OWN)

    def missed(self) -> tuple[int, int]:
        found = self.watch()
        return found.runs_overdue, found.feeds_not_seen

    def events(self, event_type: str) -> list[dict[str, object]]:
        return [event.details for event in self.world.runs.reported.values() if event.event_type == event_type]

    def mail(self) -> None:
        """Every event reaches the mail function, twice."""
        for event in [*self.world.runs.reported.values()] * 2:
            tell_news(event, self.world, MAILING)


@pytest.fixture
def office() -> Office:
    return Office()


# ---- refreshes that are due ----------------------------------------------------------------------------------


def test_a_refresh_is_overdue_an_hour_after_its_time_and_no_sooner(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    office.world.clock.set(DUE)
    office.world.clock.advance(minutes=59)
    assert office.missed() == (0, 0)
    office.world.clock.advance(minutes=2)
    assert office.missed() == (1, 0)
    assert office.watch(is_calendar_on=False) == NOTHING


def test_a_refresh_that_started_is_not_overdue(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    office.world.clock.advance(hours=2)
    assert office.missed() == (0, 0)
    assert office.watch().runs_open == 1
    assert [event["met_by"] for event in office.events("schedule_met")] == [run_id]


def test_the_same_files_as_yesterday_are_an_answer(office: Office) -> None:
    """In October the calendar asks every day; most days nothing new has landed."""
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    office.signed_off(run_id)
    office.world.clock.set(DUE)
    office.world.clock.advance(days=1, hours=2)
    assert office.missed() == (1, 0)
    tomorrow = datetime(2026, 9, 26, 10, 0, tzinfo=UTC)
    assert office.fire(tomorrow) == run_id
    assert office.missed() == (0, 0)


def test_files_that_people_refused_are_an_answer_and_no_failure(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    office.to_sign_off(run_id)
    office.close(run_id, RunState.REJECTED)
    tomorrow = datetime(2026, 9, 26, 10, 0, tzinfo=UTC)
    office.world.clock.set(tomorrow)
    assert office.fire(tomorrow) == run_id


def test_a_feed_that_is_not_there_is_told_apart_from_a_run_that_did_not_start(office: Office) -> None:
    assert office.fire() is None
    (noted,) = office.events("feed_not_seen")
    assert (noted["sources"], noted["sub_version"]) == ([DIRECTORY], MONTH)
    office.world.clock.advance(hours=2)
    assert office.missed() == (0, 1)
    # It landed, and nobody started the refresh that was due.
    office.land(MONTH, directory(entries()))
    assert office.missed() == (1, 0)
    office.start(MONTH)
    assert office.missed() == (0, 0)


def test_a_schedule_nobody_heard_is_a_feed_not_seen_too(office: Office) -> None:
    office.world.clock.advance(hours=2)
    assert office.missed() == (0, 1)


def test_a_refresh_missed_long_ago_is_let_go(office: Office) -> None:
    office.world.clock.set(datetime(2026, 12, 15, tzinfo=UTC))
    assert office.missed() == (0, 0)


def test_a_call_that_does_not_say_when_it_was_due_is_refused(office: Office) -> None:
    with pytest.raises(InputError, match="by hand"):
        answer_schedule(StartRequest(lob=MA, sub_version=MONTH), office.world)


# ---- people who wait -----------------------------------------------------------------------------------------


def test_people_are_reminded_once_at_half_and_once_at_eighty_percent(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    office.to_sign_off(run_id)
    seen = []
    for hours in (83, 2, 1, 49, 1, 40):
        office.world.clock.advance(hours=hours)
        found = office.watch()
        office.mail()
        seen.append((found.asks_open, found.asks_past_half, found.asks_past_eighty, len(office.world.mailer.sent)))
    assert seen == [(1, 0, 0, 0), (1, 1, 0, 1), (1, 1, 0, 1), (1, 1, 1, 2), (1, 1, 1, 2), (1, 1, 1, 2)]
    assert [event["percent"] for event in office.events(REMINDER_DUE)] == [50, 80]
    assert len(office.events(REMINDED)) == 2
    first, second = office.world.mailer.sent
    assert first.subject == "Still waiting for you (50 % of the time is gone): Medicare Advantage 2026_09"
    assert second.subject.startswith("Still waiting for you (80 %")
    assert set(first.to) == {f"{role}@example.test" for role in ("engineering_lead", "data_lead", "data_ops_reviewer")}
    assert f"https://pages.example.test/sign-offs/{run_id}/1" in first.text
    assert "Still to decide: engineering lead and data lead" in first.text


def test_who_has_signed_is_not_reminded(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    office.to_sign_off(run_id)
    office.sign(run_id, "data_lead")
    office.world.clock.advance(days=4)
    office.watch()
    office.mail()
    (mail,) = office.world.mailer.sent
    assert mail.to == ("engineering_lead@example.test", "data_ops_reviewer@example.test")
    assert "Still to decide: engineering lead\n" in mail.text


def test_a_round_that_was_decided_meanwhile_reminds_nobody(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    office.to_sign_off(run_id)
    office.world.clock.advance(days=4)
    assert office.watch().oldest_ask_hours == pytest.approx(96, abs=0.1)
    office.sign(run_id, "data_lead")
    office.sign(run_id, "engineering_lead")
    office.mail()
    assert office.world.mailer.sent == []
    office.close(run_id, RunState.EXPIRED)
    assert office.watch(is_calendar_on=False) == NOTHING


def test_a_stage_may_ask_for_less_time_than_the_policy(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    office.to_sign_off(run_id)
    ask = office.world.runs.get_ask(run_id)
    assert ask is not None
    office.world.clock.set(ask.expires_at)
    office.world.clock.advance(seconds=-30)
    found = watch_runs(office.world, is_calendar_on=False, sign_off_seconds=60)
    assert (found.asks_past_half, found.asks_past_eighty) == (1, 0)


def test_a_reminder_of_a_round_that_was_replaced_reaches_nobody(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    digest = office.to_sign_off(run_id)
    office.world.clock.advance(days=4)
    office.watch()
    office.ask(run_id, digest, "2026-10-06T10:00:00.000000Z", "scheduler")
    office.mail()
    assert office.world.mailer.sent == []
