"""Task tokens: a new one per attempt, and each good for one answer.

moto keeps one token over the retries of a state and lets a second answer
overwrite the first. A sign-off must not be answered twice.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback as callback,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackPoolManager,
)

_run_attempt = callback.StateTaskServiceCallback._eval_execution


class TaskTokens:
    """The open tokens of one execution."""

    def __init__(self, pool: CallbackPoolManager) -> None:
        self._pool = pool

    def knows(self, token: str) -> bool:
        """Whether this execution issued the token."""
        return self._pool.get(token) is not None

    def answer(self, token: str, outcome: CallbackOutcome) -> bool:
        """Give the waiting state its outcome; False if it no longer waits."""
        endpoint = self._pool.get(token)
        if endpoint is None or not _is_open(endpoint):
            return False
        endpoint.notify(outcome)
        return True

    def heartbeat(self, token: str) -> bool:
        """Tell the waiting state that its work goes on; False if it no longer waits."""
        endpoint = self._pool.get(token)
        if endpoint is None or not _is_open(endpoint):
            return False
        endpoint.notify_heartbeat()
        return True


def _is_open(endpoint: CallbackEndpoint) -> bool:
    """Moto sets this event when the state is answered, timed out or left."""
    return not endpoint._notify_event.is_set()


def _new_token_for_a_retry(self: Any, env: Any) -> None:
    """Stand-in for an attempt of a task: a retry waits for a token of its own."""
    context = env.states.context_object
    state = context.context_object_data.get("State", {})
    if self._is_integration_pattern() and state.get("RetryCount", 0) > 0:
        env.callback_pool_manager.add(context.update_task_token())
    _run_attempt(self, env)


def install() -> None:
    """Give every attempt of a waiting state its own token."""
    callback.StateTaskServiceCallback._eval_execution = _new_token_for_a_retry
