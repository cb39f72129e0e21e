"""Step Functions: what `refresh.asl.json` relies on.

Unless a docstring says otherwise, the page is
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import ROLE, Aws, eventually, unique

PASS = {"Type": "Pass", "End": True}
FAILING = """
class StaleSubVersion(Exception):
    pass

def handler(event, context):
    raise StaleSubVersion("too old")
"""


def one(state: dict[str, Any], **machine: Any) -> dict[str, Any]:
    """A machine of one state."""
    return {"StartAt": "Only", "States": {"Only": {"End": True, **state}}, **machine}


def invoke(function: str, **state: Any) -> dict[str, Any]:
    """A task that invokes a function by the optimized integration."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        **state,
    }


@pytest.fixture(scope="module")
def failing(aws: Aws) -> str:
    return aws.function(FAILING)


@pytest.fixture(scope="module")
def echo(aws: Aws) -> str:
    return aws.function("def handler(event, context):\n    return event\n")


def test_lambda_invoke_wraps_the_payload(aws: Aws, echo: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html."""
    output = aws.output(one(invoke(echo)), {"a": 1})
    assert output["Payload"] == {"a": 1}
    assert output["StatusCode"] == 200


def test_the_error_name_of_a_task_is_the_exception_class(aws: Aws, failing: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    ended = aws.run(one(invoke(failing)))
    assert (ended["status"], ended["error"]) == ("FAILED", "StaleSubVersion")
    assert json.loads(ended["cause"])["errorMessage"] == "too old"


def test_a_catch_by_class_gets_error_and_cause(aws: Aws, failing: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    catch = [{"ErrorEquals": ["StaleSubVersion"], "ResultPath": "$.error", "Next": "Caught"}]
    task = invoke(failing, Catch=catch, End=True)
    machine = {"StartAt": "Task", "States": {"Task": task, "Caught": PASS}}
    output = aws.output(machine, {"kept": True})
    assert output["kept"] is True
    assert output["error"]["Error"] == "StaleSubVersion"


def test_a_retry_stops_after_its_attempts(aws: Aws, failing: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    retry = [{"ErrorEquals": ["StaleSubVersion"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    execution = aws.start(aws.machine(one(invoke(failing, Retry=retry))))
    assert aws.ended(execution)["error"] == "StaleSubVersion"
    scheduled = [each for each in aws.events(execution) if each["type"] == "TaskScheduled"]
    assert len(scheduled) == 2


def test_a_killed_function_can_be_retried(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html."""
    name = aws.function("def handler(e, c):\n    return 'done'\n")
    aws.stack.arm_fault(name, "after")
    retry = [{"ErrorEquals": ["Runtime.ExitError"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    assert aws.output(one(invoke(name, Retry=retry)))["Payload"] == "done"


def test_task_timeout_is_states_timeout(aws: Aws) -> None:
    slow = aws.function("import time\ndef handler(e, c):\n    time.sleep(5)\n")
    ended = aws.run(one(invoke(slow, TimeoutSeconds=1)))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")


def test_machine_timeout_ends_timed_out(aws: Aws) -> None:
    machine = one({"Type": "Wait", "Seconds": 30}, TimeoutSeconds=1)
    execution = aws.start(aws.machine(machine))
    assert aws.ended(execution)["status"] == "TIMED_OUT"
    assert aws.events(execution)[-1]["type"] == "ExecutionTimedOut"


@pytest.mark.parametrize("path", ["$.missing", "$.a.b[0]"])
def test_a_missing_path_fails_the_execution(aws: Aws, path: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    ended = aws.run(one({"Type": "Pass", "Parameters": {"x.$": path}}), {"present": 1})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_a_missing_choice_variable_fails_and_is_present_tells(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html."""

    def machine(rule: dict[str, Any]) -> dict[str, Any]:
        choice = {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"}
        yes, no = ({**PASS, "Result": word} for word in ("yes", "no"))
        return {"StartAt": "Choice", "States": {"Choice": choice, "Yes": yes, "No": no}}

    assert aws.run(machine({"Variable": "$.x", "StringEquals": "a"}))["error"] == "States.Runtime"
    present = machine({"Variable": "$.x", "IsPresent": True})
    assert aws.output(present) == "no"
    assert aws.output(present, {"x": None}) == "yes"


def test_a_presence_check_guards_the_rest_of_an_and(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html."""
    both = [{"Variable": "$.x", "IsPresent": True}, {"Variable": "$.x", "StringEquals": "a"}]
    choice = {"Type": "Choice", "Choices": [{"And": both, "Next": "Yes"}], "Default": "No"}
    yes, no = ({**PASS, "Result": word} for word in ("yes", "no"))
    machine = {"StartAt": "Choice", "States": {"Choice": choice, "Yes": yes, "No": no}}
    assert aws.output(machine) == "no"
    assert aws.output(machine, {"x": "a"}) == "yes"


def test_no_choice_matched(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html."""
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.x", "NumericEquals": 1, "Next": "End"}]}
    ended = aws.run({"StartAt": "C", "States": {"C": choice, "End": PASS}}, {"x": 2})
    assert ended["error"] == "States.NoChoiceMatched"


def test_a_fail_state_names_the_error(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html."""
    fail = {"Type": "Fail", "Error": "SignOffRejected", "CausePath": "$.why"}
    ended = aws.run({"StartAt": "F", "States": {"F": fail}}, {"why": "numbers"})
    assert (ended["error"], ended["cause"]) == ("SignOffRejected", "numbers")


def test_intrinsics_and_the_context_object(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html."""
    parameters = {
        "text.$": "States.Format('{}-{}', $.lob, States.ArrayGetItem($.list, 1))",
        "parsed.$": "States.StringToJson($.json)",
        "sum.$": "States.MathAdd($.list[0], 1)",
        "name.$": "$$.Execution.Name",
        "id.$": "$$.Execution.Id",
        "input.$": "$$.Execution.Input.lob",
        "started.$": "$$.Execution.StartTime",
        "machine.$": "$$.StateMachine.Id",
        "state.$": "$$.State.Name",
    }
    machine = aws.machine(one({"Type": "Pass", "Parameters": parameters}))
    execution = aws.start(machine, {"lob": "medicaid", "list": [4, 5], "json": '{"k": 1}'})
    output = json.loads(aws.ended(execution)["output"])
    assert output["text"] == "medicaid-5"
    assert (output["parsed"], output["sum"]) == ({"k": 1}, 5)
    assert (output["id"], output["machine"]) == (execution, machine)
    assert execution.endswith(output["name"])
    assert (output["input"], output["state"]) == ("medicaid", "Only")
    assert output["started"].endswith("Z") and "T" in output["started"]


def test_paths_and_selectors_shape_the_result(aws: Aws, echo: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html."""
    shaping = {"ResultSelector": {"got.$": "$.Payload.a"}, "ResultPath": "$.out", "OutputPath": "$.out"}
    assert aws.output(one(invoke(echo, **shaping)), {"a": 7}) == {"got": 7}


def test_a_result_over_256_kib_fails(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html."""
    large = aws.function("def handler(e, c):\n    return 'x' * 300_000\n")
    assert aws.run(one(invoke(large)))["error"] == "States.DataLimitExceeded"


def test_an_inline_map_keeps_the_order(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html."""
    inner = one({"Type": "Pass", "Parameters": {"i.$": "$.index", "v.$": "$.value"}})
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"index.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value"},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **inner},
        "MaxConcurrency": 2,
    }
    output = aws.output(one(state), {"items": ["a", "b", "c"]})
    assert [(each["i"], each["v"]) for each in output] == [(0, "a"), (1, "b"), (2, "c")]


def distributed(function: str, **fields: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return one({"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **one(invoke(function))}, **fields})


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailureCount": 1}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 20}, "FAILED"),
        ({"ToleratedFailurePercentage": 34}, "SUCCEEDED"),
    ],
)
def test_a_distributed_map_tolerates_what_it_says(aws: Aws, tolerance: dict[str, int], status: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html."""
    picky = aws.function("def handler(event, context):\n    return 1 / event\n")
    ended = aws.run(distributed(picky, **tolerance), [1, 0, 2])
    assert ended["status"] == status
    assert ended.get("error") == ("States.ExceedToleratedFailureThreshold" if status == "FAILED" else None)


def test_a_distributed_map_of_nothing_is_an_empty_list(aws: Aws, echo: str) -> None:
    assert aws.output(distributed(echo), []) == []


def test_a_distributed_map_reads_its_items_from_s3(aws: Aws, echo: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html."""
    bucket = aws.bucket()
    aws.client("s3").put_object(Bucket=bucket, Key="items.json", Body=json.dumps([{"n": 1}, {"n": 2}]))
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": bucket, "Key": "items.json"},
    }
    output = aws.output(distributed(echo, ItemReader=reader))
    assert [each["Payload"] for each in output] == [{"n": 1}, {"n": 2}]


def test_parallel_branches_all_answer(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html."""
    branches = [one({"Type": "Pass", "Result": word}) for word in ("a", "b")]
    assert aws.output(one({"Type": "Parallel", "Branches": branches})) == ["a", "b"]


def sdk(service: str, action: str, parameters: dict[str, Any], **state: Any) -> dict[str, Any]:
    resource = f"arn:aws:states:::aws-sdk:{service}:{action}"
    return one({"Type": "Task", "Resource": resource, "Parameters": parameters, **state})


def test_sdk_dynamodb(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html."""
    table = aws.table()
    item = {"pk": {"S.$": "$.key"}}
    aws.output(sdk("dynamodb", "putItem", {"TableName": table, "Item": item}), {"key": "k"})
    condition = "attribute_not_exists(pk)"
    again = sdk("dynamodb", "putItem", {"TableName": table, "Item": item, "ConditionExpression": condition})
    assert aws.run(again, {"key": "k"})["error"] == "DynamoDb.ConditionalCheckFailedException"


def test_sdk_s3(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html."""
    bucket = aws.bucket()
    put = aws.output(sdk("s3", "putObject", {"Bucket": bucket, "Key": "k", "Body": {"a": 1}}))
    assert put["ETag"]
    assert json.loads(aws.output(sdk("s3", "getObject", {"Bucket": bucket, "Key": "k"}))["Body"]) == {"a": 1}
    assert aws.run(sdk("s3", "getObject", {"Bucket": bucket, "Key": "no"}))["error"] == "S3.NoSuchKeyException"


def test_sdk_sfn_takes_and_gives_pascal_case(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html."""
    inner = aws.machine(one({"Type": "Pass"}))
    output = aws.output(sdk("sfn", "startExecution", {"StateMachineArn": inner, "Input.$": "$"}), {"a": 1})
    assert json.loads(aws.ended(output["ExecutionArn"])["output"]) == {"a": 1}


def test_sdk_scheduler_and_sesv2(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html."""
    schedule = {
        "Name": unique("reminder"),
        "ScheduleExpression": "at(2099-01-01T00:00:00)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": aws.machine(one({"Type": "Pass"})), "RoleArn": ROLE},
    }
    assert schedule["Name"] in aws.output(sdk("scheduler", "createSchedule", schedule))["ScheduleArn"]
    aws.client("sesv2").create_email_identity(EmailIdentity="runs@example.test")
    mail = {
        "FromEmailAddress": "runs@example.test",
        "Destination": {"ToAddresses": ["lead@example.test"]},
        "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "b"}}}},
    }
    assert aws.output(sdk("sesv2", "sendEmail", mail))["MessageId"]


def test_the_history_names_the_states_entered(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html."""
    states = {"A": {"Type": "Pass", "Next": "B"}, "B": PASS}
    execution = aws.start(aws.machine({"StartAt": "A", "States": states}))
    aws.ended(execution)
    events = aws.events(execution)
    entered = [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]
    assert entered == ["A", "B"]
    assert (events[0]["type"], events[-1]["type"]) == ("ExecutionStarted", "ExecutionSucceeded")


def test_stop_execution_aborts(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html."""
    execution = aws.start(aws.machine(one({"Type": "Wait", "Seconds": 60})))
    eventually(lambda: len(aws.events(execution)) > 1)
    aws.client("stepfunctions").stop_execution(executionArn=execution, error="Stopped", cause="by hand")
    ended = aws.ended(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Stopped", "by hand")
    assert aws.events(execution)[-1]["type"] == "ExecutionAborted"


def test_start_execution_is_idempotent_while_it_is_open(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html."""
    client = aws.client("stepfunctions")
    machine = aws.machine(one({"Type": "Wait", "Seconds": 60}))
    request = {"stateMachineArn": machine, "name": "medicaid-2026_10-01", "input": '{"a": 1}'}
    first = client.start_execution(**request)
    again = client.start_execution(**request)
    assert (first["executionArn"], first["startDate"]) == (again["executionArn"], again["startDate"])
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(**{**request, "input": '{"a": 2}'})
    client.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(**request)


@pytest.mark.parametrize(
    ("request_part", "code"),
    [({"name": "a b"}, "InvalidName"), ({"input": "{"}, "InvalidExecutionInput")],
)
def test_a_bad_start_is_refused(aws: Aws, request_part: dict[str, str], code: str) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html."""
    machine = aws.machine(one({"Type": "Pass"}))
    with pytest.raises(ClientError) as refused:
        aws.client("stepfunctions").start_execution(stateMachineArn=machine, **request_part)
    assert refused.value.response["Error"]["Code"] == code


def test_what_is_not_emulated_is_refused_by_name(aws: Aws) -> None:
    machine = aws.machine(one({"Type": "Pass"}))
    with pytest.raises(ClientError, match="StartSyncExecution is not emulated"):
        aws.client("stepfunctions").start_sync_execution(stateMachineArn=machine)
