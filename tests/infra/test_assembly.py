"""The assembly as a whole: valid, clean, the same every time."""

import ast
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cloudformation_validate import CompositeEngine, Severity

from infra.app import synthesize
from infra.settings import ROOT, StageSettings
from tests.infra.assembly import STACKS, Assembly

#: What CloudFormation's own validator may say, and why it is right as it is.
ACCEPTED = {"W3005": "CDK lets a function wait for its role's policy and names the role along with it; harmless."}

OUTPUTS = {
    "AlarmTopic",
    "FrontDoorUrl",
    "AnalystPolicy",
    "AuditBucket",
    "LakeBucket",
    "LakeDatabase",
    "LandingBucket",
    "OpsTable",
    "ProductionWorkgroup",
    "ResultsBucket",
    "StagingBucket",
    "StagingDatabase",
    "StagingWorkgroup",
    "StateMachineAcaExchange",
    "StateMachineCommercial",
    "StateMachineMedicaid",
    "StateMachineMedicareAdvantage",
    "CloseRunFunction",
    "DiscoverFeedsFunction",
    "FreezeCandidateFunction",
    "NormalizeFeedFunction",
    "OpenRunFunction",
    "PublishReleaseFunction",
    "ReconcileCandidateFunction",
    "ResolveHierarchyFunction",
    "ServeApiFunction",
    "ServePagesFunction",
    "SendMailFunction",
    "SettleOutboxFunction",
    "StartRefreshFunction",
    "WatchRunsFunction",
}


def test_aws_solutions_has_no_open_finding(assembly: Assembly) -> None:
    """Synthesis raises on findings; this proves that it looked."""
    report = json.loads((assembly.folder / "validation-report.json").read_text(encoding="utf-8"))
    assert all(not plugin["violations"] for plugin in report["pluginReports"])


@pytest.fixture(scope="module")
def unacknowledged(settings: StageSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same stage with nobody told of an acknowledgement: what was acknowledged, and what is found."""
    from infra.constructs import acknowledge

    told: list[tuple[str, str, acknowledge.Excuse]] = []
    folder = tmp_path_factory.mktemp("unacknowledged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acknowledge, "_tell_cdk", lambda node, rule, excuse: told.append((node.node.path, rule, excuse)))
        with pytest.raises(RuntimeError, match="ValidationFailed"):
            synthesize(settings, folder)
    report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    found = [
        (construct["constructPath"], violation["ruleName"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
    return {"told": told, "found": found, "folder": folder}


def test_every_acknowledgement_answers_one_finding_on_that_very_resource(unacknowledged: dict[str, Any]) -> None:
    told = [(path, rule) for path, rule, _ in unacknowledged["told"]]
    assert len(set(told)) == len(told)
    assert set(told) == set(unacknowledged["found"])


def test_every_acknowledgement_says_why(unacknowledged: dict[str, Any]) -> None:
    for path, rule, excuse in unacknowledged["told"]:
        assert len(excuse.reason.split()) >= 5, (path, rule)
        assert excuse.reason.endswith("."), (path, rule)


def _ended(told: list[tuple[str, str, Any]], today: date) -> list[tuple[str, str]]:
    return [(path, rule) for path, rule, excuse in told if excuse.has_ended(today)]


def test_no_acknowledgement_is_past_its_end_date(unacknowledged: dict[str, Any]) -> None:
    """This one fails on a day, not on a change: look at what is named again, see `constructs/acknowledge.py`."""
    today = datetime.now(UTC).date()
    assert _ended(unacknowledged["told"], today) == []
    too_far = today + timedelta(days=400)
    assert len(_ended(unacknowledged["told"], too_far)) == len(unacknowledged["told"]), "a year ahead at most"


def test_an_acknowledgement_ends_after_its_last_day_and_many_end_with_the_first() -> None:
    from infra.constructs.acknowledge import Excuse

    one, other = Excuse("One.", until="2027-11-30"), Excuse("Other.", until="2027-05-31")
    assert [one.has_ended(date(2027, 11, 30)), one.has_ended(date(2027, 12, 1))] == [False, True]
    both = Excuse.joined([one, other, one])
    assert both.text == "One. Other. Until 2027-05-31."
    with pytest.raises(ValueError, match="isoformat"):
        Excuse("One.", until="soon")


def test_synthesis_gives_the_same_templates_again(assembly: Assembly, unacknowledged: dict[str, Any]) -> None:
    again = Assembly(unacknowledged["folder"], assembly.prefix)
    assert again.templates == assembly.templates


@pytest.mark.parametrize("stack", STACKS)
def test_cloudformation_accepts_the_template(assembly: Assembly, stack: str) -> None:
    template = json.dumps(assembly.templates[stack]).encode()
    problems = [
        f"{d.severity.name} {d.rule_id}: {d.message}"
        for d in CompositeEngine().validate_template(template).diagnostics
        if d.severity in (Severity.FATAL, Severity.ERROR, Severity.WARN) and d.rule_id not in ACCEPTED
    ]
    assert problems == []


def test_outputs_are_what_the_local_stack_and_operators_read(assembly: Assembly) -> None:
    own = {name: output for name, output in assembly.outputs.items() if not name.startswith("ExportsOutput")}
    assert set(own) == OUTPUTS
    assert all("Export" not in output for output in own.values())


def test_stacks_hold_on_to_each_other_by_the_key_and_the_stream_only(assembly: Assembly) -> None:
    exported = {name for name in assembly.outputs if name.startswith("ExportsOutput")}
    assert len(exported) == 2
    assert any("Key" in name for name in exported)
    assert any("StreamArn" in name for name in exported)


def test_nothing_needs_a_custom_resource_or_a_docker_image(assembly: Assembly) -> None:
    types = {resource["Type"] for resource in assembly.resources.values()}
    assert not {t for t in types if t.startswith(("Custom::", "AWS::CloudFormation::CustomResource"))}
    for stack in STACKS:
        assets = json.loads((assembly.folder / f"{assembly.prefix}-{stack}.assets.json").read_text(encoding="utf-8"))
        assert not assets.get("dockerImages")


def test_a_functions_asset_is_its_folder_only(assembly: Assembly) -> None:
    for folder in assembly.functions:
        source = {file.name for file in (ROOT / "functions" / folder).iterdir()} - {"__pycache__"}
        code = assembly.functions[folder]["Code"]["S3Key"].removesuffix(".zip")
        asset = assembly.folder / f"asset.{code}"
        assert {file.name for file in asset.iterdir()} == source, folder


def test_no_machine_path_reaches_a_template(assembly: Assembly) -> None:
    for stack, template in assembly.templates.items():
        assert str(ROOT) not in json.dumps(template), stack


def test_infra_takes_only_pure_data_from_fivetier() -> None:
    files = [f for f in (ROOT / "infra").rglob("*.py") if "local" not in f.relative_to(ROOT / "infra").parts]
    assert len(files) > 15
    imported = {name for file in files for name in _imports(file) if name.split(".")[0] == "fivetier"}
    assert imported == {"fivetier.domain.calendar", "fivetier.domain.tables"}


def _imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names
