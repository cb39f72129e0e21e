"""Crashes on request: which invocation dies, and when.

A crash trial asks for a fault, runs the product, and looks at what is left.
The registry only counts; `lambda_runtime` does the killing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

When = Literal["before", "after"]


class InvalidFault(ValueError):
    """A fault request that names no function or an unknown moment."""

    def __init__(self, *, field: str, value: object, allowed: str) -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field}={value!r}: expected {allowed}")


@dataclass
class Fault:
    """One armed fault; `times` counts down to zero."""

    function: str
    when: When
    times: int

    def hits(self, function_name: str) -> bool:
        """Whether this fault is for the function; a suffix is enough.

        CDK prefixes names with the stack and appends a hash to those it makes
        itself, so tests know only the end of a name.
        """
        return self.times > 0 and function_name.endswith(self.function)


def parse_fault(request: Mapping[str, object]) -> Fault:
    """Read the body of `POST /_fivetier/faults`.

    Raises:
        InvalidFault: a field is missing or has an unknown value.
    """
    unknown = set(request) - {"function", "when", "times"}
    if unknown:
        raise InvalidFault(field=sorted(unknown)[0], value="", allowed="only function, when and times")
    function, when, times = request.get("function"), request.get("when"), request.get("times", 1)
    if not isinstance(function, str) or not function:
        raise InvalidFault(field="function", value=function, allowed="a name or the end of one")
    if when not in ("before", "after"):
        raise InvalidFault(field="when", value=when, allowed='"before" or "after"')
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise InvalidFault(field="times", value=times, allowed="a whole number from 1")
    return Fault(function=function, when="before" if when == "before" else "after", times=times)


class FaultRegistry:
    """The armed faults of this emulator; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[Fault]:
        """The faults that have not fired yet."""
        with self._lock:
            return list(self._faults)

    def take(self, function_name: str) -> When | None:
        """Use up one fault for an invocation of the function, if one is armed."""
        with self._lock:
            for fault in self._faults:
                if fault.hits(function_name):
                    fault.times -= 1
                    self._faults = [each for each in self._faults if each.times > 0]
                    return fault.when
        return None
