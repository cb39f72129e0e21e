"""What runs: functions and their surroundings, the machine, the API, the calendar, the outbox's trigger."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from fivetier.app.contracts import CloseRequest, StartRequest
from fivetier.aws.settings import Settings
from fivetier.domain.calendar import SCHEDULES
from fivetier.domain.runs import RunState
from fivetier.domain.tiers import Lob

from infra.app import synthesize
from infra.settings import ROOT, load_context, load_settings
from infra.stacks.function_table import FUNCTIONS
from infra.stacks.pipeline import STEPS
from tests.infra.assembly import Assembly, flat

POWERTOOLS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL"}
EVERYBODYS = {"FIVETIER_STAGE", "FIVETIER_OPS_TABLE"}
STAGED, LAKE = (
    {"FIVETIER_STAGING_BUCKET"},
    {"FIVETIER_LAKE_BUCKET", "FIVETIER_LAKE_DATABASE", "FIVETIER_STAGING_BUCKET"},
)
LANDED, MACHINES = {"FIVETIER_LANDING_BUCKET"}, {"FIVETIER_STATE_MACHINES"}
IDENTITY = {"FIVETIER_OIDC_ISSUER", "FIVETIER_OIDC_AUDIENCE"}
LINKS = {"FIVETIER_FRONT_DOOR_URL", "FIVETIER_CONSOLE_URL"} | MACHINES
AUDIT = {"FIVETIER_AUDIT_BUCKET", "FIVETIER_AUDIT_RETENTION_DAYS"}
ENVIRONMENTS = {
    "start_refresh": LANDED | MACHINES,
    "open_run": set(),
    "discover_feeds": LAKE,
    "normalize_feed": LANDED | STAGED,
    "resolve_hierarchy": STAGED | LAKE,
    "reconcile_candidate": STAGED | LAKE,
    "freeze_candidate": STAGED | LAKE | {"FIVETIER_STAGING_DATABASE"},
    "publish_release": STAGED | LAKE | AUDIT,
    "close_run": LAKE | MACHINES,
    "settle_outbox": AUDIT,
    "watch_runs": LANDED | MACHINES | {"FIVETIER_IS_CALENDAR_ON", "POWERTOOLS_METRICS_NAMESPACE"},
    "send_mail": STAGED | LINKS | {"FIVETIER_MAIL_FROM", "FIVETIER_MAIL_TO"},
    "serve_api": LANDED | STAGED | LAKE | MACHINES | IDENTITY,
    "serve_pages": STAGED | LAKE | IDENTITY | LINKS,
}


def _environment(assembly: Assembly, folder: str) -> dict[str, str]:
    return {k: flat(v) for k, v in assembly.functions[folder]["Environment"]["Variables"].items()}


def test_every_folder_of_functions_is_deployed_and_nothing_else(assembly: Assembly) -> None:
    folders = {file.parent.name for file in (ROOT / "functions").glob("*/handler.py")}
    assert set(assembly.functions) == folders == {spec.name for spec in FUNCTIONS}


@pytest.mark.parametrize("folder", ENVIRONMENTS)
def test_a_function_knows_only_what_it_uses(assembly: Assembly, folder: str) -> None:
    assert set(_environment(assembly, folder)) == ENVIRONMENTS[folder] | EVERYBODYS | {
        "POWERTOOLS_SERVICE_NAME",
        "LOG_LEVEL",
    }


def test_every_variable_is_a_setting(assembly: Assembly) -> None:
    known = {f"FIVETIER_{name.upper()}" for name in Settings.model_fields}
    given = {name for folder in assembly.functions for name in _environment(assembly, folder)}
    assert given - POWERTOOLS <= known
    # Only a stage that overrides the LOB's policy says for how long people are asked.
    assert known - given <= {"FIVETIER_SIGN_OFF_SECONDS"}


@pytest.mark.parametrize("folder", ENVIRONMENTS)
def test_the_settings_module_reads_what_a_function_is_given(assembly: Assembly, folder: str) -> None:
    settings = Settings.from_environment(_environment(assembly, folder))
    assert settings.stage == "prod"
    if "FIVETIER_STATE_MACHINES" in ENVIRONMENTS[folder]:
        assert set(settings.state_machines) == {lob.value for lob in Lob}
        for lob, arn in settings.state_machines.items():
            assert arn.endswith(f":fivetier-prod-{lob}")


@pytest.mark.parametrize("folder", ENVIRONMENTS)
def test_a_function_runs_as_the_layers_were_built(assembly: Assembly, folder: str) -> None:
    function = assembly.functions[folder]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["Handler"] == "handler.handler"
    assert function["TracingConfig"] == {"Mode": "Active"}
    third_party = "EngineLayer" if folder == "normalize_feed" else "LakeLayer"
    core, other = function["Layers"]
    assert "CoreLayer" in flat(core)
    assert flat(other).startswith(f"<{third_party}")


def test_every_function_has_its_own_logs_that_end(assembly: Assembly) -> None:
    groups = {flat(p["LogGroupName"]): p["RetentionInDays"] for p in assembly.of_type("AWS::Logs::LogGroup").values()}
    for folder, function in assembly.functions.items():
        assert groups[f"/aws/lambda/{function['FunctionName']}"] == 731, folder
    assert set(groups.values()) == {731}


def test_what_nobody_waits_for_has_a_dead_letter_queue(assembly: Assembly) -> None:
    heard = {folder for folder, function in assembly.functions.items() if "DeadLetterConfig" in function}
    assert heard == {"start_refresh", "close_run", "watch_runs"}


def test_only_what_people_call_has_its_concurrency_bounded(assembly: Assembly) -> None:
    bounded = {
        folder: function["ReservedConcurrentExecutions"]
        for folder, function in assembly.functions.items()
        if "ReservedConcurrentExecutions" in function
    }
    assert bounded == {"serve_api": 20, "serve_pages": 20}


def test_the_core_layer_holds_our_package(assembly: Assembly) -> None:
    layer = assembly.by_name("AWS::Lambda::LayerVersion", "LayerName")["core"]
    asset = assembly.folder / f"asset.{layer['Content']['S3Key'].removesuffix('.zip')}"
    assert (asset / "python" / "fivetier" / "domain" / "tables.py").is_file()
    assert not list(asset.rglob("*.pyc"))


@pytest.mark.parametrize("family", ["engine", "lake"])
def test_a_third_party_layer_is_the_zip_that_was_built(assembly: Assembly, layers_dir: str, family: str) -> None:
    layer = assembly.by_name("AWS::Lambda::LayerVersion", "LayerName")[family]
    assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == (["python3.13"], ["arm64"])
    deployed = assembly.folder / f"asset.{layer['Content']['S3Key']}"
    assert deployed.read_bytes() == (Path(layers_dir) / f"{family}.zip").read_bytes()


def test_a_deployment_asks_for_nothing_by_parameter(assembly: Assembly) -> None:
    assert set(assembly.templates["pipeline"].get("Parameters", {})) <= {"BootstrapVersion"}


def test_the_local_stack_needs_no_built_layers(tmp_path: Path) -> None:
    settings = load_settings(load_context({"stage": "local", "oidc_issuer": "http://127.0.0.1:9000"}))
    local = Assembly(synthesize(settings, tmp_path / "out", validate=False), settings.prefix)
    assert {"EngineLayerArn", "LakeLayerArn"} <= local.templates["pipeline"]["Parameters"].keys()
    assert flat(local.functions["normalize_feed"]["Layers"][1]) == "<EngineLayerArn>"


# ---- state machine -----------------------------------------------------------------------------------------


def test_every_placeholder_of_the_definition_is_filled(assembly: Assembly) -> None:
    text = (ROOT / "statemachines" / "refresh.asl.json").read_text(encoding="utf-8")
    by_arn = {f"<{k}.Arn>": p["FunctionName"] for k, p in assembly.of_type("AWS::Lambda::Function").items()}
    for machine in assembly.of_type("AWS::StepFunctions::StateMachine").values():
        substituted = {k: flat(v) for k, v in machine["DefinitionSubstitutions"].items()}
        assert set(re.findall(r"\$\{(\w+)\}", text)) == set(substituted)
        assert substituted.pop("OpsTable") == "fivetier-prod-ops"
        folders = {k: by_arn[arn].removeprefix("fivetier-prod-").replace("-", "_") for k, arn in substituted.items()}
        assert folders == dict(STEPS)


def test_every_line_of_business_has_a_machine_of_the_one_definition(assembly: Assembly) -> None:
    machines = assembly.by_name("AWS::StepFunctions::StateMachine", "StateMachineName")
    assert set(machines) == {lob.value for lob in Lob}
    definitions = {json.dumps(m["DefinitionS3Location"], sort_keys=True) for m in machines.values()}
    assert len(definitions) == 1


def test_a_stack_stays_below_what_cloudformation_takes(assembly: Assembly) -> None:
    for stack, template in assembly.templates.items():
        assert len(template["Resources"]) < 400, stack  # of 500, so that a fifth line of business fits
        assert len(json.dumps(template)) < 800_000, stack  # of 1 MB


def test_a_machine_logs_everything_but_data(assembly: Assembly) -> None:
    for machine in assembly.of_type("AWS::StepFunctions::StateMachine").values():
        assert machine["LoggingConfiguration"]["Level"] == "ALL"
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
        assert machine["TracingConfiguration"] == {"Enabled": True}


@pytest.mark.parametrize("lob", [lob.value for lob in Lob])
def test_an_execution_ended_from_outside_closes_its_run(assembly: Assembly, lob: str) -> None:
    rule = assembly.by_name("AWS::Events::Rule", "Name")[f"{lob.replace('_', '-')}-close-ended"]
    assert rule["EventPattern"]["source"] == ["aws.states"]
    assert rule["EventPattern"]["detail"]["status"] == ["ABORTED", "FAILED", "TIMED_OUT"]
    (watched,) = rule["EventPattern"]["detail"]["stateMachineArn"]
    assert assembly.resources[flat(watched).strip("<>")]["Properties"]["StateMachineName"] == f"fivetier-prod-{lob}"
    run_id = f"{lob}-2026_01-0123456789ab-01"
    (target,) = rule["Targets"]
    assert "CloseRun" in flat(target["Arn"])
    transformer = target["InputTransformer"]
    filled = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        assert path == "$.detail.name"
        filled = filled.replace(f"<{name}>", json.dumps(run_id))
    assert json.loads(filled) == {"run_id": run_id, "lob": lob, "state": "ABANDONED"}
    assert CloseRequest.model_validate_json(filled).state is RunState.ABANDONED
    assert target["DeadLetterConfig"]


# ---- what the stream wakes -----------------------------------------------------------------------------------


def _woken(assembly: Assembly, function: str) -> dict[str, Any]:
    triggers = assembly.of_type("AWS::Lambda::EventSourceMapping").values()
    (found,) = [trigger for trigger in triggers if function in flat(trigger["FunctionName"])]
    return found


def test_no_more_functions_follow_the_stream_than_may_read_it_at_once(assembly: Assembly) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html: two readers of a shard."""
    assert len(assembly.of_type("AWS::Lambda::EventSourceMapping")) <= 2


