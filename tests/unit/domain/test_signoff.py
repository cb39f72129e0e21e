"""Who may decide what, when: each rule refuses by name, and a clean decision passes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fivetier.domain import errors
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import REQUIRED_ROLES, Ask, Decision, Person, Role, Verdict, check_decision, outcome
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2025, 6, 10, 9, 0, tzinfo=UTC)
DIGEST = "a" * 64
ASK = Ask("run-1", 2, DIGEST, NOW + timedelta(days=7), requested_by="ria")
ADA = Person("ada", frozenset({"engineering_lead", "data_lead"}))
APPROVE = Decision("run-1", 2, "engineering_lead", "ada", "approve", "read it", DIGEST, "2025-06-10T09:00:00Z")
REJECT = replace(APPROVE, verdict="reject")
OTHER = replace(APPROVE, role="data_lead", login="dan")
P0, P1, P2 = ({"code": f"{s}_CODE", "severity": s} for s in ("P0", "P1", "P2"))


def decide(decision: Decision = APPROVE, **changes: Any) -> None:
    facts: dict[str, Any] = {
        "person": ADA, "run_state": RunState.AWAITING_SIGN_OFF, "ask": ASK, "earlier": (), "findings": (), "now": NOW,
    }  # fmt: skip
    check_decision(decision, **(facts | changes))


REFUSED: list[tuple[type[errors.RuleRefused], Decision, dict[str, Any]]] = [
    *((errors.AskNotOpen, APPROVE, {"run_state": s}) for s in RunState if s is not RunState.AWAITING_SIGN_OFF),
    (errors.AskReplaced, replace(APPROVE, round_number=1), {}),
    (errors.AskReplaced, replace(APPROVE, round_number=3), {}),
    (errors.AskExpired, APPROVE, {"now": ASK.expires_at}),
    (errors.AskExpired, APPROVE, {"now": ASK.expires_at + timedelta(days=1)}),
    (errors.RoleNotHeld, APPROVE, {"person": Person("ada", frozenset({"data_lead"}))}),
    (errors.RoleNotHeld, APPROVE, {"person": Person("ada", frozenset())}),
    (errors.RoleNotHeld, replace(APPROVE, role="data_ops_reviewer"), {"person": Person("ada", frozenset(Role))}),
    (errors.RoleNotHeld, replace(APPROVE, role=""), {}),
    (errors.RequesterCannotSign, APPROVE, {"ask": replace(ASK, requested_by="ada")}),
    (errors.AlreadyDecided, APPROVE, {"earlier": (APPROVE,)}),
    (errors.AlreadyDecided, APPROVE, {"earlier": (replace(APPROVE, login="eve"),)}),
    (errors.SamePersonTwice, replace(APPROVE, role="data_lead"), {"earlier": (APPROVE,)}),
    (errors.DigestMismatch, replace(APPROVE, manifest_digest="b" * 64), {}),
    (errors.DigestMismatch, replace(APPROVE, manifest_digest=""), {}),
    (errors.ReasonMissing, replace(APPROVE, reason=" \t"), {}),
    (errors.ReasonMissing, replace(REJECT, reason=""), {}),
    (errors.FindingBlocks, APPROVE, {"findings": [P2, P0]}),
    (errors.FindingBlocks, replace(APPROVE, ticks=(("P0_CODE", "I know"),)), {"findings": [P0]}),
    (errors.TickMissing, APPROVE, {"findings": [P1]}),
    (errors.TickMissing, replace(APPROVE, ticks=(("P1_CODE", "  "),)), {"findings": [P1]}),
    (errors.TickMissing, replace(APPROVE, ticks=(("OTHER", "why"),)), {"findings": [P1]}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "decision", "changes"), REFUSED)
def test_a_broken_rule_is_refused_by_name(
    error: type[errors.RuleRefused], decision: Decision, changes: dict[str, Any]
) -> None:
    with pytest.raises(errors.RuleRefused) as refused:
        decide(decision, **changes)
    assert type(refused.value) is error
    assert str(refused.value)


@pytest.mark.parametrize("decision", [APPROVE, REJECT, replace(APPROVE, role="data_lead")])
def test_a_clean_decision_passes(decision: Decision) -> None:
    decide(decision)
    decide(decision, now=ASK.expires_at - timedelta(seconds=1), findings=[P2])


def test_the_second_role_is_for_another_person() -> None:
    decide(APPROVE, earlier=(OTHER,))


def test_a_ticked_p1_passes_and_a_rejection_needs_no_ticks() -> None:
    decide(replace(APPROVE, ticks=(("P1_CODE", "looked at every sample"),)), findings=[P1, P2])
    decide(REJECT, findings=[P0, P1])


def test_every_open_p0_and_every_missing_tick_is_named() -> None:
    with pytest.raises(errors.TickMissing) as refused:
        decide(findings=[P1, {"code": "SECOND", "severity": "P1"}])
    assert refused.value.codes == ("P1_CODE", "SECOND")
    with pytest.raises(errors.FindingBlocks) as blocked:
        decide(findings=[P0, P1])
    assert blocked.value.codes == ("P0_CODE",)


def test_a_policy_may_add_a_role() -> None:
    signer = Person("cara", frozenset({"compliance"}))
    added = replace(APPROVE, role="compliance", login="cara")
    decide(added, person=signer, required=(*REQUIRED_ROLES, "compliance"))
    with pytest.raises(errors.RoleNotHeld):
        decide(added, person=signer)


def test_the_two_required_roles_are_the_leads() -> None:
    assert [role.value for role in REQUIRED_ROLES] == ["engineering_lead", "data_lead"]


def test_a_signature_says_in_words_what_it_means() -> None:
    assert "approve its publication" in APPROVE.meaning
    assert "reject its publication" in REJECT.meaning


ROLES = st.sampled_from(["engineering_lead", "data_lead", "compliance"])
DECISIONS = st.lists(
    st.builds(
        lambda role, verdict: replace(APPROVE, role=role, verdict=verdict),
        ROLES,
        st.sampled_from(["approve", "reject"]),
    ),
    max_size=4,
)


@given(DECISIONS)
def test_one_rejection_ends_a_round_and_all_roles_approve_it(decisions: Sequence[Decision]) -> None:
    result = outcome(decisions)
    assert (result is Verdict.REJECT) == any(d.verdict == "reject" for d in decisions)
    approved = {d.role for d in decisions} >= {"engineering_lead", "data_lead"}
    assert (result is Verdict.APPROVE) == (approved and result is not Verdict.REJECT)


def test_an_added_role_is_waited_for() -> None:
    both = [APPROVE, OTHER]
    assert outcome(both) is Verdict.APPROVE
    assert outcome(both, (*REQUIRED_ROLES, "compliance")) is None
    assert outcome([]) is None
    assert outcome([APPROVE]) is None
