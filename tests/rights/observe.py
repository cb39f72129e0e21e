"""`python -m tests.rights.observe`: go along every path a run can take and print what each function uses, as JSON.

Functions are the deployed handlers on their real adapters, AWS is emulated in this process: what they call is what
they would call. Every path of `tests.faults`, and everything people can ask the API and the pages.
"""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fivetier.aws import wiring
from fivetier.domain.signoff import Person

from tests.faults.scenarios import FIRST, SCENARIOS, Scenario, World, opened, repeated_late
from tests.faults.stage import Stage
from tests.faults.wire import Call
from tests.rights.uses import uses


class _Observer:
    def __init__(self) -> None:
        self.found: set[tuple[str, str, str]] = set()
        self._function = ""

    def attach(self, world: World) -> None:
        world.stage.before = self._enter
        world.cloud.wire.gate = self._note

    def _enter(self, function: str) -> None:
        self._function = function

    def _note(self, call: Call) -> None:
        self.found |= {(self._function, *use) for use in uses(call)}


def observed(scenarios: dict[str, Callable[[_Observer], None]]) -> list[tuple[str, str, str]]:
    """(function, action, resource) of all of them; each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for name, play in scenarios.items():
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    observer = _Observer()
                    play(observer)
                    Path(folder, name).write_text(json.dumps(sorted(observer.found)), encoding="utf-8")
                    code = 0
                except BaseException:  # noqa: BLE001  a path that fails says why, whatever it is
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(code)
            _, status = os.waitpid(pid, 0)
            if status:
                raise SystemExit(f"path {name} ended with status {status}")
        return sorted({tuple(use) for path in Path(folder).iterdir() for use in json.loads(path.read_text())})


def _path(scenario: Scenario) -> Callable[[_Observer], None]:
    def play(observer: _Observer) -> None:
        world, _ = opened(())
        observer.attach(world)
        for act in (*scenario.before, scenario.act):
            act(world)
        repeated_late(world)

    return play


def _read(observer: _Observer) -> None:
    """Everything people can look at while a run waits for them, and a decision on the page."""
    world, _ = opened(())
    observer.attach(world)
    wiring.door = lambda: _Door()  # type: ignore[assignment,return-value]
    world.land(FIRST, 12)
    run_id = world.refreshed(FIRST)
    for path in ("/api/runs", f"/api/runs/{run_id}", f"/api/runs/{run_id}/report"):
        _get(world.stage, "serve_api", path)
    for path in ("/", f"/runs/{run_id}", f"/sign-offs/{run_id}/1"):
        _get(world.stage, "serve_pages", path)
    digest = world.cloud.wire.quietly(lambda: wiring.runs().get_run(run_id).manifest_digest)
    form = f"role=data_lead&decision=reject&reason=no&csrf=x&manifest_digest={digest}"
    answer = _ask(world.stage, "serve_pages", "POST", f"/sign-offs/{run_id}/1", form)
    if answer["statusCode"] != 303:
        raise SystemExit(f"the page refused a decision: {answer['statusCode']}")
    world.stage.settle()


def _watch(observer: _Observer) -> None:
    """The hourly look, on a day on which a refresh is due whose files landed late, and a round waits unanswered."""
    world, _ = opened(())
    observer.attach(world)
    world.land(FIRST, 12)
    world.refreshed(FIRST)
    now = world.cloud.clock.now()
    due = datetime(now.year + 1, 4, 10, 12, tzinfo=UTC)
    world.cloud.clock.sleep((due - now).total_seconds())
    world.land(f"{due:%Y_%m}", 12)
    counted = world.stage.invoke("watch_runs", {})
    started = [run for run in world.cloud.wire.quietly(lambda: wiring.runs().list_runs()) if run.started_at >= due]
    if counted["runs_overdue"] or [run.requested_by for run in started] != ["scheduler"]:
        raise SystemExit(f"the hourly look did not start what was due: {counted}, {started}")


def _get(stage: Stage, function: str, path: str) -> None:
    answer = _ask(stage, function, "GET", path)
    if answer["statusCode"] != 200:
        raise SystemExit(f"{path}: {answer['statusCode']}")


def _ask(stage: Stage, function: str, method: str, path: str, body: str = "") -> dict[str, Any]:
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": "data_lead", "content-type": "application/x-www-form-urlencoded"},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default", "requestId": "r"},
        "body": body,
        "isBase64Encoded": False,
    }
    answer: dict[str, Any] = stage.invoke(function, event)
    return answer


class _Door:
    """Somebody who signed in; the real door is in `tests/contract/test_pages_contract.py`."""

    is_https = True

    def session(self, cookies: object) -> Any:
        person = Person("data_lead", frozenset({"data_lead"}), "Dora")
        return SimpleNamespace(person=person, csrf=lambda *_: "x", is_own_form=lambda *_: True)

    def is_own_origin(self, origin: object) -> bool:
        return True


def main() -> None:
    """Print what was seen."""
    paths = {name: _path(scenario) for name, scenario in SCENARIOS.items()}
    json.dump(observed({**paths, "read": _read, "watch": _watch}), sys.stdout)


if __name__ == "__main__":
    main()