def test_a_newly_asked_round_and_new_events_wake_the_mail(assembly: Assembly) -> None:
    trigger = _woken(assembly, "SendMail")
    patterns = [json.loads(each["Pattern"]) for each in trigger["FilterCriteria"]["Filters"]]
    assert patterns == [
        {
            "eventName": ["INSERT", "MODIFY"],
            "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "RUN#"}]}, "sk": {"S": ["ASK"]}}},
        },
        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OUTBOX#"}]}}}},
    ]
    assert trigger["BisectBatchOnFunctionError"] is True
    assert trigger["MaximumRecordAgeInSeconds"] == 3600
    assert "MailFailures" in flat(trigger["DestinationConfig"]["OnFailure"]["Destination"])


def test_without_a_sender_nothing_wakes_the_mail_and_it_may_send_none(tmp_path: Path, layers_dir: str) -> None:
    given = {"oidc_issuer": "https://issuer.example.test", "oidc_audience": "fivetier", "layers_dir": layers_dir}
    settings = load_settings(load_context({"stage": "prod", **given}))
    assert settings.mail_from is None
    silent = Assembly(synthesize(settings, tmp_path / "out", validate=False), settings.prefix)
    (trigger,) = silent.of_type("AWS::Lambda::EventSourceMapping").values()
    assert "SettleOutbox" in flat(trigger["FunctionName"])
    assert not [right for right in silent.rights_of_function("send_mail") if right.action.startswith("ses:")]
    assert "FIVETIER_MAIL_FROM" not in _environment(silent, "send_mail")


