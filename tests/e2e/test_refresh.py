"""The whole loop as its users drive it: land, refresh, read, sign, publish, query, prove."""

import json
from pathlib import Path

import boto3
import pytest

from tests.support.cli import run
from tests.support.cms import Entry, directory, entries, monthly, plans_of
from tests.support.emulator import eventually
from tests.support.pipeline import LOB, MONTHLY, Pipeline

pytestmark = pytest.mark.local_stack

SUMMIT, HARBOR = "Summit Plans", "Harbor Mutual"


@pytest.fixture(scope="module")
def base(pipeline: Pipeline) -> list[Entry]:
    """Contracts that are published before every test of this module."""
    rows = entries(12)
    pipeline.publish(pipeline.next_month(), directory(rows), (MONTHLY, monthly(plans_of(rows))))
    return rows


def test_what_two_people_signed_is_what_sql_shows(pipeline: Pipeline, base: list[Entry]) -> None:
    rows = [e.moved(HARBOR) if e.parent == SUMMIT else e for e in base]
    month = pipeline.next_month()
    run_id = pipeline.publish(month, directory(rows), (MONTHLY, monthly(plans_of(rows))))
    report = pipeline.report(run_id)
    moves = [e for e in report["events"] if e["event_type"] == "parent_changed"]
    assert [(e["from"], e["to"], len(e["contracts"])) for e in moves] == [(SUMMIT, HARBOR, 3)]
    assert report["state"] == "PUBLISHED"

    day = f"DATE '{month[:4]}-{month[5:]}-15'"
    holds = f"valid_from <= {day} AND (valid_to IS NULL OR valid_to > {day})"
    parents = pipeline.sql(f"SELECT name FROM v_hierarchy_history WHERE tier = 1 AND {holds} ORDER BY name")
    assert [row["name"] for row in parents] == [HARBOR, "Prairie Care Partners", "Sunrise Health Group"]
    before = pipeline.sql("SELECT name, valid_to FROM v_hierarchy_history WHERE name = 'Summit Plans'")
    assert [row["valid_to"] for row in before] == [f"{month[:4]}-{month[5:]}-01"]
    release = pipeline.sql("SELECT release_id, signers FROM v_release")
    assert release == [{"release_id": run_id, "signers": "data_lead=data_lead engineering_lead=engineering_lead"}]
    pipeline.publish(pipeline.next_month(), directory(base), (MONTHLY, monthly(plans_of(base))))


def test_the_staged_candidate_can_be_queried_before_anyone_signs(pipeline: Pipeline, base: list[Entry]) -> None:
    live = pipeline.sql("SELECT release_id FROM v_release")
    month = pipeline.next_month()
    pipeline.land(month, directory(base[:-1]))
    run_id = pipeline.refresh(month)["run_id"]
    counted = pipeline.sql(f"SELECT count(*) AS n FROM tmp_contract_{month} WHERE valid_to IS NULL", "--staging")
    assert counted == [{"n": "11"}]
    assert pipeline.sql("SELECT release_id FROM v_release") == live, "nothing is published by asking"
    assert pipeline.sign(run_id, "data_lead", "reject").exit_code == 0
    pipeline.ended(run_id)


def test_a_rejected_run_ends_and_asking_again_needs_a_reason(pipeline: Pipeline, base: list[Entry]) -> None:
    month = pipeline.next_month()
    pipeline.land(month, directory(base[1:]))
    run_id = pipeline.refresh(month)["run_id"]
    rejected = pipeline.sign(run_id, "engineering_lead", "reject", "--json")
    assert (rejected.exit_code, rejected.json["state"]) == (0, "REJECTED")
    ended = pipeline.run(run_id)
    assert (ended["state"], ended["error"]) == ("REJECTED", "SignOffRejected")
    assert "rejected by engineering_lead" in ended["cause"]
    again = pipeline.command("refresh", *LOB, "--sub-version", month)
    assert again.exit_code == 3
    assert "--reason" in again.err
    asked = pipeline.refresh(month, "--reason", "confirmed with the publisher")
    assert asked["run_id"] == f"{run_id[:-2]}02"
    assert pipeline.sign(asked["run_id"], "data_lead", "reject").exit_code == 0
    pipeline.ended(asked["run_id"])


