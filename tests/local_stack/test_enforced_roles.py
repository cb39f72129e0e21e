"""Roles: a function, a state machine or a schedule does what its role allows, and nothing else.

How access is decided: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.
"""

from __future__ import annotations

import datetime as dt
import json
import time
import urllib.request
from typing import Any

import pytest

from tests.support.emulator import ROLE, Aws, eventually, unique

ACCOUNT = "000000000000"
DYNAMODB = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table"
#: Calls what the event says and answers with the error's code and text, or `done`.
CALLER = """
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

def handler(event, context):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, parameter_validation=False)
    try:
        getattr(boto3.client(event["service"], config=config), event["method"])(**event["parameters"])
    except ClientError as error:
        return [error.response["Error"]["Code"], error.response["Error"]["Message"]]
    return ["done", ""]
"""


def allow(*actions: str, on: str | list[str], **conditions: Any) -> dict[str, Any]:
    """A statement."""
    extra = {"Condition": conditions} if conditions else {}
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **extra}


def deny(*actions: str, on: str, **conditions: Any) -> dict[str, Any]:
    """A statement."""
    return {**allow(*actions, on=on, **conditions), "Effect": "Deny"}


class Caller:
    """A function with a role of its own."""

    def __init__(self, aws: Aws, *statements: dict[str, Any]) -> None:
        self._aws = aws
        self.role = aws.role(*statements)
        self.name = aws.function(CALLER, role=self.role)

    def call(self, service: str, method: str, **parameters: Any) -> tuple[str, str]:
        """Code and text of the answer."""
        error, answer = self._aws.invoke(self.name, {"service": service, "method": method, "parameters": parameters})
        assert error is None, answer
        return answer[0], answer[1]


def test_a_forbidden_action_is_refused_in_the_words_of_aws(aws: Aws) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html."""
    table = aws.table()
    caller = Caller(aws, allow("dynamodb:GetItem", on=f"{DYNAMODB}/{table}"))
    assert caller.call("dynamodb", "get_item", TableName=table, Key={"pk": {"S": "a"}}) == ("done", "")
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/{caller.role.rpartition('/')[2]}/{caller.name}"
    assert caller.call("dynamodb", "put_item", TableName=table, Item={"pk": {"S": "a"}}) == (
        "AccessDeniedException",
        f"User: {who} is not authorized to perform: dynamodb:PutItem on resource: {DYNAMODB}/{table} "
        "because no identity-based policy allows the dynamodb:PutItem action",
    )
    assert "Item" not in aws.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "a"}})


def test_a_role_without_policies_may_nothing_and_the_account_everything(aws: Aws) -> None:
    table = aws.table()
    caller = Caller(aws)
    assert caller.call("dynamodb", "get_item", TableName=table, Key={"pk": {"S": "a"}})[0] == "AccessDeniedException"
    assert caller.call("s3", "list_objects_v2", Bucket=aws.bucket())[0] == "AccessDenied"
    aws.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "a"}})


def test_an_object_is_allowed_by_its_folder(aws: Aws) -> None:
    bucket = aws.bucket()
    caller = Caller(aws, allow("s3:PutObject", on=f"arn:aws:s3:::{bucket}/staging/*"))
    assert caller.call("s3", "put_object", Bucket=bucket, Key="staging/a", Body="x") == ("done", "")
    code, text = caller.call("s3", "put_object", Bucket=bucket, Key="lake/a", Body="x")
    assert code == "AccessDenied"
    assert f's3:PutObject on resource: "arn:aws:s3:::{bucket}/lake/a"' in text
    assert caller.call("s3", "get_object", Bucket=bucket, Key="staging/a")[0] == "AccessDenied"


def test_who_may_not_list_a_bucket_is_not_told_what_is_not_there(aws: Aws) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html."""
    bucket = aws.bucket()
    reads, lists = (
        allow("s3:GetObject", on=f"arn:aws:s3:::{bucket}/*"),
        allow("s3:ListBucket", on=f"arn:aws:s3:::{bucket}"),
    )
    assert Caller(aws, reads, lists).call("s3", "get_object", Bucket=bucket, Key="a")[0] == "NoSuchKey"
    assert Caller(aws, reads).call("s3", "get_object", Bucket=bucket, Key="a")[0] == "AccessDenied"


