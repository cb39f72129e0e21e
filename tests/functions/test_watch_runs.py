"""The watching function: what it counts reaches CloudWatch by the log, in the embedded metric format."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from fivetier.app.contracts import Watched
from fivetier.aws.settings import Settings
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of

from tests.fakes.world import World
from tests.support.cms import directory, entries
from tests.support.rehearsal import MA, Rehearsal

HANDLER = Path(__file__).parents[2] / "functions" / "watch_runs" / "handler.py"
CONTEXT = SimpleNamespace(aws_request_id="request-1", function_name="watch_runs")
#: What alarms and dashboard look at.
NAMES = {"".join(word.capitalize() for word in name.split("_")) for name in Watched.model_fields} | {"WatchHeartbeat"}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The function's own module; the calendar is on."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "fivetier-dev")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "watch_runs")
    spec = importlib.util.spec_from_file_location("watch_runs_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "settings", lambda: Settings(is_calendar_on=True))
    yield module
    module.metrics.clear_metrics()


def sent(printed: str) -> dict[str, Any]:
    """The one line of embedded metrics."""
    (line,) = [json.loads(line) for line in printed.splitlines() if "_aws" in line]
    found: dict[str, Any] = line
    return found


def test_every_count_and_the_heartbeat_are_metrics(
    function: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    monkeypatch.setattr(function, "ports", lambda: world)
    function.handler({}, CONTEXT)
    metric = sent(capsys.readouterr().out)
    (described,) = metric["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "fivetier-dev"
    assert described["Dimensions"] == [["service"]]
    assert metric["service"] == "watch_runs"
    assert {each["Name"] for each in described["Metrics"]} == NAMES
    assert metric["WatchHeartbeat"] == [1.0]


def test_what_landed_late_is_started_and_no_other_line_of_business_waits_for_one_that_cannot(
    function: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two that are due, the first fails in the state machine's service: the second starts, and both are told."""
    rehearsal = Rehearsal()
    world = rehearsal.world
    world.clock.set(datetime(2027, 4, 10, 15, 0, tzinfo=UTC))
    rehearsal.land("2027_04", directory(entries()))
    world.landing.land(Lob.MEDICAID, sources_of(Lob.MEDICAID)[0].source, "2027_04", "first.csv", b"landed")
    start = world.executions.start

    def refuse(lob: str, run_id: str, payload: Mapping[str, Any]) -> None:
        if lob == MA:
            raise ConnectionError("the service is away")
        start(lob, run_id, payload)

    monkeypatch.setattr(world.executions, "start", refuse)
    monkeypatch.setattr(function, "ports", lambda: world)
    with pytest.raises(ExceptionGroup, match="could not be started") as raised:
        function.handler({}, CONTEXT)
    assert [str(error) for error in raised.value.exceptions] == ["the service is away"]
    assert [run["lob"] for run in world.executions.started.values()] == ["medicaid"]
    metric = sent(capsys.readouterr().out)
    assert (metric["WatchHeartbeat"], metric["RunsOverdue"]) == ([1.0], [1.0])
    monkeypatch.setattr(world.executions, "start", start)
    assert function.handler({}, CONTEXT)["runs_overdue"] == 0
    assert {run["lob"] for run in world.executions.started.values()} == {"medicaid", "medicare_advantage"}


def test_where_the_calendar_is_off_nothing_is_started(function: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal = Rehearsal()
    rehearsal.world.clock.set(datetime(2027, 4, 10, 15, 0, tzinfo=UTC))
    rehearsal.land("2027_04", directory(entries()))
    monkeypatch.setattr(function, "ports", lambda: rehearsal.world)
    monkeypatch.setattr(function, "settings", Settings)
    assert function.handler({}, CONTEXT)["runs_overdue"] == 0
    assert rehearsal.world.executions.started == {}
