"""A rollback from the request to readers, and every way it may be refused, on fakes."""

import json
from dataclasses import dataclass

import pytest
from fivetier.app import chaining, keys, publishing, refresh, signing
from fivetier.app.contracts import PublishRequest, RunRequest
from fivetier.domain import errors
from fivetier.domain.audit import verify
from fivetier.domain.runs import RunState
from fivetier.domain.tables import CONTRACT
from fivetier.web.text_report import summary_lines

from tests.support.cms import Entry, directory, entries, monthly, plans_of
from tests.support.rehearsal import MA, MONTHLY, Rehearsal, person

ROWS = entries()
MOVED = [e.moved("Harbor Mutual") if e.parent == "Summit Plans" else e for e in ROWS]


@dataclass
class Story:
    """Two publications, `a` and then `b`; in b the contracts of Summit Plans went to Harbor Mutual."""

    rehearsal: Rehearsal
    a: str
    b: str

    @property
    def visible(self) -> tuple[str, str]:
        """Release readers see, and the run that published it."""
        current = self.rehearsal.world.lake.current_release(MA)
        assert current is not None
        return current.release_id, current.run_id

    def refresh(self, month: str, rows: list[Entry]) -> str:
        self.rehearsal.land(month, directory(rows))
        return self.rehearsal.start(month).run_id

    def signed(self, run_id: str) -> str:
        """A run both leads have signed; returns the digest."""
        digest = self.rehearsal.to_sign_off(run_id)
        for role in ("engineering_lead", "data_lead"):
            self.rehearsal.sign(run_id, role)
        return digest


@pytest.fixture
def story() -> Story:
    rehearsal = Rehearsal()
    a = rehearsal.published("2024_08", directory(ROWS), **{MONTHLY: monthly(plans_of(ROWS))})
    return Story(rehearsal, a, rehearsal.published("2025_06", directory(MOVED), **{MONTHLY: monthly(plans_of(MOVED))}))


# ---- back and forth ------------------------------------------------------------------------------------


def test_two_signatures_show_the_old_release_again(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a).run_id
    digest = story.signed(run_id)
    assert story.visible == (story.b, story.b), "nothing happens before the publication"
    story.rehearsal.publish(run_id, digest)
    release = story.rehearsal.world.lake.current_release(MA)
    assert release is not None
    assert (release.release_id, release.run_id, release.kind) == (story.a, run_id, "rollback")
    assert (release.sub_version, release.base_release_id, release.manifest_digest) == ("2024_08", story.b, digest)
    assert release.signers == "data_lead=data_lead engineering_lead=engineering_lead"
    assert not story.rehearsal.world.lake.find_release(run_id), "no row is written a second time"
    assert story.rehearsal.state(run_id) == "PUBLISHED"


def test_one_signature_is_not_enough_and_the_requester_never_signs(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a, by="ann").run_id
    digest = story.rehearsal.to_sign_off(run_id)
    with pytest.raises(errors.RequesterCannotSign):
        story.rehearsal.sign(run_id, "data_lead", who=person("ann", "data_lead"))
    story.rehearsal.sign(run_id, "data_lead")
    with pytest.raises(errors.SignOffIncomplete):
        story.rehearsal.publish(run_id, digest)
    assert story.visible == (story.b, story.b)


def test_forward_again_is_a_rollback_to_the_newer_run(story: Story) -> None:
    back = story.rehearsal.rolled_back(story.a)
    forward = story.rehearsal.rolled_back(story.b)
    assert story.visible == (story.b, forward)
    again = story.rehearsal.rolled_back(story.a)
    assert story.visible == (story.a, again)
    assert len({back, forward, again}) == 3, "each way is a run of its own"


def test_a_rollback_may_be_named_for_the_release_it_restored(story: Story) -> None:
    back = story.rehearsal.rolled_back(story.a)
    story.rehearsal.rolled_back(story.b)
    again = story.rehearsal.rolled_back(back)
    assert story.visible == (story.a, again)
    assert story.rehearsal.world.runs.get_run(again).rollback_to == story.a


