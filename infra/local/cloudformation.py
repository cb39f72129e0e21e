"""CloudFormation resources of which ministack loses a part.

A schedule's time zone, dates and completion are dropped and a refusal goes
unnoticed; a state machine enters without its definition being checked; a
bucket is not locked, and the key of a bucket or a table is forgotten. All of
it is put right here.
"""

from __future__ import annotations

import json
from typing import Any, Final
from xml.sax.saxutils import escape

from ministack.services import dynamodb, s3, scheduler
from ministack.services.cloudformation import provisioners

from infra.local.object_lock import lock_from_template
from infra.local.sfn.definitions import check_definition

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]

_SCHEDULE: Final = "AWS::Scheduler::Schedule"
_BUCKET: Final = "AWS::S3::Bucket"
_TABLE: Final = "AWS::DynamoDB::Table"
_MACHINE: Final = "AWS::StepFunctions::StateMachine"


class ResourceRefused(ValueError):
    """A service refused what a template asks for."""

    def __init__(self, *, resource_type: str, logical_id: str, reason: str) -> None:
        self.resource_type, self.logical_id, self.reason = resource_type, logical_id, reason
        super().__init__(f"{resource_type} {logical_id}: {reason}")


def _put_schedule(logical_id: str, properties: Properties, name: str, *, update: bool) -> Provisioned:
    body = {"GroupName": "default", **properties}
    scheduler._ensure_default_group()
    write = scheduler._update_schedule if update else scheduler._create_schedule
    status, _, answer = write(name, body)
    if status >= 300:
        reason = json.loads(answer).get("Message", str(answer))
        raise ResourceRefused(resource_type=_SCHEDULE, logical_id=logical_id, reason=reason)
    return name, {"Arn": scheduler._schedule_arn(body["GroupName"], name)}


def _create_schedule(logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
    name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=64)
    return _put_schedule(logical_id, properties, name, update=False)


def _update_schedule(physical_id: str, old: Properties, new: Properties, stack_name: str) -> Provisioned:
    # Name and GroupName replace the schedule; the old one goes with its delete.
    moved = new.get("Name", physical_id) != physical_id or new.get("GroupName") != old.get("GroupName")
    if moved:
        return _create_schedule(physical_id, new, stack_name)
    return _put_schedule(physical_id, new, physical_id, update=True)


def _replace_machine(handlers: dict[str, Any]) -> None:
    create = handlers["create"]

    def create_checked(logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        check_definition(provisioners._sfn_definition(properties))
        provisioned: Provisioned = create(logical_id, properties, stack_name)
        return provisioned

    handlers["create"] = create_checked


def _replace_bucket(handlers: dict[str, Any]) -> None:
    create, update = handlers["create"], handlers["update"]

    def create_locked(logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        name, attributes = create(logical_id, properties, stack_name)
        _keep_settings(name, properties)
        return name, attributes

    def update_locked(physical_id: str, old: Properties, new: Properties, stack_name: str) -> Provisioned:
        name, attributes = update(physical_id, old, new, stack_name)
        _keep_settings(name, new)
        return name, attributes

    handlers.update(create=create_locked, update=update_locked)


def _replace_table(handlers: dict[str, Any]) -> None:
    create, update = handlers["create"], handlers["update"]

    def create_encrypted(logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        name, attributes = create(logical_id, properties, stack_name)
        _keep_key(name, properties)
        return name, attributes

    def update_encrypted(physical_id: str, old: Properties, new: Properties, *rest: str) -> Provisioned:
        name, attributes = update(physical_id, old, new, *rest)
        _keep_key(name, new)
        return name, attributes

    handlers.update(create=create_encrypted, update=update_encrypted)


def _keep_key(table: str, properties: Properties) -> None:
    """The key of a table, which its callers must be allowed to use."""
    asked = properties.get("SSESpecification", {})
    if key := asked.get("KMSMasterKeyId"):
        described = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
        dynamodb._tables[table]["SSEDescription"] = described


def _keep_settings(bucket: str, properties: Properties) -> None:
    """What ministack's buckets forget of a template: the lock and the key."""
    lock_from_template(bucket, properties)
    rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    for default in (rule.get("ServerSideEncryptionByDefault", {}) for rule in rules):
        fields = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in default.items())
        s3._bucket_encryption[bucket] = (
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
            f"{fields}</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        )


def install() -> None:
    """Replace the handlers of these resource types."""
    handlers = provisioners._RESOURCE_HANDLERS
    handlers[_SCHEDULE].update(create=_create_schedule, update=_update_schedule)
    _replace_machine(handlers[_MACHINE])
    _replace_bucket(handlers[_BUCKET])
    _replace_table(handlers[_TABLE])
