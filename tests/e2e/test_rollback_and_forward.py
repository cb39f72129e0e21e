"""Back to an earlier publication and forward again, as people do it: commands, two signatures, SQL."""

import pytest

from tests.support.cms import Entry, directory, entries, monthly, plans_of
from tests.support.pipeline import LOB, MONTHLY, Pipeline

pytestmark = pytest.mark.local_stack

SUMMIT, HARBOR = "Summit Plans", "Harbor Mutual"
WHY = ("--reason", "Harbor never bought Summit")


@pytest.fixture(scope="module")
def base() -> list[Entry]:
    return entries(12)


def publish(pipeline: Pipeline, rows: list[Entry]) -> str:
    return pipeline.publish(pipeline.next_month(), directory(rows), (MONTHLY, monthly(plans_of(rows))))


def owners(pipeline: Pipeline) -> dict[str, str]:
    """How many subsidiaries each parent has in the end, by the view analysts query; the months lie ahead of today."""
    last = "tier = 2 AND valid_to IS NULL"
    counted = f"SELECT parent_name, count(*) AS n FROM v_hierarchy_history WHERE {last} GROUP BY parent_name"
    return {row["parent_name"]: row["n"] for row in pipeline.sql(counted)}


def published(pipeline: Pipeline) -> dict[str, str]:
    (row,) = pipeline.sql("SELECT release_id, run_id, kind, base_release_id, signers FROM v_release")
    return row


def test_two_signatures_lead_back_and_two_forward_again(pipeline: Pipeline, base: list[Entry]) -> None:
    a = publish(pipeline, base)
    as_signed = owners(pipeline)
    b = publish(pipeline, [e.moved(HARBOR) if e.parent == SUMMIT else e for e in base])
    assert SUMMIT in as_signed and SUMMIT not in owners(pipeline)

    asked = pipeline.command("rollback", *LOB, "--to", a, *WHY, "--wait", "--json")
    assert asked.exit_code == 0, asked.err
    back = asked.json["run_id"]
    assert asked.json == {"run_id": back, "state": "AWAITING_SIGN_OFF", "rollback_to": a, "base_snapshot": b}
    report = pipeline.report(back)
    moves = [(e["from"], e["to"]) for e in report["events"] if e["event_type"] == "parent_changed"]
    assert (report["kind"], report["rollback_to"], moves) == ("rollback", a, [(HARBOR, SUMMIT)])
    month = report["sub_version"]
    live = f"FROM tmp_contract_{month} WHERE release_id = '{a}' AND valid_to IS NULL"
    staged = pipeline.sql(f"SELECT count(*) AS n {live}", "--staging")
    assert staged == [{"n": "12"}], "reviewers query what would be restored"

    assert pipeline.sign(back, "engineering_lead").exit_code == 0
    assert published(pipeline)["run_id"] == b, "one signature moves nobody"
    assert pipeline.sign(back, "data_lead").exit_code == 0
    assert pipeline.ended(back)["state"] == "PUBLISHED"
    assert owners(pipeline) == as_signed
    assert published(pipeline) == {
        **{"release_id": a, "run_id": back, "kind": "rollback", "base_release_id": b},
        "signers": "data_lead=data_lead engineering_lead=engineering_lead",
    }
    assert pipeline.command("audit", "verify").exit_code == 0

    forward = pipeline.command("rollback", *LOB, "--to", b, "--reason", "it was sold after all", "--wait", "--json")
    assert forward.exit_code == 0, forward.err
    pipeline.sign_both(forward.json["run_id"])
    assert pipeline.ended(forward.json["run_id"])["state"] == "PUBLISHED"
    assert published(pipeline)["release_id"] == b
    assert SUMMIT not in owners(pipeline)
    assert pipeline.command("audit", "verify").exit_code == 0


def test_people_are_told_what_it_is_and_what_to_do_next(pipeline: Pipeline, base: list[Entry]) -> None:
    a, b = publish(pipeline, base[1:]), publish(pipeline, base[2:])
    asked = pipeline.command("rollback", *LOB, "--to", a, *WHY, "--wait")
    assert asked.exit_code == 0, asked.err
    assert f"Readers would see {a} instead of {b}." in asked.out
    assert f"fivetier rollback --lob medicare_advantage --to {b} --reason" in asked.out
    run_id = next(line.split()[0] for line in asked.out.splitlines() if line.endswith("is AWAITING_SIGN_OFF"))
    assert f"Read it: fivetier report {run_id}" in asked.out
    assert f"fivetier sign {run_id} --role engineering_lead" in asked.out
    assert f"rollback to {a}" in pipeline.command("runs").out
    text = pipeline.command("report", run_id).out
    assert "Roll back to the release of " in text and f"({a})" in text
    again = pipeline.command("rollback", *LOB, "--to", a, *WHY, "--json")
    assert (again.json["run_id"], again.json["state"]) == (run_id, "AWAITING_SIGN_OFF")
    assert pipeline.sign(run_id, "data_lead", "reject").exit_code == 0
    pipeline.ended(run_id)
    assert published(pipeline)["release_id"] == b


def test_a_rollback_that_cannot_be_is_refused_by_name(pipeline: Pipeline, base: list[Entry]) -> None:
    a = publish(pipeline, base[3:])
    b = publish(pipeline, base[4:])
    month = pipeline.next_month()
    pipeline.land(month, directory(base[5:]))
    waiting = pipeline.refresh(month)["run_id"]
    cases = {
        "RunNotFound": ("--to", "nobody", *WHY),
        "NeverPublished": ("--to", waiting, *WHY),
        "AlreadyCurrent": ("--to", b, *WHY),
        "ReasonMissing": ("--to", a, "--reason", "  "),
        "RoleNotHeld": ("--to", a, *WHY, "--as", "data_lead"),
    }
    for name, arguments in cases.items():
        answer = pipeline.command("rollback", *LOB, *arguments)
        assert (answer.exit_code, answer.err.split(":")[0]) == (3, name)
    assert pipeline.request("POST", "/rollbacks", None) == 401
    assert pipeline.sign(waiting, "data_lead", "reject").exit_code == 0
    pipeline.ended(waiting)
