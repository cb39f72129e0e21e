"""What every `RunStore` does with run records, leases and the outbox."""

from datetime import timedelta

import pytest
from fivetier.app.records import ChainHead
from fivetier.domain.audit import GENESIS, chain
from fivetier.domain.errors import AskNotOpen, FencedOut, LeaseHeld, RunNotFound
from fivetier.domain.runs import RunState

from tests.contract.sides.scenes import LOB, RunsScene
from tests.contract.suites.rows import DIGEST, NOW, event_named, run_named

WORKING = (RunState.RUNNING, RunState.AWAITING_SIGN_OFF)


def pending(scene: RunsScene, lob: str = LOB) -> list[str]:
    return [event.event_id for event in scene.runs.pending_events(lob)]


def end(scene: RunsScene, run_id: str, state: RunState = RunState.FAILED) -> None:
    scene.runs.transition(run_id, allowed=list(WORKING), to=state, changes={}, event=event_named(f"{run_id}-{state}"))


class RunRecordsSuite:
    kind = "runs"

    def test_a_run_comes_back_as_it_was_with_its_event(self, scene: RunsScene) -> None:
        every = {"kind": "rollback", "attempt": 2, "base_snapshot": "r0", "manifest_digest": DIGEST, "ended_at": NOW}
        every |= {"rollback_to": "r00", "confirms_drop": True}
        run = run_named("r1", **every, reason="again", error="E", cause="c", progress={"discover": {"objects": 2}})
        assert scene.runs.create_run(run, event_named("e1"))
        assert scene.runs.get_run("r1") == run
        assert scene.runs.pending_events(LOB) == [event_named("e1")]

    def test_a_run_is_created_once(self, scene: RunsScene) -> None:
        assert scene.runs.create_run(run_named("r1"), event_named("e1"))
        assert not scene.runs.create_run(run_named("r1", reason="other"), event_named("e2"))
        assert scene.runs.get_run("r1").reason == ""
        assert pending(scene) == ["e1"]

    def test_a_run_is_created_although_its_event_was_reported(self, scene: RunsScene) -> None:
        scene.runs.record_event(event_named("e1"))
        assert scene.runs.create_run(run_named("r1"), event_named("e1"))
        assert scene.runs.get_run("r1") == run_named("r1")
        assert pending(scene) == ["e1"]

    def test_an_unknown_run_is_not_found(self, scene: RunsScene) -> None:
        with pytest.raises(RunNotFound):
            scene.runs.get_run("nobody")
        with pytest.raises(RunNotFound):
            scene.runs.note_progress("nobody", "discover", {})
        with pytest.raises(RunNotFound):
            end(scene, "nobody")
        assert pending(scene) == []

    def test_runs_are_listed_newest_first_by_lob_or_all(self, scene: RunsScene) -> None:
        for place, (run_id, lob) in enumerate([("r1", LOB), ("r2", "medicaid"), ("r3", LOB)]):
            started_at = NOW + timedelta(microseconds=place)
            scene.runs.create_run(run_named(run_id, lob=lob, started_at=started_at), event_named(run_id))
        assert [run.run_id for run in scene.runs.list_runs(LOB)] == ["r3", "r1"]
        assert [run.run_id for run in scene.runs.list_runs()] == ["r3", "r2", "r1"]
        assert scene.runs.list_runs("commercial") == []

    def test_a_transition_changes_state_fields_and_outbox_together(self, scene: RunsScene) -> None:
        scene.runs.create_run(run_named("r1"), event_named("e1"))
        changes = {"manifest_digest": DIGEST, "ended_at": NOW, "error": "", "base_snapshot": None}
        assert scene.runs.transition(
            "r1", allowed=[RunState.RUNNING], to=RunState.FAILED, changes=changes, event=event_named("e2")
        )
        expected = run_named("r1", state=RunState.FAILED, manifest_digest=DIGEST, ended_at=NOW, error="")
        assert scene.runs.get_run("r1") == expected
        assert pending(scene) == ["e1", "e2"]

    def test_a_field_set_to_none_is_gone(self, scene: RunsScene) -> None:
        scene.runs.create_run(run_named("r1", cause="x"), event_named("e1"))
        scene.runs.transition(
            "r1", allowed=[RunState.RUNNING], to=RunState.FAILED, changes={"cause": None}, event=event_named("e2")
        )
        assert scene.runs.get_run("r1").cause is None

    def test_a_repeated_transition_says_so_and_writes_nothing(self, scene: RunsScene) -> None:
        scene.runs.create_run(run_named("r1"), event_named("e1"))
        end(scene, "r1")
        assert not scene.runs.transition(
            "r1",
            allowed=[RunState.RUNNING, RunState.FAILED],
            to=RunState.FAILED,
            changes={"error": "other"},
            event=event_named("e9"),
        )
        assert scene.runs.get_run("r1").error is None
        assert pending(scene) == ["e1", "r1-FAILED"]

    def test_a_transition_from_another_state_is_refused(self, scene: RunsScene) -> None:
        scene.runs.create_run(run_named("r1", state=RunState.PUBLISHED), event_named("e1"))
        with pytest.raises(AskNotOpen) as refused:
            end(scene, "r1")
        assert refused.value.state == RunState.PUBLISHED
        assert pending(scene) == ["e1"]

    def test_a_transition_happens_although_its_event_was_reported(self, scene: RunsScene) -> None:
        scene.runs.create_run(run_named("r1"), event_named("e1"))
        scene.runs.record_event(event_named("e2"))
        assert scene.runs.transition(
            "r1", allowed=[RunState.RUNNING], to=RunState.FAILED, changes={}, event=event_named("e2")
        )
        assert scene.runs.get_run("r1").state is RunState.FAILED
        assert pending(scene) == ["e1", "e2"]

    def test_a_field_no_run_has_is_a_mistake(self, scene: RunsScene) -> None:
        scene.runs.create_run(run_named("r1"), event_named("e1"))
        with pytest.raises(ValueError, match="colour"):
            scene.runs.transition(
                "r1", allowed=[RunState.RUNNING], to=RunState.FAILED, changes={"colour": 1}, event=event_named("e2")
            )

    def test_progress_is_kept_per_step_and_replaced_by_a_repeat(self, scene: RunsScene) -> None:
        scene.runs.create_run(run_named("r1"), event_named("e1"))
        scene.runs.note_progress("r1", "normalize:directory", {"landed": 2, "share": 0.5, "none": None})
        scene.runs.note_progress("r1", "normalize:report", {"landed": 1})
        scene.runs.note_progress("r1", "normalize:report", {"landed": 3})
        assert scene.runs.get_run("r1").progress == {
            "normalize:directory": {"landed": 2, "share": 0.5, "none": None},
            "normalize:report": {"landed": 3},
        }


