"""A process that dies at a call to the outside: before it, or right after."""

from collections.abc import Callable
from typing import Any

PORTS = ("staging", "lake", "catalog", "runs", "audit", "executions")


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A world in which the n-th call of a port is the last thing the process does, or would have done."""

    def __init__(self, world: Any, *, dies_at: int, when: str) -> None:
        self._world, self._dies_at, self._when = world, dies_at, when
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        port = getattr(self._world, name)
        return _Port(port, self.call) if name in PORTS else port

    def call(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        if self.calls == self._dies_at and self._when == "before":
            raise Killed
        result = method(*arguments, **options)
        if self.calls == self._dies_at:
            raise Killed
        return result


class _Port:
    def __init__(self, port: Any, call: Callable[..., Any]) -> None:
        self._port, self._call = port, call

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        return lambda *arguments, **options: self._call(method, *arguments, **options)
