"""The state machines (port `Executions`)."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from fivetier.domain.errors import SettingMissing

#: The wait is over, by time-out or because the execution ended: AWS says TaskTimedOut for both.
_TASK_GONE = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
_OPEN = frozenset({"RUNNING", "PENDING_REDRIVE"})


class SfnExecutions:
    """Port `Executions`; an execution has the run's id as its name, which makes starting it repeatable."""

    def __init__(self, stepfunctions: Any, state_machines: Mapping[str, str]) -> None:
        self._sfn, self._machines = stepfunctions, state_machines

    def start(self, lob: str, run_id: str, payload: Mapping[str, Any]) -> None:
        """Start the execution named run_id; a repeat does nothing, even after the execution ended (for 90 days)."""
        try:
            self._sfn.start_execution(
                stateMachineArn=self._machine(lob), name=run_id, input=json.dumps(payload, sort_keys=True)
            )
        except self._sfn.exceptions.ExecutionAlreadyExists:
            return

    def is_open(self, lob: str, run_id: str) -> bool:
        """Whether the execution exists and has not ended."""
        return self._describe(lob, run_id).get("status") in _OPEN

    def failure(self, lob: str, run_id: str) -> dict[str, str]:
        """Error and Cause the execution ended with; empty while it is open, or where it ended without any."""
        told = self._describe(lob, run_id)
        return {name: told[name.lower()] for name in ("Error", "Cause") if told.get("error") and told.get(name.lower())}

    def resume(self, token: str, output: Mapping[str, Any]) -> bool:
        """Send success; False when the task is gone (timed out or closed)."""
        return self._send(self._sfn.send_task_success, taskToken=token, output=json.dumps(output, sort_keys=True))

    def refuse(self, token: str, error: str, cause: str) -> bool:
        """Send failure; False when the task is gone."""
        return self._send(self._sfn.send_task_failure, taskToken=token, error=error, cause=cause)

    def _describe(self, lob: str, run_id: str) -> dict[str, Any]:
        """What is known of an execution; nothing of one that never was, or was forgotten after 90 days."""
        arn = self._machine(lob).replace(":stateMachine:", ":execution:", 1) + f":{run_id}"
        try:
            found: dict[str, Any] = self._sfn.describe_execution(executionArn=arn)
        except self._sfn.exceptions.ExecutionDoesNotExist:
            return {}
        return found

    def _send(self, send: Any, **message: str) -> bool:
        try:
            send(**message)
        except ClientError as error:
            if error.response["Error"]["Code"] in _TASK_GONE:
                return False
            raise
        return True

    def _machine(self, lob: str) -> str:
        if lob not in self._machines:
            raise SettingMissing(variable=f"FIVETIER_STATE_MACHINES (its entry {lob})")
        return self._machines[lob]
