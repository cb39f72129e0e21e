"""What only the DynamoDB store can show: what a request asks for, races, transactions that meet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from fivetier.aws.dynamo_runs import DynamoRunStore
from fivetier.domain import errors
from fivetier.domain.runs import RunState

from tests.contract.sides import moto
from tests.contract.sides.scenes import LOB, RunsScene
from tests.contract.suites.rows import DIGEST, NOW, event_named, run_named
from tests.contract.suites.sign_offs import DORA, EMIL, EXPIRES


@pytest.fixture
def scene(aws: None, monkeypatch: pytest.MonkeyPatch) -> RunsScene:
    monkeypatch.setattr("fivetier.aws.dynamo_table._PAUSES", (0.0, 0.0))
    return moto.runs(monkeypatch)


@pytest.fixture
def rival(scene: RunsScene) -> DynamoRunStore:
    """Another process: its calls do not pass our client's hooks."""
    return DynamoRunStore(boto3.client("dynamodb"), "ops")


@contextmanager
def hooked(event: str, handler: Callable[..., Any]) -> Iterator[None]:
    events = moto.client("dynamodb").meta.events
    events.register(event, handler)
    try:
        yield
    finally:
        events.unregister(event, handler)


@contextmanager
def once_before_writing(action: Callable[[], object]) -> Iterator[None]:
    done: list[bool] = []

    def run(**_: Any) -> None:
        if not done:
            done.append(True)
            action()

    with hooked("before-call.dynamodb.TransactWriteItems", run):
        yield
    assert done


def cancelled(*codes: str) -> ClientError:
    kind = moto.client("dynamodb").exceptions.TransactionCanceledException
    reasons = [{"Code": code} for code in codes]
    answer = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
    error: ClientError = kind(answer, "TransactWriteItems")
    return error


def test_the_task_token_lies_in_a_partition_of_its_own_and_one_method_looks_there(scene: RunsScene) -> None:
    for token in ("token-1", "token-2"):
        scene.ask("r1", DIGEST, EXPIRES, "olga", token)
    items = moto.client("dynamodb").scan(TableName="ops")["Items"]
    assert [item for item in items if "token-" in str(item)] == [
        {"pk": {"S": "TOKEN#r1"}, "sk": {"S": "TOKEN"}, "run_id": {"S": "r1"}, "task_token": {"S": "token-2"}}
    ]
    asked: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(params["Key"]["pk"])

    with hooked("provide-client-params.dynamodb.GetItem", note):
        scene.runs.get_ask("r1")
        scene.runs.get_task_token("r1")
    assert [str(key) for key in asked] == ["{'S': 'RUN#r1'}", "{'S': 'TOKEN#r1'}"]


def test_many_runs_are_listed_over_several_pages(scene: RunsScene) -> None:
    for number in range(12):
        run = run_named(f"r{number:02}", started_at=NOW + timedelta(seconds=number))
        scene.runs.create_run(run, event_named(f"e{number:02}"))

    def small_pages(params: dict[str, Any], **_: Any) -> None:
        params["Limit"] = 5

    with hooked("provide-client-params.dynamodb.Query", small_pages):
        assert [run.run_id for run in scene.runs.list_runs(LOB)] == [f"r{n:02}" for n in reversed(range(12))]
        assert len(scene.runs.pending_events(LOB)) == 12


def test_only_runs_are_in_the_index(scene: RunsScene) -> None:
    scene.runs.create_run(run_named("r1", state=RunState.AWAITING_SIGN_OFF), event_named("e1"))
    scene.ask("r1", DIGEST, EXPIRES, "olga", "token")
    scene.runs.decide(EMIL, event_named("e2"))
    scene.runs.acquire_lease(LOB, "r1", NOW)
    indexed = moto.client("dynamodb").scan(TableName="ops", IndexName="by_lob")["Items"]
    assert [(item["pk"]["S"], item["sk"]["S"]) for item in indexed] == [("RUN#r1", "RUN")]


# ---- races -----------------------------------------------------------------------------------------------


def test_of_two_signatures_by_one_person_at_once_one_counts(scene: RunsScene, rival: DynamoRunStore) -> None:
    scene.runs.create_run(run_named("r1", state=RunState.AWAITING_SIGN_OFF), event_named("e1"))
    scene.ask("r1", DIGEST, EXPIRES, "olga", "token")
    other = replace(EMIL, role="data_lead")
    with (
        once_before_writing(lambda: rival.decide(other, event_named("other"))),
        pytest.raises(errors.SamePersonTwice) as refused,
    ):
        scene.runs.decide(EMIL, event_named("ours"))
    assert refused.value.signed_as == "data_lead"
    assert scene.runs.decisions("r1", 1) == [other]


