"""Task tokens: a run waits for people, and only for so long.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import Aws, eventually


class Waiting:
    """A machine that stores its token in DynamoDB and waits."""

    def __init__(self, aws: Aws, **state: Any) -> None:
        self.aws, self.table = aws, aws.table()
        wait = {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken",
            "Parameters": {
                "TableName": self.table,
                "Item": {
                    "pk": {"S.$": "States.Format('{}#{}', $$.Execution.Name, $$.State.RetryCount)"},
                    "token": {"S.$": "$$.Task.Token"},
                },
            },
            "End": True,
            **state,
        }
        self.definition = {"StartAt": "Wait", "States": {"Wait": wait}}

    def start(self, payload: object = None) -> str:
        return self.aws.start(self.aws.machine(self.definition), payload)

    def token(self, attempt: int = 0) -> str:
        def look() -> str | None:
            items = self.aws.client("dynamodb").scan(TableName=self.table)["Items"]
            found = [each["token"]["S"] for each in items if each["pk"]["S"].endswith(f"#{attempt}")]
            return found[0] if found else None

        return eventually(look)


@pytest.fixture(scope="module")
def sfn(aws: Aws) -> Any:
    return aws.client("stepfunctions")


def test_success_ends_the_wait_with_the_output(aws: Aws, sfn: Any) -> None:
    waiting = Waiting(aws, TimeoutSeconds=60)
    execution = waiting.start()
    sfn.send_task_success(taskToken=waiting.token(), output='{"decision": "approve"}')
    assert json.loads(aws.ended(execution)["output"]) == {"decision": "approve"}


def test_failure_is_caught_by_its_error(aws: Aws, sfn: Any) -> None:
    waiting = Waiting(aws, TimeoutSeconds=60)
    execution = waiting.start()
    sfn.send_task_failure(taskToken=waiting.token(), error="SignOffRejected", cause="numbers")
    ended = aws.ended(execution)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "SignOffRejected", "numbers")


@pytest.mark.parametrize("limit", [{"TimeoutSeconds": 1}, {"TimeoutSecondsPath": "$.seconds"}])
def test_no_answer_is_states_timeout(aws: Aws, sfn: Any, limit: dict[str, Any]) -> None:
    waiting = Waiting(aws, **limit)
    execution = waiting.start({"seconds": 1})
    token = waiting.token()
    assert aws.ended(execution)["error"] == "States.Timeout"
    with pytest.raises(sfn.exceptions.TaskTimedOut):
        sfn.send_task_success(taskToken=token, output="{}")


def test_no_heartbeat_is_a_time_out_and_heartbeats_prevent_it(aws: Aws, sfn: Any) -> None:
    waiting = Waiting(aws, TimeoutSeconds=60, HeartbeatSeconds=1)
    execution = waiting.start()
    sfn.send_task_heartbeat(taskToken=waiting.token())
    ended = aws.ended(execution)
    assert ended["status"] == "FAILED"
    assert ended["error"] in ("States.Timeout", "States.HeartbeatTimeout")


def test_a_token_is_good_for_one_answer(aws: Aws, sfn: Any) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html."""
    waiting = Waiting(aws, TimeoutSeconds=60)
    waiting.definition["States"]["Wait"] |= {"Next": "After"}
    del waiting.definition["States"]["Wait"]["End"]
    waiting.definition["States"]["After"] = {"Type": "Wait", "Seconds": 60, "End": True}
    execution = waiting.start()
    token = waiting.token()
    sfn.send_task_success(taskToken=token, output="{}")
    with pytest.raises(sfn.exceptions.TaskTimedOut):
        sfn.send_task_failure(taskToken=token, error="Late")
    sfn.stop_execution(executionArn=execution)


