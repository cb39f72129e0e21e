"""From files to the report: the steps the pipeline and `fivetier compare` share."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fivetier.app import comparing
from fivetier.app.candidate import (
    Base,
    Feed,
    check_period,
    resolution_from_json,
    resolution_to_json,
    resolve_feeds,
    review,
)
from fivetier.app.comparing import compare
from fivetier.app.normalizing import read_result
from fivetier.domain.completeness import Completeness, Missing
from fivetier.domain.errors import InputError, MissingSource, StaleSubVersion
from fivetier.domain.ids import SubVersion
from fivetier.domain.manifest import canonical_json
from fivetier.domain.resolution import Disagreement, Resolution, RunContext
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Lob

from tests.unit.feeds.files import (
    AEQUALIS,
    AEQUALIS_HEADER,
    DIRECTORY,
    DIRECTORY_HEADER,
    MONTHLY,
    MONTHLY_HEADER,
    as_csv,
    contract,
    insight,
    plan,
    read,
)

LOB = Lob.MEDICARE_ADVANTAGE
NOW = datetime(2025, 7, 1, 12, 0, tzinfo=UTC).replace(tzinfo=None)
HEADERS = {DIRECTORY: DIRECTORY_HEADER, MONTHLY: MONTHLY_HEADER, AEQUALIS: AEQUALIS_HEADER}
CONTRACTS = ("H1234", "H1235", "H1236", "X0001", "90091")

Rows = list[list[object]]
File = tuple[str, bytes]


def file_of(source: str, month: str, rows: Rows) -> File:
    return f"{source}_{month}.csv", as_csv(HEADERS[source], *rows)


def feed_of(source: str, rows: Rows, month: str = "2025_06") -> Feed:
    name, data = file_of(source, month, rows)
    return read_result(read(source, data, file_name=name))


def market(**changes: str) -> Rows:
    return [contract(number, **changes) for number in CONTRACTS]


PLANS: Rows = [plan(number, n) for number in CONTRACTS[:3] for n in ("1", "2")]


def context(month: str = "2025_06") -> RunContext:
    return RunContext(LOB, SubVersion.parse(month), f"run-{month}", NOW)


def published() -> Slice:
    feeds = [feed_of(DIRECTORY, market(), "2024_08"), feed_of(MONTHLY, PLANS, "2024_08")]
    return resolve_feeds(feeds, context("2024_08"), Slice(LOB))[0].candidate


def reviewed(*feeds: Feed, base: Slice | None = None) -> dict[str, Any]:
    before = base or published()
    resolution, refused = resolve_feeds(feeds, context(), before)
    return review(feeds, refused, resolution, context(), Base(before, "run-0", SubVersion(2024, 8)))


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {finding["code"]: finding["count"] for finding in report["findings"]}


# ---- reading and periods ---------------------------------------------------------------------------------


def test_the_ledger_of_a_feed_is_what_the_reader_counted() -> None:
    feed = feed_of(DIRECTORY, [*market(), contract("S1234"), contract("nonsense")])
    ledger = feed.ledger
    assert (ledger.landed, ledger.normalized, ledger.quarantined, ledger.suppressed) == (7, 5, 1, 1)
    assert (ledger.period, feed.suppressed_by_rule) == ("2025_06", {"R1.3": 1})


@pytest.mark.parametrize(
    ("period", "fits"), [("2025_03", True), ("2025_09", True), ("2025_02", False), ("2025_10", False)]
)
def test_a_file_may_be_three_months_off_and_no_more(period: str, fits: bool) -> None:
    ledger = replace(feed_of(DIRECTORY, market()).ledger, period=period)
    if fits:
        check_period(ledger, LOB, SubVersion(2025, 6))
    else:
        with pytest.raises(StaleSubVersion, match=period):
            check_period(ledger, LOB, SubVersion(2025, 6))


@pytest.mark.parametrize(
    ("month", "fits"), [("2025_07", False), ("2025_08", True), ("2026_01", True), ("2026_12", True), ("2027_01", False)]
)
def test_a_file_of_a_plan_year_serves_it_and_the_autumn_before(month: str, fits: bool) -> None:
    ledger = replace(feed_of(DIRECTORY, market()).ledger, period="2026")
    if fits:
        check_period(ledger, LOB, SubVersion.parse(month))
    else:
        with pytest.raises(StaleSubVersion, match="is of 2026, which serves 2025_08 to 2026_12"):
            check_period(ledger, LOB, SubVersion.parse(month))


def test_a_file_that_does_not_say_its_month_is_taken_at_its_slot() -> None:
    check_period(replace(feed_of(DIRECTORY, market()).ledger, period=None), LOB, SubVersion(2025, 6))


# ---- quarantine ------------------------------------------------------------------------------------------


def test_a_row_that_cannot_be_placed_moves_from_normalized_to_quarantined() -> None:
    report = reviewed(feed_of(DIRECTORY, market()), feed_of(MONTHLY, [*PLANS, plan("H7777", "1")]))
    source = next(s for s in report["sources"] if s["source"] == MONTHLY)
    assert (source["landed_rows"], source["normalized_rows"], source["quarantined_rows"]) == (7, 6, 1)
    (group,) = report["quarantine"]
    assert (group["reason_code"], group["count"]) == ("CONTRACT_NOT_IN_DIRECTORY", 1)
    assert "H7777" in group["samples"][0]["message"]
    assert counts(report)["QUARANTINED_ROWS"] == 1


def test_a_refused_row_is_kept_whole_and_traceable() -> None:
    feeds = [feed_of(DIRECTORY, market()), feed_of(MONTHLY, [plan("H7777", "1")])]
    (row,) = resolve_feeds(feeds, context(), published())[1].to_pylist()
    assert row["trace_id"] == feeds[1].rows.column("trace_id").to_pylist()[0]
    assert (row["subject_id"], row["value"], row["run_id"]) == ("H7777-001", "H7777", "run-2025_06")
    assert json.loads(row["raw_row"])["plan_id"] == "H7777-001"


def test_a_contract_whose_directory_rows_disagree_is_carried_not_removed() -> None:
    rows = [*market(), contract("H1234", parent_organization="Somebody Else")]
    report = reviewed(feed_of(DIRECTORY, rows), feed_of(MONTHLY, PLANS))
    assert report["ledger"]["contracts"] == {"kept": 5, "removed": 0, "added": 0, "changed": 0}
    assert counts(report) == {"HELD_BY_QUARANTINE": 1, "NETWORK_UNKNOWN": 6, "SOURCE_MISSING": 1, "QUARANTINED_ROWS": 2}


def test_a_plan_whose_rows_disagree_is_carried_not_removed() -> None:
    report = reviewed(feed_of(DIRECTORY, market()), feed_of(MONTHLY, [*PLANS, plan("H1234", "1", plan_type="MSA")]))
    assert (report["ledger"]["removed"], counts(report)["HELD_BY_QUARANTINE"]) == (0, 1)


def test_an_unreadable_plan_number_removes_no_plan_of_its_contract() -> None:
    report = reviewed(feed_of(DIRECTORY, market()), feed_of(MONTHLY, [*PLANS[1:], plan("H1234", "first")]))
    assert (report["ledger"]["removed"], counts(report)["HELD_BY_QUARANTINE"]) == (0, 1)


def test_only_the_directory_s_own_quarantine_keeps_a_contract() -> None:
    """Neither a bad plan row nor a bad Aequalis row revives what CMS no longer lists."""
    bad_plan = [*PLANS, plan("H1234", "first")]
    bad_insight = [insight(), insight(plan_name="Another Name")]
    feeds = feed_of(DIRECTORY, market()[1:]), feed_of(MONTHLY, bad_plan), feed_of(AEQUALIS, bad_insight)
    report = reviewed(*feeds)
    assert report["ledger"]["contracts"]["removed"] == 1
    assert "HELD_BY_QUARANTINE" not in counts(report)


def test_a_bad_aequalis_row_keeps_no_plan_cms_dropped() -> None:
    bad = feed_of(AEQUALIS, [insight(), insight(plan_name="Another Name")])
    assert bad.quarantined.num_rows == 2
    report = reviewed(feed_of(DIRECTORY, market()), feed_of(MONTHLY, PLANS[1:]), bad)
    assert (report["ledger"]["removed"], "HELD_BY_QUARANTINE" in counts(report)) == (1, False)


def test_quarantine_groups_stand_by_size_then_name_with_few_samples() -> None:
    rows = [*market(), *(contract(f"bad{n}") for n in range(7)), contract("H5555", organization_type="Spacecraft")]
    groups = reviewed(feed_of(DIRECTORY, rows), feed_of(MONTHLY, PLANS))["quarantine"]
    assert [(g["reason_code"], g["count"], len(g["samples"])) for g in groups] == [
        ("CONTRACT_ID_UNKNOWN_FORM", 7, 5),
        ("ORGANIZATION_TYPE_UNKNOWN", 1, 1),
    ]


# ---- the report ------------------------------------------------------------------------------------------


def test_the_same_files_again_change_nothing_and_the_report_is_canonical() -> None:
    feeds = [feed_of(DIRECTORY, market()), feed_of(MONTHLY, PLANS)]
    report = reviewed(*feeds)
    assert report["events"] == []
    assert report["ledger"]["unchanged"] == report["ledger"]["published_nodes"] == report["ledger"]["candidate_nodes"]
    assert canonical_json(report) == canonical_json(json.loads(canonical_json(report)))
    assert report["created_at"] == "2025-07-01T12:00:00Z"
    assert canonical_json(reviewed(*feeds)) == canonical_json(report)


def test_sources_that_did_not_land_are_named() -> None:
    report = reviewed(feed_of(DIRECTORY, market()))
    (missing,) = [f for f in report["findings"] if f["code"] == "SOURCE_MISSING"]
    assert missing["samples"] == [{"source": MONTHLY}, {"source": AEQUALIS}]
    assert report["ledger"]["removed"] == 0


def test_a_file_of_another_month_is_named() -> None:
    report = reviewed(feed_of(DIRECTORY, market()), feed_of(MONTHLY, PLANS, "2025_05"))
    (found,) = [f for f in report["findings"] if f["code"] == "PERIOD_MISMATCH"]
    assert found["samples"][0]["source"] == MONTHLY


def test_the_candidate_survives_the_tables_it_is_staged_in() -> None:
    feeds = [feed_of(DIRECTORY, market(parent_organization="Fir Group")), feed_of(MONTHLY, PLANS)]
    before = published()
    resolution, refused = resolve_feeds(feeds, context(), before)
    stored = Slice.from_tables(LOB, resolution.candidate.to_tables("r"))
    read_back = resolution_from_json(json.loads(canonical_json(resolution_to_json(resolution))), stored)
    base = Base(before, "run-0", SubVersion(2024, 8))
    assert review(feeds, refused, read_back, context(), base) == review(feeds, refused, resolution, context(), base)


def test_what_resolving_brought_to_light_survives_json() -> None:
    resolution = Resolution(
        Slice(LOB),
        disagreements=(Disagreement("H1234", "A", "B", "A"),),
        held=("H1",),
        completeness=Completeness(only_cms=[Missing("OH", "A", "H1234-001", "Choice")]),
    )
    stored = json.loads(json.dumps(resolution_to_json(resolution)))
    assert resolution_from_json(stored, Slice(LOB)) == resolution


# ---- compare ---------------------------------------------------------------------------------------------


def compared(old: Rows, new: Rows, **options: Any) -> dict[str, Any]:
    files = [file_of(DIRECTORY, "2024_08", old)], [file_of(DIRECTORY, "2025_06", new)]
    return compare(*files, lob=LOB, now=NOW, **options)


def test_compare_tells_the_months_from_the_files_and_reports_the_difference() -> None:
    moved = [contract(n, parent_organization="Fir Group") if n != "90091" else contract(n) for n in CONTRACTS]
    report = compared(market(), moved)
    assert (report["sub_version"], report["base_sub_version"], report["base_snapshot"]) == (
        "2025_06",
        "2024_08",
        "compare-old",
    )
    (event,) = report["events"]
    assert (event["event_type"], event["from"], event["to"]) == ("parent_changed", "Example Health Group", "Fir Group")
    assert event["contracts"] == sorted({*CONTRACTS} - {"90091"})


def test_compare_finds_out_which_file_is_which_source_in_any_order() -> None:
    files = [file_of(MONTHLY, "2025_06", PLANS), file_of(DIRECTORY, "2025_06", market())]
    report = compare(files, list(reversed(files)), lob=LOB, now=NOW)
    assert [s["source"] for s in report["sources"]] == [DIRECTORY, MONTHLY]
    assert (report["events"], report["ledger"]["nodes_by_tier"]["4"]) == ([], 6)


def test_compare_takes_the_months_it_is_told() -> None:
    report = compared(market(), market(), old_month=SubVersion(2024, 9), new_month=SubVersion(2025, 5))
    assert (report["base_sub_version"], report["sub_version"]) == ("2024_09", "2025_05")


def test_compare_refuses_to_go_back_in_time() -> None:
    then, now = [file_of(DIRECTORY, "2024_08", market())], [file_of(DIRECTORY, "2025_06", market())]
    with pytest.raises(InputError, match="give the earlier vintage first"):
        compare(now, then, lob=LOB, now=NOW)


def test_compare_refuses_a_file_too_far_from_its_month() -> None:
    with pytest.raises(StaleSubVersion):
        compared(market(), market(), new_month=SubVersion(2025, 12))


def test_compare_refuses_two_files_of_one_source() -> None:
    one = file_of(DIRECTORY, "2025_06", market())
    with pytest.raises(InputError, match=r"again\.csv are both .*; give one"):
        compare([one, ("again.csv", one[1])], [one], lob=LOB, now=NOW)


def test_compare_needs_the_required_source() -> None:
    with pytest.raises(MissingSource) as refused:
        compare([file_of(MONTHLY, "2025_06", PLANS)], [], lob=LOB, now=NOW)
    assert refused.value.sources == (DIRECTORY,)


def test_compare_asks_for_a_month_it_cannot_tell() -> None:
    data = file_of(DIRECTORY, "", market())[1]
    with pytest.raises(InputError, match="cannot tell its month"):
        compare([("directory.csv", data)], [("directory.csv", data)], lob=LOB, now=NOW)


def test_compare_refuses_a_line_of_business_without_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "sources_of", lambda lob: ())
    with pytest.raises(InputError, match="no sources"):
        compare([], [], lob=Lob.COMMERCIAL, now=NOW)


def test_compare_refuses_what_is_no_source_at_all() -> None:
    with pytest.raises(InputError):
        compare([("notes_2025_06.csv", b"a,b\r\n1,2\r\n")], [], lob=LOB, now=NOW)