def test_new_outbox_events_wake_settling_and_nothing_else_does(assembly: Assembly) -> None:
    trigger = _woken(assembly, "SettleOutbox")
    (only,) = trigger["FilterCriteria"]["Filters"]
    assert json.loads(only["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "OUTBOX#"}]}}},
    }
    assert trigger["BisectBatchOnFunctionError"] is True
    assert trigger["StartingPosition"] == "TRIM_HORIZON"
    assert "OutboxFailures" in flat(trigger["DestinationConfig"]["OnFailure"]["Destination"])


# ---- front door ----------------------------------------------------------------------------------------------


def _routes(assembly: Assembly, *authorization: str | None) -> dict[str, dict[str, Any]]:
    routes = assembly.of_type("AWS::ApiGatewayV2::Route").values()
    return {route["RouteKey"]: route for route in routes if route.get("AuthorizationType") in authorization}


def _answering(assembly: Assembly, routes: Iterable[dict[str, Any]]) -> set[str]:
    """Folders of the functions behind routes."""
    integrations = assembly.of_type("AWS::ApiGatewayV2::Integration")
    by_arn = {f"<{k}.Arn>": p["FunctionName"] for k, p in assembly.of_type("AWS::Lambda::Function").items()}
    targets = {flat(route["Target"]).removeprefix("integrations/").strip("<>") for route in routes}
    names = {by_arn[flat(integrations[target]["IntegrationUri"])] for target in targets}
    assert {integrations[target]["PayloadFormatVersion"] for target in targets} == {"2.0"}
    return {name.removeprefix("fivetier-prod-").replace("-", "_") for name in names}


def test_the_api_demands_a_token_on_every_route(assembly: Assembly) -> None:
    routes = _routes(assembly, "JWT")
    assert set(routes) == {
        "GET /api/runs",
        "GET /api/runs/{run_id}",
        "GET /api/runs/{run_id}/report",
        "POST /api/lookbacks",
        "POST /api/rollbacks",
        "POST /api/runs",
        "GET /api/calendar",
        "POST /api/sign-offs/{run_id}/{round}",
    }
    (authorizer,) = assembly.of_type("AWS::ApiGatewayV2::Authorizer")
    assert {flat(route["AuthorizerId"]) for route in routes.values()} == {f"<{authorizer}>"}
    assert _answering(assembly, routes.values()) == {"serve_api"}


def test_exactly_the_pages_have_no_authorizer(assembly: Assembly) -> None:
    """These, and no other: their function checks the session itself (ADR 12)."""
    routes = _routes(assembly, "NONE", None)
    assert set(routes) == {
        "GET /",
        "GET /runs/{run_id}",
        "GET /sign-offs/{run_id}/{round}",
        "POST /sign-offs/{run_id}/{round}",
        "GET /login",
        "GET /callback",
        "POST /logout",
    }
    assert not [route for route in routes.values() if "AuthorizerId" in route]
    assert _answering(assembly, routes.values()) == {"serve_pages"}
    assert len(assembly.of_type("AWS::ApiGatewayV2::Route")) == len(routes) + len(_routes(assembly, "JWT"))


def test_people_find_the_pages_where_the_api_answers(assembly: Assembly) -> None:
    (api,) = assembly.of_type("AWS::ApiGatewayV2::Api")
    assert flat(assembly.outputs["FrontDoorUrl"]["Value"]) == f"<{api}.ApiEndpoint>"
    variables = _environment(assembly, "serve_pages")
    assert variables["FIVETIER_FRONT_DOOR_URL"] == f"<{api}.ApiEndpoint>"
    assert variables["FIVETIER_CONSOLE_URL"] == "https://<AWS::Region>.console.aws.amazon.com"


def test_knowing_a_machines_name_gives_no_right_on_it(assembly: Assembly) -> None:
    assert not [right for right in assembly.rights_of_function("serve_pages") if right.action.startswith("states:")]


def test_tokens_are_the_configured_issuers(assembly: Assembly) -> None:
    (authorizer,) = assembly.of_type("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["JwtConfiguration"] == {
        "Audience": ["fivetier"],
        "Issuer": "https://issuer.example.test/fivetier",
    }


def test_the_api_is_throttled_and_logs_no_token(assembly: Assembly) -> None:
    (stage,) = assembly.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 100, "ThrottlingRateLimit": 50}
    line = json.loads(stage["AccessLogSettings"]["Format"])
    assert line["request_id"] == "$context.requestId"
    assert not [value for value in line.values() if "header" in value.lower() or "token" in value.lower()]


