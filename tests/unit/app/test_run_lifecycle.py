"""A run from landed files to readers, and every way it may end, on fakes."""

import pytest
from fivetier.app import chaining, freezing, keys, publishing, signing
from fivetier.app.contracts import LeasedRequest, PublishRequest
from fivetier.app.policy import policies
from fivetier.domain import errors
from fivetier.domain.audit import verify
from fivetier.domain.runs import RunState
from fivetier.domain.tables import RELEASE_TABLES

from tests.support.cms import directory, entries, monthly, plans_of
from tests.support.rehearsal import AEQUALIS, DIRECTORY, MA, MONTHLY, Rehearsal, person


@pytest.fixture
def rehearsal() -> Rehearsal:
    return Rehearsal()


@pytest.fixture
def waiting(rehearsal: Rehearsal) -> tuple[Rehearsal, str, str]:
    """A run that waits for its first two signatures."""
    rehearsal.land("2024_08", directory(entries()))
    run_id = rehearsal.start("2024_08").run_id
    return rehearsal, run_id, rehearsal.to_sign_off(run_id)


def test_two_signatures_publish_what_was_frozen(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, digest = waiting
    first = rehearsal.sign(run_id, "engineering_lead")
    assert first.still_waiting_for == ["data_lead"]
    assert rehearsal.world.executions.answers == {}
    rehearsal.sign(run_id, "data_lead")
    assert rehearsal.world.executions.answers[f"token-{run_id}"]["output"] == {"outcome": "approve"}
    rehearsal.publish(run_id, digest)
    release = rehearsal.world.lake.current_release(MA)
    assert release is not None
    assert (release.release_id, release.manifest_digest) == (run_id, digest)
    assert release.signers == "data_lead=data_lead engineering_lead=engineering_lead"
    assert rehearsal.state(run_id) == "PUBLISHED"


def test_a_policy_with_a_third_role_waits_for_the_third_signature(
    waiting: tuple[Rehearsal, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal, run_id, _ = waiting
    roles = ("engineering_lead", "data_lead", "compliance_lead")
    policy = policies()[MA].model_copy(update={"signing_roles": roles})
    for module in (signing, chaining):
        monkeypatch.setattr(module, "policies", lambda: {MA: policy})
    rehearsal.sign(run_id, "engineering_lead")
    rehearsal.sign(run_id, "data_lead")
    assert rehearsal.world.executions.answers == {}
    rehearsal.sign(run_id, "compliance_lead")
    assert rehearsal.world.executions.answers[f"token-{run_id}"]["output"] == {"outcome": "approve"}


def test_the_second_month_is_compared_with_the_first(rehearsal: Rehearsal) -> None:
    rows = entries()
    rehearsal.published("2024_08", directory(rows), **{MONTHLY: monthly(plans_of(rows))})
    moved = [e.moved("Harbor Mutual") if e.parent == "Summit Plans" else e for e in rows[1:]]
    rehearsal.land("2025_06", directory(moved))
    rehearsal.land("2025_06", monthly(plans_of(moved)), MONTHLY)
    run_id = rehearsal.start("2025_06").run_id
    rehearsal.to_sign_off(run_id)
    report = signing.view_report(run_id, rehearsal.world)
    assert report["ledger"]["contracts"] == {"kept": 11, "removed": 1, "added": 0, "changed": 3}
    moves = [e for e in report["events"] if e["event_type"] == "parent_changed"]
    assert [(e["from"], e["to"], len(e["contracts"])) for e in moves] == [("Summit Plans", "Harbor Mutual", 3)]
    assert report["base_snapshot"] == rehearsal.world.lake.current_release(MA).release_id  # type: ignore[union-attr]


def test_the_audit_chain_holds_and_is_anchored(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, digest = waiting
    rehearsal.sign(run_id, "engineering_lead")
    rehearsal.sign(run_id, "data_lead")
    rehearsal.publish(run_id, digest)
    chaining.settle(MA, rehearsal.world)
    events = rehearsal.world.audit.read_from(MA, 0)
    anchor = rehearsal.world.lake.current_release(MA)
    assert anchor is not None
    assert verify(events, lob=MA, anchors=[anchor.audit_head]) == []
    types = [e.event.event_type for e in events]
    assert types[0] == "run_requested"
    assert types.count("sign_off_decided") == 2
    assert types.index("publish_started") < types.index("published") < types.index("run_published")


def test_repeating_every_step_changes_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.land("2024_08", directory(entries()))
    run_id = rehearsal.start("2024_08").run_id
    first = rehearsal.to_sign_off(run_id)
    assert rehearsal.start("2024_08").run_id == run_id
    rehearsal.sign(run_id, "engineering_lead")
    rehearsal.sign(run_id, "data_lead")
    for _ in range(3):
        rehearsal.publish(run_id, first)
    chaining.settle(MA, rehearsal.world)
    types = [e.event.event_type for e in rehearsal.world.audit.read_from(MA, 0)]
    assert types.count("published") == 1
    assert types.count("run_published") == 1


def test_the_same_files_again_are_attested_as_no_change(rehearsal: Rehearsal) -> None:
    rows = entries()
    rehearsal.published("2024_08", directory(rows))
    rehearsal.land("2024_09", directory(rows))
    run_id = rehearsal.start("2024_09").run_id
    assert rehearsal.to_sign_off(run_id) == ""
    assert rehearsal.state(run_id) == "NO_CHANGE"


def test_a_rejection_ends_the_run_and_asking_again_needs_a_reason(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, _ = waiting
    rehearsal.sign(run_id, "data_lead", "reject", reason="Summit looks wrong")
    answer = rehearsal.world.executions.answers[f"token-{run_id}"]
    assert answer["error"] == "SignOffRejected"
    assert "Summit looks wrong" in answer["cause"]
    rehearsal.close(run_id, RunState.REJECTED, Error=answer["error"], Cause=answer["cause"])
    with pytest.raises(errors.AttemptNeedsReason):
        rehearsal.start("2024_08")
    again = rehearsal.start("2024_08", reason="Summit confirmed by phone")
    assert again.run_id.endswith("-02")


def test_a_failed_run_is_tried_again_by_itself(rehearsal: Rehearsal) -> None:
    rehearsal.land("2024_08", directory(entries()))
    run_id = rehearsal.start("2024_08").run_id
    rehearsal.close(run_id, RunState.FAILED, Error="ObjectChanged", Cause='{"errorMessage": "it changed"}')
    run = rehearsal.world.runs.get_run(run_id)
    assert (run.state, run.error, run.cause) == (RunState.FAILED, "ObjectChanged", "it changed")
    assert rehearsal.start("2024_08").run_id == f"{run_id[:-2]}02"


def test_a_newer_run_supersedes_the_one_that_waits(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, old, _ = waiting
    rehearsal.land("2024_09", directory(entries()[2:]))
    new = rehearsal.start("2024_09").run_id
    rehearsal.to_sign_off(new)
    rehearsal.settle()
    assert rehearsal.world.executions.answers[f"token-{old}"] == {
        "error": "Superseded",
        "cause": f"superseded by {new}",
    }


def test_a_freeze_cut_off_before_it_superseded_does_so_when_repeated(
    waiting: tuple[Rehearsal, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal, old, _ = waiting
    rehearsal.land("2024_09", directory(entries()[2:]))
    new = rehearsal.start("2024_09").run_id
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(freezing, "_supersede", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        rehearsal.to_sign_off(new)
    assert rehearsal.state(new) == "AWAITING_SIGN_OFF"
    fence = rehearsal.world.runs.acquire_lease(MA, new, rehearsal.world.clock.now()).fence
    again = LeasedRequest(run_id=new, lob=MA, fence=fence)
    freezing.freeze_candidate(again, rehearsal.world, sign_off_seconds=60)
    rehearsal.settle()
    assert rehearsal.world.executions.answers[f"token-{old}"]["error"] == "Superseded"

    rehearsal.close(old, RunState.SUPERSEDED)
    newest = rehearsal.start("2024_08", reason="once more").run_id
    rehearsal.to_sign_off(newest)
    freezing.freeze_candidate(again, rehearsal.world, sign_off_seconds=60)  # late: the newest goes on waiting
    rehearsal.settle()
    assert f"token-{newest}" not in rehearsal.world.executions.answers


def test_nobody_publishes_without_both_approvals_in_the_chain(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, digest = waiting
    rehearsal.sign(run_id, "engineering_lead")
    with pytest.raises(errors.SignOffIncomplete) as refused:
        rehearsal.publish(run_id, digest)
    assert refused.value.missing == ("data_lead",)
    assert rehearsal.world.lake.current_release(MA) is None


def test_a_changed_byte_stops_the_publication(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, digest = waiting
    rehearsal.sign(run_id, "engineering_lead")
    rehearsal.sign(run_id, "data_lead")
    staged = [key for key in rehearsal.world.staging.list_keys(f"staging/{run_id}/") if not key.endswith("_feeds")]
    frozen = [k for k in staged if "part-00000" in k or k.endswith(("report.json", "manifest.json"))]
    assert len(frozen) == len(RELEASE_TABLES) + 2
    for key in frozen:
        good = rehearsal.world.staging.get_bytes(key)
        rehearsal.world.staging.put_bytes(key, good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(errors.IntegrityError):
            rehearsal.publish(run_id, digest)
        assert rehearsal.world.lake.current_release(MA) is None
        rehearsal.world.staging.bucket.versions[key].pop()


def test_a_table_whose_schema_changed_meanwhile_is_not_published(
    waiting: tuple[Rehearsal, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal, run_id, digest = waiting
    rehearsal.sign(run_id, "engineering_lead")
    rehearsal.sign(run_id, "data_lead")
    monkeypatch.setattr(rehearsal.world.lake, "schema_ids", lambda: {"contract": "7"})
    with pytest.raises(errors.ObjectChanged, match="schemas"):
        rehearsal.publish(run_id, digest)
    assert rehearsal.world.lake.current_release(MA) is None


def test_publishing_refuses_when_the_base_has_moved(rehearsal: Rehearsal) -> None:
    rehearsal.land("2024_08", directory(entries()))
    slow = rehearsal.start("2024_08").run_id
    digest = rehearsal.to_sign_off(slow)
    rehearsal.sign(slow, "engineering_lead")
    rehearsal.sign(slow, "data_lead")
    rehearsal.published("2024_09", directory(entries()[1:]))
    with pytest.raises(errors.BaseMoved):
        rehearsal.publish(slow, digest)
    assert not rehearsal.world.lake.find_release(slow), "refused before a file was added"


def test_nobody_takes_the_lease_from_a_run_that_publishes(
    waiting: tuple[Rehearsal, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearsal, run_id, digest = waiting
    rehearsal.sign(run_id, "engineering_lead")
    rehearsal.sign(run_id, "data_lead")
    rehearsal.land("2024_09", directory(entries()[1:]))
    other = rehearsal.start("2024_09").run_id
    add, refused = rehearsal.world.lake.add_release_files, []

    def meanwhile(*arguments: object, **options: object) -> None:
        with pytest.raises(errors.LeaseHeld) as held:
            rehearsal.to_sign_off(other)
        refused.append(held.value.holder)
        add(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(rehearsal.world.lake, "add_release_files", meanwhile)
    rehearsal.publish(run_id, digest)
    assert refused == [run_id]
    assert rehearsal.state(run_id) == "PUBLISHED"


def test_an_older_month_is_refused(rehearsal: Rehearsal) -> None:
    rehearsal.published("2025_06", directory(entries()))
    rehearsal.land("2024_08", directory(entries()[1:]))
    run_id = rehearsal.start("2024_08").run_id
    with pytest.raises(errors.StaleSubVersion):
        rehearsal.to_sign_off(run_id)


def test_a_missing_optional_source_carries_its_plans_forward(rehearsal: Rehearsal) -> None:
    rows = entries()
    rehearsal.published("2024_08", directory(rows), **{MONTHLY: monthly(plans_of(rows))})
    rehearsal.land("2024_09", directory(rows[1:]))
    run_id = rehearsal.start("2024_09").run_id
    rehearsal.to_sign_off(run_id)
    report = signing.view_report(run_id, rehearsal.world)
    assert report["ledger"]["nodes_by_tier"]["4"] == 2 * (len(rows) - 1)
    missing = next(f for f in report["findings"] if f["code"] == "SOURCE_MISSING")
    assert {s["source"] for s in missing["samples"]} == {MONTHLY, AEQUALIS}


@pytest.mark.parametrize(("plan_id", "kept"), [("", False), ("first", True)])
def test_a_contract_level_row_keeps_no_plan_and_an_unreadable_one_does(
    rehearsal: Rehearsal, plan_id: str, kept: bool
) -> None:
    rows = entries()
    rehearsal.published("2024_08", directory(rows), **{MONTHLY: monthly(plans_of(rows))})
    plans = [(contract, plan) for contract, plan in plans_of(rows) if (contract, plan) != ("H1000", "2")]
    rehearsal.land("2024_09", directory(rows))
    rehearsal.land("2024_09", monthly([*plans, ("H1000", plan_id)]), MONTHLY)
    run_id = rehearsal.start("2024_09").run_id
    rehearsal.to_sign_off(run_id)
    report = signing.view_report(run_id, rehearsal.world)
    assert report["ledger"]["quarantined_rows"] == 1
    assert report["ledger"]["nodes_by_tier"]["4"] == len(plans) + kept
    assert ("HELD_BY_QUARANTINE" in {f["code"] for f in report["findings"]}) is kept


def test_a_required_source_that_did_not_land_is_named(rehearsal: Rehearsal) -> None:
    rehearsal.land("2024_08", monthly([("H1000", "1")]), MONTHLY)
    with pytest.raises(errors.MissingSource, match=DIRECTORY):
        rehearsal.start("2024_08")


def test_quarantine_is_kept_even_when_the_period_refuses_the_run(rehearsal: Rehearsal) -> None:
    rehearsal.world.landing.land(MA, DIRECTORY, "2025_06", "MA_Contract_Directory_2024_08.csv", directory(entries()))
    run_id = rehearsal.start("2025_06").run_id
    with pytest.raises(errors.StaleSubVersion, match="2024_08"):
        rehearsal.to_sign_off(run_id)
    assert rehearsal.world.staging.get_table(keys.quarantine_key(run_id, DIRECTORY)).num_rows == 0


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"who": person("data_ops_reviewer", "engineering_lead")}, errors.RequesterCannotSign),
        ({"who": person("somebody", "analyst")}, errors.RoleNotHeld),
        ({"manifest_digest": "0" * 64}, errors.DigestMismatch),
        ({"round_number": 9}, errors.AskReplaced),
        ({"reason": "   "}, errors.ReasonMissing),
    ],
)
def test_a_rule_refuses_a_signature(
    waiting: tuple[Rehearsal, str, str], changes: dict[str, object], refused: type[errors.RuleRefused]
) -> None:
    rehearsal, run_id, _ = waiting
    with pytest.raises(refused):
        rehearsal.sign(run_id, "engineering_lead", **changes)
    assert signing.view_run(run_id, rehearsal.world)["decisions"] == []


def test_one_person_cannot_sign_in_both_roles(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, _ = waiting
    both = person("everybody", "engineering_lead", "data_lead")
    rehearsal.sign(run_id, "engineering_lead", who=both)
    with pytest.raises(errors.SamePersonTwice):
        rehearsal.sign(run_id, "data_lead", who=both)
    with pytest.raises(errors.AlreadyDecided):
        rehearsal.sign(run_id, "engineering_lead", who=person("other", "engineering_lead"))


def test_p1_needs_a_tick_and_p0_cannot_be_approved(rehearsal: Rehearsal) -> None:
    rows = entries()
    rehearsal.published("2024_08", directory(rows))
    moved = [e.moved("Harbor Mutual") if e.parent == "Summit Plans" else e for e in rows]
    rehearsal.land("2024_09", directory(moved))
    run_id = rehearsal.start("2024_09").run_id
    rehearsal.to_sign_off(run_id)
    with pytest.raises(errors.TickMissing) as missing:
        rehearsal.sign(run_id, "data_lead", ticks={})
    assert missing.value.codes == ("DRIFT_PARENT",)

    rehearsal.land("2024_10", directory(rows[:6]))
    dropped = rehearsal.start("2024_10").run_id
    rehearsal.to_sign_off(dropped)
    with pytest.raises(errors.FindingBlocks, match="ROW_DROP"):
        rehearsal.sign(dropped, "data_lead")


def test_a_late_decision_is_refused(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, _ = waiting
    rehearsal.world.clock.advance(days=7)
    with pytest.raises(errors.AskExpired):
        rehearsal.sign(run_id, "data_lead")


def test_a_published_run_ends_published_whatever_fails_afterwards(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, digest = waiting
    rehearsal.sign(run_id, "engineering_lead")
    rehearsal.sign(run_id, "data_lead")
    publishing.publish_release(PublishRequest(run_id=run_id, lob=MA, manifest_digest=digest), rehearsal.world)
    assert rehearsal.close(run_id, RunState.FAILED, Error="Runtime.ExitError").state is RunState.PUBLISHED


def test_runs_whose_execution_died_are_abandoned(waiting: tuple[Rehearsal, str, str]) -> None:
    rehearsal, run_id, _ = waiting
    assert publishing.abandon_dead_runs(rehearsal.world) == []
    rehearsal.world.executions.end(run_id)
    assert publishing.abandon_dead_runs(rehearsal.world) == [run_id]
    assert rehearsal.state(run_id) == "ABANDONED"
    assert rehearsal.world.runs.get_run(run_id).error is None
    assert rehearsal.start("2024_08").run_id.endswith("-02")


def test_a_run_that_could_not_be_closed_keeps_the_error_its_execution_ended_with(
    waiting: tuple[Rehearsal, str, str],
) -> None:
    rehearsal, run_id, _ = waiting
    rehearsal.world.executions.end(run_id, Error="BaseMoved", Cause="closing the run failed too")
    assert publishing.abandon_dead_runs(rehearsal.world) == [run_id]
    run = rehearsal.world.runs.get_run(run_id)
    assert (run.state, run.error, run.cause) == (RunState.ABANDONED, "BaseMoved", "closing the run failed too")
