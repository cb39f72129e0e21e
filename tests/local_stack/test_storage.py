"""S3 and DynamoDB: ministack's own, stated because publication rests on them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import Aws


@pytest.fixture(scope="module")
def s3(aws: Aws) -> Any:
    return aws.client("s3")


@pytest.fixture(scope="module")
def dynamodb(aws: Aws) -> Any:
    return aws.client("dynamodb")


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_if_none_match_lets_one_writer_create_a_key(aws: Aws, s3: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html."""
    bucket = aws.bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="k", Body=b"second", IfNoneMatch="*")
    assert code_of(refused) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_versions_are_kept_and_read_by_id(aws: Aws, s3: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html."""
    bucket = aws.bucket()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    s3.delete_object(Bucket=bucket, Key="k")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=old)["Body"].read() == b"old"


def test_a_copy_is_refused_if_the_source_is_another(aws: Aws, s3: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html."""
    bucket = aws.bucket()
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["ETag"]
    source = {"Bucket": bucket, "Key": "a"}
    s3.copy_object(Bucket=bucket, Key="b", CopySource=source, CopySourceIfMatch=etag)
    s3.put_object(Bucket=bucket, Key="a", Body=b"2")
    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=bucket, Key="c", CopySource=source, CopySourceIfMatch=etag)
    assert code_of(refused) == ("PreconditionFailed", 412)


def test_a_locked_version_cannot_be_deleted(aws: Aws, s3: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html."""
    bucket = aws.bucket(ObjectLockEnabledForBucket=True)
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    version = s3.put_object(
        Bucket=bucket, Key="k", Body=b"event", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
    )["VersionId"]
    with pytest.raises(ClientError) as refused:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert code_of(refused) == ("AccessDenied", 403)
    with pytest.raises(ClientError):
        s3.put_object_retention(
            Bucket=bucket, Key="k", VersionId=version,
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until - dt.timedelta(hours=1)},
        )  # fmt: skip


def test_default_retention_locks_every_object(aws: Aws, s3: Any) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html."""
    bucket = aws.bucket(ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"event")["VersionId"]
    with pytest.raises(ClientError) as refused:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert code_of(refused) == ("AccessDenied", 403)


def test_a_conditional_put_lets_one_writer_in(aws: Aws, dynamodb: Any) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html."""
    table = aws.table()
    request = {
        "TableName": table,
        "Item": {"pk": {"S": "lease"}},
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    dynamodb.put_item(**request)
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(**request)


def test_a_cancelled_transaction_writes_nothing_and_says_why(aws: Aws, dynamodb: Any) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html."""
    table = aws.table()
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "round"}, "state": {"S": "closed"}})
    check = {
        "TableName": table,
        "Key": {"pk": {"S": "round"}},
        "ConditionExpression": "#s = :open",
        "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":open": {"S": "open"}},
    }
    put = {"TableName": table, "Item": {"pk": {"S": "decision"}}}
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as refused:
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])
    reasons = [each["Code"] for each in refused.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": "decision"}})


def test_an_index_is_queried_in_order(aws: Aws, dynamodb: Any) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html."""
    names = ("pk", "lob", "started_at")
    keys = [{"AttributeName": "lob", "KeyType": "HASH"}, {"AttributeName": "started_at", "KeyType": "RANGE"}]
    table = aws.table(
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        GlobalSecondaryIndexes=[
            {"IndexName": "by_lob", "KeySchema": keys, "Projection": {"ProjectionType": "KEYS_ONLY"}}
        ],
    )
    for number, lob in enumerate(["medicaid", "commercial", "medicaid"]):
        item = {"pk": f"run-{number}", "lob": lob, "started_at": f"2026-0{number + 1}"}
        dynamodb.put_item(TableName=table, Item={key: {"S": value} for key, value in item.items()})
    found = dynamodb.query(
        TableName=table,
        IndexName="by_lob",
        KeyConditionExpression="lob = :lob",
        ExpressionAttributeValues={":lob": {"S": "medicaid"}},
        ScanIndexForward=False,
    )["Items"]
    assert [each["pk"]["S"] for each in found] == ["run-2", "run-0"]
