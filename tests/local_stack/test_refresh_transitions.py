"""The real state machine, executed: every transition it has is taken, with functions that do as told."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import Aws, eventually, unique

ASL = Path(__file__).parents[2] / "statemachines" / "refresh.asl.json"
STATES: dict[str, Any] = json.loads(ASL.read_text())["States"]

#: A step answers for every step; `run_id` carries the script: `unique~Step=Error~...`.
STEP = """
import os
def handler(event, context):
    script = dict(part.split("=") for part in event["run_id"].split("~")[1:])
    step = os.environ["STEP"] + (":" + event["state"] if "state" in event else "")
    if step in script:
        raise type(script[step], (Exception,), {})("told to")
    return {
        "fence": 1, "is_unchanged": "unchanged" in script, "objects": ["directory", "report"],
        "source": event.get("source"), "manifest_digest": "d" * 64, "requested_by": "somebody",
        "timeout_seconds": int(script.get("timeout", 60)), "expires_at": "2030-01-01T00:00:00.000000Z",
    }
"""
STEPS = {
    "OpenRunFn": "OpenRun",
    "DiscoverFeedsFn": "Discover",
    "NormalizeFeedFn": "Normalize",
    "ResolveHierarchyFn": "Resolve",
    "ReconcileCandidateFn": "Reconcile",
    "FreezeCandidateFn": "Audit",
    "PublishReleaseFn": "Publish",
    "CloseRunFn": "CloseRun",
}


def declared() -> set[tuple[str, str]]:
    """Every (state, next state) the definition can take."""
    found = set()
    for name, state in STATES.items():
        targets = [state.get("Next"), state.get("Default")]
        targets += [rule["Next"] for rule in (*state.get("Choices", []), *state.get("Catch", []))]
        found |= {(name, target) for target in targets if target}
    return found


class Rehearsal:
    """The machine on stub functions, and which transitions its executions took."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.table = unique("ops")
        keys = [("pk", "HASH"), ("sk", "RANGE")]
        aws.client("dynamodb").create_table(
            TableName=self.table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
        text = ASL.read_text().replace("${OpsTable}", self.table)
        for placeholder, step in STEPS.items():
            function = aws.function(STEP, STEP=step)
            text = text.replace("${" + placeholder + "}", function)
        assert "${" not in text
        self.machine = aws.machine(json.loads(text))
        self.taken: set[tuple[str, str]] = set()

    def run(self, *script: str, answer: tuple[str, str] | None = None) -> str:
        """Execute a script; `answer` is what the signers send. Returns the status."""
        run_id = "~".join([unique("run"), *script])
        execution = self.aws.start(self.machine, {"run_id": run_id, "lob": "medicare_advantage"})
        if answer is not None:
            self._answer(run_id, *answer)
        ended = self.aws.ended(execution)
        entered = [
            e["stateEnteredEventDetails"]["name"] for e in self.aws.events(execution) if "StateEntered" in e["type"]
        ]
        path = [name for name in entered if name in STATES]
        self.taken |= set(pairwise(path))
        self.error = ended.get("error", "")
        return str(ended["status"])

    def _answer(self, run_id: str, kind: str, error: str) -> None:
        ask = eventually(lambda: self._item(f"RUN#{run_id}", "ASK"))
        kept = self._item(f"TOKEN#{run_id}", "TOKEN")  # written in one transaction: no need to wait for it
        assert ask["round_number"] == {"N": "1"}
        assert ask.keys() == {"pk", "sk", "run_id", "manifest_digest", "expires_at", "requested_by", "round_number"}
        assert kept is not None
        token, sfn = kept["task_token"]["S"], self.aws.client("stepfunctions")
        if kind == "success":
            sfn.send_task_success(taskToken=token, output="{}")
        else:
            sfn.send_task_failure(taskToken=token, error=error, cause="told to")

    def _item(self, pk: str, sk: str) -> dict[str, Any] | None:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        found: dict[str, Any] = self.aws.client("dynamodb").get_item(TableName=self.table, Key=key)
        return found.get("Item")


APPROVE, REJECT = ("success", ""), ("failure", "SignOffRejected")
SUPERSEDE, OTHER = ("failure", "Superseded"), ("failure", "SomethingElse")


@pytest.fixture(scope="module")
def rehearsal(aws: Aws) -> Iterator[Rehearsal]:
    yield Rehearsal(aws)


CASES: list[tuple[str, tuple[str, ...], tuple[str, str] | None]] = [
    ("SUCCEEDED", (), APPROVE),
    ("SUCCEEDED", ("unchanged=yes",), None),
    ("SUCCEEDED", (), REJECT),
    ("SUCCEEDED", (), SUPERSEDE),
    ("SUCCEEDED", ("timeout=1",), None),
    ("FAILED", (), OTHER),
    *(("FAILED", (f"{step}=BaseMoved",), None) for step in ("OpenRun", "Discover", "Normalize", "Resolve")),
    *(("FAILED", (f"{step}=BaseMoved",), None) for step in ("Reconcile", "Audit")),
    ("FAILED", ("Publish=BaseMoved",), APPROVE),
    ("FAILED", ("unchanged=yes", "CloseRun:NO_CHANGE=RunNotFound"), None),
    ("FAILED", ("CloseRun:PUBLISHED=RunNotFound",), APPROVE),
    ("FAILED", ("CloseRun:REJECTED=RunNotFound",), REJECT),
    ("FAILED", ("CloseRun:SUPERSEDED=RunNotFound",), SUPERSEDE),
    ("FAILED", ("timeout=1", "CloseRun:EXPIRED=RunNotFound"), None),
    ("FAILED", ("OpenRun=BaseMoved", "CloseRun:FAILED=RunNotFound"), None),
]


def test_every_transition_is_taken(rehearsal: Rehearsal) -> None:
    for status, script, answer in CASES:
        assert rehearsal.run(*script, answer=answer) == status, (script, answer)
    assert rehearsal.taken <= declared()
    assert declared() - rehearsal.taken == set()


def test_the_error_outlives_a_closing_that_fails_too(rehearsal: Rehearsal) -> None:
    rehearsal.run("OpenRun=BaseMoved", "CloseRun:FAILED=RunNotFound")
    assert rehearsal.error == "BaseMoved"