# ---- calendar ------------------------------------------------------------------------------------------------


def _schedules(assembly: Assembly, group: str) -> list[dict[str, Any]]:
    return [s for s in assembly.of_type("AWS::Scheduler::Schedule").values() if s["GroupName"] == group]


def test_the_calendar_is_deployed_line_by_line(assembly: Assembly) -> None:
    deployed = {
        (s["Name"], s["ScheduleExpression"], s["ScheduleExpressionTimezone"])
        for s in _schedules(assembly, "fivetier-prod")
    }
    assert deployed == {(f"{s.lob}-{s.name}".replace("_", "-"), s.expression, s.timezone) for s in SCHEDULES}


def test_a_schedule_starts_a_refresh_of_the_month_it_was_due_in(assembly: Assembly) -> None:
    for schedule in _schedules(assembly, "fivetier-prod"):
        target = schedule["Target"]
        assert "StartRefresh" in flat(target["Arn"])
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert schedule["State"] == "ENABLED"
        assert "MissedSchedules" in flat(target["DeadLetterConfig"]["Arn"])
        text = target["Input"].replace("<aws.scheduler.scheduled-time>", "2026-10-01T10:00:00Z")
        request = StartRequest.model_validate(json.loads(text))
        assert request.scheduled_at is not None
        assert request.requested_by == "scheduler"


