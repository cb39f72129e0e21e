"""Alarms: everything that may fail silently has one, each has a section in the runbook, and each reaches people."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fivetier.app.contracts import Watched
from fivetier.domain.tiers import Lob

from infra.app import main
from infra.constructs.alarms import RUNBOOK
from infra.settings import ROOT, InvalidSetting, load_context, load_settings
from tests.infra.assembly import Assembly, flat, rights

ISSUER = "https://issuer.example.test"
#: Functions a state machine calls; it waits and tries again, so it tells when that did not help.
STEPS = {
    "open_run",
    "discover_feeds",
    "normalize_feed",
    "resolve_hierarchy",
    "reconcile_candidate",
    "freeze_candidate",
    "publish_release",
    "close_run",
}
ABSENCES = {"run-not-started", "feed-not-seen", "sign-off-half", "sign-off-eighty"}


@pytest.fixture(scope="module")
def alarms(assembly: Assembly) -> dict[str, dict[str, Any]]:
    return assembly.by_name("AWS::CloudWatch::Alarm", "AlarmName")


def _kind(alarm: dict[str, Any]) -> str:
    found = re.fullmatch(rf".*\. What to do: {re.escape(RUNBOOK)}, ([a-z0-9-]+)\.", alarm["AlarmDescription"])
    assert found, alarm["AlarmDescription"]
    return found[1]


def _metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Metrics an alarm looks at, with their dimensions as a dict."""
    stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]
    return [{**each, "Dimensions": {d["Name"]: flat(d["Value"]) for d in each["Dimensions"]}} for each in stats]


def test_the_runbook_has_a_section_for_every_alarm_and_no_other(alarms: dict[str, dict[str, Any]]) -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / RUNBOOK).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(set(sections)) == len(sections)
    assert {_kind(alarm) for alarm in alarms.values()} == set(sections)
    for name, alarm in alarms.items():
        assert name == _kind(alarm) or name.startswith(f"{_kind(alarm)}-"), name


def test_every_alarm_reaches_people(assembly: Assembly, alarms: dict[str, dict[str, Any]]) -> None:
    (topic,) = assembly.of_type("AWS::SNS::Topic")
    for name, alarm in alarms.items():
        assert [flat(action) for action in alarm["AlarmActions"]] == [f"<{topic}>"], name
        assert alarm.get("ActionsEnabled", True), name


def test_every_dead_letter_queue_has_an_alarm(assembly: Assembly, alarms: dict[str, dict[str, Any]]) -> None:
    queues = set(assembly.by_name("AWS::SQS::Queue", "QueueName"))
    assert len(queues) == 5
    for name in queues:
        (metric,) = _metrics(alarms[name])
        assert (metric["MetricName"], metric["Dimensions"]) == (
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": f"fivetier-prod-{name}"},
        )
        assert (alarms[name]["Threshold"], alarms[name]["EvaluationPeriods"]) == (1, 1)


def test_every_function_no_machine_waits_for_has_an_alarm_on_its_rate_of_errors(
    assembly: Assembly, alarms: dict[str, dict[str, Any]]
) -> None:
    watched = {name for name, alarm in alarms.items() if _kind(alarm) == "function-errors"}
    folders = set(assembly.functions) - STEPS
    assert watched == {f"function-errors-{folder.replace('_', '-')}" for folder in folders}
    for name in watched:
        (rate,) = [each for each in alarms[name]["Metrics"] if "Expression" in each]
        assert rate["Expression"] == "100 * bad / every"
        found = _metrics(alarms[name])
        assert {metric["MetricName"] for metric in found} == {"Errors", "Invocations"}
        function = name.removeprefix("function-errors-")
        assert {metric["Dimensions"]["FunctionName"] for metric in found} == {f"fivetier-prod-{function}"}