def test_the_name_has_the_month_of_the_release_and_both_sides(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a).run_id
    assert run_id.startswith(f"{MA}-2024_08-")
    assert RunRequest(run_id=run_id, lob=MA).run_id == run_id
    run = story.rehearsal.world.runs.get_run(run_id)
    assert (run.kind, run.rollback_to, run.base_snapshot) == ("rollback", story.a, story.b)
    assert story.rehearsal.world.executions.started[run_id] == {"lob": MA, "run_id": run_id, "sub_version": "2024_08"}


# ---- what people sign ----------------------------------------------------------------------------------


def test_the_signed_manifest_names_the_release_and_the_files_its_signers_signed(story: Story) -> None:
    staging = story.rehearsal.world.staging
    run_id = story.rehearsal.roll_back(story.a).run_id
    story.rehearsal.to_sign_off(run_id)
    signed, original = (json.loads(staging.get_bytes(keys.manifest_key(r))) for r in (run_id, story.a))
    assert (signed["kind"], signed["rollback_to"], signed["run_id"]) == ("rollback", story.a, run_id)
    assert (signed["base_release_id"], signed["base_run_id"]) == (story.b, story.b)
    assert signed["files"] == original["files"]
    assert signed["feed_digest"] == original["feed_digest"]
    shown = story.rehearsal.world.catalog.registered["tmp_contract_2024_08"][MA]
    assert shown == f"staging/{story.a}/contract/", "reviewers query the very files"


def test_the_report_compares_with_what_readers_see(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a, reason="Harbor never bought Summit").run_id
    story.rehearsal.to_sign_off(run_id)
    report = signing.view_report(run_id, story.rehearsal.world)
    assert (report["kind"], report["rollback_to"], report["base_snapshot"]) == ("rollback", story.a, story.b)
    moves = [(e["from"], e["to"], len(e["contracts"])) for e in report["events"] if e["event_type"] == "parent_changed"]
    assert moves == [("Harbor Mutual", "Summit Plans", 3)]
    assert report["ledger"]["contracts"] == {"kept": 12, "removed": 0, "added": 0, "changed": 3}
    rows = ("landed_rows", "normalized_rows", "quarantined_rows", "suppressed_rows")
    assert [report["ledger"][name] for name in rows] == [0, 0, 0, 0]
    assert (report["sources"], report["quarantine"], report["suppressed"]) == ([], [], {})
    text = "\n".join(summary_lines(report))
    assert f"Medicare Advantage: Roll back to the release of August 2024 ({story.a})" in text
    assert "Reason: Harbor never bought Summit" in text


def test_gates_for_files_and_changes_do_not_apply_and_those_for_the_slice_do(story: Story) -> None:
    story.rehearsal.published("2025_07", directory(entries(24)))
    run_id = story.rehearsal.roll_back(story.a).run_id
    story.rehearsal.to_sign_off(run_id)
    report = signing.view_report(run_id, story.rehearsal.world)
    assert report["ledger"]["contracts"]["removed"] == 12, "half of the contracts go, which would hold a refresh"
    assert {e["reason"] for e in report["events"] if e["event_type"] == "removed"} == {"absent_from_restored_release"}
    assert [f["code"] for f in report["findings"]] == ["NETWORK_UNKNOWN"]
    assert report["recommendation"]["advice"] == "approve"


# ---- refusals ------------------------------------------------------------------------------------------


def test_an_unknown_run_is_refused(story: Story) -> None:
    with pytest.raises(errors.RunNotFound, match="nobody"):
        story.rehearsal.roll_back("nobody")


def test_a_run_of_another_lob_is_refused(story: Story) -> None:
    runs = story.rehearsal.world.runs
    runs.runs["m1"] = runs.get_run(story.a).model_copy(update={"run_id": "m1", "lob": "medicaid"})
    with pytest.raises(errors.RunOfAnotherLob, match="m1 is a run of medicaid, not of medicare_advantage"):
        story.rehearsal.roll_back("m1")


