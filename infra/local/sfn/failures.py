"""Failures with a `States.*` name, for what moto leaves unnamed."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails


def failure(
    env: Any,
    error: StatesErrorNameType,
    cause: str,
    event_type: HistoryEventType = HistoryEventType.ExecutionFailed,
) -> FailureEventException:
    """An exception that fails the state, to be raised inside the interpreter.

    A state that can be retried writes an event of `event_type` for it.
    """
    facts = ExecutionFailedEventDetails(error=error.to_name(), cause=cause)
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=error),
            event_type=event_type,
            event_details=EventDetails(executionFailedEventDetails=facts),
        )
    )