def test_somebody_looks_every_hour_for_what_did_not_happen(assembly: Assembly) -> None:
    (schedule,) = _schedules(assembly, "fivetier-prod-watch")
    assert (schedule["ScheduleExpression"], schedule["State"]) == ("rate(1 hour)", "ENABLED")
    assert "WatchRuns" in flat(schedule["Target"]["Arn"])
    assert "MissedSchedules" in flat(schedule["Target"]["DeadLetterConfig"]["Arn"])
    assert Settings.from_environment(_environment(assembly, "watch_runs")).is_calendar_on is True


# ---- refusals --------------------------------------------------------------------------------------------------


def test_a_function_without_code_is_named(tmp_path: Path) -> None:
    from infra.app import use_packaged_node

    use_packaged_node()
    from aws_cdk import App, Stack

    from infra.constructs.pipeline_function import MissingFunctionCode, PipelineFunction

    with pytest.raises(MissingFunctionCode, match=r"function close_run has no code: .*handler\.py does not exist"):
        PipelineFunction(
            Stack(App(outdir=str(tmp_path / "out"))),
            "Function",
            name="close_run",
            code=tmp_path / "close_run",
            description="-",
            layers=[],
            environment={},
            grants=[],
            memory_mb=128,
            timeout_seconds=1,
            log_retention_days=1,
        )


def test_a_definition_whose_placeholders_differ_is_refused(tmp_path: Path) -> None:
    from infra.app import use_packaged_node

    use_packaged_node()
    from aws_cdk import App, Stack

    from infra.constructs.asl_state_machine import AslStateMachine, PlaceholdersDiffer

    definition = tmp_path / "refresh.asl.json"
    shutil.copy(ROOT / "statemachines" / "refresh.asl.json", definition)
    with pytest.raises(PlaceholdersDiffer, match=r"nothing is given for CloseRunFn.*nothing asks for OtherFn"):
        AslStateMachine(
            Stack(App(outdir=str(tmp_path / "out"))),
            "Machine",
            name="machine",
            definition=definition,
            substitutions={"OtherFn": "x"},
            grants=[],
            log_retention_days=1,
        )


def test_a_grant_is_written_out() -> None:
    from infra.constructs.grants import Grant

    with pytest.raises(ValueError, match="actions are written out"):
        Grant(actions=("s3:Get*",), resources=("arn:aws:s3:::bucket",))
    with pytest.raises(ValueError, match="needs a reason"):
        Grant(actions=("s3:GetObject",), resources=("arn:aws:s3:::bucket/*",))
