"""A fifth line of business is configuration: an entry in `lobs.yaml` and a mapping, and no line of code.

A copy of the core package gets the two, and a fresh interpreter with that copy first on its path refreshes the new line
of business to a publication and synthesizes the stacks. Nothing else of the copy differs from the original.
"""

import filecmp
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.settings import ROOT

CORE = ROOT / "layers" / "core" / "python"
LOB, SOURCE = "medicare_supplement", "carrier_register"
ENTRY = f"""
{LOB}:
  label: Medicare supplement
  plan_id_systems: [medigap_form]
  sources:
    - source: {SOURCE}
      role: plans
      required: true
      title: "Register of carriers: tiers 1 to 4"
  signing_roles: [engineering_lead, data_lead, actuary]
  sign_off_days: 3
  row_drop_share: 0.05
  schedules:
    - name: semiannual
      cron: "15 7 ? 3,9 TUE *"
      meaning: the register is published in March and September
"""
#: Canonical field -> (column, DuckDB SQL over the cell, example, what comes out of it).
FIELDS = {
    "plan_id": ("Form", "upper(value)", "ms-0001", "MS-0001"),
    "plan_name": ("Letter Plan", "value", "Plan G", "Plan G"),
    "legal_name": ("Carrier", "value", "Example Life of Ohio", "Example Life of Ohio"),
    "parent_name": ("Group", "value", "Example Group", "Example Group"),
}