class LeasesSuite:
    kind = "runs"

    def test_a_free_lob_is_leased_with_a_first_fence(self, scene: RunsScene) -> None:
        lease = scene.runs.acquire_lease(LOB, "r1", NOW)
        assert (lease.lob, lease.run_id, lease.fence, lease.acquired_at) == (LOB, "r1", 1, NOW)
        scene.runs.require_fence(lease)

    def test_the_same_run_gets_the_same_lease_again(self, scene: RunsScene) -> None:
        lease = scene.runs.acquire_lease(LOB, "r1", NOW)
        assert scene.runs.acquire_lease(LOB, "r1", NOW + timedelta(hours=1)) == lease

    def test_lobs_are_leased_apart(self, scene: RunsScene) -> None:
        scene.runs.acquire_lease(LOB, "r1", NOW)
        assert scene.runs.acquire_lease("medicaid", "r2", NOW).fence == 1

    @pytest.mark.parametrize("state", [RunState.RUNNING, RunState.PUBLISHING])
    def test_a_run_at_work_keeps_its_lease_however_long_it_takes(self, scene: RunsScene, state: RunState) -> None:
        scene.runs.create_run(run_named("r1", state=state), event_named("e1"))
        lease = scene.runs.acquire_lease(LOB, "r1", NOW)
        with pytest.raises(LeaseHeld) as refused:
            scene.runs.acquire_lease(LOB, "r2", NOW + timedelta(days=30))
        assert refused.value.holder == "r1"
        scene.runs.require_fence(lease)

    def test_a_holder_nobody_recorded_counts_as_at_work(self, scene: RunsScene) -> None:
        scene.runs.acquire_lease(LOB, "r1", NOW)
        with pytest.raises(LeaseHeld):
            scene.runs.acquire_lease(LOB, "r2", NOW)

    @pytest.mark.parametrize("state", sorted(set(RunState) - {RunState.RUNNING, RunState.PUBLISHING}))
    def test_a_run_that_works_no_more_loses_its_lease(self, scene: RunsScene, state: RunState) -> None:
        scene.runs.create_run(run_named("r1", state=state), event_named("e1"))
        old = scene.runs.acquire_lease(LOB, "r1", NOW)
        new = scene.runs.acquire_lease(LOB, "r2", NOW)
        assert new.fence == old.fence + 1
        with pytest.raises(FencedOut) as refused:
            scene.runs.require_fence(old)
        assert (refused.value.fence, refused.value.current) == (1, 2)
        scene.runs.require_fence(new)

    def test_a_lease_given_back_is_free_and_fences_rise(self, scene: RunsScene) -> None:
        old = scene.runs.acquire_lease(LOB, "r1", NOW)
        scene.runs.release_lease(old)
        assert scene.runs.acquire_lease(LOB, "r2", NOW).fence == 2

    def test_a_lease_given_back_still_has_our_fence_until_somebody_takes_it(self, scene: RunsScene) -> None:
        lease = scene.runs.acquire_lease(LOB, "r1", NOW)
        scene.runs.release_lease(lease)
        scene.runs.require_fence(lease)
        assert scene.runs.acquire_lease(LOB, "r1", NOW).fence == 2

    def test_giving_back_what_was_given_to_another_does_nothing(self, scene: RunsScene) -> None:
        old = scene.runs.acquire_lease(LOB, "r1", NOW)
        scene.runs.release_lease(old)
        scene.runs.create_run(run_named("r2"), event_named("e1"))
        new = scene.runs.acquire_lease(LOB, "r2", NOW)
        scene.runs.release_lease(old)
        scene.runs.require_fence(new)
        with pytest.raises(LeaseHeld):
            scene.runs.acquire_lease(LOB, "r3", NOW)

    def test_a_lease_that_never_was_is_no_lease(self, scene: RunsScene) -> None:
        lease = scene.runs.acquire_lease("medicaid", "r1", NOW).model_copy(update={"lob": LOB})
        scene.runs.release_lease(lease)
        with pytest.raises(FencedOut):
            scene.runs.require_fence(lease)