def test_a_copy_needs_its_source_too(aws: Aws) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html."""
    bucket = aws.bucket()
    aws.client("s3").put_object(Bucket=bucket, Key="from/a", Body=b"x")
    source = {"Bucket": bucket, "Key": "from/a"}
    writes = allow("s3:PutObject", on=f"arn:aws:s3:::{bucket}/to/*")
    reads = allow("s3:GetObject", on=f"arn:aws:s3:::{bucket}/from/*")
    assert Caller(aws, writes).call("s3", "copy_object", Bucket=bucket, Key="to/a", CopySource=source)[0] != "done"
    assert (
        Caller(aws, writes, reads).call("s3", "copy_object", Bucket=bucket, Key="to/a", CopySource=source)[0] == "done"
    )


def test_a_lock_on_an_object_needs_its_own_right(aws: Aws) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-permissions."""
    bucket = aws.bucket(ObjectLockEnabledForBucket=True)
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    locked = {
        "Bucket": bucket,
        "Key": "a",
        "Body": "x",
        "ObjectLockMode": "GOVERNANCE",
        "ObjectLockRetainUntilDate": until,
    }
    objects = f"arn:aws:s3:::{bucket}/*"
    assert Caller(aws, allow("s3:PutObject", on=objects)).call("s3", "put_object", **locked)[0] == "AccessDenied"
    both = Caller(aws, allow("s3:PutObject", "s3:PutObjectRetention", on=objects))
    assert both.call("s3", "put_object", **locked) == ("done", "")


def item(key: str) -> dict[str, Any]:
    return {"pk": {"S": key}}


@pytest.fixture(scope="module")
def keyed(aws: Aws) -> tuple[str, Caller]:
    """A table, and a function that may use the partitions RUN#* but not RUN#secret*."""
    table = aws.table()
    every = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "ConditionCheckItem"]
    actions, arn = [f"dynamodb:{action}" for action in every], f"{DYNAMODB}/{table}"
    ours = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["RUN#*"]}}
    secret = {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["RUN#secret*"]}}
    return table, Caller(aws, allow(*actions, on=arn, **ours), deny(*actions, on=arn, **secret))


