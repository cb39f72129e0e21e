"""Branches of a world: every case goes on in a process of its own, from the same beginning."""

import gc
import json
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from tests.faults.cases import Case

#: A case takes one or two; a machine with more to do needs longer, and what hangs ends all the same.
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Result:
    """How one case ended."""

    name: str
    scenario: str
    step: str
    kind: str
    state: str
    fired: tuple[str, ...]
    problems: tuple[str, ...]
    looks: int
    seconds: float


class Children:
    """Processes of cases, as many at once as there are processors; each writes one line and ends."""

    def __init__(self, workers: int) -> None:
        self._workers, self._running = workers, dict[int, Case]()
        self._lines = Path(tempfile.mkstemp(prefix="faults-")[1])

    def is_child(self, case: Case) -> bool:
        """Branch off; True in the process that plays the case."""
        while len(self._running) >= self._workers:
            self._reap()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of Arrow, which knows about forks
            pid = os.fork()
        if pid == 0:
            signal.alarm(_SECONDS)
            gc.disable()  # a short life; a crash collects by itself
            return True
        self._running[pid] = case
        return False

    def add(self, line: object) -> None:
        """Note a result."""
        with self._lines.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def end(self, value: object) -> NoReturn:
        """End a child, leaving its result."""
        self.add(value)
        os._exit(0)

    def results(self) -> list[Any]:
        """Wait for all, and read what they left; one that left nothing is a miss by itself."""
        while self._running:
            self._reap()
        found = [json.loads(line) for line in self._lines.read_text(encoding="utf-8").splitlines()]
        self._lines.unlink()
        return found

    def _reap(self) -> None:
        pid, status = os.wait()
        case = self._running.pop(pid)
        if status:
            why = f"the process ended with status {status}; {_SECONDS} s are the most a case may take"
            lost = Result(case.name, case.name.split("/")[0], case.step, case.kind, "?", (), (why,), 0, 0.0)
            self.add(asdict(lost))


def aside(name: str, work: Callable[[], list[Any]]) -> list[Any]:
    """Do work that changes a world in a process of its own, so that ours stays clean; returns its lines."""
    outer = Children(1)
    if outer.is_child(Case(name, "path", "none", ())):
        signal.alarm(0)
        for line in work():
            outer.add(line)
        os._exit(0)
    return outer.results()


def to_result(line: dict[str, Any]) -> Result:
    """A result as its process left it."""
    return Result(**{**line, "fired": tuple(line["fired"]), "problems": tuple(line["problems"])})
