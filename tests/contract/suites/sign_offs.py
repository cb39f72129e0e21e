"""What every `RunStore` does with asks and decisions."""

from dataclasses import replace
from typing import Any

import pytest
from fivetier.domain import errors
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import Decision

from tests.contract.sides.scenes import LOB, RunsScene
from tests.contract.suites.rows import DIGEST, event_named, run_named

EXPIRES = "2026-11-29T10:00:00Z"
EMIL = Decision(
    run_id="r1",
    round_number=1,
    role="engineering_lead",
    login="emil",
    verdict="approve",
    reason="read it",
    manifest_digest=DIGEST,
    signed_at="2026-11-22T09:00:00.000000Z",
    ticks=(("ROW_DROP", "one payer left"),),
)
DORA = replace(EMIL, role="data_lead", login="dora", signed_at="2026-11-22T10:00:00.000000Z", ticks=())


class SignOffsSuite:
    kind = "runs"

    def decide(self, scene: RunsScene, decision: Decision, event_id: str = "") -> None:
        scene.runs.decide(decision, event_named(event_id or f"{decision.round_number}-{decision.role}"))

    def open(self, scene: RunsScene, **run: Any) -> None:
        state = {"state": RunState.AWAITING_SIGN_OFF, **run}
        scene.runs.create_run(run_named("r1", **state), event_named("created"))
        scene.ask("r1", DIGEST, EXPIRES, "olga", "token-1")

    def refused(self, scene: RunsScene, kind: type[errors.RuleRefused], decision: Decision) -> errors.RuleRefused:
        before = [event.event_id for event in scene.runs.pending_events(LOB)]
        decided = scene.runs.decisions("r1", decision.round_number)
        with pytest.raises(kind) as refused:
            self.decide(scene, decision, "refused")
        assert [event.event_id for event in scene.runs.pending_events(LOB)] == before
        assert scene.runs.decisions("r1", decision.round_number) == decided
        return refused.value

    def test_before_the_first_ask_there_is_none(self, scene: RunsScene) -> None:
        assert scene.runs.get_ask("r1") is None
        with pytest.raises(errors.AskNotOpen):
            scene.runs.get_task_token("r1")

    def test_an_ask_is_read_as_the_state_machine_wrote_it_without_its_token(self, scene: RunsScene) -> None:
        self.open(scene)
        ask = scene.runs.get_ask("r1")
        assert ask is not None
        assert (ask.run_id, ask.round_number, ask.manifest_digest, ask.requested_by) == ("r1", 1, DIGEST, "olga")
        assert ask.expires_at.isoformat() == "2026-11-29T10:00:00+00:00"
        assert scene.runs.get_task_token("r1") == "token-1"

    def test_asking_again_is_a_new_round_with_a_new_token(self, scene: RunsScene) -> None:
        self.open(scene)
        scene.ask("r1", "f" * 64, EXPIRES, "olga", "token-2")
        ask = scene.runs.get_ask("r1")
        assert ask is not None
        assert (ask.round_number, ask.manifest_digest) == (2, "f" * 64)
        assert scene.runs.get_task_token("r1") == "token-2"

    def test_two_people_decide_in_two_roles(self, scene: RunsScene) -> None:
        self.open(scene)
        self.decide(scene, DORA)
        self.decide(scene, EMIL)
        assert scene.runs.decisions("r1", 1) == [EMIL, DORA]
        assert {event.event_id for event in scene.runs.pending_events(LOB)} == {
            "created",
            "1-data_lead",
            "1-engineering_lead",
        }

    def test_decisions_of_another_round_are_apart(self, scene: RunsScene) -> None:
        self.open(scene)
        self.decide(scene, EMIL)
        scene.ask("r1", DIGEST, EXPIRES, "olga", "token-2")
        assert scene.runs.decisions("r1", 2) == []
        self.decide(scene, replace(EMIL, round_number=2, role="data_lead"))
        assert len(scene.runs.decisions("r1", 1)) == len(scene.runs.decisions("r1", 2)) == 1

    def test_a_role_decides_once(self, scene: RunsScene) -> None:
        self.open(scene)
        self.decide(scene, EMIL)
        refused = self.refused(scene, errors.AlreadyDecided, replace(EMIL, login="erna", verdict="reject"))
        assert isinstance(refused, errors.AlreadyDecided)
        assert refused.person == "emil"
        self.refused(scene, errors.AlreadyDecided, EMIL)

    def test_one_person_never_signs_in_two_roles(self, scene: RunsScene) -> None:
        self.open(scene)
        self.decide(scene, EMIL)
        refused = self.refused(scene, errors.SamePersonTwice, replace(EMIL, role="data_lead"))
        assert isinstance(refused, errors.SamePersonTwice)
        assert refused.signed_as == "engineering_lead"

    @pytest.mark.parametrize("state", sorted(set(RunState) - {RunState.AWAITING_SIGN_OFF}))
    def test_a_run_that_does_not_wait_takes_no_decision(self, scene: RunsScene, state: RunState) -> None:
        self.open(scene, state=state)
        refused = self.refused(scene, errors.AskNotOpen, EMIL)
        assert isinstance(refused, errors.AskNotOpen)
        assert refused.state == state

    def test_nobody_decides_on_an_unknown_run_or_before_the_ask(self, scene: RunsScene) -> None:
        self.refused(scene, errors.AskNotOpen, EMIL)
        scene.runs.create_run(run_named("r1", state=RunState.AWAITING_SIGN_OFF), event_named("created"))
        self.refused(scene, errors.AskNotOpen, EMIL)

    def test_an_older_round_is_told_to_be_replaced(self, scene: RunsScene) -> None:
        self.open(scene)
        scene.ask("r1", DIGEST, EXPIRES, "olga", "token-2")
        refused = self.refused(scene, errors.AskReplaced, EMIL)
        assert isinstance(refused, errors.AskReplaced)
        assert refused.current == 2

    @pytest.mark.parametrize(
        "late", ["2026-11-29T10:00:00.000000Z", "2026-11-29T10:00:00.000001Z", "2027-01-01T00:00:00Z"]
    )
    def test_from_the_second_it_expires_nobody_decides(self, scene: RunsScene, late: str) -> None:
        self.open(scene)
        self.refused(scene, errors.AskExpired, replace(EMIL, signed_at=late))

    def test_just_before_it_expires_a_decision_counts(self, scene: RunsScene) -> None:
        self.open(scene)
        self.decide(scene, replace(EMIL, signed_at="2026-11-29T09:59:59.999999Z"))
        assert len(scene.runs.decisions("r1", 1)) == 1

    def test_another_digest_is_not_what_is_asked(self, scene: RunsScene) -> None:
        self.open(scene)
        self.refused(scene, errors.DigestMismatch, replace(EMIL, manifest_digest="f" * 64))

    def test_the_requester_never_decides(self, scene: RunsScene) -> None:
        self.open(scene)
        self.refused(scene, errors.RequesterCannotSign, replace(EMIL, login="olga"))
