"""Earlier months refreshed lightly: signed like any run, visible as history, never what readers see (R2.4)."""

import json
from typing import Any

import pytest
from fivetier.app import looking_back, rolling_back
from fivetier.app.contracts import LookbackRequest, RollbackRequest
from fivetier.app.evidence import gather
from fivetier.app.proving import prove
from fivetier.app.signing import view_report, view_runs
from fivetier.domain import errors
from fivetier.domain.runs import LOOKBACK, RunState
from fivetier.domain.tables import RELEASE_TABLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cms import directory, entries, monthly, plans_of
from tests.support.rehearsal import MA, MONTHLY, Rehearsal

CROSSWALK = "cms_plan_crosswalk"
OLD, NOW = "2025_03", "2025_06"


def light(rehearsal: Rehearsal, month: str = OLD, **options: Any) -> str:
    return rehearsal.start(month, lookback_of=NOW, **options).run_id


def rows_readers_see(rehearsal: Rehearsal) -> bytes:
    """The row of `release` and every row it leads to."""
    lake = rehearsal.world.lake
    current = lake.current_release(MA)
    if current is None:
        return b""
    tables = lake.read_release(MA, current.release_id)
    rows = {name: table.to_pylist() for name, table in tables.items()}
    return json.dumps([current.model_dump(mode="json"), rows], sort_keys=True, default=str).encode()


@pytest.fixture
def rehearsal() -> Rehearsal:
    """June is published; files of March lie there, and are another market."""
    rehearsal = Rehearsal()
    rows = entries(12)
    rehearsal.published(NOW, directory(rows), **{MONTHLY: monthly(plans_of(rows))})
    old = [*(e.moved("Harbor Mutual") if e.parent == "Summit Plans" else e for e in rows), *entries(14)[12:]]
    rehearsal.land(OLD, directory(old))
    rehearsal.land(OLD, monthly(plans_of(old)), MONTHLY)
    return rehearsal


def test_an_older_month_is_refused_as_a_refresh_and_taken_as_a_lookback(rehearsal: Rehearsal) -> None:
    full = rehearsal.start(OLD).run_id
    with pytest.raises(errors.StaleSubVersion):
        rehearsal.to_sign_off(full)
    rehearsal.close(full, RunState.FAILED, Error="StaleSubVersion")
    run_id = light(rehearsal)
    assert run_id != full
    run = rehearsal.world.runs.get_run(run_id)
    assert (run.kind, run.lookback_of, run.place) == (LOOKBACK, NOW, OLD)
    assert rehearsal.to_sign_off(run_id)


def test_a_published_lookback_is_its_months_history_and_current_is_byte_for_byte_what_it_was(
    rehearsal: Rehearsal,
) -> None:
    before = rows_readers_see(rehearsal)
    run_id = rehearsal.signed_off(light(rehearsal))
    assert rehearsal.state(run_id) == "PUBLISHED"
    assert rows_readers_see(rehearsal) == before
    lake = rehearsal.world.lake
    row = lake.month_releases(MA)[OLD]
    assert (row.release_id, row.run_id, row.kind, row.base_release_id) == (run_id, run_id, LOOKBACK, None)
    assert row.signers == "data_lead=data_lead engineering_lead=engineering_lead"
    history = lake.read_release(MA, run_id)
    assert history["contract"].num_rows == 14
    assert view_runs(MA, rehearsal.world)[0]["kind"] == LOOKBACK


def test_an_organization_is_the_same_node_then_and_now(rehearsal: Rehearsal) -> None:
    run_id = rehearsal.signed_off(light(rehearsal))
    lake = rehearsal.world.lake
    current = lake.current_release(MA)
    assert current is not None

    def ids(release: str) -> dict[tuple[int, str], str]:
        rows = lake.read_release(MA, release)["hierarchy_node"].to_pylist()
        return {(row["tier"], row["name"]): row["node_id"] for row in rows if row["tier"] <= 2}

    then, now = ids(run_id), ids(current.release_id)
    shared = then.keys() & now.keys()
    assert len({tier for tier, _ in shared}) == 2
    assert {key: then[key] for key in shared} == {key: now[key] for key in shared}


def test_it_is_compared_with_its_months_history_then_with_the_nearest_earlier_month(rehearsal: Rehearsal) -> None:
    first = rehearsal.signed_off(light(rehearsal))
    rehearsal.land("2025_04", directory(entries(13)))
    april = light(rehearsal, "2025_04")
    rehearsal.to_sign_off(april)
    report = view_report(april, rehearsal.world)
    assert (report["base_snapshot"], report["base_sub_version"], report["kind"]) == (first, OLD, LOOKBACK)
    assert report["current_release"] == first

    rehearsal.land(OLD, directory(entries(13)))
    again = light(rehearsal)
    rehearsal.to_sign_off(again)
    assert view_report(again, rehearsal.world)["base_snapshot"] == first