@pytest.mark.parametrize(("key", "code"), [("RUN#1", "done"), ("LOB#1", "refused"), ("RUN#secret1", "refused")])
def test_items_are_allowed_by_their_partition_key(keyed: tuple[str, Caller], key: str, code: str) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html."""
    table, caller = keyed
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": key}}}
    two = [{"Put": {"TableName": table, "Item": item(each)}} for each in ("RUN#2", key + "x")]
    for method, parameters in (
        ("put_item", {"Item": item(key)}),
        ("get_item", {"Key": item(key)}),
        ("query", query),
        ("delete_item", {"Key": item(key)}),
    ):
        answer = caller.call("dynamodb", method, TableName=table, **parameters)
        assert answer[0] == ("done" if code == "done" else "AccessDeniedException"), (method, answer)
        assert ("explicit deny" in answer[1]) == (key == "RUN#secret1")
    answer = caller.call("dynamodb", "transact_write_items", TransactItems=two)
    assert answer[0] == ("done" if code == "done" else "AccessDeniedException"), answer


def test_what_the_stack_cannot_tell_is_refused(aws: Aws, keyed: tuple[str, Caller]) -> None:
    """AWS lets a Scan pass `ForAllValues`, as it names no key; here nobody may rely on that."""
    table, _ = keyed
    caller = Caller(aws, allow("dynamodb:*", on=f"{DYNAMODB}/{table}"), allow("athena:*", "kms:*", on="*"))
    assert caller.call("dynamodb", "scan", TableName=table)[0] == "AccessDeniedException"
    assert caller.call("athena", "list_work_groups")[0] == "AccessDeniedException"
    strange = Caller(
        aws, allow("dynamodb:GetItem", on=f"{DYNAMODB}/{table}", StringEqualsIfExists={"aws:SourceVpc": "vpc-1"})
    )
    assert strange.call("dynamodb", "get_item", TableName=table, Key=item("RUN#1"))[0] == "AccessDeniedException"


def test_a_table_of_the_catalog_needs_catalog_database_and_table(aws: Aws, database: str) -> None:
    """https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html."""
    glue, root = aws.client("glue"), f"arn:aws:glue:us-east-1:{ACCOUNT}"
    name = unique("t").replace("-", "_")
    glue.create_table(DatabaseName=database, TableInput={"Name": name})
    places = [f"{root}:catalog", f"{root}:database/{database}", f"{root}:table/{database}/{name}"]
    whole = Caller(aws, allow("glue:GetTable", on=places))
    assert whole.call("glue", "get_table", DatabaseName=database, Name=name) == ("done", "")
    for missing in places:
        partly = Caller(aws, allow("glue:GetTable", on=[place for place in places if place != missing]))
        code, text = partly.call("glue", "get_table", DatabaseName=database, Name=name)
        assert (code, missing in text) == ("AccessDeniedException", True)


def test_mail_is_allowed_by_its_sender(aws: Aws) -> None:
    """https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html."""
    for identity in ("may@roles.test", "other@roles.test"):
        aws.client("sesv2").create_email_identity(EmailIdentity=identity)
    sender = {"StringEquals": {"ses:FromAddress": "may@roles.test"}}
    caller = Caller(aws, allow("ses:SendEmail", on=f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/*", **sender))
    mail = {
        "Destination": {"ToAddresses": ["a@roles.test"]},
        "Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "b"}}}},
    }
    assert caller.call("sesv2", "send_email", FromEmailAddress="may@roles.test", **mail)[0] == "done"
    assert caller.call("sesv2", "send_email", FromEmailAddress="other@roles.test", **mail)[0] == "AccessDeniedException"


def test_an_encrypted_bucket_needs_its_key(aws: Aws) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html."""
    bucket, s3 = aws.bucket(), aws.client("s3")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    objects = allow("s3:PutObject", "s3:GetObject", on=f"arn:aws:s3:::{bucket}/*")
    reader = Caller(aws, objects, allow("kms:Decrypt", on=key))
    writer = Caller(aws, objects, allow("kms:Decrypt", "kms:GenerateDataKey", on=key))
    assert writer.call("s3", "put_object", Bucket=bucket, Key="a", Body="x") == ("done", "")
    assert reader.call("s3", "get_object", Bucket=bucket, Key="a") == ("done", "")
    assert reader.call("s3", "put_object", Bucket=bucket, Key="a", Body="x")[0] == "AccessDenied"
    assert Caller(aws, objects).call("s3", "get_object", Bucket=bucket, Key="a")[0] == "AccessDenied"


def invoking(function: str) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    return {"StartAt": "T", "States": {"T": {**task, "Parameters": {"FunctionName": function}}}}