@pytest.mark.parametrize("state", [s for s in RunState if s is not RunState.PUBLISHED])
def test_a_run_that_was_never_published_is_refused(story: Story, state: RunState) -> None:
    run_id = story.refresh("2025_07", ROWS[1:])
    runs = story.rehearsal.world.runs
    runs.runs[run_id] = runs.get_run(run_id).model_copy(update={"state": state})
    with pytest.raises(errors.NeverPublished, match=f"is {state}"):
        story.rehearsal.roll_back(run_id)


def test_what_readers_see_already_is_refused(story: Story) -> None:
    with pytest.raises(errors.AlreadyCurrent):
        story.rehearsal.roll_back(story.b)
    back = story.rehearsal.rolled_back(story.a)
    for to in (story.a, back):
        with pytest.raises(errors.AlreadyCurrent, match=f"{story.a} already .published by {back}"):
            story.rehearsal.roll_back(to)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_rollback_without_a_reason_is_refused(story: Story, reason: str) -> None:
    with pytest.raises(errors.ReasonMissing, match="roll back"):
        story.rehearsal.roll_back(story.a, reason=reason)


def test_before_the_first_publication_there_is_nothing_to_roll_back() -> None:
    rehearsal = Rehearsal()
    rehearsal.land("2024_08", directory(ROWS))
    run_id = rehearsal.start("2024_08").run_id
    with pytest.raises(errors.NothingPublished):
        rehearsal.roll_back(run_id)


# ---- asking again --------------------------------------------------------------------------------------


def test_a_repeated_request_is_the_same_run(story: Story) -> None:
    first = story.rehearsal.roll_back(story.a)
    assert story.rehearsal.roll_back(story.a, by="somebody else", reason="other words") == first
    story.rehearsal.to_sign_off(first.run_id)
    assert story.rehearsal.roll_back(story.a).model_dump() == {"run_id": first.run_id, "state": "AWAITING_SIGN_OFF"}
    assert len(story.rehearsal.world.executions.started) == 3


def test_a_failed_rollback_is_tried_again_by_itself(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a).run_id
    story.rehearsal.close(run_id, RunState.FAILED, Error="Lambda.Unknown")
    assert story.rehearsal.roll_back(story.a).run_id == f"{run_id[:-2]}02"
    story.rehearsal.signed_off(f"{run_id[:-2]}02")
    assert story.visible[0] == story.a


def test_after_a_rejection_only_a_new_reason_asks_again(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a, reason="one").run_id
    story.rehearsal.close(run_id, RunState.REJECTED)
    with pytest.raises(errors.AttemptNeedsReason):
        story.rehearsal.roll_back(story.a, reason=" one ")
    second = story.rehearsal.roll_back(story.a, reason="two").run_id
    assert second == f"{run_id[:-2]}02"
    story.rehearsal.close(second, RunState.EXPIRED)
    with pytest.raises(errors.AttemptNeedsReason):
        story.rehearsal.roll_back(story.a, reason="one")


def test_a_superseded_run_of_either_kind_may_be_asked_for_again(story: Story) -> None:
    waiting = story.refresh("2025_07", ROWS[1:])
    story.rehearsal.to_sign_off(waiting)
    back = story.rehearsal.roll_back(story.a, reason="one").run_id
    story.rehearsal.to_sign_off(back)
    story.rehearsal.settle()
    answer = story.rehearsal.world.executions.answers[f"token-{waiting}"]
    assert answer == {"error": "Superseded", "cause": f"superseded by {back}"}
    story.rehearsal.close(waiting, RunState.SUPERSEDED)
    assert story.rehearsal.start("2025_07").model_dump() == {"run_id": waiting, "state": "SUPERSEDED"}

    again = story.rehearsal.start("2025_07", reason="the rollback was a mistake").run_id
    assert again == f"{waiting[:-2]}02"
    story.rehearsal.to_sign_off(again)
    story.rehearsal.settle()
    assert story.rehearsal.world.executions.answers[f"token-{back}"]["cause"] == f"superseded by {again}"
    story.rehearsal.close(back, RunState.SUPERSEDED)
    assert story.rehearsal.roll_back(story.a, reason="one").run_id == back
    assert story.rehearsal.roll_back(story.a, reason="two").run_id == f"{back[:-2]}02"


