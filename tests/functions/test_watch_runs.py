"""The watching function: what it counts reaches CloudWatch by the log, in the embedded metric format."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from fivetier.app.contracts import Watched
from fivetier.aws.settings import Settings

from tests.fakes.world import World

HANDLER = Path(__file__).parents[2] / "functions" / "watch_runs" / "handler.py"
CONTEXT = SimpleNamespace(aws_request_id="request-1", function_name="watch_runs")
#: What alarms and dashboard look at.
NAMES = {"".join(word.capitalize() for word in name.split("_")) for name in Watched.model_fields} | {"WatchHeartbeat"}


def test_every_count_and_the_heartbeat_are_metrics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "fivetier-dev")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "watch_runs")
    spec = importlib.util.spec_from_file_location("watch_runs_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ports", World)
    monkeypatch.setattr(module, "settings", lambda: Settings(is_calendar_on=True))
    module.handler({}, CONTEXT)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    (metric,) = printed
    (described,) = metric["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "fivetier-dev"
    assert described["Dimensions"] == [["service"]]
    assert metric["service"] == "watch_runs"
    assert {each["Name"] for each in described["Metrics"]} == NAMES
    assert metric["WatchHeartbeat"] == [1.0]