def test_a_state_machine_calls_what_its_role_allows(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/lambda-iam.html."""
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{aws.function('def handler(e, c): return 1')}"
    may = aws.machine(invoking(function), role=aws.role(allow("lambda:InvokeFunction", on=function)))
    assert aws.ended(aws.start(may))["status"] == "SUCCEEDED"
    may_not = aws.machine(invoking(function), role=aws.role(allow("lambda:InvokeFunction", on=f"{function}-other")))
    ended = aws.ended(aws.start(may_not))
    assert ended["status"] == "FAILED"
    assert ended["error"] == "Lambda.AccessDeniedException"
    assert f"is not authorized to perform: lambda:InvokeFunction on resource: {function} because" in ended["cause"]


def test_a_task_is_answered_by_who_may_answer_for_its_machine(aws: Aws) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concept-create-iam-advanced.html."""
    table = aws.table()
    task = {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken", "End": True,
        "Parameters": {"TableName": table, "Item": {"pk": {"S": "t"}, "token": {"S.$": "$$.Task.Token"}}},
    }  # fmt: skip
    machine = aws.machine({"StartAt": "W", "States": {"W": task}})
    execution = aws.start(machine)
    stored = eventually(lambda: aws.client("dynamodb").get_item(TableName=table, Key=item("t")).get("Item"))
    answer = {"taskToken": stored["token"]["S"], "output": "{}"}
    other = Caller(aws, allow("states:SendTaskSuccess", on=f"{machine}-other"))
    assert other.call("stepfunctions", "send_task_success", **answer)[0] == "AccessDeniedException"
    ours = Caller(aws, allow("states:SendTaskSuccess", on=machine))
    assert ours.call("stepfunctions", "send_task_success", **answer) == ("done", "")
    assert aws.ended(execution)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("may", [True, False])
def test_a_schedule_calls_what_its_role_allows(aws: Aws, may: bool) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role."""
    table = aws.table()
    code = f"import boto3\ndef handler(e, c):\n    boto3.client('dynamodb').put_item(TableName={table!r}, Item=e)\n"
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{aws.function(code)}"
    role = aws.role(allow("lambda:InvokeFunction", on=function if may else f"{function}-other"))
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    aws.client("scheduler").create_schedule(
        Name=unique("schedule"),
        FlexibleTimeWindow={"Mode": "OFF"},
        ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        Target={"Arn": function, "RoleArn": role, "Input": json.dumps(item("fired"))},
    )

    def fired() -> bool:
        return "Item" in aws.client("dynamodb").get_item(TableName=table, Key=item("fired"))

    if may:
        eventually(fired)
    else:
        time.sleep(5)
        assert not fired()
        log = (aws.stack.state_dir / "logs" / "emulator.log").read_text()
        assert f"lambda:InvokeFunction on resource: {function} because" in log


@pytest.mark.parametrize("may", [True, False])
def test_a_stream_is_read_with_the_rights_of_its_function(aws: Aws, may: bool) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html#events-dynamodb-permissions."""
    stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    source, seen = aws.table(StreamSpecification=stream), aws.table()
    arn = aws.client("dynamodb").describe_table(TableName=source)["Table"]["LatestStreamArn"]
    reads = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    role = aws.role(
        allow("dynamodb:PutItem", on=f"{DYNAMODB}/{seen}"),
        allow(*(reads if may else reads[:2]), on=arn),
        allow("dynamodb:ListStreams", on="*"),
    )
    put = f"boto3.client('dynamodb').put_item(TableName={seen!r}, Item={item('seen')})"
    code = f"import boto3\ndef handler(e, c):\n    {put}\n"
    mapping = aws.client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=aws.function(code, role=role), StartingPosition="TRIM_HORIZON"
    )
    aws.client("dynamodb").put_item(TableName=source, Item=item("a"))
    if may:
        eventually(lambda: "Item" in aws.client("dynamodb").get_item(TableName=seen, Key=item("seen")))
    else:
        found = eventually(lambda: "PROBLEM" in (text := _last(aws, mapping["UUID"])) and text)
        assert "dynamodb:GetShardIterator" in found
        assert "Item" not in aws.client("dynamodb").get_item(TableName=seen, Key=item("seen"))


def _last(aws: Aws, mapping: str) -> str:
    return str(aws.client("lambda").get_event_source_mapping(UUID=mapping).get("LastProcessingResult"))


def test_a_forged_or_stale_key_is_nobodys(aws: Aws) -> None:
    code = """
import os, boto3
from botocore.exceptions import ClientError
def handler(event, context):
    given = boto3.Session().get_credentials()
    table = boto3.client("dynamodb", aws_access_key_id=given.access_key, aws_secret_access_key="x" * 40,
                         aws_session_token=given.token)
    try:
        table.get_item(TableName=event, Key={"pk": {"S": "a"}})
    except ClientError as error:
        return error.response["Error"]["Code"]
"""
    table = aws.table()
    assert aws.invoke(aws.function(code, role=ROLE), table) == (None, "InvalidSignatureException")


def test_what_each_role_used_can_be_read(aws: Aws) -> None:
    table = aws.table()
    caller = Caller(aws, allow("dynamodb:GetItem", on=f"{DYNAMODB}/{table}"))
    caller.call("dynamodb", "get_item", TableName=table, Key=item("a"))
    caller.call("dynamodb", "put_item", TableName=table, Item=item("a"))
    with urllib.request.urlopen(f"{aws.stack.endpoint_url}/_fivetier/rights", timeout=5) as response:
        uses = json.load(response)["uses"]
    role = caller.role.rpartition("/")[2]
    assert [(use["action"], use["is_allowed"]) for use in uses if use["role"] == role] == [
        ("dynamodb:GetItem", True),
        ("dynamodb:PutItem", False),
    ]
