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

from fivetier.aws import clients, wiring
from fivetier.domain.audit import chain
from fivetier.domain.runs import LOOKBACK
from fivetier.domain.signoff import Person

from tests.faults.cloud import MA
from tests.faults.scenarios import (
    FIRST,
    LEADS,
    SCENARIOS,
    SECOND,
    Scenario,
    World,
    opened,
    publish_first,
    repeated_late,
)
from tests.faults.stage import Stage
from tests.faults.wire import Call
from tests.rights.uses import uses, uses_of_answer

#: A month before all others, to look back at.
BEFORE = "2029_11"


class _Observer:
    def __init__(self) -> None:
        self.found: set[tuple[str, str, str]] = set()
        self._function = ""

    def attach(self, world: World) -> None:
        world.stage.before = self._enter
        world.cloud.wire.gate = self._note
        world.cloud.wire.observers.append(self._note_answer)

    def _enter(self, function: str) -> None:
        self._function = function

    def _note(self, call: Call) -> None:
        self.found |= {(self._function, *use) for use in uses(call)}

    def _note_answer(self, call: Call, status: int) -> None:
        self.found |= {(self._function, *use) for use in uses_of_answer(call, status)}


def observed(scenarios: dict[str, Callable[[_Observer], None]]) -> list[tuple[str, str, str]]:
    """(function, action, resource) of all of them; each in a process of its own, as many at once as there are cores."""
    with tempfile.TemporaryDirectory() as folder:
        running: dict[int, str] = {}
        for name, play in scenarios.items():
            if len(running) >= (os.cpu_count() or 1):
                _await_one(running)
            running[_started(play, Path(folder, name))] = name
        while running:
            _await_one(running)
        return sorted({tuple(use) for path in Path(folder).iterdir() for use in json.loads(path.read_text())})


