"""cfn-lint reads every template of dev and prod; it is stricter than CloudFormation's own validator, and slower."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.app import synthesize
from infra.settings import load_context, load_settings
from tests.infra.assembly import STACKS, Assembly

#: What cfn-lint may say, and why it is right as it is.
IGNORED = {"W3005": "CDK lets a function wait for its role's policy and names the role along with it; harmless."}
#: Its exit codes add up errors, warnings and informations; one from here on means that it did not read.
_COULD_NOT_READ = 16


@pytest.fixture(scope="module")
def findings(assembly: Assembly, tmp_path_factory: pytest.TempPathFactory, layers_dir: str) -> list[dict[str, Any]]:
    """Everything it finds in both stages, as cdk.json has them: dev with a user pool of its own."""
    dev = load_settings(load_context({"stage": "dev", "layers_dir": layers_dir}))
    folder = synthesize(dev, tmp_path_factory.mktemp("dev"))
    templates = [
        file
        for home, prefix in ((assembly.folder, assembly.prefix), (folder, dev.prefix))
        for file in (home / f"{prefix}-{stack}.template.json" for stack in STACKS)
    ]
    return _linted(templates)


def _linted(templates: list[Path]) -> list[dict[str, Any]]:
    command = [
        str(Path(sys.executable).parent / "cfn-lint"),
        "--format",
        "json",
        "--regions",
        "us-east-1",
        "--template",
    ]
    done = subprocess.run([*command, *map(str, templates)], capture_output=True, text=True, check=False)
    assert done.returncode < _COULD_NOT_READ, done.stderr
    return json.loads(done.stdout)


def test_templates_of_dev_and_prod_have_no_other_finding(findings: list[dict[str, Any]]) -> None:
    open_findings = [
        f"{found['Filename']}: {found['Rule']['Id']}: {found['Message']}"
        for found in findings
        if found["Rule"]["Id"] not in IGNORED
    ]
    assert open_findings == []


def test_nothing_is_ignored_that_is_not_found(findings: list[dict[str, Any]]) -> None:
    assert {found["Rule"]["Id"] for found in findings} == set(IGNORED)


def test_it_sees_a_fault(tmp_path: Path) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketNam": "fivetier"}}
    template = tmp_path / "bad.template.json"
    template.write_text(json.dumps({"Resources": {"Bad": bucket}}), encoding="utf-8")
    assert "E3002" in {found["Rule"]["Id"] for found in _linted([template])}