def mapping() -> dict[str, Any]:
    """A mapping as somebody would write it for a file nobody has seen before."""
    fields = [
        {
            "canonical_field": name,
            "source_path": [column],
            "transform": {"lang": "sql", "expr": expression},
            "null_rule": "required",
            "required": True,
            "example_in": example,
            "example_out": result,
        }
        for name, (column, expression, example, result) in FIELDS.items()
    ]
    return {
        "name": SOURCE,
        "version": "1.0.0",
        "lobs": [LOB],
        "title": "Register of carriers",
        "formats": ["csv"],
        "key": ["plan_id"],
        "agree_on": ["plan_name", "legal_name", "parent_name"],
        "subject": ["plan_id"],
        "null_values": ["n/a"],
        "contact_columns": [],
        "evidence_columns": [],
        "period": {"file_name_patterns": [r"(?P<year>20\d\d)_(?P<month>\d\d)"], "title_patterns": []},
        "suppress": [],
        "fields": fields,
    }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core package with the entry and the mapping."""
    import yaml

    folder = tmp_path_factory.mktemp("fifth") / "python"
    shutil.copytree(CORE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    package = folder / "fivetier"
    with (package / "domain" / "lobs.yaml").open("a", encoding="utf-8") as settings:
        settings.write(ENTRY)
    (package / "feeds" / "mappings" / f"{SOURCE}.yaml").write_text(yaml.safe_dump(mapping(), sort_keys=False))
    return folder


def run(copy: Path, code: str, *arguments: str) -> Any:
    """What a fresh interpreter prints that finds the copy first."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FIVETIER_"))}
    env["PYTHONPATH"] = os.pathsep.join([str(copy), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_but_the_entry_and_the_mapping_differs(copy: Path) -> None:
    def differing(compared: "filecmp.dircmp[str]", inside: str = "") -> set[str]:
        found = {f"{inside}{name}" for name in (*compared.diff_files, *compared.left_only, *compared.right_only)}
        for name, below in compared.subdirs.items():
            found |= differing(below, f"{inside}{name}/")
        return found

    compared = filecmp.dircmp(CORE, copy, ignore=["__pycache__"])
    assert differing(compared) == {"fivetier/domain/lobs.yaml", f"fivetier/feeds/mappings/{SOURCE}.yaml"}


REFRESH = """
import json, sys
from datetime import UTC, datetime, timedelta
import fivetier
assert fivetier.__file__.startswith(sys.argv[1]), fivetier.__file__
from fivetier.app.contracts import StartRequest
from fivetier.app.policy import policies
from fivetier.app.scheduling import answer_schedule, start_late
from fivetier.domain.calendar import next_due, refreshed_lobs
from fivetier.domain.tiers import Lob
from fivetier.feeds.mapping import mapping_of
from tests.support.rehearsal import Rehearsal
from tests.unit.test_fifth_lob import LOB, SOURCE

lob = Lob(LOB)
mapping_of(SOURCE)
def register(count):
    line = "MS-{},Plan {},Example Life of State {},Example Group {}"
    rows = [line.format(1000 + i, "ABCDEFGHIJ"[i % 10], i // 5, i // 10) for i in range(count)]
    return "\\n".join(["Form,Letter Plan,Carrier,Group", *rows]).encode()

r = Rehearsal(lob, SOURCE)
due = next_due(lob, after=datetime(2027, 1, 1, tzinfo=UTC))
r.world.clock.set(due.at)
nobody = answer_schedule(StartRequest(lob=lob, scheduled_at=due.at), r.world)
r.land("2027_03", register(40))
late = start_late(lob, r.world)
digest = r.to_sign_off(late)
first = r.sign(late, "engineering_lead")
second = r.sign(late, "data_lead")
third = r.sign(late, "actuary")
r.publish(late, digest)
r.land("2027_04", register(37))
fewer = r.start("2027_04").run_id
r.to_sign_off(fewer)
from fivetier.app import signing
from fivetier.web.report_page import render_report
report = signing.view_report(fewer, r.world)
print(json.dumps({
    "lobs": [each.value for each in Lob],
    "refreshed": [each.value for each in refreshed_lobs()],
    "due": due.at.isoformat(),
    "missing": nobody.missing,
    "run": late,
    "state": r.state(late),
    "release": r.world.lake.current_release(lob).release_id,
    "waiting": [first.still_waiting_for, second.still_waiting_for, third.still_waiting_for],
    "codes": [finding["code"] for finding in report["findings"]],
    "page": "Medicare supplement" in render_report(report),
}))
"""


def test_it_is_refreshed_to_a_publication_by_its_own_calendar_policy_and_threshold(copy: Path) -> None:
    found = run(copy, REFRESH, str(copy))
    assert found["lobs"] == ["medicare_advantage", "aca_exchange", "medicaid", "commercial", LOB]
    assert found["refreshed"] == found["lobs"]
    # The first Tuesday of March 2027, 07:15 in New York.
    assert found["due"] == "2027-03-02T12:15:00+00:00"
    assert found["missing"] == [SOURCE]
    assert found["run"].startswith(f"{LOB}-2027_03-")
    assert (found["state"], found["release"]) == ("PUBLISHED", found["run"])
    assert found["waiting"] == [["data_lead", "actuary"], ["actuary"], []]
    # Three of forty are less than the usual 30 % and more than its own 5 %.
    assert "ROW_DROP" in found["codes"]
    assert found["page"]


SYNTHESIZE = """
import json, sys
from pathlib import Path
from infra.app import synthesize
from infra.settings import load_context, load_settings
from tests.infra.assembly import Assembly
settings = load_settings(load_context({"stage": "local", "oidc_issuer": "http://127.0.0.1:9000"}))
assembly = Assembly(synthesize(settings, Path(sys.argv[1]), validate=False), settings.prefix)
print(json.dumps({
    "machines": sorted(assembly.by_name("AWS::StepFunctions::StateMachine", "StateMachineName")),
    "schedules": [s["Name"] for s in assembly.of_type("AWS::Scheduler::Schedule").values()],
    "alarms": [name for name in assembly.by_name("AWS::CloudWatch::Alarm", "AlarmName") if name.startswith("refresh-")],
    "rules": sorted(assembly.by_name("AWS::Events::Rule", "Name")),
    "resources": max(len(template["Resources"]) for template in assembly.templates.values()),
}))
"""


def test_it_gets_a_state_machine_a_schedule_a_rule_and_an_alarm_of_its_own(copy: Path, tmp_path: Path) -> None:
    found = run(copy, SYNTHESIZE, str(tmp_path / "out"))
    assert found["machines"] == ["aca_exchange", "commercial", "medicaid", "medicare_advantage", LOB]
    assert "medicare-supplement-semiannual" in found["schedules"]
    assert "refresh-failed-medicare-supplement" in found["alarms"]
    assert "medicare-supplement-close-ended" in found["rules"]
    assert found["resources"] < 500
