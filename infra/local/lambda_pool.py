"""Warm Lambda environments: reused when idle, one per concurrent invocation."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.local.faults import FaultRegistry
from infra.local.lambda_runtime import ExecutionEnvironment, FunctionSpec, InvocationResult

MAX_IDLE = 16


class EnvironmentPool:
    """Idle environments of all functions, the least recently used ended first.

    The cap bounds memory, not concurrency: a busy environment is outside the
    pool, and a new one starts whenever none is idle.
    """

    def __init__(self, log_dir: Path, faults: FaultRegistry, *, max_idle: int = MAX_IDLE) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self._log_dir, self._faults, self._max_idle = log_dir, faults, max_idle
        self._lock = threading.Lock()
        self._idle: list[ExecutionEnvironment] = []

    def invoke(self, spec: FunctionSpec, payload: bytes, request_id: str) -> InvocationResult:
        """Run one invocation in a warm environment, or in a new one."""
        environment = self._take(spec) or ExecutionEnvironment(spec, self._log_dir)
        result = environment.invoke(payload, request_id, self._faults.take(spec.name))
        self._give_back(environment)
        return result

    def close(self) -> None:
        """End every idle environment."""
        with self._lock:
            idle, self._idle = self._idle, []
        with ThreadPoolExecutor(MAX_IDLE) as closers:  # each takes half a second, most of it waiting
            list(closers.map(ExecutionEnvironment.close, idle))

    def _take(self, spec: FunctionSpec) -> ExecutionEnvironment | None:
        """The warmest environment of exactly this code and configuration.

        Environments of the same function with older code are ended: no later
        invocation can use them.
        """
        with self._lock:
            mine = [each for each in self._idle if each.spec.arn == spec.arn]
            usable = [each for each in mine if each.spec.key() == spec.key() and each.is_alive()]
            chosen = usable[-1] if usable else None
            ended = [each for each in mine if each not in usable]
            self._idle = [each for each in self._idle if each not in ended and each is not chosen]
        for environment in ended:
            environment.close()
        return chosen

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        if not environment.is_alive():
            environment.close()
            return
        with self._lock:
            self._idle.append(environment)
            surplus = self._idle[: -self._max_idle]
            self._idle = self._idle[-self._max_idle :]
        for each in surplus:
            each.close()
