"""A rollback killed before and after every call it makes to the outside: repeated, it ends in one publication."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from fivetier.app import chaining, freezing, publishing, refresh, rolling_back
from fivetier.app.contracts import CloseRequest, LeasedRequest, PublishRequest, RollbackRequest, RunRequest
from fivetier.app.world import Ports
from fivetier.domain.audit import verify
from fivetier.domain.runs import RunState

from tests.support.cms import directory, entries
from tests.support.mortal import Killed, Mortal
from tests.support.rehearsal import MA, WEEK, Rehearsal

Step = Callable[[Ports, str], object]


def leased(ports: Ports, run_id: str) -> LeasedRequest:
    stored = ports.runs.leases[MA]  # type: ignore[attr-defined]
    return LeasedRequest(run_id=run_id, lob=MA, fence=stored.lease.fence)


def the_step(use_case: Callable[..., object], **options: Any) -> Step:
    """A step under the lease; the fence is what OpenRun answered."""

    def run(ports: Ports, run_id: str) -> object:
        world = getattr(ports, "_world", ports)
        return use_case(leased(world, run_id), ports, **options)

    return run


def publish(ports: Ports, run_id: str) -> object:
    world = getattr(ports, "_world", ports)
    digest = world.runs.get_run(run_id).manifest_digest
    return publishing.publish_release(PublishRequest(run_id=run_id, lob=MA, manifest_digest=digest), ports)


#: The state machine in order; people sign before the step that needs it.
STEPS: dict[str, Step] = {
    "open": lambda ports, run_id: refresh.open_run(RunRequest(run_id=run_id, lob=MA), ports),
    "discover": the_step(refresh.discover_feeds),
    "resolve": the_step(refresh.resolve_hierarchy),
    "reconcile": the_step(refresh.reconcile_candidate),
    "freeze": the_step(freezing.freeze_candidate, sign_off_seconds=WEEK),
    "publish": publish,
    "close": lambda ports, run_id: publishing.close_run(
        CloseRequest(run_id=run_id, lob=MA, state=RunState.PUBLISHED), ports
    ),
}


def sign(rehearsal: Rehearsal, run_id: str) -> None:
    run = rehearsal.world.runs.get_run(run_id)
    rehearsal.ask(run_id, run.manifest_digest or "", "2026-11-29T09:00:00+00:00", run.requested_by)
    for role in ("engineering_lead", "data_lead"):
        rehearsal.sign(run_id, role)


def advance(rehearsal: Rehearsal, run_id: str, steps: list[str]) -> None:
    for name in steps:
        if name == "publish":
            sign(rehearsal, run_id)
        STEPS[name](rehearsal.world, run_id)


@pytest.fixture(scope="module")
def asked() -> tuple[Rehearsal, str, str]:
    """Two publications and a rollback to the first, just started."""
    rehearsal = Rehearsal()
    first = rehearsal.published("2024_08", directory(entries()))
    rehearsal.published("2025_06", directory(entries()[1:]))
    return rehearsal, first, rehearsal.roll_back(first).run_id


@pytest.fixture(scope="module")
def undisturbed(asked: tuple[Rehearsal, str, str]) -> str:
    """The digest people sign when nothing goes wrong."""
    rehearsal, _, run_id = copy.deepcopy(asked)
    advance(rehearsal, run_id, list(STEPS))
    return rehearsal.world.runs.get_run(run_id).manifest_digest or ""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", STEPS)
def test_a_killed_step_is_repeated_to_the_same_end(
    asked: tuple[Rehearsal, str, str], undisturbed: str, name: str, when: str
) -> None:
    names = list(STEPS)
    place = names.index(name)
    ready = copy.deepcopy(asked)
    advance(ready[0], ready[2], names[:place])
    if name == "publish":
        sign(ready[0], ready[2])
    for call in range(1, 100):
        rehearsal, target, run_id = copy.deepcopy(ready)
        mortal = Mortal(rehearsal.world, dies_at=call, when=when)
        try:
            STEPS[name](mortal, run_id)  # type: ignore[arg-type]
        except Killed:
            STEPS[name](rehearsal.world, run_id)
        else:
            assert call > 1, "a step that asks nobody anything was never killed"
            return
        advance(rehearsal, run_id, names[place + 1 :])
        require_one_publication(rehearsal, target, run_id, undisturbed)
    raise AssertionError("a step without an end")


def require_one_publication(rehearsal: Rehearsal, target: str, run_id: str, digest: str) -> None:
    world = rehearsal.world
    visible = [(row.release_id, row.run_id) for row in world.lake.publications]
    assert visible[-1] == (target, run_id)
    assert len(visible) == len(set(visible)) == 3
    run = world.runs.get_run(run_id)
    assert (run.state, run.manifest_digest) == (RunState.PUBLISHED, digest)
    chaining.settle(MA, world)
    events = world.audit.read_from(MA, 0)
    assert verify(events, lob=MA, anchors=[world.lake.publications[-1].audit_head]) == []
    types = [e.event.event_type for e in events if e.event.run_id == run_id]
    assert len(types) == len(set(types)) + 1, "each once, but two decisions"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_request_that_got_lost_is_asked_again_and_is_one_run(asked: tuple[Rehearsal, str, str], when: str) -> None:
    first = asked[1]
    for call in range(1, 100):
        rehearsal = Rehearsal()
        rehearsal.world = copy.deepcopy(asked[0].world)
        rehearsal.signed_off(rehearsal.roll_back(first).run_id)
        newest = rehearsal.world.lake.publications[1].release_id
        request = RollbackRequest(lob=MA, to=newest, reason="forward again", requested_by="ann")
        try:
            mortal = Mortal(rehearsal.world, dies_at=call, when=when)
            rolling_back.start_rollback(request, mortal)  # type: ignore[arg-type]
        except Killed:
            status = rolling_back.start_rollback(request, rehearsal.world)
        else:
            return
        forward = [run for run in rehearsal.world.runs.list_runs(MA) if run.rollback_to == newest]
        assert [run.run_id for run in forward] == [status.run_id]
        assert status.run_id in rehearsal.world.executions.started
        rehearsal.signed_off(status.run_id)
        assert rehearsal.world.lake.publications[-1].release_id == newest
    raise AssertionError("a request without an end")
