"""CloudFormation resources of which ministack loses a part.

A schedule's time zone, dates and completion are dropped and a refusal goes
unnoticed; a state machine enters without its definition being checked. Both
go through the service's own calls here.
"""

from __future__ import annotations

import json
from typing import Any, Final

from ministack.services import scheduler
from ministack.services.cloudformation import provisioners

from infra.local.sfn.definitions import check_definition

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]

_SCHEDULE: Final = "AWS::Scheduler::Schedule"
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


def install() -> None:
    """Replace the handlers of these resource types."""
    handlers = provisioners._RESOURCE_HANDLERS
    handlers[_SCHEDULE].update(create=_create_schedule, update=_update_schedule)
    create_machine = handlers[_MACHINE]["create"]

    def create_checked(logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        check_definition(provisioners._sfn_definition(properties))
        return create_machine(logical_id, properties, stack_name)

    handlers[_MACHINE]["create"] = create_checked
