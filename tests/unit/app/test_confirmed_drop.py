"""A drop that is real: held, confirmed by Data Operations in a run of its own, judged by both signers."""

import pytest
from fivetier.app.contracts import StartRequest
from fivetier.app.scheduling import answer_schedule
from fivetier.app.signing import view_report
from fivetier.domain import errors
from fivetier.domain.runs import RunState

from tests.support.cms import directory, entries
from tests.support.rehearsal import MA, Rehearsal, person

WHY = "two issuers left the market"


@pytest.fixture
def held() -> tuple[Rehearsal, str]:
    """Half of what is published is gone, and a run says so."""
    rehearsal = Rehearsal()
    rehearsal.published("2025_01", directory(entries()))
    rehearsal.land("2025_02", directory(entries()[:6]))
    run_id = rehearsal.start("2025_02").run_id
    rehearsal.to_sign_off(run_id)
    return rehearsal, run_id


def codes(rehearsal: Rehearsal, run_id: str) -> dict[str, str]:
    return {f["code"]: f["severity"] for f in view_report(run_id, rehearsal.world)["findings"]}


def test_a_confirmed_drop_is_another_attempt_that_takes_the_held_ones_place(held: tuple[Rehearsal, str]) -> None:
    rehearsal, run_id = held
    assert codes(rehearsal, run_id)["ROW_DROP"] == "P0"
    confirmed = rehearsal.start("2025_02", reason=WHY, confirm_drop=True).run_id
    assert confirmed == run_id[:-2] + "02"
    rehearsal.to_sign_off(confirmed)
    rehearsal.settle()
    assert rehearsal.world.executions.answers[f"token-{run_id}"]["error"] == "Superseded"

    found = codes(rehearsal, confirmed)
    assert "ROW_DROP" not in found and found["ROW_DROP_CONFIRMED"] == "P1"
    (finding,) = [f for f in view_report(confirmed, rehearsal.world)["findings"] if f["code"] == "ROW_DROP_CONFIRMED"]
    assert finding["samples"][0] == {
        **{"what": "contract", "published": "12", "gone": "6"},
        **{"confirmed_by": "data_ops_reviewer", "reason": WHY},
    }
    events = [e.event for e in rehearsal.world.audit.read_from(MA, 0) if e.event.run_id == confirmed]
    assert events[0].details["confirms_drop"] is True and events[0].details["reason"] == WHY


def test_each_signer_ticks_it_and_who_confirmed_never_signs(held: tuple[Rehearsal, str]) -> None:
    rehearsal, _ = held
    confirmed = rehearsal.start("2025_02", by="dora", reason=WHY, confirm_drop=True).run_id
    digest = rehearsal.to_sign_off(confirmed)
    with pytest.raises(errors.RequesterCannotSign):
        rehearsal.sign(confirmed, "data_lead", who=person("dora", "data_lead"))
    with pytest.raises(errors.TickMissing, match="ROW_DROP_CONFIRMED"):
        rehearsal.sign(confirmed, "data_lead", ticks={})
    for role in ("engineering_lead", "data_lead"):
        rehearsal.sign(confirmed, role)
    rehearsal.publish(confirmed, digest)
    release = rehearsal.world.lake.current_release(MA)
    assert release is not None and release.run_id == confirmed
    assert rehearsal.start("2025_02", reason="again", confirm_drop=True).run_id == confirmed


def test_after_a_rejection_the_same_reason_may_confirm(held: tuple[Rehearsal, str]) -> None:
    rehearsal, run_id = held
    rehearsal.sign(run_id, "data_lead", "reject")
    rehearsal.close(run_id, RunState.REJECTED)
    with pytest.raises(errors.AttemptNeedsReason):
        rehearsal.start("2025_02")
    confirmed = rehearsal.start("2025_02", reason=WHY, confirm_drop=True).run_id
    assert confirmed != run_id
    assert rehearsal.start("2025_02", reason="more words", confirm_drop=True).run_id == confirmed


def test_a_rejected_confirmation_needs_a_reason_not_given_before(held: tuple[Rehearsal, str]) -> None:
    rehearsal, _ = held
    confirmed = rehearsal.start("2025_02", reason=WHY, confirm_drop=True).run_id
    rehearsal.to_sign_off(confirmed)
    rehearsal.sign(confirmed, "data_lead", "reject")
    rehearsal.close(confirmed, RunState.REJECTED)
    with pytest.raises(errors.AttemptNeedsReason):
        rehearsal.start("2025_02", reason=WHY, confirm_drop=True)


@pytest.mark.parametrize("reason", ["", "   "])
def test_nobody_confirms_without_a_reason(held: tuple[Rehearsal, str], reason: str) -> None:
    rehearsal, run_id = held
    with pytest.raises(errors.ReasonMissing, match="confirm a drop"):
        rehearsal.start("2025_02", reason=reason, confirm_drop=True)
    assert [run.run_id for run in rehearsal.world.runs.list_runs(MA) if run.sub_version == "2025_02"] == [run_id]


def test_the_calendar_never_confirms(held: tuple[Rehearsal, str]) -> None:
    rehearsal, _ = held
    due = rehearsal.world.clock.now()
    request = StartRequest(lob=MA, scheduled_at=due, sub_version="2025_02", confirm_drop=True, reason=WHY)
    with pytest.raises(errors.InputError, match="a schedule confirms no drop"):
        answer_schedule(request, rehearsal.world)


def test_a_confirmation_of_what_did_not_drop_changes_nothing(held: tuple[Rehearsal, str]) -> None:
    rehearsal, _ = held
    rehearsal.land("2025_03", directory(entries(13)))
    run_id = rehearsal.start("2025_03", reason=WHY, confirm_drop=True).run_id
    rehearsal.to_sign_off(run_id)
    assert not {code for code in codes(rehearsal, run_id) if code.startswith("ROW_DROP")}


def test_who_cannot_approve_is_told_how_a_real_drop_is_confirmed(held: tuple[Rehearsal, str]) -> None:
    rehearsal, run_id = held
    with pytest.raises(errors.FindingBlocks, match="--confirm-drop"):
        rehearsal.sign(run_id, "data_lead")