def test_every_state_machine_has_an_alarm(assembly: Assembly, alarms: dict[str, dict[str, Any]]) -> None:
    machines = assembly.of_type("AWS::StepFunctions::StateMachine")
    assert len([name for name in alarms if name.startswith("refresh-failed-")]) == len(machines) == len(Lob)
    ends = {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    for machine, properties in machines.items():
        lob = properties["StateMachineName"].removeprefix("fivetier-prod-")
        found = _metrics(alarms[f"refresh-failed-{lob.replace('_', '-')}"])
        assert {metric["MetricName"] for metric in found} == ends
        assert {metric["Dimensions"]["StateMachineArn"] for metric in found} == {f"<{machine}>"}


def test_the_front_door_and_the_stream_have_alarms(assembly: Assembly, alarms: dict[str, dict[str, Any]]) -> None:
    (api,) = assembly.of_type("AWS::ApiGatewayV2::Api")
    found = _metrics(alarms["api-5xx"])
    assert {(m["MetricName"], m["Dimensions"]["ApiId"]) for m in found} == {("5xx", f"<{api}>"), ("Count", f"<{api}>")}
    (lag,) = _metrics(alarms["outbox-behind"])
    assert (lag["MetricName"], lag["Dimensions"]) == ("IteratorAge", {"FunctionName": "fivetier-prod-settle-outbox"})


def test_absence_alarms_look_at_what_the_watching_function_sends(
    assembly: Assembly, alarms: dict[str, dict[str, Any]]
) -> None:
    sent = {"".join(map(str.capitalize, name.split("_"))) for name in Watched.model_fields}
    variables = assembly.functions["watch_runs"]["Environment"]["Variables"]
    for name in (*ABSENCES, "watch-silent"):
        (metric,) = _metrics(alarms[name])
        assert metric["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"] == "fivetier-prod"
        assert metric["Dimensions"] == {"service": variables["POWERTOOLS_SERVICE_NAME"]}
        assert metric["MetricName"] in sent | {"WatchHeartbeat"}, name


def test_silence_is_an_alarm(alarms: dict[str, dict[str, Any]]) -> None:
    silent = alarms["watch-silent"]
    assert silent["TreatMissingData"] == "breaching"
    assert (silent["Threshold"], silent["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert (silent["Period"], silent["EvaluationPeriods"]) == (3600, 2)
    for name in ABSENCES:
        # Not knowing is neither fine nor a second alarm for one cause.
        assert alarms[name]["TreatMissingData"] == "ignore", name
    others = {a["TreatMissingData"] for n, a in alarms.items() if n not in ABSENCES | {"watch-silent"}}
    assert others == {"notBreaching"}


def test_the_topic_is_encrypted_and_written_to_by_cloudwatch_of_this_account_only(assembly: Assembly) -> None:
    ((name, topic),) = assembly.of_type("AWS::SNS::Topic").items()
    key = flat(topic["KmsMasterKeyId"]).strip("<>").removesuffix(".Arn")
    (policy,) = assembly.of_type("AWS::SNS::TopicPolicy").values()
    found = list(rights(policy["PolicyDocument"]))
    allowed = [right for right in found if not right.is_denied]
    assert [(right.action, right.resource) for right in allowed] == [("sns:Publish", f"<{name}>")]
    assert "aws:SourceAccount" in allowed[0].condition
    assert any("aws:SecureTransport" in right.condition for right in found if right.is_denied)
    statements = assembly.resources[key]["Properties"]["KeyPolicy"]["Statement"]
    (foreign,) = [each for each in statements if "Service" in each["Principal"]]
    assert foreign["Principal"]["Service"] == "cloudwatch.amazonaws.com"
    assert foreign["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert "aws:SourceAccount" in json.dumps(foreign["Condition"])


def test_operators_are_subscribed(assembly: Assembly) -> None:
    endpoints = {(s["Protocol"], s["Endpoint"]) for s in assembly.of_type("AWS::SNS::Subscription").values()}
    assert endpoints == {("email", "operators@example.test")}


def test_whoever_is_to_hear_alarms_has_a_bare_address() -> None:
    context = load_context({"stage": "dev", "oidc_issuer": ISSUER, "oidc_audience": "fivetier"})
    context["stages"]["dev"]["alarm_mail"] = ["Olga <olga@example.test>"]
    with pytest.raises(InvalidSetting, match=r"alarm_mail.*give bare addresses"):
        load_settings(context)


def test_alarms_nobody_hears_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("infra.app.synthesize", lambda *_, **__: tmp_path)
    arguments = ["--stage", "dev", "--oidc-issuer", ISSUER, "-c", "oidc_audience=fivetier", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "stage dev: alarm_mail is empty, so nobody hears an alarm" in capsys.readouterr().err


def test_the_dashboard_shows_every_alarm_and_everything_that_runs(
    assembly: Assembly, alarms: dict[str, dict[str, Any]]
) -> None:
    (board,) = assembly.of_type("AWS::CloudWatch::Dashboard").values()
    assert board["DashboardName"] == "fivetier-prod"
    shown = flat(board["DashboardBody"])
    widgets = json.loads(shown)["widgets"]
    (status,) = [widget for widget in widgets if widget["type"] == "alarm"]
    assert len(status["properties"]["alarms"]) == len(alarms)
    for folder in assembly.functions:
        assert f'"fivetier-prod-{folder.replace("_", "-")}"' in shown
    for queue in assembly.by_name("AWS::SQS::Queue", "QueueName"):
        assert f'"fivetier-prod-{queue}"' in shown
    for name in ("RunsOpen", "RunsOverdue", "FeedsNotSeen", "AsksOpen", "OldestAskHours", "ExecutionsFailed", "5xx"):
        assert f'"{name}"' in shown


def test_what_runs_is_traced(assembly: Assembly) -> None:
    assert all(f["TracingConfig"] == {"Mode": "Active"} for f in assembly.of_type("AWS::Lambda::Function").values())
    machines = assembly.of_type("AWS::StepFunctions::StateMachine").values()
    assert all(machine["TracingConfiguration"] == {"Enabled": True} for machine in machines)
