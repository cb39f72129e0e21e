"""Mail on the local stack: who is asked, who is told, and that nobody is asked twice."""

import json
import re
import urllib.request
from typing import Any

import boto3
import pytest

from tests.support.cms import Entry, directory, entries
from tests.support.emulator import eventually
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.local_stack

FUNCTION = "fivetier-local-send-mail"
EVERYBODY = [f"{role}@example.test" for role in ("engineering_lead", "data_lead", "data_ops_reviewer")]


@pytest.fixture(scope="module")
def pipeline(real_pipeline: Pipeline) -> Pipeline:
    """A stack of its own: these tests stop its mail, and other tests' mails are not theirs to count."""
    return real_pipeline


@pytest.fixture(scope="module")
def functions(pipeline: Pipeline) -> Any:
    return boto3.client("lambda", endpoint_url=pipeline.deployed.stack.endpoint_url)


@pytest.fixture(scope="module")
def rows() -> list[Entry]:
    return entries(12)


def mails_about(pipeline: Pipeline, run_id: str) -> list[dict[str, Any]]:
    return [mail for mail in pipeline.command("mail", "--json").json if run_id in mail["text"]]


def mail_number(pipeline: Pipeline, run_id: str, number: int) -> dict[str, Any]:
    """The number-th mail about a run, once it was sent."""
    found: list[dict[str, Any]] = eventually(
        lambda: mails if len(mails := mails_about(pipeline, run_id)) >= number else None, seconds=30
    )
    return found[number - 1]


def asked(pipeline: Pipeline, month: str, data: bytes) -> str:
    pipeline.land(month, data)
    status = pipeline.refresh(month)
    assert status["state"] == "AWAITING_SIGN_OFF", status
    return str(status["run_id"])


def recorded(pipeline: Pipeline, run_id: str) -> list[str]:
    """What the audit chain says of mails about a run."""
    from fivetier.app.chaining import settle
    from fivetier.aws.runtime import ports
    from fivetier.aws.wiring import audit

    settle("medicare_advantage", ports())
    events = [chained.event for chained in audit().read_from("medicare_advantage", 0)]
    return [e.event_type for e in events if e.run_id == run_id and e.event_type in ("people_asked", "outcome_told")]


