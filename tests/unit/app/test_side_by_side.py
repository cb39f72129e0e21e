"""Lines of business are refreshed at once, each under its own lease: a late one keeps no other back (R2.2)."""

from datetime import UTC, datetime

import pytest
from fivetier.app import refresh
from fivetier.app.contracts import LeasedRequest, RunRequest, StartRequest
from fivetier.app.scheduling import answer_schedule
from fivetier.app.starting import start_refresh
from fivetier.domain.errors import LeaseHeld
from fivetier.domain.runs import RunState
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of

from tests.support.cms import directory, entries
from tests.support.rehearsal import MA, Rehearsal

MONTH = "2027_04"
#: Those that have sources: what is landed for them is not read here.
LOBS = [lob for lob in Lob if sources_of(lob)]


@pytest.fixture
def rehearsal() -> Rehearsal:
    """April 2027, when the quarter of each is due, with something landed for all."""
    rehearsal = Rehearsal()
    rehearsal.world.clock.set(datetime(2027, 4, 10, 10, 0, tzinfo=UTC))
    for lob in LOBS:
        for each in sources_of(lob):
            if each.required:
                rehearsal.world.landing.land(lob, each.source, MONTH, f"{MONTH}.csv", directory(entries()))
    return rehearsal


def started(rehearsal: Rehearsal) -> dict[Lob, str]:
    every = {lob: StartRequest(lob=lob, scheduled_at=rehearsal.world.clock.now()) for lob in LOBS}
    return {lob: str(answer_schedule(request, rehearsal.world).run_id) for lob, request in every.items()}


def test_all_start_on_one_second_and_each_holds_its_own_lease(rehearsal: Rehearsal) -> None:
    world = rehearsal.world
    runs = started(rehearsal)
    assert len(LOBS) >= 3
    fences = {lob: refresh.open_run(RunRequest(run_id=run_id, lob=lob), world).fence for lob, run_id in runs.items()}
    assert set(fences.values()) == {1}
    for lob, run_id in runs.items():
        found = refresh.discover_feeds(LeasedRequest(run_id=run_id, lob=lob, fence=fences[lob]), world)
        assert found.objects == [each.source for each in sources_of(lob) if each.required]
    assert [world.executions.started[run_id]["lob"] for run_id in runs.values()] == LOBS


def test_one_that_fails_and_one_that_waits_keep_no_other_back(rehearsal: Rehearsal) -> None:
    world = rehearsal.world
    runs = started(rehearsal)
    failing = next(lob for lob in LOBS if lob is not MA)
    refresh.open_run(RunRequest(run_id=runs[failing], lob=failing), world)
    rehearsal.signed_off(runs[MA])
    assert (rehearsal.state(runs[MA]), rehearsal.state(runs[failing])) == ("PUBLISHED", RunState.RUNNING)
    # Its own lease is what holds the next run of a line of business back, and nothing else does.
    world.landing.land(failing, sources_of(failing)[0].source, MONTH, "b.csv", b"other")
    second = start_refresh(StartRequest(lob=failing, sub_version=MONTH), world).run_id
    with pytest.raises(LeaseHeld):
        refresh.open_run(RunRequest(run_id=second, lob=failing), world)
