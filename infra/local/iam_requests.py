"""What a request needs of its caller where ministack derives less than AWS checks.

Actions and resources of each: https://docs.aws.amazon.com/service-authorization/latest/reference/. What is not
written down here for a service is refused to every role: a right the stack cannot check is not given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, s3, ses_v2, stepfunctions

#: Condition keys that requests carry here; a policy that names another one cannot be judged.
KNOWN_CONDITIONS: Final = frozenset(
    {"dynamodb:leadingkeys", "ses:fromaddress", "s3:if-none-match", "s3:objectcreationoperation", "aws:securetransport"}
)
#: Checked on the resource ministack names.
_AS_NAMED: Final = {
    "lambda": {"InvokeFunction"},
    "sqs": {"SendMessage"},
    "states": {"StartExecution", "DescribeExecution"},
    "logs": {"CreateLogStream", "PutLogEvents"},
    "kms": {"Decrypt", "GenerateDataKey"},
}
_ITEMS: Final = {"GetItem": "Key", "PutItem": "Item", "UpdateItem": "Key", "DeleteItem": "Key"}
_IN_TRANSACTION: Final = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "Get": "dynamodb:GetItem",
}
_STREAM: Final = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
_GLUE_DATABASE: Final = {"GetDatabase"}
_GLUE_TABLE: Final = {
    *("GetTable", "CreateTable", "UpdateTable", "DeleteTable"),
    *("GetPartition", "GetPartitions", "CreatePartition", "BatchUpdatePartition"),
}
_TASKS: Final = {"SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"}
_EQUALS: Final = re.compile(r"(?:^|\s|\()(#?\w+)\s*=\s*(:\w+)")


#: How a request shows that it is not what its service expects.
UNREADABLE: Final = (LookupError, TypeError, ValueError, AttributeError)


def machine_of_token(token: str) -> str | None:
    """ARN of the state machine that waits for a token; the interpreter puts its own answer here."""
    raise CannotTell("which state machine a task token belongs to")


class CannotTell(LookupError):
    """Nobody wrote down what a request needs."""


@dataclass(frozen=True)
class Need:
    """One action on one resource, and the condition keys the request carries for it."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


class ItemArn(str):
    """The ARN of a table in a transaction, with the partition key of the item that is meant."""

    leading_key: str


@dataclass(frozen=True)
class Request:
    """What of a request says what it needs."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def needs(action: str, resource: str, request: Request) -> Iterator[Need]:
    """Everything an action of a request is checked for.

    Args:
        action: as ministack names it; in a transaction that of one item.
        resource: as ministack names it.
        request: where it comes from.

    Raises:
        CannotTell: the action, or what it is about, is not known here.
    """
    body, (service, _, operation) = request.body, action.partition(":")
    if service == "s3" and resource.startswith("arn:aws:s3:::"):
        yield Need(action, resource)
        yield from _of_absence(operation, resource)
        if operation == "PutObject" and "x-amz-object-lock-mode" in request.headers:
            yield Need("s3:PutObjectRetention", resource)
    elif service == "dynamodb":
        yield _of_items(action, operation, resource, body)
    elif service == "glue":
        yield from _of_catalog(action, operation, _json(body))
    elif service == "ses" and operation == "SendEmail":
        yield _of_mail(action, _json(body))
    elif service == "states" and operation in _TASKS:
        for machine in _machines_of_task(str(_json(body).get("taskToken"))):
            yield Need(action, machine)
    elif operation in _AS_NAMED.get(service, ()) and resource.startswith("arn:"):
        yield Need(action, resource)
    else:
        raise CannotTell(f"{action} on {resource}")


def encryption_of(need: Need) -> Iterator[Need]:
    """Use of the key an object or a table is encrypted with, which AWS makes in the caller's name."""
    service, _, operation = need.action.partition(":")
    key = ""
    if service == "s3" and operation in ("GetObject", "GetObjectVersion", "PutObject"):
        key = bucket_key(need.resource.removeprefix("arn:aws:s3:::").partition("/")[0])
    elif service == "dynamodb":
        table = dynamodb._tables.get(need.resource.partition(":table/")[2].partition("/")[0]) or {}
        key = str((table.get("SSEDescription") or {}).get("KMSMasterKeyArn") or "")
    if key:
        yield Need("kms:Decrypt", key)
        if operation in ("PutObject", "PutItem", "UpdateItem", "DeleteItem"):
            yield Need("kms:GenerateDataKey", key)


def bucket_key(bucket: str) -> str:
    """The KMS key a bucket encrypts with, or nothing."""
    found = re.search(r"<KMSMasterKeyID>([^<]+)<", s3._bucket_encryption.get(bucket) or "")
    return found[1] if found else ""


