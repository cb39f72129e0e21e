"""What is noticed when nothing happens: refreshes that did not start, feeds that did not come, people who wait."""

from datetime import UTC, datetime, timedelta

import pytest
from fivetier.app.contracts import StartRequest, Watched
from fivetier.app.notifying import ESCALATED, REMINDED, Mailing, tell_news
from fivetier.app.scheduling import answer_schedule, start_late
from fivetier.app.starting import start_refresh
from fivetier.app.watching import FEED_OVERDUE, REMINDER_DUE, watch_runs
from fivetier.domain.calendar import SCHEDULES
from fivetier.domain.errors import InputError
from fivetier.domain.runs import RunState
from fivetier.web import mails

from tests.support.cms import directory, entries
from tests.support.rehearsal import DIRECTORY, MA, Rehearsal

#: The autumn quarter's refresh, 06:00 in New York; files are due then. All of October is looked at every day besides.
DUE = datetime(2026, 10, 10, 10, 0, tzinfo=UTC)
TOMORROW = DUE + timedelta(days=1)
MONTH = "2026_10"
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
    write_absence=mails.absence_letter,
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

    def look(self) -> str | None:
        """The start of the hourly look, twice as it may come."""
        first, again = start_late(MA, self.world), start_late(MA, self.world)
        assert again in (None, first)
        return first

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
    office.world.clock.set(TOMORROW)
    assert office.fire(TOMORROW) == run_id
    office.world.clock.advance(hours=2)
    assert office.missed() == (0, 0)
    assert office.look() is None
    assert len(office.world.runs.runs) == 1


def test_what_is_published_landed_again_a_month_later_is_attested_as_no_change(office: Office) -> None:
    """Settling in January finds the files of autumn: a run that asks nobody and fails nothing (R2.2)."""
    office.land(MONTH, directory(entries()))
    office.signed_off(office.fire() or "")
    january = datetime(2027, 1, 2, 11, 0, tzinfo=UTC)
    office.world.clock.set(january)
    office.land("2027_01", directory(entries()))
    run_id = office.fire(january)
    assert run_id is not None
    assert run_id.startswith("medicare_advantage-2027_01-")
    assert office.to_sign_off(run_id) == ""
    assert office.state(run_id) == "NO_CHANGE"
    office.world.clock.set(january)
    office.world.clock.advance(hours=5)
    office.mail()
    assert (office.missed(), office.look()) == ((0, 0), None)
    assert [mail.subject for mail in office.world.mailer.sent] == ["Published: Medicare Advantage 2026_10"]
    assert "run_no_change" in {event.event_type for event in office.world.runs.reported.values()}


