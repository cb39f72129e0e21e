"""Four lines of business from their publishers' own files, side by side: each waits for its own signatures."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.pipeline import Pipeline

pytestmark = [pytest.mark.real, pytest.mark.local_stack]

#: Line of business -> month, then source and file of each landing.
FIRST: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "medicare_advantage": (
        "2024_08",
        (
            ("cms_ma_contract_directory", "medicare_advantage/MA_Contract_directory_2024_08.csv"),
            ("cms_monthly_report_by_plan", "medicare_advantage/Monthly_Report_By_Plan_2024_08.json.gz"),
        ),
    ),
    "aca_exchange": (
        "2014_01",
        (
            ("qhp_landscape", "exchange/2014_QHP_Landscape_NM_Individual_Market_Medical.csv.gz"),
            ("network_puf", "exchange/Network_PUF_2014.csv"),
        ),
    ),
    "medicaid": ("2019_07", (("medicaid_managed_care", "medicaid/data_state_plan_2019.csv"),)),
    "commercial": ("2024_10", (("stedi_payer_directory", "clearinghouse/payer_directory.json.gz"),)),
}
#: Each is one parent payer, whatever its companies are called where.
PARENTS = (
    "UnitedHealth Group, Inc.",
    "Centene Corporation",
    "Molina Healthcare, Inc.",
    "Elevance Health, Inc.",
    "CVS Health Corporation",
)


def land(pipeline: Pipeline, lob: str, month: str, source: str, path: Path) -> None:
    where = ("--lob", lob, "--source", source, "--sub-version", month)
    answer = pipeline.command("land", *where, str(path))
    assert answer.exit_code == 0, answer.err


def start(pipeline: Pipeline, lob: str, month: str) -> str:
    answer = pipeline.command("refresh", "--lob", lob, "--sub-version", month, "--json")
    assert answer.exit_code == 0, answer.err
    return str(answer.json["run_id"])


def waiting(pipeline: Pipeline, runs: dict[str, str], seconds: float = 300) -> dict[str, dict[str, Any]]:
    """The reports of all runs, once every one of them asks people."""
    deadline = time.monotonic() + seconds
    while pending := {lob for lob, run_id in runs.items() if pipeline.state(run_id) != "AWAITING_SIGN_OFF"}:
        assert time.monotonic() < deadline, pending
        time.sleep(1)
    return {lob: pipeline.report(run_id) for lob, run_id in runs.items()}


def test_four_lines_of_business_refresh_side_by_side(real_pipeline: Pipeline, real_data: Path) -> None:
    pipeline = real_pipeline
    for lob, (month, files) in FIRST.items():
        for source, name in files:
            land(pipeline, lob, month, source, real_data / name)
    runs = {lob: start(pipeline, lob, month) for lob, (month, _) in FIRST.items()}
    reports = waiting(pipeline, runs)
    tiers = {lob: report["ledger"]["nodes_by_tier"] for lob, report in reports.items()}
    assert tiers["medicare_advantage"] == {"1": 309, "2": 759, "3": 759, "4": 7298}
    assert tiers["aca_exchange"] == {"1": 4, "2": 4, "3": 4, "4": 45, "5": 7}
    assert tiers["medicaid"]["4"] == 833
    assert pipeline.sql("SELECT count(*) AS n FROM v_release") == [{"n": "0"}]

    for number, lob in enumerate(("commercial", "medicaid", "aca_exchange", "medicare_advantage"), start=1):
        pipeline.sign_both(runs[lob])
        assert pipeline.ended(runs[lob])["state"] == "PUBLISHED"
        assert pipeline.sql("SELECT count(*) AS n FROM v_release") == [{"n": str(number)}]

    # Names the others gave a parent before this one was published: a second month meets them.
    land(
        pipeline,
        "aca_exchange",
        "2015_01",
        "qhp_landscape",
        real_data / "exchange/2015_QHP_Landscape_NM_Individual_Market_Medical.csv.gz",
    )
    again = {"aca_exchange": start(pipeline, "aca_exchange", "2015_01")}
    waiting(pipeline, again)
    pipeline.sign_both(again["aca_exchange"])
    assert pipeline.ended(again["aca_exchange"])["state"] == "PUBLISHED"

    names = "SELECT node_id, lob FROM hierarchy_node h JOIN release USING (lob, release_id) WHERE tier = 1"
    for parent in PARENTS:
        formerly = "'Anthem, Inc.'" if parent.startswith("Elevance") else "''"
        rows = pipeline.sql(f"{names} AND h.valid_to IS NULL AND h.name IN ('{parent}', {formerly})")
        assert len({row["node_id"] for row in rows}) == 1, parent
        assert len({row["lob"] for row in rows}) >= 3, parent
    assert pipeline.command("audit", "verify").exit_code == 0
    assert pipeline.command("audit", "verify", "--lob", "medicaid").exit_code == 0