# ---- what moves meanwhile ------------------------------------------------------------------------------


def test_a_publication_since_the_request_stops_the_rollback(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a).run_id
    story.rehearsal.published("2025_07", directory(ROWS[1:]))
    with pytest.raises(errors.BaseMoved):
        story.rehearsal.to_sign_off(run_id)


def test_there_and_back_again_since_the_request_stops_it_too(story: Story) -> None:
    c = story.rehearsal.published("2025_07", directory(ROWS[1:]))
    run_id = story.rehearsal.roll_back(story.a).run_id
    story.rehearsal.rolled_back(story.b)
    story.rehearsal.rolled_back(c)
    assert story.visible[0] == c, "the release it was asked to undo, by another publication"
    with pytest.raises(errors.BaseMoved):
        story.rehearsal.to_sign_off(run_id)


def test_a_publication_since_the_report_stops_it(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a).run_id
    digest = story.signed(run_id)
    c = story.rehearsal.published("2025_07", directory(ROWS[1:]))
    with pytest.raises(errors.BaseMoved):
        story.rehearsal.publish(run_id, digest)
    assert story.visible == (c, c)


def test_a_refresh_signed_before_there_and_back_again_is_stopped(story: Story) -> None:
    slow = story.refresh("2025_07", ROWS[1:])
    digest = story.signed(slow)
    story.rehearsal.rolled_back(story.a)
    forward = story.rehearsal.rolled_back(story.b)
    with pytest.raises(errors.BaseMoved, match=f"compared with {story.b}, but {forward}"):
        story.rehearsal.publish(slow, digest)
    assert story.visible == (story.b, forward)
    assert not story.rehearsal.world.lake.find_release(slow)


def test_a_rollback_waits_for_the_run_at_work(story: Story) -> None:
    at_work = story.refresh("2025_07", ROWS[1:])
    refresh.open_run(RunRequest(run_id=at_work, lob=MA), story.rehearsal.world)
    run_id = story.rehearsal.roll_back(story.a).run_id
    with pytest.raises(errors.LeaseHeld, match=at_work):
        story.rehearsal.to_sign_off(run_id)


def test_a_late_repeat_of_an_older_publication_changes_nothing(story: Story) -> None:
    digest = story.rehearsal.world.runs.get_run(story.b).manifest_digest
    back = story.rehearsal.rolled_back(story.a)
    story.rehearsal.publish(story.b, digest or "")
    assert story.visible == (story.a, back)
    assert (story.rehearsal.state(story.b), story.rehearsal.state(story.a)) == ("PUBLISHED", "PUBLISHED")


# ---- evidence that changed -----------------------------------------------------------------------------


def forge(story: Story) -> None:
    """Somebody wrote rows of release a past the publisher."""
    files = story.rehearsal.world.lake.added[CONTRACT.name, story.a]
    (path,) = files
    files[path] = files[path].slice(1)


def test_rows_in_the_lake_that_nobody_signed_stop_it_before_the_report(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a).run_id
    forge(story)
    with pytest.raises(errors.ObjectChanged, match=f"contract of {story.a}: expected 12 rows as signed, found 11 rows"):
        story.rehearsal.to_sign_off(run_id)


def test_rows_in_the_lake_that_change_after_signing_stop_the_publication(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a).run_id
    digest = story.signed(run_id)
    forge(story)
    with pytest.raises(errors.ObjectChanged):
        story.rehearsal.publish(run_id, digest)
    assert story.visible == (story.b, story.b)