def test_a_run_closed_while_somebody_signs_takes_no_signature(scene: RunsScene, rival: DynamoRunStore) -> None:
    scene.runs.create_run(run_named("r1", state=RunState.AWAITING_SIGN_OFF), event_named("e1"))
    scene.ask("r1", DIGEST, EXPIRES, "olga", "token")

    def expire() -> None:
        waiting = [RunState.AWAITING_SIGN_OFF]
        rival.transition("r1", allowed=waiting, to=RunState.EXPIRED, changes={}, event=event_named("expired"))

    with once_before_writing(expire), pytest.raises(errors.AskNotOpen) as refused:
        scene.runs.decide(DORA, event_named("ours"))
    assert refused.value.state == "EXPIRED"
    assert "ours" not in {event.event_id for event in scene.runs.pending_events(LOB)}


def test_a_lease_taken_while_we_look_is_seen_on_the_second_look(scene: RunsScene, rival: DynamoRunStore) -> None:
    for run_id in ("r1", "r2"):
        scene.runs.create_run(run_named(run_id), event_named(run_id))
    with once_before_writing(lambda: rival.acquire_lease(LOB, "r2", NOW)), pytest.raises(errors.LeaseHeld) as refused:
        scene.runs.acquire_lease(LOB, "r1", NOW)
    assert refused.value.holder == "r2"


def test_a_holder_that_takes_up_work_while_we_look_keeps_its_lease(scene: RunsScene, rival: DynamoRunStore) -> None:
    scene.runs.create_run(run_named("r1", state=RunState.AWAITING_SIGN_OFF), event_named("e1"))
    lease = scene.runs.acquire_lease(LOB, "r1", NOW)

    def publish() -> None:
        waiting = [RunState.AWAITING_SIGN_OFF]
        rival.transition("r1", allowed=waiting, to=RunState.PUBLISHING, changes={}, event=event_named("e2"))

    with once_before_writing(publish), pytest.raises(errors.LeaseHeld):
        scene.runs.acquire_lease(LOB, "r2", NOW)
    scene.runs.require_fence(lease)


def test_two_that_take_an_abandoned_lease_get_different_fences(scene: RunsScene, rival: DynamoRunStore) -> None:
    scene.runs.create_run(run_named("r1", state=RunState.FAILED), event_named("e1"))
    scene.runs.acquire_lease(LOB, "r1", NOW)
    scene.runs.create_run(run_named("r2", state=RunState.FAILED), event_named("e2"))
    with once_before_writing(lambda: rival.acquire_lease(LOB, "r2", NOW)):
        assert scene.runs.acquire_lease(LOB, "r3", NOW).fence == 3


def test_one_transition_made_by_two_is_made_once(scene: RunsScene, rival: DynamoRunStore) -> None:
    scene.runs.create_run(run_named("r1"), event_named("e1"))
    change: dict[str, Any] = {"allowed": [RunState.RUNNING], "to": RunState.FAILED, "changes": {}}
    with once_before_writing(lambda: rival.transition("r1", **change, event=event_named("e2"))):
        assert not scene.runs.transition("r1", **change, event=event_named("e2"))
    assert [event.event_id for event in scene.runs.pending_events(LOB)] == ["e1", "e2"]


# ---- transactions that meet ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_was_in_the_way_is_tried_again(scene: RunsScene, code: str) -> None:
    meetings = [cancelled("None", code), cancelled(code, "None")]

    def meet(**_: Any) -> None:
        if meetings:
            raise meetings.pop()

    with hooked("before-call.dynamodb.TransactWriteItems", meet):
        scene.runs.record_event(event_named("e1"))
    assert not meetings
    assert len(scene.runs.pending_events(LOB)) == 1


@pytest.mark.parametrize(("code", "tries"), [("TransactionConflict", 3), ("ValidationError", 1)])
def test_a_transaction_that_never_gets_through_is_an_error(scene: RunsScene, code: str, tries: int) -> None:
    tried: list[str] = []

    def meet(**_: Any) -> None:
        tried.append(code)
        raise cancelled(code)

    with hooked("before-call.dynamodb.TransactWriteItems", meet), pytest.raises(ClientError):
        scene.runs.record_event(event_named("e1"))
    assert len(tried) == tries
