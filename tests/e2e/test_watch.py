"""On the local stack: what a schedule's call leads to, and that somebody looks for what did not happen."""

import json
from typing import Any

import boto3
import pytest

from tests.support.cms import directory, entries
from tests.support.emulator import eventually
from tests.support.pipeline import DIRECTORY, Pipeline

pytestmark = pytest.mark.local_stack
#: The day on which files are due, and a day before it on which the calendar only looks.
DUE = {"lob": "medicare_advantage", "scheduled_at": "2045-10-10T10:00:00Z"}
LOBS = {"medicare_advantage", "aca_exchange", "medicaid", "commercial"}
STANDINGS = {"coming", "met", "let_go", "nothing_landed", "waiting_for_files", "overdue", "starting"}
LOOK = {"lob": "medicare_advantage", "scheduled_at": "2045-10-01T10:00:00Z"}


@pytest.fixture(scope="module")
def pipeline(real_pipeline: Pipeline) -> Pipeline:
    """A stack of its own: its one run stays open."""
    return real_pipeline


def invoke(pipeline: Pipeline, function: str, event: dict[str, Any]) -> dict[str, Any]:
    client = boto3.client("lambda", endpoint_url=pipeline.deployed.stack.endpoint_url)
    answer = client.invoke(FunctionName=f"fivetier-local-{function}", Payload=json.dumps(event).encode())
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


def chained(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Events of the calendar in the audit chain."""
    s3 = boto3.client("s3", endpoint_url=pipeline.deployed.stack.endpoint_url)
    bucket = pipeline.deployed.outputs["AuditBucket"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="audit/").get("Contents", [])]
    events = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["event"] for key in keys]
    return [event for event in events if event["details"].get("due_at", "").startswith("2045-10-")]


def test_a_schedule_without_files_is_answered_and_with_them_starts_the_run(pipeline: Pipeline) -> None:
    for _ in range(2):
        for event, is_expected in ((LOOK, False), (DUE, True)):
            answer = invoke(pipeline, "start-refresh", event)
            assert answer == {"run_id": None, "missing": [DIRECTORY], "is_expected": is_expected}
    pipeline.land("2045_10", directory(entries(12)))
    started = invoke(pipeline, "start-refresh", DUE)
    assert started["run_id"].startswith("medicare_advantage-2045_10-")
    found = eventually(lambda: known if len(known := chained(pipeline)) == 3 else None, seconds=30)
    assert sorted(event["event_type"] for event in found) == ["feed_not_seen", "nothing_landed", "schedule_met"]
    assert pipeline.command("audit", "verify", "--lob", "medicare_advantage").exit_code == 0


def test_the_hourly_look_counts_what_is_open(pipeline: Pipeline) -> None:
    found = eventually(lambda: seen if (seen := invoke(pipeline, "watch-runs", {}))["asks_open"] else None, seconds=60)
    assert found.pop("oldest_ask_hours") < 1
    assert found == {
        "runs_overdue": 0,  # The local stack has no calendar.
        "feeds_not_seen": 0,
        "runs_open": 0,
        "asks_open": 1,
        "asks_past_half": 0,
        "asks_past_eighty": 0,
    }


def test_the_calendar_and_the_release_manifest_are_asked_for_by_command(pipeline: Pipeline) -> None:
    window = ("--from", "2045-10-09", "--until", "2045-10-11", "--lob", "medicare_advantage")
    rows = pipeline.command("calendar", *window, "--json").json
    assert [(row["due_at"][:10], row["standing"]) for row in rows] == [
        (f"2045-10-{day}", "coming") for day in ("09", "10", "11")
    ]
    every = pipeline.command("calendar", "--json")
    assert every.exit_code == 0, every.err
    assert {row["lob"] for row in every.json} == LOBS
    assert {"coming"} < {row["standing"] for row in every.json} <= STANDINGS
    answer = pipeline.command("releases", "--json").json
    assert {row["lob"]: row["release_id"] for row in answer["releases"]} == dict.fromkeys(LOBS)
    assert len(answer["digest"]) == 64