def s3_context(action: str, query: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Condition keys of conditional writes.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    """
    if action != "s3:PutObject":
        return {}
    context: dict[str, Any] = {"s3:ObjectCreationOperation": str("partNumber" not in query).lower()}
    if "if-none-match" in headers:
        context["s3:if-none-match"] = headers["if-none-match"]
    return context


def transaction_items(action: str, body: bytes) -> list[tuple[str, ItemArn]]:
    """Action, table and key of each item of a transaction, which is authorized item by item."""
    if action not in ("dynamodb:TransactWriteItems", "dynamodb:TransactGetItems"):
        return []
    found = []
    try:
        for item in _json(body)["TransactItems"]:
            for kind, detail in item.items():
                arn = ItemArn(_table_arn(str(detail["TableName"])))
                key = _partition_key(str(detail["TableName"]))
                arn.leading_key = _key_value(detail.get("Key") or detail.get("Item"), key)
                found.append((_IN_TRANSACTION[kind], arn))
    except UNREADABLE:
        return []  # the service says what is wrong with it to whoever may call it; a role may not
    return found


def _of_absence(operation: str, resource: str) -> Iterator[Need]:
    """Who may not list a bucket is not told that an object is not there, but refused.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    if operation == "GetObject" and key not in (s3._buckets.get(bucket) or {"objects": ()})["objects"]:
        yield Need("s3:ListBucket", f"arn:aws:s3:::{bucket}")


def _of_items(action: str, operation: str, resource: str, body: bytes) -> Need:
    if isinstance(resource, ItemArn):
        return Need(action, str(resource), {"dynamodb:LeadingKeys": [resource.leading_key]})
    if operation in _STREAM:
        return Need(action, resource)
    request = _json(body)
    if operation in _ITEMS:
        key = _key_value(request.get(_ITEMS[operation]), _partition_key(str(request.get("TableName"))))
    elif operation == "Query":
        key = _queried_key(request)
    else:
        raise CannotTell(f"{action}: which items")
    return Need(action, resource, {"dynamodb:LeadingKeys": [key]})


def _of_catalog(action: str, operation: str, request: Mapping[str, Any]) -> Iterator[Need]:
    """Glue checks catalog, database and table, each for itself."""
    root = f"arn:aws:glue:{get_region()}:{get_account_id()}"
    if operation in _GLUE_DATABASE:
        places = ["catalog", f"database/{request['Name']}"]
    elif operation in _GLUE_TABLE:
        database = request["DatabaseName"]
        table = request.get("TableName") or request.get("TableInput", {}).get("Name") or request["Name"]
        places = ["catalog", f"database/{database}", f"table/{database}/{table}"]
    else:
        raise CannotTell(action)
    for place in places:
        yield Need(action, f"{root}:{place}")


def _of_mail(action: str, request: Mapping[str, Any]) -> Need:
    """The identity is the one that was verified: the address itself, or its domain."""
    written = str(request.get("FromEmailAddress", ""))
    address = written.rpartition("<")[2].rstrip(">").strip()
    identity = address if address in ses_v2._identities else address.partition("@")[2]
    resource = f"arn:aws:ses:{get_region()}:{get_account_id()}:identity/{identity}"
    return Need(action, resource, {"ses:FromAddress": address})


def _machines_of_task(token: str) -> list[str]:
    """The state machine a task token belongs to; every one, where nothing waits for it any more.

    Who may answer for all of them is then told that the task is gone. A real token names its machine for ever.
    """
    machine = machine_of_token(token)
    found = list(stepfunctions._state_machines) if machine is None else [machine]
    if not found:
        raise CannotTell("the task token of which state machine")
    return found


def _queried_key(request: Mapping[str, Any]) -> str:
    """The partition a Query reads, from its key condition."""
    table, index = str(request.get("TableName")), request.get("IndexName")
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    wanted = _partition_key(table, index)
    for name, value in _EQUALS.findall(str(request.get("KeyConditionExpression", ""))):
        if names.get(name, name) == wanted and value in values:
            return _scalar(values[value])
    raise CannotTell("dynamodb:Query: which partition")


def _partition_key(table: str, index: object = None) -> str:
    """Name of the partition key of a table or of its index."""
    found = dynamodb._tables.get(table.rpartition("/")[2])
    if found is None:
        raise CannotTell(f"table {table}")
    schema = found["KeySchema"]
    if index is not None:
        indexes = [*(found.get("GlobalSecondaryIndexes") or []), *(found.get("LocalSecondaryIndexes") or [])]
        schema = next((each["KeySchema"] for each in indexes if each["IndexName"] == index), [])
    return next((str(each["AttributeName"]) for each in schema if each["KeyType"] == "HASH"), "")


def _key_value(item: object, name: str) -> str:
    if not isinstance(item, Mapping) or name not in item:
        raise CannotTell(f"an item without {name}")
    return _scalar(item[name])


def _scalar(value: Mapping[str, Any]) -> str:
    ((_, found),) = value.items()
    return str(found)


def _table_arn(table: str) -> str:
    return table if table.startswith("arn:") else f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{table}"


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError as error:
        raise CannotTell("a body that is not JSON") from error
    if not isinstance(found, dict):
        raise CannotTell("a body that is no object")
    return found
