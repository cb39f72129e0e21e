"""The Step Functions calls whose answer differs from ministack's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import stepfunctions
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)

from infra.local import iam_requests
from infra.local.errors import InvalidDefinition
from infra.local.sfn.definitions import check_definition
from infra.local.sfn.executions import MAX_DATA_BYTES, RunningExecutions

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[Request], Response]

_EXECUTION_NAME: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_NOT_EMULATED: Final = ("_start_sync_execution", "_test_state", "_create_activity")


def _error(code: str, message: str) -> Response:
    response: Response = error_response_json(code, message, 400)
    return response


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


class StepFunctionsApi:
    """ministack's handlers, with the checks and the interpreter put before them."""

    def __init__(self, running: RunningExecutions) -> None:
        self._running = running
        self._start = stepfunctions._start_execution
        self._stop = stepfunctions._stop_execution
        self._history = stepfunctions._get_execution_history

    def start_execution(self, request: Request) -> Response:
        """StartExecution: idempotent while open, by name and input."""
        name, text = request.get("name"), request.get("input", "{}")
        if name is not None and not _EXECUTION_NAME.fullmatch(name):
            return _error("InvalidName", f"Invalid Name: '{name}'")
        if not _is_json(text) or len(text.encode()) > MAX_DATA_BYTES:
            return _error("InvalidExecutionInput", "Invalid State Machine Execution Input")
        open_already = self._open_execution(request)
        if open_already and open_already["input"] == text:
            return json_response({key: open_already[key] for key in ("executionArn", "startDate")})
        return self._start(request)

    def stop_execution(self, request: Request) -> Response:
        """StopExecution: the interpreter stops too, and its tokens with it."""
        response = self._stop(request)
        record = stepfunctions._executions.get(request.get("executionArn"))
        if record is not None and response[0] == 200:
            self._running.stop(record, request.get("error"), request.get("cause"))
        return response

    def get_execution_history(self, request: Request) -> Response:
        """GetExecutionHistory: also of an execution that still runs."""
        record = stepfunctions._executions.get(request.get("executionArn"))
        if record is not None:
            self._running.refresh_history(record)
        return self._history(request)

    def send_task_success(self, request: Request) -> Response:
        """SendTaskSuccess: once per token."""
        token, output = request["taskToken"], request.get("output", "")
        if not _is_json(output) or len(output.encode()) > MAX_DATA_BYTES:
            return _error("InvalidOutput", "Invalid Output: it must be JSON of at most 256 KiB")
        outcome = CallbackOutcomeSuccess(token, output)
        return self._answered(self._running.use_token(token, lambda it: it.answer(token, outcome)))

    def send_task_failure(self, request: Request) -> Response:
        """SendTaskFailure: once per token."""
        token = request["taskToken"]
        outcome = CallbackOutcomeFailure(token, request.get("error"), request.get("cause"))
        return self._answered(self._running.use_token(token, lambda it: it.answer(token, outcome)))

    def send_task_heartbeat(self, request: Request) -> Response:
        """SendTaskHeartbeat: while the state waits."""
        token = request["taskToken"]
        return self._answered(self._running.use_token(token, lambda it: it.heartbeat(token)))

    @staticmethod
    def _answered(accepted: bool) -> Response:
        if accepted:
            response: Response = json_response({})
            return response
        return _error("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")

    @staticmethod
    def _open_execution(request: Request) -> dict[str, Any] | None:
        machine = str(request.get("stateMachineArn", "")).split(":")[-1]
        arn = f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{machine}:{request.get('name')}"
        record: dict[str, Any] | None = stepfunctions._executions.get(arn)
        return record if record and record["status"] == "RUNNING" else None


def _checked(handler: Handler) -> Handler:
    def check_first(request: Request) -> Response:
        if "definition" in request:
            try:
                check_definition(request["definition"])
            except InvalidDefinition as error:
                return _error("InvalidDefinition", f"Invalid State Machine Definition: '{error}'")
        return handler(request)

    return check_first


def _refuse(name: str) -> Handler:
    def refuse(_: Request) -> Response:
        action = "".join(word.capitalize() for word in name.split("_"))
        return _error("UnsupportedOperation", f"{action} is not emulated by the local stack")

    return refuse


def install() -> None:
    """Put the replaced calls in ministack's place."""
    running = RunningExecutions()
    iam_requests.machine_of_token = running.machine_of
    api = StepFunctionsApi(running)
    stepfunctions._run_execution = running.run
    for name in (
        "start_execution",
        "stop_execution",
        "get_execution_history",
        "send_task_success",
        "send_task_failure",
        "send_task_heartbeat",
    ):
        setattr(stepfunctions, f"_{name}", getattr(api, name))
    for name in ("_create_state_machine", "_update_state_machine"):
        setattr(stepfunctions, name, _checked(getattr(stepfunctions, name)))
    for name in _NOT_EMULATED:
        setattr(stepfunctions, name, _refuse(name))
