"""SESv2 and EventBridge Scheduler."""

from __future__ import annotations

import datetime as dt
import json
import urllib.request
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import ROLE, Aws, eventually, unique

WAIT_A_MINUTE = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}


@pytest.fixture(scope="module")
def scheduler(aws: Aws) -> Any:
    return aws.client("scheduler")


def schedule(machine: str, **fields: Any) -> dict[str, Any]:
    return {
        "Name": unique("schedule"),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": machine, "RoleArn": ROLE, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'},
        **fields,
    }


def test_a_mail_can_be_read_back(aws: Aws) -> None:
    """https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html."""
    ses = aws.client("sesv2")
    ses.create_email_identity(EmailIdentity="sign-off@example.test")
    subject = unique("Sign-off wanted")
    message_id = ses.send_email(
        FromEmailAddress="sign-off@example.test",
        Destination={"ToAddresses": ["data_lead@example.test"]},
        Content={"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "Please look."}}}},
    )["MessageId"]
    with urllib.request.urlopen(f"{aws.stack.endpoint_url}/_ministack/ses/messages", timeout=5) as response:
        stored = json.load(response)
    assert message_id in json.dumps(stored)
    assert subject in json.dumps(stored)


def test_a_schedule_keeps_its_time_zone(aws: Aws, scheduler: Any) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html."""
    request = schedule(
        aws.machine(WAIT_A_MINUTE),
        ScheduleExpression="cron(0 6 ? * MON-FRI *)",
        ScheduleExpressionTimezone="America/New_York",
    )
    scheduler.create_schedule(**request)
    found = scheduler.get_schedule(Name=request["Name"])
    assert found["ScheduleExpressionTimezone"] == "America/New_York"
    assert found["ScheduleExpression"] == request["ScheduleExpression"]


def test_a_schedule_fires_in_its_own_time_zone(aws: Aws, scheduler: Any) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html."""
    machine = aws.machine(WAIT_A_MINUTE)
    local = dt.datetime.now(ZoneInfo("Asia/Tokyo")) + dt.timedelta(seconds=2)
    scheduler.create_schedule(
        **schedule(
            machine,
            ScheduleExpression=f"at({local:%Y-%m-%dT%H:%M:%S})",
            ScheduleExpressionTimezone="Asia/Tokyo",
        )
    )
    sfn = aws.client("stepfunctions")
    executions = eventually(lambda: sfn.list_executions(stateMachineArn=machine)["executions"], seconds=8)
    started = sfn.describe_execution(executionArn=executions[0]["executionArn"])
    assert json.loads(started["input"]) == {"at": f"{local.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"}
    sfn.stop_execution(executionArn=executions[0]["executionArn"])
    assert len(executions) == 1


def test_a_schedule_can_target_a_function(aws: Aws, scheduler: Any) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html."""
    seen = aws.table()
    name = aws.function(f"""
import boto3
def handler(event, context):
    boto3.client("dynamodb").put_item(TableName="{seen}", Item={{"pk": {{"S": event["lob"]}}}})
""")
    arn = aws.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    scheduler.create_schedule(
        Name=unique("to-lambda"),
        FlexibleTimeWindow={"Mode": "OFF"},
        ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
        Target={"Arn": arn, "RoleArn": ROLE, "Input": '{"lob": "medicaid"}'},
    )
    eventually(lambda: aws.client("dynamodb").scan(TableName=seen)["Count"] == 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"ScheduleExpression": "rate(1 day)", "ScheduleExpressionTimezone": "Mars/Olympus"},
        {"ScheduleExpression": "sometimes"},
        {"ScheduleExpression": "at(tomorrow)"},
    ],
)
def test_a_wrong_schedule_is_refused(aws: Aws, scheduler: Any, fields: dict[str, str]) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html."""
    with pytest.raises(ClientError) as refused:
        scheduler.create_schedule(**schedule("arn:aws:states:us-east-1:000000000000:stateMachine:m", **fields))
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_target_that_would_not_fire_is_refused_by_name(scheduler: Any) -> None:
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sesv2:sendEmail", "RoleArn": ROLE}
    with pytest.raises(ClientError, match="sesv2"):
        scheduler.create_schedule(
            Name=unique("universal"), FlexibleTimeWindow={"Mode": "OFF"},
            ScheduleExpression="rate(1 day)", Target=target,
        )  # fmt: skip
