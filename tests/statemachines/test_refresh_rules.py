"""Rules every state of `refresh.asl.json` must follow; linters never see ASL that is deployed as an asset."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fivetier.domain import errors

from infra.settings import ROOT

DEFINITION = ROOT / "statemachines" / "refresh.asl.json"
State = dict[str, Any]

#: Names the Lambda service gives, as AWS documents them, beside Lambda.* and States.*.
RUNTIME_NAMES = {"Sandbox.Timedout", "Runtime.ExitError"}
OUR_NAMES = {
    name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.FivetierError)
}
#: What Step Functions says when its own call to DynamoDB met another transaction or a throttle, or got no answer.
PASSING = {
    *("DynamoDb.TransactionCanceledException", "DynamoDb.ThrottlingException", "DynamoDb.SdkClientException"),
    *("DynamoDb.ProvisionedThroughputExceededException", "DynamoDb.RequestLimitExceededException"),
    "DynamoDb.InternalServerErrorException",
}
#: These end a run; whatever fails before them must reach FailRun.
CLOSING = {"FailRun"}


@pytest.fixture(scope="module")
def machine() -> State:
    return json.loads(DEFINITION.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def levels(machine: State) -> list[State]:
    """The machine itself and every Map's or Parallel's inner machine."""
    return list(_levels(machine))


@pytest.fixture(scope="module")
def states(levels: list[State]) -> dict[str, State]:
    """Every state by name, inner ones too; names are unique in the whole file."""
    named = [(name, state) for level in levels for name, state in level["States"].items()]
    assert len({name for name, _ in named}) == len(named)
    return dict(named)


def _levels(machine: State) -> Iterator[State]:
    yield machine
    for state in machine["States"].values():
        inner = [state["ItemProcessor"]] if "ItemProcessor" in state else []
        for level in (*inner, *state.get("Branches", [])):
            yield from _levels(level)


def _tasks(states: dict[str, State]) -> dict[str, State]:
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


def _errors(state: State, handler: str) -> set[str]:
    return {name for entry in state.get(handler, []) for name in entry["ErrorEquals"]}


def _successors(state: State) -> set[str]:
    places = [state, *state.get("Catch", []), *state.get("Choices", [])]
    named = {place["Next"] for place in places if "Next" in place}
    return named | ({state["Default"]} if "Default" in state else set())


def _strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a state with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, path)
    elif isinstance(value, str):
        yield path, value


def test_every_wait_can_expire_be_refused_and_fail(states: dict[str, State]) -> None:
    waits = {name: s for name, s in states.items() if str(s.get("Resource", "")).endswith(".waitForTaskToken")}
    assert waits
    for name, state in waits.items():
        assert state.get("TimeoutSeconds") or state.get("TimeoutSecondsPath"), name
        assert {"SignOffRejected", "States.Timeout", "States.ALL"} <= _errors(state, "Catch"), name
        # Nobody sends heartbeats for a person (RELIABILITY §1.3).
        assert not {"HeartbeatSeconds", "HeartbeatSecondsPath"} & state.keys(), name


def test_refused_and_expired_waits_close_in_their_own_state(states: dict[str, State]) -> None:
    closed_by = {}
    for entry in states["RequestSignOff"]["Catch"]:
        for name in entry["ErrorEquals"]:
            payload = states[entry["Next"]]["Parameters"]["Payload"]
            closed_by[name] = payload["state"]
    assert closed_by == {
        "SignOffRejected": "REJECTED",
        "Superseded": "SUPERSEDED",
        "States.Timeout": "EXPIRED",
        "States.ALL": "FAILED",
    }


def test_a_wait_goes_on_to_publish_only_when_it_succeeds(states: dict[str, State]) -> None:
    to_publish = {name for name, state in states.items() if "Publish" in _successors(state)}
    assert to_publish == {"RequestSignOff"}
    assert all(entry["Next"] != "Publish" for entry in states["RequestSignOff"]["Catch"])


def test_every_error_name_is_one_that_can_occur(states: dict[str, State]) -> None:
    for name, state in states.items():
        for error in _errors(state, "Retry") | _errors(state, "Catch"):
            is_known = error.startswith(("States.", "Lambda.")) or error in RUNTIME_NAMES | OUR_NAMES | PASSING
            assert is_known, f"{name}: {error}"


def test_every_call_of_a_function_is_retried_only_where_a_retry_can_help(states: dict[str, State]) -> None:
    calls = {name: s for name, s in _tasks(states).items() if s["Resource"].endswith(":lambda:invoke")}
    assert calls
    for name, state in calls.items():
        retried = _errors(state, "Retry")
        assert {"Lambda.TooManyRequestsException", "Sandbox.Timedout", "Runtime.ExitError"} <= retried, name
        assert "ServiceUnavailable" in retried, f"{name}: two signatures may hang on one throttle"
        # Our other errors are answers, not accidents; only a held lease or a busy lake becomes free by waiting.
        assert retried & OUR_NAMES <= {"LeaseHeld", "LakeBusy", "ServiceUnavailable"}, name
        assert not retried & {"States.ALL", "States.TaskFailed"}, f"{name}: would repeat a refusal"
        assert all(entry["MaxAttempts"] <= 60 and entry["BackoffRate"] > 1 for entry in state["Retry"]), name


def test_a_wait_is_entered_again_only_for_what_passes_by_itself(states: dict[str, State]) -> None:
    """Each entry is a new round: at worst people get a second mail about it, while the run is not lost (ADR 16)."""
    assert _errors(states["RequestSignOff"], "Retry") == PASSING


def test_accidents_that_pass_are_waited_for_longer_the_dearer_the_step(states: dict[str, State]) -> None:
    for name in _tasks(states):
        (entry,) = [
            e
            for e in states[name]["Retry"]
            if {"ServiceUnavailable", "DynamoDb.SdkClientException"} & {*e["ErrorEquals"]}
        ]
        waits = [
            min(entry["IntervalSeconds"] * entry["BackoffRate"] ** n, entry["MaxDelaySeconds"])
            for n in range(entry["MaxAttempts"])
        ]
        assert entry["JitterStrategy"] == "FULL", name
        # Half of it is waited on average. Behind closing a failed run is nothing but the rule on executions.
        assert sum(waits) >= (4 * 3600 if name == "FailRun" else 600), f"{name}: {sum(waits)} s"


def test_a_run_that_cannot_be_closed_leaves_its_error_with_the_execution(states: dict[str, State]) -> None:
    assert states["FailRun"]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "NotClosed"}]
    assert states["NotClosed"]["ErrorPath"] == states["Failed"]["ErrorPath"] == "$.error.Error"


def test_every_next_exists_on_its_own_level_and_every_state_is_reached(levels: list[State]) -> None:
    for level in levels:
        known = set(level["States"])
        reached: set[str] = set()
        todo = {level["StartAt"]}
        while todo:
            assert todo <= known, todo - known
            reached |= todo
            todo = set().union(*(_successors(level["States"][name]) for name in todo)) - reached
        assert reached == known, known - reached


def test_every_state_goes_on_or_ends(states: dict[str, State]) -> None:
    for name, state in states.items():
        if state["Type"] in ("Succeed", "Fail"):
            assert not _successors(state), name
        elif state["Type"] != "Choice":
            assert ("Next" in state) != bool(state.get("End")), name
        else:
            assert state.get("Default"), f"{name}: nothing matches is States.NoChoiceMatched"


def test_whatever_fails_before_the_end_is_closed_as_failed(machine: State) -> None:
    for name, state in machine["States"].items():
        if state["Type"] not in ("Task", "Map", "Parallel") or name in CLOSING:
            continue
        last = state["Catch"][-1]
        assert last["ErrorEquals"] == ["States.ALL"], name
        assert last["Next"] == "FailRun", name
        assert last["ResultPath"] == "$.error", f"{name}: the run's id would be lost"
        assert all(entry["ResultPath"] == "$.error" for entry in state["Catch"]), name


def test_the_reason_of_a_failure_is_kept(states: dict[str, State]) -> None:
    # The whole error is handed on: a path to its Cause would itself fail where AWS gives none.
    assert states["FailRun"]["Parameters"]["Payload"]["failure.$"] == "$.error"
    assert states["FailRun"]["Next"] == "Failed"


def test_the_token_goes_into_the_table_and_nowhere_else(states: dict[str, State]) -> None:
    places = {(name, path) for name, state in states.items() for path, text in _strings(state) if "$$.Task" in text}
    assert places == {("RequestSignOff", "/Parameters/TransactItems/Put/Item/task_token/S.$")}
    ask = states["RequestSignOff"]
    assert ask["Resource"] == "arn:aws:states:::aws-sdk:dynamodb:transactWriteItems.waitForTaskToken"
    assert ask["ResultPath"] is None, "what the sender of the token says must not become state"


def test_ask_and_token_are_written_together_and_lie_apart(states: dict[str, State]) -> None:
    update, put = (write for item in states["RequestSignOff"]["Parameters"]["TransactItems"] for write in item.items())
    assert (update[0], put[0]) == ("Update", "Put")
    assert {write["TableName"] for _, write in (update, put)} == {"${OpsTable}"}
    assert update[1]["Key"] == {"pk": {"S.$": "States.Format('RUN#{}', $.run_id)"}, "sk": {"S": "ASK"}}
    assert "token" not in json.dumps(update).lower()
    assert update[1]["UpdateExpression"].endswith("ADD round_number :one")
    item = put[1]["Item"]
    assert (item["pk"], item["sk"]) == ({"S.$": "States.Format('TOKEN#{}', $.run_id)"}, {"S": "TOKEN"})
    # An attribute `lob` would bring the item into the index of runs, where no leading key guards it.
    assert item.keys() == {"pk", "sk", "run_id", "task_token"}


def test_states_hand_on_ids_and_digests_only(machine: State) -> None:
    """Each step's result is dropped, or picked field by field: rows never enter the execution."""
    for name, state in machine["States"].items():
        if state["Type"] in ("Task", "Map"):
            assert state["ResultPath"] is None or "ResultSelector" in state, name


def test_no_context_object_but_the_tokens_and_the_maps_item_is_read(states: dict[str, State]) -> None:
    found = {match for s in states.values() for _, text in _strings(s) for match in re.findall(r"\$\$[.\w]+", text)}
    assert found == {"$$.Task.Token", "$$.Map.Item.Value"}


def test_every_function_placeholder_is_used_as_a_function(states: dict[str, State]) -> None:
    for name, state in _tasks(states).items():
        if state["Resource"].endswith(":lambda:invoke"):
            assert re.fullmatch(r"\$\{\w+Fn\}", state["Parameters"]["FunctionName"]), name


def test_the_interpreter_accepts_the_definition() -> None:
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    program, tree = AmazonStateLanguageParser.parse(_filled(DEFINITION))
    assert program is not None
    assert tree is not None


def _filled(definition: Path) -> str:
    """The definition as it is deployed."""
    text = definition.read_text(encoding="utf-8")
    return re.sub(r"\$\{(\w+)\}", r"arn:aws:lambda:us-east-1:000000000000:function:\1", text)
