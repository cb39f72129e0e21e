"""A lookback killed before and after every call of the steps that publish it: one row of its month, nothing current."""

import copy

import pytest
from fivetier.app import freezing, looking_back, normalizing, publishing, refresh
from fivetier.app.contracts import (
    CloseRequest,
    LeasedRequest,
    LookbackRequest,
    NormalizeRequest,
    PublishRequest,
    RunRequest,
)
from fivetier.app.evidence import gather
from fivetier.app.proving import prove
from fivetier.app.world import Ports
from fivetier.domain.runs import RunState

from tests.support.cms import directory, entries
from tests.support.mortal import Killed, Mortal
from tests.support.rehearsal import MA, WEEK, Rehearsal

OLD, NOW = "2025_03", "2025_06"
STEPS = ("discover", "resolve", "reconcile", "freeze", "publish", "close")


def step(name: str, ports: Ports, rehearsal: Rehearsal, run_id: str) -> None:
    """One state of the state machine."""
    stored = rehearsal.world.runs.leases.get(MA)
    leased = LeasedRequest(run_id=run_id, lob=MA, fence=stored.lease.fence if stored else 0)
    if name == "discover":
        refresh.discover_feeds(leased, ports)
    elif name == "resolve":
        refresh.resolve_hierarchy(leased, ports)
    elif name == "reconcile":
        refresh.reconcile_candidate(leased, ports)
    elif name == "freeze":
        freezing.freeze_candidate(leased, ports, sign_off_seconds=WEEK)
    elif name == "publish":
        digest = rehearsal.world.runs.get_run(run_id).manifest_digest
        publishing.publish_release(PublishRequest(run_id=run_id, lob=MA, manifest_digest=digest), ports)
    else:
        publishing.close_run(CloseRequest(run_id=run_id, lob=MA, state=RunState.PUBLISHED), ports)


@pytest.fixture(scope="module")
def signed() -> tuple[Rehearsal, str]:
    """June is published, March is history already; a newer lookback of March stands before its first step."""
    rehearsal = Rehearsal()
    rehearsal.published(NOW, directory(entries()))
    rehearsal.land(OLD, directory(entries(14)))
    rehearsal.signed_off(rehearsal.start(OLD, lookback_of=NOW).run_id)
    rehearsal.land(OLD, directory(entries(13)))
    return rehearsal, rehearsal.start(OLD, lookback_of=NOW).run_id


def until(signed: tuple[Rehearsal, str], name: str) -> tuple[Rehearsal, str]:
    """The same world right before a step."""
    rehearsal, run_id = copy.deepcopy(signed)
    if name in ("publish", "close"):
        digest = rehearsal.to_sign_off(run_id)
        for role in ("engineering_lead", "data_lead"):
            rehearsal.sign(run_id, role)
        if name == "close":
            publishing.publish_release(PublishRequest(run_id=run_id, lob=MA, manifest_digest=digest), rehearsal.world)
        return rehearsal, run_id
    request = RunRequest(run_id=run_id, lob=MA)
    leased = LeasedRequest(run_id=run_id, lob=MA, fence=refresh.open_run(request, rehearsal.world).fence)
    for source in refresh.discover_feeds(leased, rehearsal.world).objects:
        normalizing.normalize_feed(NormalizeRequest(**leased.model_dump(), source=source), rehearsal.world)
    for earlier in STEPS[1 : STEPS.index(name)]:
        step(earlier, rehearsal.world, rehearsal, run_id)
    return rehearsal, run_id


def finish(rehearsal: Rehearsal, run_id: str, name: str) -> None:
    """Everything after a step."""
    left = STEPS[STEPS.index(name) + 1 :]
    for later in left:
        if later == "publish":
            run = rehearsal.world.runs.get_run(run_id)
            rehearsal.ask(run_id, run.manifest_digest or "", "2026-11-29T09:00:00+00:00", run.requested_by)
            for role in ("engineering_lead", "data_lead"):
                rehearsal.sign(run_id, role)
        step(later, rehearsal.world, rehearsal, run_id)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", STEPS)
def test_a_killed_step_is_repeated_to_one_row_of_the_month(signed: tuple[Rehearsal, str], name: str, when: str) -> None:
    ready = until(signed, name)
    current = ready[0].world.lake.publications[:]
    for call in range(1, 100):
        rehearsal, run_id = copy.deepcopy(ready)
        mortal = Mortal(rehearsal.world, dies_at=call, when=when)
        try:
            step(name, mortal, rehearsal, run_id)  # type: ignore[arg-type]
        except Killed:
            step(name, rehearsal.world, rehearsal, run_id)
        else:
            assert call > 1, "a step that asks nobody anything was never killed"
            return
        finish(rehearsal, run_id, name)
        lake = rehearsal.world.lake
        assert lake.publications == current, f"call {call}"
        assert [row.sub_version for row in lake.histories] == [OLD, OLD], f"call {call}"
        assert lake.month_releases(MA)[OLD].run_id == run_id
        assert rehearsal.state(run_id) == "PUBLISHED"
        rehearsal.settle()
        assert prove(gather(MA, rehearsal.world)).problems == (), f"call {call}"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_request_for_months_is_repeated_to_the_same_runs(when: str) -> None:
    ready = Rehearsal()
    ready.published("2025_01", directory(entries()))
    for month, size in ((OLD, 13), ("2025_04", 14), (NOW, 12)):
        ready.land(month, directory([*entries(size)][1:]))
    request = LookbackRequest(lob=MA, sub_versions=[NOW, OLD, "2025_04"], requested_by="ann")
    for call in range(1, 100):
        rehearsal = copy.deepcopy(ready)
        mortal = Mortal(rehearsal.world, dies_at=call, when=when)
        try:
            looking_back.start_months(request, mortal)  # type: ignore[arg-type]
        except Killed:
            looking_back.start_months(request, rehearsal.world)
        else:
            assert call > 3
            return
        runs = [run for run in rehearsal.world.runs.list_runs(MA) if run.sub_version > "2025_01"]
        assert sorted(run.sub_version for run in runs) == [OLD, "2025_04", NOW]
        assert {run.run_id for run in runs} <= rehearsal.world.executions.started.keys()
