"""CMS's own files through the whole pipeline: the figures everybody can recompute from them."""

from pathlib import Path

import pytest

from tests.support.pipeline import DIRECTORY, LOB, MONTHLY, Pipeline

pytestmark = [pytest.mark.real, pytest.mark.local_stack]


@pytest.fixture
def files(real_data: Path) -> Path:
    return real_data / "medicare_advantage"


def test_two_months_of_cms_files_become_two_publications(real_pipeline: Pipeline, files: Path) -> None:
    pipeline = real_pipeline
    for month, directory, report in (
        ("2024_08", "MA_Contract_directory_2024_08.csv", "Monthly_Report_By_Plan_2024_08.json.gz"),
        ("2025_06", "MA_Contract_directory_2025_06.csv", "Monthly_Report_By_Plan_2025_08_condensed.json"),
    ):
        for source, name in ((DIRECTORY, directory), (MONTHLY, report)):
            where = (*LOB, "--source", source, "--sub-version", month)
            assert pipeline.command("land", *where, str(files / name)).exit_code == 0
        status = pipeline.refresh(month)
        assert status["state"] == "AWAITING_SIGN_OFF", status
        pipeline.sign_both(status["run_id"])
        assert pipeline.ended(status["run_id"])["state"] == "PUBLISHED"

    report = pipeline.report(status["run_id"])
    assert report["ledger"]["contracts"] == {"kept": 886, "removed": 95, "added": 43, "changed": 62}
    moves = [e for e in report["events"] if e["event_type"] == "parent_changed" and "Cigna" in e["from"]]
    assert [len(e["contracts"]) for e in moves] == [15]
    assert report["ledger"]["landed_rows"] == 929 + 7898
    counted = "SELECT count(DISTINCT contract_id) AS n FROM contract WHERE valid_to IS NULL AND release_id = "
    assert pipeline.sql(f"{counted}'{status['run_id']}'") == [{"n": "929"}]
    as_of = "valid_from <= DATE '2024-09-15' AND (valid_to IS NULL OR valid_to > DATE '2024-09-15')"
    tiers = pipeline.sql(f"SELECT tier, count(*) AS n FROM v_hierarchy_history WHERE {as_of} GROUP BY tier")
    assert {row["tier"]: row["n"] for row in tiers} == {"1": "309", "2": "759", "3": "759", "4": "7298"}

    assert pipeline.refresh("2025_06")["run_id"] == status["run_id"]
    assert pipeline.command("audit", "verify").exit_code == 0
