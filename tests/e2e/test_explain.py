"""`fivetier explain` on a stack: by every kind of name, with the landed file and run behind each row."""

import pytest

from tests.support.cms import Entry, directory, entries
from tests.support.pipeline import Pipeline

OURS = Entry("H7777", "Explained Health", "EXPLAINED HEALTH OF OHIO, INC.")

pytestmark = pytest.mark.local_stack


@pytest.fixture(scope="module")
def run_id(pipeline: Pipeline) -> str:
    return pipeline.publish(pipeline.next_month(), directory([OURS, *entries()]))


def test_a_contract_s_path_ids_history_and_source_are_told(pipeline: Pipeline, run_id: str) -> None:
    answer = pipeline.command("explain", OURS.parent, "--json")
    assert answer.exit_code == 0, answer.err
    (part,) = answer.json["lines_of_business"]
    assert (answer.json["name"], answer.json["tier"], part["lob"]) == (OURS.parent, 1, "medicare_advantage")
    row = part["history"][-1]
    assert row["run_id"] == run_id and row["file"].startswith("cms_ma_contract_directory")
    assert row["row_number"] > 1
    by_prefix = pipeline.command("explain", answer.json["node_id"][:12], "--as-of", "2060-01-01")
    assert by_prefix.exit_code == 0, by_prefix.err
    assert OURS.parent in by_prefix.out and "Path on 2060-01-01" in by_prefix.out


def test_a_contract_leads_to_its_line_of_business_under_its_parent(pipeline: Pipeline, run_id: str) -> None:
    answer = pipeline.command("explain", OURS.contract, "--json")
    (part,) = answer.json["lines_of_business"]
    assert [step["tier"] for step in part["path"]] == [1, 2, 3] and part["path"][0]["name"] == OURS.parent


def test_what_is_unknown_or_no_date_is_a_matter_of_typing(pipeline: Pipeline, run_id: str) -> None:
    unknown = pipeline.command("explain", "Nobody's Health")
    assert unknown.exit_code == 2 and "nothing published" in unknown.err
    assert pipeline.command("explain", "H1234", "--as-of", "01/02/2026").exit_code == 2