def test_the_same_files_light_again_are_no_change(rehearsal: Rehearsal) -> None:
    first = rehearsal.signed_off(light(rehearsal))
    assert light(rehearsal) == first
    rehearsal.world.landing.land(MA, MONTHLY, OLD, "renamed.csv", b"")


def test_a_lookback_neither_supersedes_nor_gives_way_to_the_refresh(rehearsal: Rehearsal) -> None:
    waiting = light(rehearsal)
    rehearsal.to_sign_off(waiting)
    rehearsal.land("2025_07", directory(entries(13)))
    full = rehearsal.start("2025_07").run_id
    rehearsal.to_sign_off(full)
    rehearsal.land("2025_04", directory(entries(13)))
    rehearsal.to_sign_off(light(rehearsal, "2025_04"))
    rehearsal.settle()
    assert not [a for a in rehearsal.world.executions.answers.values() if "error" in a]
    for run_id in (full, waiting):
        for role in ("engineering_lead", "data_lead"):
            rehearsal.sign(run_id, role)
        digest = rehearsal.world.runs.get_run(run_id).manifest_digest
        rehearsal.publish(run_id, digest or "")
        assert rehearsal.state(run_id) == "PUBLISHED"


def test_a_newer_lookback_of_the_month_supersedes_the_older(rehearsal: Rehearsal) -> None:
    older = light(rehearsal)
    rehearsal.to_sign_off(older)
    rehearsal.land(OLD, directory(entries(13)))
    rehearsal.to_sign_off(light(rehearsal))
    rehearsal.settle()
    assert rehearsal.world.executions.answers[f"token-{older}"]["error"] == "Superseded"