class OutboxSuite:
    kind = "runs"

    def test_events_wait_oldest_first_whatever_order_they_came_in(self, scene: RunsScene) -> None:
        scene.runs.record_event(event_named("b", at="2026-11-22T09:00:00.500000Z"))
        scene.runs.record_event(event_named("a", at="2026-11-22T09:00:00.500000Z"))
        scene.runs.record_event(event_named("c", at="2026-11-22T09:00:00Z"))
        scene.runs.record_event(event_named("other", lob="medicaid"))
        assert pending(scene) == ["c", "a", "b"]

    def test_an_event_keeps_every_detail(self, scene: RunsScene) -> None:
        event = event_named("e", whole=3, part=0.25, none=None, nested={"list": [1, "zwei", True]})
        scene.runs.record_event(event)
        assert scene.runs.pending_events(LOB) == [event]

    def test_an_event_reported_again_is_not_written_again_even_at_another_time(self, scene: RunsScene) -> None:
        scene.runs.record_event(event_named("e"))
        scene.runs.record_event(event_named("e", at="2026-11-23T09:00:00.000000Z"))
        assert scene.runs.pending_events(LOB) == [event_named("e")]

    def test_an_event_is_found_by_its_id_from_its_first_report_on(self, scene: RunsScene) -> None:
        assert scene.runs.find_event("e") is None
        event = event_named("e", whole=3, none=None)
        scene.runs.record_event(event)
        scene.runs.record_event(event_named("e", at="2026-11-23T09:00:00.000000Z"))
        assert scene.runs.find_event("e") == event
        scene.runs.mark_chained(chain(event, seq=0, prev=GENESIS))
        assert scene.runs.find_event("e") == event

    def test_an_event_only_the_chain_knew_is_found_once_it_is_noted(self, scene: RunsScene) -> None:
        scene.runs.mark_chained(chain(event_named("e"), seq=0, prev=GENESIS))
        assert scene.runs.find_event("e") == event_named("e")

    def test_an_empty_chain_is_hinted_by_genesis(self, scene: RunsScene) -> None:
        assert scene.runs.chain_hint(LOB) == ChainHead(seq=-1, hash=GENESIS)
        assert not scene.runs.is_chained("e")

    def test_marking_moves_the_event_and_the_hint(self, scene: RunsScene) -> None:
        scene.runs.record_event(event_named("e"))
        chained = chain(event_named("e"), seq=0, prev=GENESIS)
        assert not scene.runs.is_chained("e")
        scene.runs.mark_chained(chained)
        assert scene.runs.is_chained("e")
        assert pending(scene) == []
        assert scene.runs.chain_hint(LOB) == ChainHead(seq=0, hash=chained.hash)

    def test_a_chained_event_never_returns_to_the_outbox(self, scene: RunsScene) -> None:
        scene.runs.record_event(event_named("e"))
        scene.runs.mark_chained(chain(event_named("e"), seq=0, prev=GENESIS))
        scene.runs.record_event(event_named("e"))
        assert pending(scene) == []

    def test_marking_again_does_nothing(self, scene: RunsScene) -> None:
        chained = chain(event_named("e"), seq=0, prev=GENESIS)
        scene.runs.mark_chained(chained)
        scene.runs.mark_chained(chained)
        assert scene.runs.chain_hint(LOB).seq == 0

    def test_marking_out_of_order_never_moves_the_hint_back(self, scene: RunsScene) -> None:
        first = chain(event_named("e0"), seq=0, prev=GENESIS)
        second = chain(event_named("e1"), seq=1, prev=first.hash)
        for chained in (first, second):
            scene.runs.record_event(chained.event)
        scene.runs.mark_chained(second)
        scene.runs.mark_chained(first)
        assert pending(scene) == []
        assert scene.runs.is_chained("e0")
        assert scene.runs.chain_hint(LOB) == ChainHead(seq=1, hash=second.hash)