def _started(play: Callable[[_Observer], None], found: Path) -> int:
    """A process that goes along a path and writes down what it saw; its id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            observer = _Observer()
            play(observer)
            found.write_text(json.dumps(sorted(observer.found)), encoding="utf-8")
            code = 0
        except BaseException:  # noqa: BLE001  a path that fails says why, whatever it is
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid


def _await_one(running: dict[int, str]) -> None:
    pid, status = os.wait()
    name = running.pop(pid)
    if status:
        raise SystemExit(f"path {name} ended with status {status}")


def _path(scenario: Scenario) -> Callable[[_Observer], None]:
    def play(observer: _Observer) -> None:
        world, _ = opened(())
        observer.attach(world)
        for act in (*scenario.before, scenario.act):
            act(world)
        repeated_late(world)

    return play


def _read(observer: _Observer) -> None:
    """Everything people can look at while a run waits for them over a publication, and a decision on the page."""
    world, _ = opened((publish_first,))
    observer.attach(world)
    wiring.door = lambda: _Door()  # type: ignore[assignment,return-value]
    world.land(SECOND, 13)
    run_id = world.refreshed(SECOND)
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


def _remind(observer: _Observer) -> None:
    """The hourly look while a round waits for most of its time."""
    world, _ = opened(())
    observer.attach(world)
    world.land(FIRST, 12)
    run_id = world.refreshed(FIRST)
    ask = world.cloud.wire.quietly(lambda: wiring.runs().get_ask(run_id))
    world.cloud.clock.sleep((ask.expires_at - world.cloud.clock.now()).total_seconds() * 0.6)
    counted = world.stage.invoke("watch_runs", {})
    if counted["asks_past_half"] != 1:
        raise SystemExit(f"the hourly look saw no reason to remind: {counted}")
    world.stage.settle()


def _stop(world: World, month: str) -> None:
    """Somebody stops an execution from outside while it works: its run is closed, its lease nobody gives back."""
    run_id = world.stage.request(month)
    while world.stage.log[-1].function != "open_run":
        world.stage.go_on()
    world.cloud.stepfunctions.executions[run_id].status = "FAILED"
    world.stage.settle()
    if world.state(run_id) != "ABANDONED":
        raise SystemExit(f"{run_id} is {world.state(run_id)}")


def _left_lease(observer: _Observer) -> None:
    """A lease that a dead run left: taken by the next run that opens, and by one that publishes."""
    world, _ = opened(())
    observer.attach(world)
    world.land(FIRST, 12)
    _stop(world, FIRST)
    run_id = world.refreshed(FIRST)
    world.land(SECOND, 13)
    _stop(world, SECOND)
    world.approved(run_id)
    if world.state(run_id) != "PUBLISHED":
        raise SystemExit(f"{run_id} is {world.state(run_id)}")


def _undelivered(observer: _Observer) -> None:
    """Both leads decide when the execution, unnoticed, waits no more."""
    world, _ = opened(())
    observer.attach(world)
    world.land(FIRST, 12)
    run_id = world.refreshed(FIRST)
    world.cloud.stepfunctions.executions[run_id].token = None
    for role in LEADS:
        world.stage.sign(run_id, role)
    while world.stage.follow():
        pass


def _cut_off(observer: _Observer) -> None:
    """A writer of the chain was cut off between the object and the note of it; the next one finds it there."""
    world, _ = opened((publish_first,))
    observer.attach(world)
    world.land(SECOND, 13)
    world.stage.request(SECOND)

    def append() -> None:
        head, event = wiring.runs().chain_hint(MA), wiring.runs().pending_events(MA)[0]
        wiring.audit().put_next(chain(event, seq=head.seq + 1, prev=head.hash))

    world.cloud.wire.quietly(append)
    while world.stage.follow():
        pass


def _look_back(observer: _Observer) -> None:
    """Several months at once, and the history of an earlier one replaced; a file is skipped that another run read."""
    world, _ = opened((publish_first,))
    observer.attach(world)
    wiring.door = lambda: _Door()  # type: ignore[assignment,return-value]
    crosswalk = (MA, "cms_plan_crosswalk", BEFORE, "crosswalk.csv", b"a lookback does not read it")
    world.cloud.wire.quietly(lambda: wiring.landing().put(*crosswalk))  # type: ignore[attr-defined]
    for count in (11, 10):
        world.land(BEFORE, count)
        world.stage.look_back([FIRST, BEFORE])
        world.stage.settle()
        runs = world.cloud.wire.quietly(lambda: wiring.runs().list_runs())
        run_id = next(run.run_id for run in runs if run.kind == LOOKBACK)
        _get(world.stage, "serve_api", f"/api/runs/{run_id}/report")
        _get(world.stage, "serve_pages", f"/sign-offs/{run_id}/1")
        world.approved(run_id)
        if world.state(run_id) != "PUBLISHED":
            raise SystemExit(f"{run_id} is {world.state(run_id)}: {world.error(run_id)}")


def _without_staged(step: str) -> Callable[[_Observer], None]:
    """What was staged is gone when a step wants to read it."""

    def play(observer: _Observer) -> None:
        world, _ = opened(())
        observer.attach(world)
        enter = world.stage.before

        def lose(function: str) -> None:
            enter(function)
            if function == step:
                world.cloud.wire.quietly(_lose_staged)

        world.stage.before = lose
        world.land(FIRST, 12)
        world.approved(world.refreshed(FIRST))

    return play


def _lose_staged() -> None:
    s3 = clients.client("s3")
    for item in s3.list_objects_v2(Bucket="staging").get("Contents", []):
        s3.delete_object(Bucket="staging", Key=item["Key"])


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
    looks = (_read, _watch, _remind, _left_lease, _undelivered, _cut_off, _look_back)
    steps = ("resolve_hierarchy", "reconcile_candidate", "freeze_candidate", "publish_release")
    lost = {f"without_staged_{step}": _without_staged(step) for step in steps}
    json.dump(observed({**paths, **{look.__name__: look for look in looks}, **lost}), sys.stdout)


if __name__ == "__main__":
    main()
