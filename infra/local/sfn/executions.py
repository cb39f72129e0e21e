"""Running executions: one interpreter per execution, its outcome kept by ministack."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from ministack.core.responses import now_iso
from ministack.services import stepfunctions
from moto.stepfunctions.parser.asl.eval import evaluation_details as details
from moto.stepfunctions.parser.asl.eval import program_state as outcome
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.backend.execution_worker_comm import ExecutionWorkerCommunication

from infra.local.sfn.definitions import prepare
from infra.local.sfn.task_tokens import TaskTokens

_LOG = logging.getLogger(__name__)
MAX_DATA_BYTES: Final = 256 * 1024
_TERMINAL_EVENTS: Final = {
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "TIMED_OUT": "ExecutionTimedOut",
    "ABORTED": "ExecutionAborted",
}


class _NoReport(ExecutionWorkerCommunication):
    """moto wants to be asked back when it ends; we wait for it instead."""

    def terminated(self) -> None:
        """Do nothing."""


def to_json(value: object) -> str:
    """Compact JSON; the interpreter's times become AWS's strings."""
    return json.dumps(value, separators=(",", ":"), default=_stamp)


def _stamp(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} in state data")


class RunningExecutions:
    """The interpreters at work, by execution ARN."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[str, ExecutionWorker] = {}

    def run(self, execution_arn: str) -> None:
        """Stand-in for `stepfunctions._run_execution`: run to the end, on this thread."""
        record = stepfunctions._executions.get(execution_arn)
        machine = stepfunctions._state_machines.get(record["stateMachineArn"]) if record else None
        if record is None:
            return
        if machine is None:
            self._finish(record, status="FAILED", error="States.Runtime", cause="no such state machine")
            return
        worker = _worker(record, machine)
        with self._lock:
            self._workers[execution_arn] = worker
        try:
            worker._execution_logic()
            ended = _ended(worker)
        # The edge of the interpreter: whatever it trips over ends this execution only.
        except Exception as error:  # noqa: BLE001
            _LOG.exception("execution %s broke the interpreter", execution_arn)
            ended = {"status": "FAILED", "error": "States.Runtime", "cause": repr(error)[:1000]}
        self._finish(record, **ended)

    def stop(self, record: dict[str, Any], error: str | None, cause: str | None) -> None:
        """End the interpreter of an execution that ministack has marked ABORTED."""
        worker = self._forget(record)
        if worker is not None and worker.env is not None:
            worker.stop(dt.datetime.now(dt.UTC), error, cause)

    def refresh_history(self, record: dict[str, Any]) -> None:
        """Bring the events of a running execution up to date."""
        with self._lock:
            worker = self._workers.get(record["executionArn"])
        if worker is not None:
            _copy_events(worker, record)

    def use_token(self, token: str, use: Callable[[TaskTokens], bool]) -> bool:
        """Answer or extend the wait a token stands for; False if nothing waits."""
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            if worker.env is not None:
                tokens = TaskTokens(worker.env.callback_pool_manager)
                if tokens.knows(token):
                    return use(tokens)
        return False

    def machine_of(self, token: str) -> str | None:
        """ARN of the state machine that waits for a token."""
        with self._lock:
            workers = dict(self._workers)
        for execution_arn, worker in workers.items():
            if worker.env is not None and TaskTokens(worker.env.callback_pool_manager).knows(token):
                record = stepfunctions._executions.get(execution_arn)
                return str(record["stateMachineArn"]) if record else None
        return None

    def _forget(self, record: dict[str, Any]) -> ExecutionWorker | None:
        """Drop the interpreter; its last events are kept, so later ones cannot appear."""
        with self._lock:
            worker = self._workers.pop(record["executionArn"], None)
        if worker is not None:
            _copy_events(worker, record)
            _add_terminal_event(record)
        return worker

    def _finish(self, record: dict[str, Any], *, status: str, **facts: str | None) -> None:
        if record["status"] != "RUNNING":
            return
        record.update(status=status, stopDate=now_iso(), **facts)
        self._forget(record)
        stepfunctions._emit_execution_status_event(record)


def _worker(record: dict[str, Any], machine: dict[str, Any]) -> ExecutionWorker:
    _, _, _, region, account, *_ = record["executionArn"].split(":")
    role = machine["roleArn"]
    return ExecutionWorker(
        details.EvaluationDetails(
            details.AWSExecutionDetails(account, region, role),
            details.ExecutionDetails(
                record["executionArn"],
                record["name"],
                role,
                json.loads(record["input"]),
                record["startDate"],
            ),
            details.StateMachineDetails(
                record["stateMachineArn"],
                machine["name"],
                machine.get("type", "STANDARD"),
                prepare(machine["definition"]),
            ),
        ),
        _NoReport(),
        None,
        {},
    )


def _ended(worker: ExecutionWorker) -> dict[str, Any]:
    """How the execution ended, in the words of DescribeExecution."""
    if worker.env is None:
        raise RuntimeError("the interpreter ended without an environment")
    state = worker.env.program_state()
    if isinstance(state, outcome.ProgramEnded):
        return {"status": "SUCCEEDED", "output": to_json(worker.env.states.get_input())}
    if isinstance(state, outcome.ProgramTimedOut):
        return {"status": "TIMED_OUT"}
    if isinstance(state, outcome.ProgramError):
        error = state.error or {}
        return {"status": "FAILED", "error": error.get("error"), "cause": error.get("cause")}
    return {"status": "ABORTED"}


def _copy_events(worker: ExecutionWorker, record: dict[str, Any]) -> None:
    if worker.env is not None:
        record["events"] = json.loads(to_json(worker.env.event_manager.get_event_history()))


def _add_terminal_event(record: dict[str, Any]) -> None:
    """The event that ends a history.

    An interpreter that is stopped or timed out while it waits writes it too
    late, or never.
    """
    wanted = _TERMINAL_EVENTS[record["status"]]
    if all(event["type"] != wanted for event in record["events"]):
        detail_name = wanted[0].lower() + wanted[1:] + "EventDetails"
        facts = {key: record[key] for key in ("error", "cause") if record.get(key)}
        stepfunctions._add_event(record, wanted, {detail_name: facts})
