"""What a call to AWS needs of whoever makes it: the one table from SDK calls to IAM actions and resources.

Actions and resources per service: https://docs.aws.amazon.com/service-authorization/latest/reference/ (S3 by version:
list_amazons3.html; transactions: apply each item's own action, list_amazondynamodb.html). Rights by key alone.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from tests.faults.wire import Call

Use = tuple[str, str]
#: Not an action: the condition that keeps a role to its partitions, compared as if it were one.
LEADING_KEYS = "dynamodb:LeadingKeys"
NOT_FOUND = 404
#: Everything stored is encrypted with one key, which S3 and DynamoDB use in the caller's name.
KEY = "kms:key"
_ENCRYPTS = {"s3:PutObject", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
_DECRYPTS = {"s3:GetObject", "s3:GetObjectVersion", "dynamodb:GetItem", "dynamodb:Query", *_ENCRYPTS}
_ITEMS = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
_BUCKET = {"ListObjectsV2": "s3:ListBucket", "ListObjectVersions": "s3:ListBucketVersions"}
_TASKS = ("SendTaskSuccess", "SendTaskFailure", "StartExecution")


def uses(call: Call) -> Iterator[Use]:
    """(action, resource) pairs of a call; a resource is written as `service:name/key`.

    Raises:
        NotImplementedError: nobody wrote down yet what this call needs.
    """
    found = list({"s3": _s3, "dynamodb": _dynamodb, "glue": _glue, "sfn": _sfn, "sesv2": _ses}[call.service](call))
    yield from found
    if any(action in _DECRYPTS for action, _ in found):
        yield "kms:Decrypt", KEY
    if any(action in _ENCRYPTS for action, _ in found):
        yield "kms:GenerateDataKey", KEY


def uses_of_answer(call: Call, status: int) -> Iterator[Use]:
    """What it needs to be told that an object is not there: without it S3 says 403, which is no answer."""
    if call.operation in ("GetObject", "HeadObject") and status == NOT_FOUND:
        url = urlsplit(call.request.url)
        if "versionId" not in parse_qs(url.query):
            yield "s3:ListBucket", f"s3:{_place(url.netloc, url.path)[0]}"


def _s3(call: Call) -> Iterator[Use]:
    url = urlsplit(call.request.url)
    bucket, path = _place(url.netloc, url.path)
    query, headers = parse_qs(url.query, keep_blank_values=True), call.request.headers
    if call.operation in _BUCKET:
        yield _BUCKET[call.operation], f"s3:{bucket}"
    elif call.operation in ("GetObject", "HeadObject"):
        yield f"s3:GetObject{'Version' if 'versionId' in query else ''}", f"s3:{bucket}/{path}"
    elif call.operation == "PutObject":
        yield "s3:PutObject", f"s3:{bucket}/{path}"
        if "x-amz-object-lock-mode" in headers:
            yield "s3:PutObjectRetention", f"s3:{bucket}/{path}"
    elif call.operation == "CopyObject":
        yield "s3:PutObject", f"s3:{bucket}/{path}"
        source, _, version = _text(headers["x-amz-copy-source"]).partition("?")
        yield f"s3:GetObject{'Version' if version else ''}", f"s3:{unquote(source).lstrip('/')}"
    else:
        raise NotImplementedError(call.name)


def _place(host: str, path: str) -> tuple[str, str]:
    """Bucket and key, whichever way the address is written."""
    if found := re.match(r"([\w-]+)\.s3\.", host):
        return found[1], unquote(path.lstrip("/"))
    bucket, _, key = path.lstrip("/").partition("/")
    return bucket, unquote(key)


def _dynamodb(call: Call) -> Iterator[Use]:
    body = json.loads(call.request.body)
    if call.operation == "TransactWriteItems":
        for action in body["TransactItems"]:
            ((kind, item),) = action.items()
            yield _ITEMS[kind], f"dynamodb:{item['TableName']}"
            yield _partition(item["TableName"], (item.get("Item") or item["Key"])["pk"])
    elif call.operation == "GetItem":
        yield "dynamodb:GetItem", f"dynamodb:{body['TableName']}"
        yield _partition(body["TableName"], body["Key"]["pk"])
    elif call.operation == "Query" and "IndexName" in body:
        yield "dynamodb:Query", f"dynamodb:{body['TableName']}/index/{body['IndexName']}"
    elif call.operation == "Query":
        yield "dynamodb:Query", f"dynamodb:{body['TableName']}"
        yield _partition(body["TableName"], body["ExpressionAttributeValues"][":pk"])
    else:
        raise NotImplementedError(call.name)


def _partition(table: str, key: dict[str, str]) -> Use:
    """The kind of partition: `RUN#...` is a run."""
    return LEADING_KEYS, f"dynamodb:{table}/{key['S'].partition('#')[0]}#"


def _glue(call: Call) -> Iterator[Use]:
    body = json.loads(call.request.body)
    database = body.get("DatabaseName") or body["Name"]
    table = body.get("TableName") or body.get("TableInput", {}).get("Name") or body.get("Name")
    yield f"glue:{call.operation}", "glue:catalog"
    yield f"glue:{call.operation}", f"glue:database/{database}"
    if table and call.operation != "GetDatabase":
        yield f"glue:{call.operation}", f"glue:table/{database}/{table}"


def _sfn(call: Call) -> Iterator[Use]:
    kind = "stateMachine" if call.operation in _TASKS else "execution"
    yield f"states:{call.operation}", f"states:{kind}"


def _ses(call: Call) -> Iterator[Use]:
    yield f"ses:{call.operation}", "ses:identity"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