def opened(pipeline: Pipeline, link: str, login: str) -> str:
    """The page a link leads to, in a browser in which somebody is signed in."""
    request = urllib.request.Request(link, headers={"Cookie": f"fivetier={pipeline.deployed.stack.token_for(login)}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def test_two_signatures_later_everybody_hears_that_it_is_published(pipeline: Pipeline, rows: list[Entry]) -> None:
    month = pipeline.next_month()
    run_id = asked(pipeline, month, directory(rows))
    ask = mail_number(pipeline, run_id, 1)
    assert (ask["from"], ask["to"]) == ("fivetier@example.test", EVERYBODY)
    assert ask["subject"].startswith(f"Sign-off asked: Medicare Advantage {month} (")
    link = f"{pipeline.deployed.front_door_url}/sign-offs/{run_id}/1"
    assert re.findall(r"https?://\S+", ask["text"]) == re.findall(r'href="([^"]+)"', ask["html"]) == [link]
    digest = pipeline.run(run_id)["manifest_digest"]
    assert f"Manifest digest begins: {digest[:12]}" in ask["text"]
    for _ in range(3):
        assert digest in opened(pipeline, link, "data_lead")
    assert pipeline.run(run_id)["decisions"] == [], "a link that is opened decides nothing"

    pipeline.sign_both(run_id)
    assert pipeline.ended(run_id)["state"] == "PUBLISHED"
    told = mail_number(pipeline, run_id, 2)
    assert (told["subject"], told["to"]) == (f"Published: Medicare Advantage {month}", EVERYBODY)
    assert re.search(r"^Data lead: Approved by .*\bdata_lead\b", told["text"], re.MULTILINE)
    assert recorded(pipeline, run_id) == ["people_asked", "outcome_told"]
    assert pipeline.command("audit", "verify").exit_code == 0


def test_a_rejection_is_told_without_its_reason(pipeline: Pipeline, rows: list[Entry]) -> None:
    run_id = asked(pipeline, pipeline.next_month(), directory(rows[1:]))
    mail_number(pipeline, run_id, 1)
    assert pipeline.sign(run_id, "data_lead", "reject").exit_code == 0
    told = mail_number(pipeline, run_id, 2)
    assert told["subject"].startswith("Rejected: ")
    assert "Data lead: Rejected by " in told["text"]
    assert "read it" not in told["text"] + told["html"], "the reason people type stays on the page"


def test_a_round_is_asked_once_though_the_stream_delivers_it_again(
    pipeline: Pipeline, functions: Any, rows: list[Entry]
) -> None:
    (mapping,) = functions.list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    run_id = asked(pipeline, pipeline.next_month(), directory(rows[2:]))
    # One batch holds the ask; its worker dies after the mail and before its answer, so the stream brings it again.
    pipeline.deployed.stack.arm_fault(FUNCTION, "after")
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True, BatchSize=1000)
    mail_number(pipeline, run_id, 1)
    keys = {"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "ASK"}}
    again = {"Records": [{"eventName": "MODIFY", "dynamodb": {"Keys": keys}}]}
    for _ in range(2):
        answer = functions.invoke(FunctionName=FUNCTION, Payload=json.dumps(again))
        assert json.load(answer["Payload"]) == {"asked": 1, "events": 0}
    assert pipeline.sign(run_id, "data_lead", "reject").exit_code == 0
    mail_number(pipeline, run_id, 2)
    functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=mapping["BatchSize"])
    assert [mail["subject"].split(":")[0] for mail in mails_about(pipeline, run_id)] == ["Sign-off asked", "Rejected"]


def test_signing_does_not_wait_for_mail(pipeline: Pipeline, rows: list[Entry]) -> None:
    ses = boto3.client("sesv2", endpoint_url=pipeline.deployed.stack.endpoint_url)
    ses.delete_email_identity(EmailIdentity="fivetier@example.test")
    try:
        run_id = asked(pipeline, pipeline.next_month(), directory(rows[3:]))
        assert pipeline.sign(run_id, "data_lead", "reject").exit_code == 0
        assert pipeline.ended(run_id)["state"] == "REJECTED"
        assert mails_about(pipeline, run_id) == []
    finally:
        ses.create_email_identity(EmailIdentity="fivetier@example.test")
    # The round is closed by now: what is made up for is the outcome, not the question.
    assert mail_number(pipeline, run_id, 1)["subject"].startswith("Rejected: ")


def test_no_mail_holds_what_only_the_page_may_show(pipeline: Pipeline, rows: list[Entry]) -> None:
    names = {name for row in rows for name in (row.parent, row.legal, row.marketing, row.contract)}
    tokens = boto3.client("dynamodb", endpoint_url=pipeline.deployed.stack.endpoint_url).scan(
        TableName=pipeline.deployed.outputs["OpsTable"],
        FilterExpression="sk = :token",
        ExpressionAttributeValues={":token": {"S": "TOKEN"}},
    )["Items"]
    forbidden = names | {item["task_token"]["S"] for item in tokens}
    assert len(forbidden) > len(names)
    mails = pipeline.command("mail", "--json").json
    assert mails
    for mail in mails:
        text = " ".join((mail["subject"], mail["text"], mail["html"]))
        assert not [value for value in forbidden if value in text], mail["subject"]


def test_the_command_lists_and_shows_mails(pipeline: Pipeline, rows: list[Entry]) -> None:
    newest = pipeline.command("mail", "--json").json[-1]
    listed = pipeline.command("mail")
    assert listed.exit_code == 0
    assert newest["subject"] in listed.out
    shown = pipeline.command("mail", "--last")
    assert shown.out == pipeline.command("mail", str(newest["number"])).out
    assert f"Subject: {newest['subject']}" in shown.out
    assert newest["text"].strip() in shown.out
    assert pipeline.command("mail", "--last", "--json").json == newest
    missing = pipeline.command("mail", "999")
    assert (missing.exit_code, missing.err.split(":")[0]) == (2, "UsageError")
    assert "numbered 1 to" in missing.err
    assert pipeline.command("mail", "1", "--last").exit_code == 2