def test_an_unknown_token_and_a_broken_output_are_refused(aws: Aws, sfn: Any) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html."""
    with pytest.raises(ClientError):
        sfn.send_task_success(taskToken="no-such-token", output="{}")
    waiting = Waiting(aws, TimeoutSeconds=60)
    execution = waiting.start()
    with pytest.raises(sfn.exceptions.InvalidOutput):
        sfn.send_task_success(taskToken=waiting.token(), output="not json")
    sfn.stop_execution(executionArn=execution)


def test_a_stopped_execution_takes_no_answer(aws: Aws, sfn: Any) -> None:
    waiting = Waiting(aws, TimeoutSeconds=60)
    execution = waiting.start()
    token = waiting.token()
    sfn.stop_execution(executionArn=execution)
    with pytest.raises(sfn.exceptions.TaskTimedOut):
        sfn.send_task_success(taskToken=token, output="{}")


def test_a_retry_waits_for_a_token_of_its_own(aws: Aws, sfn: Any) -> None:
    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    waiting = Waiting(aws, TimeoutSeconds=60, Retry=retry)
    execution = waiting.start()
    first = waiting.token(attempt=0)
    sfn.send_task_failure(taskToken=first, error="Again")
    second = waiting.token(attempt=1)
    assert first != second
    sfn.send_task_success(taskToken=second, output='"second"')
    assert json.loads(aws.ended(execution)["output"]) == "second"


def test_a_token_is_written_in_one_transaction_with_what_it_is_for(aws: Aws, sfn: Any) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html."""
    table, name = aws.table(), "States.Format('{}#{}', $.run, {})"
    ask = {"pk": {"S.$": name.replace("{})", "'ask')")}}
    writes = [
        {
            "Update": {
                "TableName": table,
                "Key": ask,
                "UpdateExpression": "SET who = :who ADD round_number :one",
                "ConditionExpression": "attribute_not_exists(closed)",
                "ExpressionAttributeValues": {":who": {"S.$": "$.who"}, ":one": {"N": "1"}},
            }
        },
        {
            "Put": {
                "TableName": table,
                "Item": {"pk": {"S.$": name.replace("{})", "'token')")}, "token": {"S.$": "$$.Task.Token"}},
            }
        },
    ]
    waiting = Waiting(aws, TimeoutSeconds=60)
    waiting.definition["States"]["Wait"] |= {
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:transactWriteItems.waitForTaskToken",
        "Parameters": {"TransactItems": writes},
    }
    dynamodb, machine = aws.client("dynamodb"), aws.machine(waiting.definition)

    def item(key: str) -> dict[str, Any] | None:
        found: dict[str, Any] = dynamodb.get_item(TableName=table, Key={"pk": {"S": key}})
        return found.get("Item")

    for entry in ("1", "2"):
        execution = aws.start(machine, {"run": "r", "who": "olga"})
        eventually(lambda entry=entry: (item("r#ask") or {}).get("round_number") == {"N": entry})
        assert item("r#ask") == {"pk": {"S": "r#ask"}, "who": {"S": "olga"}, "round_number": {"N": entry}}
        token = item("r#token")
        assert token is not None
        sfn.send_task_success(taskToken=token["token"]["S"], output='"done"')
        assert aws.ended(execution)["status"] == "SUCCEEDED"

    dynamodb.put_item(TableName=table, Item={"pk": {"S": "s#ask"}, "closed": {"S": "yes"}})
    ended = aws.ended(aws.start(machine, {"run": "s", "who": "olga"}))
    assert (ended["status"], ended["error"]) == ("FAILED", "DynamoDb.TransactionCanceledException")
    assert item("s#token") is None, "a cancelled transaction writes nothing"


def test_the_history_of_a_waiting_execution_can_be_read(aws: Aws, sfn: Any) -> None:
    waiting = Waiting(aws, TimeoutSeconds=60)
    execution = waiting.start()
    waiting.token()
    eventually(lambda: aws.events(execution)[-1]["type"] == "TaskSubmitted")
    sfn.stop_execution(executionArn=execution)
