"""Service integrations of Task states, and the casing AWS gives them.

An `aws-sdk` task takes and returns PascalCase members whatever the SDK calls
them; moto leaves that step empty. It is done here from botocore's own service
models, so no table of names can go stale.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any, Final

import botocore.session
from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.response import StreamingBody
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as aws_sdk,
)

from infra.local.sfn.clients import BOTO_NAMES

# Service in the ARN -> the prefix AWS puts before its error names.
_ERROR_PREFIXES: Final = {
    "dynamodb": "DynamoDb",
    "s3": "S3",
    "scheduler": "Scheduler",
    "sesv2": "SesV2",
    "sfn": "Sfn",
}
_OPTIMIZED: Final = ("lambda:invoke", "dynamodb:getItem", "dynamodb:putItem",
                     "dynamodb:updateItem", "dynamodb:deleteItem")  # fmt: skip
_PATTERNS: Final = ("", "waitForTaskToken")
_SDK_RESOURCE: Final = re.compile(r"arn:aws[\w-]*:states:[\w-]*:\d*:aws-sdk:(\w+):(\w+)(?:\.([\w:]+))?")
_OPTIMIZED_RESOURCE: Final = re.compile(r"arn:aws[\w-]*:states:[\w-]*:\d*:([\w-]+:\w+)(?:\.([\w:]+))?")
_FUNCTION_RESOURCE: Final = re.compile(r"arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:[\w-]+(:[\w$-]+)?")

_SESSION = botocore.session.Session()


def is_supported_resource(resource: str) -> bool:
    """Whether a Task state may use this Resource ARN here."""
    if match := _SDK_RESOURCE.fullmatch(resource):
        service, action, pattern = match.groups()
        known = service in _ERROR_PREFIXES and _operation(service, action) is not None
        return known and (pattern or "") in _PATTERNS
    if match := _OPTIMIZED_RESOURCE.fullmatch(resource):
        waits = match[1] == "lambda:invoke" or not match[2]
        return match[1] in _OPTIMIZED and (match[2] or "") in _PATTERNS and waits
    # An S3 reader of a Map is written as a task resource too.
    return _FUNCTION_RESOURCE.fullmatch(resource) is not None


def _operation(service: str, action: str) -> Any:
    """The SDK operation an ARN's camelCase action names, or None."""
    model = _SESSION.get_service_model(BOTO_NAMES.get(service, service))
    for name in model.operation_names:
        if name.lower() == action.lower():
            return model.operation_model(name)
    return None


def _to_sdk(value: Any, shape: Shape | None) -> Any:
    """State data as the SDK wants it: its member names, strings and bytes."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        names = {name.lower(): name for name in shape.members}
        renamed = {names.get(key.lower(), key): each for key, each in value.items()}
        return {key: _to_sdk(each, shape.members.get(key)) for key, each in renamed.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_sdk(each, shape.member) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _to_sdk(each, shape.value) for key, each in value.items()}
    if shape is not None and shape.type_name in ("string", "blob") and not isinstance(value, str | None):
        value = json.dumps(value, separators=(",", ":"))
    return value.encode() if shape is not None and shape.type_name == "blob" else value


def _to_state(value: Any, shape: Shape | None) -> Any:
    """An SDK response as state data: PascalCase members, only JSON values."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _to_state(each, shape.members.get(key)) for key, each in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_state(each, shape.member) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _to_state(each, shape.value) for key, each in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, StreamingBody):
        return value.read().decode(errors="replace")
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dt.datetime):
        stamp = value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
        return stamp.replace("+00:00", "Z")
    return value


def _replace_members(target: dict[str, Any], members: dict[str, Any]) -> None:
    target.clear()
    target.update(members)


def _normalise_parameters(self: Any, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
    """Stand-in for moto's empty method of the same name."""
    operation = _operation(self.resource.api_name, self.resource.api_action)
    _replace_members(parameters, _to_sdk(parameters, operation.input_shape))


def _normalise_response(self: Any, response: Any, *_: Any, **__: Any) -> None:
    """Stand-in for moto's empty method of the same name.

    The answer of a task token is the signer's own JSON and stays as it is:
    moto calls this before it waits for the token only.
    """
    operation = _operation(self.resource.api_name, self.resource.api_action)
    if isinstance(response, dict) and self.resource.condition is None:
        _replace_members(response, _to_state(response, operation.output_shape))


def _action_name(self: Any, service_action_name: str | None = None) -> str:
    """boto3's method name; moto's own conversion breaks on acronyms."""
    operation = _operation(self.resource.api_name, service_action_name or self.resource.api_action)
    return xform_name(operation.name)


def install() -> None:
    """Give moto's `aws-sdk` tasks AWS's casing and error names."""
    aws_sdk._SERVICE_ERROR_NAMES.update(_ERROR_PREFIXES)
    replacements: dict[str, Callable[..., Any]] = {
        "_normalise_parameters": _normalise_parameters,
        "_normalise_response": _normalise_response,
        "_get_boto_service_action": _action_name,
    }
    for name, function in replacements.items():
        setattr(aws_sdk.StateTaskServiceAwsSdk, name, function)