def test_what_is_not_read_is_neither_pinned_nor_missed_and_the_report_says_what_that_saved(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.land(OLD, b"any bytes: nobody reads them", CROSSWALK)
    run_id = light(rehearsal)
    run = rehearsal.world.runs.get_run(run_id)
    assert CROSSWALK not in {obj.source for obj in run.objects}
    assert [obj.source for obj in run.skipped] == [CROSSWALK]
    rehearsal.to_sign_off(run_id)
    report = view_report(run_id, rehearsal.world)
    (skipped,) = report["lookback"]["skipped"]
    assert (skipped["source"], skipped["bytes"], skipped["rows"]) == (CROSSWALK, 28, None)
    assert not {"NETWORK_UNKNOWN"} & {f["code"] for f in report["findings"]}
    rehearsal.land(OLD, b"other bytes: still nobody reads them", CROSSWALK)
    assert light(rehearsal) == run_id


def test_nobody_goes_back_to_a_lookback(rehearsal: Rehearsal) -> None:
    run_id = rehearsal.signed_off(light(rehearsal))
    with pytest.raises(errors.OnlyHistory, match="history of 2025_03"):
        rehearsal.roll_back(run_id)


def test_two_lookbacks_of_a_month_signed_from_one_base_publish_once(rehearsal: Rehearsal) -> None:
    run_id = light(rehearsal)
    digest = rehearsal.to_sign_off(run_id)
    other = rehearsal.world.lake
    for role in ("engineering_lead", "data_lead"):
        rehearsal.sign(run_id, role)
    current = other.current_release(MA)
    assert current is not None
    other.set_month_release(current.model_copy(update={"sub_version": OLD, "run_id": "other", "release_id": "other"}))
    with pytest.raises(errors.BaseMoved):
        rehearsal.publish(run_id, digest)


def test_the_proof_holds_with_lookbacks_and_breaks_when_a_months_row_is_another(rehearsal: Rehearsal) -> None:
    first = rehearsal.signed_off(light(rehearsal))
    rehearsal.land("2025_04", directory(entries(13)))
    rehearsal.signed_off(light(rehearsal, "2025_04"))
    rehearsal.land("2025_07", directory(entries(12)[:11]))
    rehearsal.signed_off(rehearsal.start("2025_07").run_id)
    rehearsal.settle()
    proof = prove(gather(MA, rehearsal.world))
    assert proof.problems == ()
    assert proof.publications == 4

    evidence = gather(MA, rehearsal.world)
    forged = {**evidence.months, OLD: {**evidence.months["2025_04"], "sub_version": OLD}}
    assert prove(evidence.model_copy(update={"months": forged})).problems
    gone = {month: row for month, row in evidence.months.items() if month != OLD}
    assert prove(evidence.model_copy(update={"months": gone})).problems == (
        f"2025_03 has no history; its last lookback is {first}",
    )
    assert prove(evidence.model_copy(update={"current": evidence.months[OLD]})).problems


# ---- a list of months --------------------------------------------------------------------------------------


def ask(rehearsal: Rehearsal, *months: str, reason: str = "") -> list[tuple[str, str, str | None]]:
    request = LookbackRequest(lob=MA, sub_versions=list(months), reason=reason, requested_by="data_ops_reviewer")
    children = looking_back.start_months(request, rehearsal.world).children
    return [(child.sub_version, child.kind, child.run_id) for child in children]


def test_a_list_of_months_is_one_refresh_and_lookbacks_started_oldest_first(rehearsal: Rehearsal) -> None:
    rehearsal.land("2024_12", directory(entries(11)))
    rehearsal.land("2025_07", directory(entries(13)))
    children = ask(rehearsal, "2025_07", OLD, "2024_12")
    assert [(month, kind) for month, kind, _ in children] == [
        ("2024_12", LOOKBACK),
        (OLD, LOOKBACK),
        ("2025_07", "refresh"),
    ]
    assert list(rehearsal.world.executions.started)[-3:] == [run_id for *_, run_id in children]
    for *_, run_id in children:
        assert rehearsal.to_sign_off(run_id or "")
    assert {rehearsal.state(run_id or "") for *_, run_id in children} == {"AWAITING_SIGN_OFF"}


def test_no_run_is_started_while_a_month_lacks_files(rehearsal: Rehearsal) -> None:
    before = rehearsal.world.runs.list_runs(MA)
    with pytest.raises(errors.MissingSources, match=r"2024_11.*2024_12") as refused:
        ask(rehearsal, NOW, "2024_12", OLD, "2024_11")
    assert len(refused.value.missing) == 2
    assert rehearsal.world.runs.list_runs(MA) == before


def test_a_latest_month_behind_what_readers_see_is_refused_at_once(rehearsal: Rehearsal) -> None:
    rehearsal.land("2024_12", directory(entries(11)))
    with pytest.raises(errors.StaleSubVersion):
        ask(rehearsal, OLD, "2024_12")


def test_a_month_people_refused_is_named_and_the_others_start(rehearsal: Rehearsal) -> None:
    run_id = light(rehearsal)
    rehearsal.to_sign_off(run_id)
    rehearsal.sign(run_id, "data_lead", "reject")
    rehearsal.close(run_id, RunState.REJECTED)
    rehearsal.land("2025_07", directory(entries(13)))
    request = LookbackRequest(lob=MA, sub_versions=["2025_07", OLD], requested_by="ann")
    refused, started = looking_back.start_months(request, rehearsal.world).children
    assert (refused.refused, refused.run_id, started.refused) == ("AttemptNeedsReason", None, None)
    assert started.run_id is not None


@pytest.mark.parametrize("months", [("2025_06", "2025_06"), ("2025_13",)])
def test_a_list_that_is_none_is_refused(rehearsal: Rehearsal, months: tuple[str, ...]) -> None:
    with pytest.raises(errors.InputError):
        ask(rehearsal, *months)


def test_a_lookback_is_of_a_month_before_the_latest(rehearsal: Rehearsal) -> None:
    with pytest.raises(errors.InputError, match="before the latest"):
        rehearsal.start("2025_07", lookback_of=NOW)
    assert rehearsal.world.runs.get_run(rehearsal.start(NOW, lookback_of=NOW).run_id).kind == "refresh"


def test_the_request_can_be_asked_to_roll_back_to_a_refresh_after_lookbacks(rehearsal: Rehearsal) -> None:
    rehearsal.land("2025_07", directory(entries(13)))
    rehearsal.signed_off(rehearsal.start("2025_07").run_id)
    rehearsal.signed_off(light(rehearsal))
    june = next(run.run_id for run in rehearsal.world.runs.list_runs(MA) if run.sub_version == NOW)
    request = RollbackRequest(lob=MA, to=june, reason="July was wrong", requested_by="ann")
    rehearsal.signed_off(rolling_back.start_rollback(request, rehearsal.world).run_id)
    current = rehearsal.world.lake.current_release(MA)
    assert current is not None and current.release_id == june
    assert prove(gather(MA, rehearsal.world)).problems == ()


MONTHS = ["2024_10", "2024_12", "2025_02", "2025_06", "2025_07"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(MONTHS[:3]), st.integers(4, 14)), min_size=1, max_size=4))
def test_whatever_is_looked_back_at_current_never_changes(story: list[tuple[str, int]]) -> None:
    rehearsal = Rehearsal()
    rehearsal.published(NOW, directory(entries(12)))
    before = rows_readers_see(rehearsal)
    for month, size in story:
        rehearsal.land(month, directory(entries(size)))
        run_id = light(rehearsal, month, reason=f"look again {size}", confirm_drop=True)
        if rehearsal.state(run_id) == "RUNNING" and (digest := rehearsal.to_sign_off(run_id)):
            for role in ("engineering_lead", "data_lead"):
                rehearsal.sign(run_id, role)
            rehearsal.publish(run_id, digest)
        assert rows_readers_see(rehearsal) == before
    assert set(rehearsal.world.lake.month_releases(MA)) <= {month for month, _ in story}
    assert len(RELEASE_TABLES) == 7
    rehearsal.settle()
    assert prove(gather(MA, rehearsal.world)).problems == ()