def test_the_same_files_are_attested_as_no_change(pipeline: Pipeline, base: list[Entry]) -> None:
    status = pipeline.publish(pipeline.next_month(), directory(base))
    month = pipeline.next_month()
    pipeline.land(month, directory(base))
    assert pipeline.refresh(month)["state"] == "NO_CHANGE"
    assert pipeline.sql("SELECT release_id FROM v_release") == [{"release_id": status}]


def test_a_newer_run_supersedes_the_one_that_waits(pipeline: Pipeline, base: list[Entry]) -> None:
    first, second = pipeline.next_month(), pipeline.next_month()
    pipeline.land(first, directory(base[2:]))
    old = pipeline.refresh(first)["run_id"]
    pipeline.land(second, directory(base[3:]))
    new = pipeline.refresh(second)["run_id"]
    assert pipeline.ended(old)["state"] == "SUPERSEDED"
    assert pipeline.sign(old, "data_lead").exit_code == 3
    assert pipeline.sign(new, "data_lead", "reject").exit_code == 0
    pipeline.ended(new)


def test_a_question_nobody_answers_expires(pipeline: Pipeline, base: list[Entry]) -> None:
    function = "fivetier-local-freeze-candidate"
    client = boto3.client("lambda", endpoint_url=pipeline.deployed.stack.endpoint_url)
    before = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    sooner = {**before, "FIVETIER_SIGN_OFF_SECONDS": "3"}
    client.update_function_configuration(FunctionName=function, Environment={"Variables": sooner})
    try:
        month = pipeline.next_month()
        pipeline.land(month, directory(base[4:]))
        run_id = pipeline.refresh(month)["run_id"]
        ended = pipeline.ended(run_id)
    finally:
        client.update_function_configuration(FunctionName=function, Environment={"Variables": before})
    assert (ended["state"], ended["error"]) == ("EXPIRED", "SignOffExpired")
    assert pipeline.sign(run_id, "data_lead").exit_code == 3
    assert pipeline.command("refresh", *LOB, "--sub-version", month).exit_code == 3


def test_two_runs_at_once_take_turns_and_one_question_is_left(pipeline: Pipeline, base: list[Entry]) -> None:
    months = pipeline.next_month(), pipeline.next_month()
    started = []
    for month, rows in zip(months, (base[5:], base[6:]), strict=True):
        pipeline.land(month, directory(rows))
        started.append(pipeline.command("refresh", *LOB, "--sub-version", month, "--json").json["run_id"])
    for month in months:
        assert pipeline.refresh(month)["state"] in ("AWAITING_SIGN_OFF", "SUPERSEDED")
    eventually(
        lambda: sorted(pipeline.state(run) for run in started) == ["AWAITING_SIGN_OFF", "SUPERSEDED"], seconds=30
    )
    left = next(run for run in started if pipeline.state(run) == "AWAITING_SIGN_OFF")
    assert pipeline.sign(left, "data_lead", "reject").exit_code == 0


def test_rules_of_signing_are_refused_with_exit_code_3(pipeline: Pipeline, base: list[Entry]) -> None:
    month = pipeline.next_month()
    pipeline.land(month, directory(base[:-2]))
    run_id = pipeline.refresh(month)["run_id"]
    reject = ("--decision", "reject", "--reason", "no")
    cases = {
        "RoleNotHeld": ("sign", run_id, "--role", "data_lead", "--as", "engineering_lead", *reject),
        "DigestMismatch": ("sign", run_id, "--role", "data_lead", "--as", "data_lead", *reject, "--digest", "0" * 64),
        "ReasonMissing": ("sign", run_id, "--role", "data_lead", "--as", "data_lead", *reject[:3], " "),
    }
    for name, arguments in cases.items():
        answer = pipeline.command(*arguments)
        assert (answer.exit_code, answer.err.split(":")[0]) == (3, name)
    assert pipeline.run(run_id)["decisions"] == []
    assert pipeline.sign(run_id, "data_lead").exit_code == 0
    again = pipeline.sign(run_id, "data_lead", "reject")
    assert (again.exit_code, again.err.split(":")[0]) == (3, "AlreadyDecided")
    assert pipeline.sign(run_id, "engineering_lead", "reject").exit_code == 0
    pipeline.ended(run_id)


