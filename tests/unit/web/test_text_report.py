from collections.abc import Callable
from typing import Any

import pytest
from fivetier.web.text_report import brief_lines, summary_lines
from pages import assert_golden, empty_report, live_report, rollback_report, small_report


def test_the_summary_of_a_small_report_is_the_golden_one() -> None:
    assert_golden("web_text_report.txt", "\n".join(summary_lines(live_report())) + "\n")


def test_an_empty_report_has_a_summary() -> None:
    lines = summary_lines(empty_report())
    assert lines[0] == "Medicare Advantage, June 2025"
    assert lines[1].startswith("APPROVE: ")
    assert lines[-2:] == ["Findings", "  None"]


def test_a_rollback_says_so_in_its_first_line() -> None:
    report = rollback_report()
    lines = summary_lines(report)
    assert lines[0] == f"Medicare Advantage: Roll back to the release of June 2025 ({report['rollback_to']})"
    assert {f"Restores: {report['rollback_to']}", "Reason: The sale was called off."} <= set(lines)
    assert "  No source file takes part: every row was signed and published before." in lines
    clean = {**report, "recommendation": {"advice": "approve", "blocking": [], "needs_tick": []}}
    assert summary_lines(clean)[1].endswith("Whether to go back is yours to judge.")


def test_a_sum_that_does_not_tie_is_told_even_when_it_is_not_among_those_shown() -> None:
    report = small_report()
    report["suppressed"]["R1.3"] = 4
    text = "\n".join(summary_lines(report))
    assert "3 suppressed rows = 4 R1.3 (DOES NOT TIE: the parts sum to 4)" in text


def test_long_lists_say_how_many_more_there_are() -> None:
    report = small_report()
    report["events"] = [report["events"][0]] * 12
    report["event_counts"]["parent_changed (parent payer)"] = 14
    lines = summary_lines(report)
    assert sum("Old Health -> New Health: 2 contracts" in line for line in lines) == 10
    assert "  and 4 more" in lines


def test_the_brief_form_is_the_verdict_and_what_changed() -> None:
    report = small_report()
    whole = summary_lines(report)
    verdict = whole[: next(i for i, line in enumerate(whole) if line.startswith("Compared with"))]
    changed = whole[whole.index("What changed") + 1 : whole.index("Ledger") - 1]
    assert any("P1" in line for line in verdict)
    assert brief_lines(report) == [*verdict, *(line.strip() for line in changed)]


@pytest.mark.parametrize("lines_of", [summary_lines, brief_lines])
def test_data_cannot_steer_the_terminal_or_add_lines(lines_of: Callable[[dict[str, Any]], list[str]]) -> None:
    report = small_report()
    report["events"][0]["to"] = "Evil\x1b[2J\nAPPROVE: nothing to see\u202e"
    lines = lines_of(report)
    assert not any(not char.isprintable() for line in lines for char in line)
    assert any("Evil\\x1b[2J\\x0aAPPROVE" in line for line in lines)
