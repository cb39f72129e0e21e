"""Roles on the deployed stack: a refresh up to its publication asks for nothing its roles do not allow, and the roles
of the state machine and of the schedules allow nothing that is not asked for.

The functions' own rights are compared on every path by `make iam`; here all of it runs as in AWS, each under its role.
"""

import datetime as dt
import fnmatch
import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from infra.local.stack import env_for
from tests.support.cms import directory, entries
from tests.support.pipeline import LOB, Pipeline

pytestmark = pytest.mark.local_stack

Use = tuple[str, str]
#: What Step Functions does with the machine's role beside its states, and the stack does not -> why it stays.
OF_STEP_FUNCTIONS = {
    ("logs:CreateLogDelivery", "*"): "Step Functions sets up the machine's log, on no resource",
    ("logs:DeleteLogDelivery", "*"): "Step Functions takes the machine's log down, on no resource",
    ("logs:DescribeLogGroups", "*"): "Step Functions finds the machine's log group, on no resource",
    ("logs:DescribeResourcePolicies", "*"): "Step Functions sees whether its log may be delivered, on no resource",
    ("logs:GetLogDelivery", "*"): "Step Functions looks at the machine's log delivery, on no resource",
    ("logs:ListLogDeliveries", "*"): "Step Functions looks for the machine's log delivery, on no resource",
    ("logs:PutResourcePolicy", "*"): "Step Functions lets its log be delivered, on no resource",
    ("logs:UpdateLogDelivery", "*"): "Step Functions changes the machine's log delivery, on no resource",
    ("xray:GetSamplingRules", "*"): "Step Functions traces what the account wants traced; X-Ray knows no resources",
    ("xray:GetSamplingTargets", "*"): "Step Functions traces what the account wants traced; X-Ray knows no resources",
    ("xray:PutTelemetryRecords", "*"): "Step Functions traces executions; X-Ray knows no resources",
    ("xray:PutTraceSegments", "*"): "Step Functions traces executions; X-Ray knows no resources",
}
#: What Scheduler does with both roles only when a call fails.
_MISSED = f"arn:aws:sqs:us-east-1:{'0' * 12}:fivetier-local-missed-schedules"
OF_SCHEDULER = {("sqs:SendMessage", _MISSED): "Scheduler sets aside calls it could not make"}
SCHEDULES = {"fivetier-local": "fivetier-local-start-refresh", "fivetier-local-watch": "fivetier-local-watch-runs"}


@pytest.fixture(scope="module")
def pipeline(real_pipeline: Pipeline) -> Iterator[Pipeline]:
    """A stack on which one month was published, the next had no change, and the schedules fired."""
    real_pipeline.publish(real_pipeline.next_month(), directory(entries(12)))
    month = real_pipeline.next_month()
    real_pipeline.land(month, directory(entries(12)))
    assert real_pipeline.refresh(month)["state"] == "NO_CHANGE"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env_for(real_pipeline.deployed.stack).items():
            patch.setenv(name, value)
        yield real_pipeline


def ledger(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Everything roles did since the stack started."""
    with urllib.request.urlopen(f"{pipeline.deployed.stack.endpoint_url}/_fivetier/rights", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)["uses"]
    return found


def used(pipeline: Pipeline, role_arn: str) -> set[Use]:
    role = role_arn.rpartition("/")[2]
    return {(use["action"], use["resource"]) for use in ledger(pipeline) if use["role"] == role}


def granted(role_arn: str) -> set[Use]:
    """What the deployed role's policies allow, read back from IAM."""
    iam, role = boto3.client("iam"), role_arn.rpartition("/")[2]
    assert not iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    return {
        (action, resource)
        for document in documents
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in _list(statement["Action"])
        for resource in _list(statement["Resource"])
    }


def differences(may: set[Use], does: set[Use], kept: dict[Use, str]) -> dict[str, set[Use]]:
    """What is granted and not used, used and not granted, and which exceptions are stale."""

    def is_within(use: Use, right: Use) -> bool:
        return use[0] == right[0] and fnmatch.fnmatchcase(use[1], right[1])

    idle = {right for right in may if not any(is_within(use, right) for use in does)}
    return {
        "unused": idle - kept.keys(),
        "missing": {use for use in does if not any(is_within(use, right) for right in may)},
        "stale": kept.keys() - idle,
    }


NONE: dict[str, set[Use]] = {"unused": set(), "missing": set(), "stale": set()}


def test_nothing_was_refused_from_the_request_to_the_publication(pipeline: Pipeline) -> None:
    uses = ledger(pipeline)
    assert [use for use in uses if not use["is_allowed"]] == []
    functions = [f["Role"].rpartition("/")[2] for f in boto3.client("lambda").list_functions()["Functions"]]
    seen = {use["role"] for use in uses}
    assert len(seen & set(functions)) >= 10, "functions did not run under their own roles"


def test_a_function_of_ours_is_refused_what_its_role_does_not_allow(pipeline: Pipeline) -> None:
    """`open_run` may write no object: with its role taken by code that tries, it still may not."""
    function = boto3.client("lambda").get_function_configuration(FunctionName="fivetier-local-open-run")
    iam, role = boto3.client("iam"), function["Role"].rpartition("/")[2]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    less = [s for s in document["Statement"] if "dynamodb:PutItem" not in _list(s["Action"]) or s["Effect"] == "Deny"]
    assert len(less) < len(document["Statement"])
    month = pipeline.next_month()
    pipeline.land(month, directory(entries(13)))
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps({**document, "Statement": less}))
    try:
        refused = pipeline.refresh(month)
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    assert refused["state"] == "FAILED"
    assert "is not authorized to perform: dynamodb:" in refused["cause"]
    again = pipeline.command("refresh", *LOB, "--sub-version", month, "--wait", "--json")
    assert again.json["state"] == "AWAITING_SIGN_OFF", again.err


def test_the_state_machine_may_do_what_it_does(pipeline: Pipeline) -> None:
    machine = pipeline.deployed.outputs["StateMachineMedicareAdvantage"]
    role = boto3.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["roleArn"]
    assert differences(granted(role), used(pipeline, role), OF_STEP_FUNCTIONS) == NONE
    spare = ("s3:GetObject", "arn:aws:s3:::any/*")
    assert differences({*granted(role), spare}, used(pipeline, role), OF_STEP_FUNCTIONS)["unused"] == {spare}


@pytest.mark.parametrize("group", SCHEDULES)
def test_a_schedule_may_do_what_it_does(pipeline: Pipeline, group: str) -> None:
    """One schedule of the group is moved to the next seconds and fires, with its own target and role."""
    scheduler = boto3.client("scheduler")
    found = scheduler.list_schedules(GroupName=group)["Schedules"]
    role = {scheduler.get_schedule(GroupName=group, Name=each["Name"])["Target"]["RoleArn"] for each in found}
    assert len(role) == 1
    one = scheduler.get_schedule(GroupName=group, Name=found[0]["Name"])
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    scheduler.update_schedule(
        GroupName=group,
        Name=one["Name"],
        State="ENABLED",
        ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=one["Target"],
    )
    (role_arn,) = role
    deadline = time.monotonic() + 10
    while not (does := used(pipeline, role_arn)):
        assert time.monotonic() < deadline, f"{one['Name']} did not fire"
        time.sleep(0.2)
    assert {resource.rpartition(":")[2] for _, resource in does} == {SCHEDULES[group]}
    assert differences(granted(role_arn), does, OF_SCHEDULER) == NONE


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