def test_without_a_token_nobody_reads_and_nothing_but_a_post_decides(pipeline: Pipeline, base: list[Entry]) -> None:
    month = pipeline.next_month()
    pipeline.land(month, directory(base[7:] + base[:3]))
    run_id = pipeline.refresh(month)["run_id"]
    token = pipeline.deployed.stack.token_for("data_lead")
    head, claims, signature = token.split(".")
    forged = f"{head}.{claims}.{signature[::-1]}"
    paths = ("/runs", f"/runs/{run_id}", f"/runs/{run_id}/report", f"/sign-offs/{run_id}/1")
    for header in (None, "Bearer nonsense", f"Bearer {forged}"):
        assert {pipeline.request("GET", path, header) for path in paths[:3]} == {401}
        assert pipeline.request("POST", paths[3], header) == 401
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert pipeline.request(method, paths[3], f"Bearer {token}") >= 204, method
        assert all(pipeline.request("GET", path, f"Bearer {token}") == 200 for path in paths[:3])
    run = pipeline.run(run_id)
    assert (run["state"], run["decisions"]) == ("AWAITING_SIGN_OFF", [])
    assert pipeline.sign(run_id, "data_lead", "reject").exit_code == 0


@pytest.mark.parametrize(
    ("error", "content"),
    [
        ("EmptyFile", b""),
        ("NoDataRows", directory([])),
        ("MissingColumn", directory(entries()).replace(b"Parent Organization", b"Owner", 1)),
        ("WrongFileInSlot", monthly([("H1000", "1")])),
        ("TruncatedFile", directory(entries())[:-30]),
        ("UnsupportedFormat", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3 not a table"),
    ],
)
def test_a_file_that_cannot_be_used_fails_the_run_by_name(
    pipeline: Pipeline, base: list[Entry], error: str, content: bytes
) -> None:
    live = pipeline.sql("SELECT release_id FROM v_release")
    month = pipeline.next_month()
    pipeline.land(month, content)
    status = pipeline.refresh(month)
    assert (status["state"], status["error"]) == ("FAILED", error), status
    assert "cms_ma_contract_directory.csv" in status["cause"]
    assert pipeline.sql("SELECT release_id FROM v_release") == live


def test_an_older_month_is_refused_and_a_bad_row_is_quarantined(pipeline: Pipeline, base: list[Entry]) -> None:
    month = pipeline.next_month()
    bad = Entry("Q77", SUMMIT, "SUMMIT PLANS OF NOWHERE, INC.")
    pipeline.land(month, directory([*base, bad]))
    status = pipeline.refresh(month)
    quarantined = pipeline.report(status["run_id"])["quarantine"]
    assert [(q["reason_code"], q["count"]) for q in quarantined] == [("CONTRACT_ID_UNKNOWN_FORM", 1)]
    assert quarantined[0]["samples"][0]["value"] == "Q77"
    pipeline.sign(status["run_id"], "data_lead", "reject")
    pipeline.ended(status["run_id"])

    pipeline.land("2025_01", directory(base))
    stale = pipeline.refresh("2025_01")
    assert (stale["state"], stale["error"]) == ("FAILED", "StaleSubVersion")


def test_the_audit_chain_verifies_on_the_stack_and_from_a_copy(
    pipeline: Pipeline, base: list[Entry], tmp_path: Path
) -> None:
    answer = pipeline.command("audit", "verify", "--json")
    assert answer.exit_code == 0
    assert answer.json["ok"]
    assert answer.json["anchors"] == answer.json["publications"] >= 1

    copy = tmp_path / "evidence"
    exported = pipeline.command("audit", "export", str(copy), "--json")
    assert exported.exit_code == 0, exported.err
    verified = run("audit", "verify", "--from", str(copy), "--anchor", exported.json["head"], "--json")
    assert verified.exit_code == 0, verified.out
    assert verified.json["unanchored"] == 0
    assert verified.json["files"] >= 8
    assert pipeline.command("audit", "export", str(copy)).exit_code == 2

    chain = copy / "audit" / "medicare_advantage"
    tampered = next(p for p in sorted(chain.iterdir()) if b"sign_off_decided" in p.read_bytes())
    stored = json.loads(tampered.read_bytes())
    stored["event"]["details"]["decision"] = "reject"
    tampered.write_text(json.dumps(stored))
    broken = run("audit", "verify", "--from", str(copy), "--json")
    assert broken.exit_code == 4
    assert any("content was changed" in problem for problem in broken.json["problems"])