def test_files_that_people_refused_are_an_answer_and_no_failure(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    office.to_sign_off(run_id)
    office.close(run_id, RunState.REJECTED)
    office.world.clock.set(TOMORROW)
    assert office.fire(TOMORROW) == run_id


def test_a_feed_that_is_not_there_is_told_apart_from_a_run_that_did_not_start(office: Office) -> None:
    assert office.fire() is None
    (noted,) = office.events("feed_not_seen")
    assert (noted["sources"], noted["sub_version"]) == ([DIRECTORY], MONTH)
    office.world.clock.advance(hours=2)
    assert office.missed() == (0, 1)
    # It landed, and nothing has started the refresh that was due yet.
    office.land(MONTH, directory(entries()))
    assert office.missed() == (1, 0)
    office.start(MONTH)
    assert office.missed() == (0, 0)


def test_a_schedule_nobody_heard_is_a_feed_not_seen_too(office: Office) -> None:
    office.world.clock.advance(hours=2)
    assert office.missed() == (0, 1)


def test_a_refresh_missed_long_ago_is_let_go(office: Office) -> None:
    office.world.clock.set(datetime(2026, 12, 15, tzinfo=UTC))
    office.land(MONTH, directory(entries()))
    assert office.missed() == (0, 0)
    assert office.look() is None


# ---- looks that find something only perhaps --------------------------------------------------------------------


def test_a_daily_look_that_finds_nothing_is_quiet(office: Office) -> None:
    september = datetime(2026, 9, 25, 10, 0, tzinfo=UTC)
    for day in range(6):
        office.world.clock.set(september + timedelta(days=day))
        assert office.fire(september + timedelta(days=day)) is None
        office.world.clock.advance(hours=20)
        assert (office.missed(), office.look()) == ((0, 0), None)
    office.mail()
    assert office.world.mailer.sent == []
    assert [event["sources"] for event in office.events("nothing_landed")] == [[DIRECTORY]] * 6
    assert office.events("feed_not_seen") == []


def test_a_look_on_the_day_files_are_due_is_not_quiet(office: Office) -> None:
    """On October 10 a look and the quarter's refresh fall on one second."""
    office.fire()
    office.fire(TOMORROW)
    assert len(office.events("feed_not_seen")) == len(office.events("nothing_landed")) == 1
    # The look of the next day, which may find nothing, does not hide that yesterday's files are missing.
    office.world.clock.set(TOMORROW + timedelta(hours=2))
    assert office.missed() == (0, 1)


def test_a_time_the_calendar_does_not_know_is_taken_seriously(office: Office) -> None:
    answer = answer_schedule(StartRequest(lob=MA, scheduled_at=DUE + timedelta(hours=1)), office.world)
    assert (answer.missing, answer.is_expected) == ([DIRECTORY], True)


# ---- files that land late --------------------------------------------------------------------------------------


def test_what_lands_late_is_started_by_the_next_hourly_look(office: Office) -> None:
    office.fire()
    office.world.clock.advance(hours=50)
    assert office.look() is None
    office.land(MONTH, directory(entries()))
    run_id = office.look()
    assert run_id is not None
    assert run_id.startswith(f"medicare_advantage-{MONTH}-")
    assert office.world.runs.get_run(run_id).requested_by == "scheduler"
    assert list(office.world.executions.started) == [run_id]
    assert office.missed() == (0, 0)
    office.signed_off(run_id)
    assert office.look() is None
    assert len(office.world.runs.runs) == 1


def test_before_it_is_due_nothing_is_started(office: Office) -> None:
    office.land("2027_01", directory(entries()))
    plan_year = datetime(2027, 1, 2, 11, 0, tzinfo=UTC)
    office.world.clock.set(plan_year - timedelta(seconds=1))
    assert start_late(MA, office.world) is None
    office.world.clock.set(plan_year)
    assert start_late(MA, office.world) is not None


def test_a_start_that_was_cut_off_is_made_up_for(office: Office) -> None:
    """The run record was written and the execution was not started: nobody else would come back for it."""
    office.land(MONTH, directory(entries()))
    run_id = start_refresh(StartRequest(lob=MA, scheduled_at=DUE), office.world).run_id
    office.world.executions.started.clear()
    assert start_late(MA, office.world) == run_id
    assert list(office.world.executions.started) == [run_id]
    assert start_late(MA, office.world) is None


def test_what_somebody_started_by_hand_is_left_alone(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    office.world.clock.advance(minutes=5)
    office.start(MONTH)
    assert office.look() is None
    assert len(office.world.runs.runs) == 1


def test_a_failed_run_is_not_repeated_until_its_files_are_mended(office: Office) -> None:
    office.land(MONTH, directory(entries()))
    run_id = office.fire()
    assert run_id is not None
    office.close(run_id, RunState.FAILED, Error="TruncatedFile", Cause="half a file")
    office.world.clock.advance(hours=1)
    assert office.look() is None
    office.land(MONTH, directory(entries(11)))
    mended = start_late(MA, office.world)
    assert mended not in (None, run_id)
    assert start_late(MA, office.world) is None
    office.close(str(mended), RunState.FAILED, Error="TruncatedFile", Cause="again")
    assert office.look() is None
    assert len(office.world.runs.runs) == 2


def test_a_way_back_is_no_answer_to_the_calendar(office: Office) -> None:
    """Not even one to a release of the month that is due."""
    office.world.clock.set(DUE - timedelta(days=2))
    first = office.published(MONTH, directory(entries()))
    second = office.published(MONTH, directory(entries(11)))
    office.world.clock.set(DUE + timedelta(minutes=10))
    office.rolled_back(first)
    office.world.clock.advance(hours=2)
    assert office.missed() == (1, 0)
    assert office.look() == second
    assert office.missed() == (0, 0)


# ---- whom absence is told --------------------------------------------------------------------------------------


def test_an_absent_feed_is_told_data_operations_first_and_the_leads_later_once_each(office: Office) -> None:
    office.fire()
    told = []
    for hours in (0.9, 0.2, 5, 65, 1, 24):
        office.world.clock.advance(hours=hours)
        assert office.missed() == ((0, 1) if told else (0, 0))
        office.mail()
        told.append(len(office.world.mailer.sent))
    assert told == [0, 1, 1, 1, 2, 2]
    first, second = office.world.mailer.sent
    assert first.subject == "Files have not landed: Medicare Advantage 2026_10"
    assert first.to == ("data_ops_reviewer@example.test",)
    assert set(second.to) == {f"{role}@example.test" for role in ("data_ops_reviewer", "engineering_lead", "data_lead")}
    assert f"Missing: {DIRECTORY}" in first.text
    assert "starts by itself within the hour" in first.text
    assert [event["stage"] for event in office.events(FEED_OVERDUE)] == [1, 2]
    assert len(office.events(ESCALATED)) == 2


def test_a_look_that_comes_late_tells_everybody_at_once(office: Office) -> None:
    office.world.clock.advance(days=10)
    assert office.missed() == (0, 1)
    office.mail()
    assert [len(mail.to) for mail in office.world.mailer.sent] == [3]


def test_who_landed_meanwhile_is_not_told(office: Office) -> None:
    office.world.clock.advance(hours=2)
    assert office.missed() == (0, 1)
    office.land(MONTH, directory(entries()))
    assert office.look() is not None
    office.mail()
    assert office.world.mailer.sent == []


def test_where_the_calendar_is_off_nobody_is_told(office: Office) -> None:
    office.world.clock.advance(hours=2)
    office.watch(is_calendar_on=False)
    office.mail()
    assert office.world.mailer.sent == []


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
    assert first.subject == "Still waiting for you (50 % of the time is gone): Medicare Advantage 2026_10"
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