@pytest.mark.parametrize("name", ["manifest.json", "hierarchy_node/part-00000.parquet", "contract/part-00000.parquet"])
def test_changed_evidence_of_the_first_signature_stops_it(story: Story, name: str) -> None:
    staging, key = story.rehearsal.world.staging, f"staging/{story.a}/{name}"
    run_id = story.rehearsal.roll_back(story.a).run_id
    staging.put_bytes(key, staging.get_bytes(key)[:-1])
    with pytest.raises(errors.IntegrityError):
        story.rehearsal.to_sign_off(run_id)


@pytest.mark.parametrize("name", ["report.json", "manifest.json"])
def test_a_changed_byte_of_its_own_report_or_manifest_stops_it(story: Story, name: str) -> None:
    staging, run_id = story.rehearsal.world.staging, story.rehearsal.roll_back(story.a).run_id
    digest = story.signed(run_id)
    key = f"staging/{run_id}/{name}"
    staging.put_bytes(key, staging.get_bytes(key) + b" ")
    with pytest.raises(errors.IntegrityError):
        story.rehearsal.publish(run_id, digest)
    assert story.visible == (story.b, story.b)


# ---- afterwards ----------------------------------------------------------------------------------------


def test_the_next_refresh_starts_from_what_readers_see(story: Story) -> None:
    back = story.rehearsal.rolled_back(story.a)
    run_id = story.refresh("2024_09", ROWS[1:])
    story.rehearsal.to_sign_off(run_id)
    report = signing.view_report(run_id, story.rehearsal.world)
    assert (report["base_snapshot"], report["base_sub_version"]) == (story.a, "2024_08")
    assert [e["event_type"] for e in report["events"] if e["scope"] == "contract"] == ["removed"]
    for role in ("engineering_lead", "data_lead"):
        story.rehearsal.sign(run_id, role)
    story.rehearsal.publish(run_id, report["manifest_digest"])
    assert story.visible == (run_id, run_id)
    assert back != run_id


def test_the_restored_files_again_are_no_change_and_the_undone_ones_are_their_old_run(story: Story) -> None:
    story.rehearsal.rolled_back(story.a)
    story.rehearsal.land("2024_09", directory(ROWS))
    story.rehearsal.land("2024_09", monthly(plans_of(ROWS)), MONTHLY)
    run_id = story.rehearsal.start("2024_09").run_id
    assert story.rehearsal.to_sign_off(run_id) == ""
    assert story.rehearsal.state(run_id) == "NO_CHANGE"
    assert story.rehearsal.start("2025_06").run_id == story.b
    assert story.visible[0] == story.a


def test_the_audit_chain_tells_it_and_holds(story: Story) -> None:
    run_id = story.rehearsal.rolled_back(story.a, reason="Harbor never bought Summit")
    chaining.settle(MA, story.rehearsal.world)
    events = story.rehearsal.world.audit.read_from(MA, 0)
    anchor = story.rehearsal.world.lake.current_release(MA)
    assert anchor is not None
    assert verify(events, lob=MA, anchors=[anchor.audit_head]) == []
    own = [e.event for e in events if e.event.run_id == run_id]
    said = own[0].details
    assert (own[0].event_type, said["kind"], said["rollback_to"]) == ("run_requested", "rollback", story.a)
    assert (said["undone_run_id"], said["reason"]) == (story.b, "Harbor never bought Summit")
    (published,) = [e for e in own if e.event_type == "published"]
    assert published.details["release_id"] == story.a


def test_a_published_rollback_ends_published_whatever_fails_afterwards(story: Story) -> None:
    run_id = story.rehearsal.roll_back(story.a).run_id
    digest = story.signed(run_id)
    publishing.publish_release(PublishRequest(run_id=run_id, lob=MA, manifest_digest=digest), story.rehearsal.world)
    assert story.rehearsal.close(run_id, RunState.FAILED, Error="Runtime.ExitError").state is RunState.PUBLISHED
