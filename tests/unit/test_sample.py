"""The bundled sample tells the story its README says, in its publishers' formats, and nothing else."""

import csv
import io
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from fivetier.app.candidate import Base, resolve_feeds, review
from fivetier.app.comparing import compare, read_file
from fivetier.domain.ids import SubVersion
from fivetier.domain.names import equality_key
from fivetier.domain.resolution import RunContext
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Lob

from fivetier_cli.vintages import SAMPLE, find_vintages

LOB = Lob.MEDICARE_ADVANTAGE
NOW = datetime(2025, 7, 1, tzinfo=UTC).replace(tzinfo=None)
DIRECTORY, MONTHLY, AEQUALIS = "cms_ma_contract_directory", "cms_monthly_report_by_plan", "aequalis"
CIGNA, HCSC = "The Cigna Group", "Health Care Service Corporation"
MOVED = [f"H96{n:02}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12)] + ["R9608"]
CONTACT = ("Sample Desk", "Nobody", "000-555-0100", "nobody@example.test", "1 Example Street")
OLD, NEW = find_vintages(SAMPLE)


def contents(vintage: Any) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in vintage.files.values()]


def table(vintage: Any, source: str) -> list[dict[str, str]]:
    data = vintage.files[source].read_bytes()
    text = data.decode("cp1252" if source == MONTHLY else "utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return compare(contents(OLD), contents(NEW), lob=LOB, now=NOW)


def moves(report: dict[str, Any], kind: str) -> list[tuple[str | None, str | None, list[str]]]:
    return [(e["from"], e["to"], e["contracts"]) for e in report["events"] if e["event_type"] == kind]


def test_the_baseline_publishes_without_a_question() -> None:
    feeds = [read_file(name, data, LOB) for name, data in contents(OLD)]
    context = RunContext(LOB, SubVersion(2024, 8), "baseline", NOW)
    resolution, refused = resolve_feeds(feeds, context, Slice(LOB))
    found = review(feeds, refused, resolution, context, Base(Slice(LOB)))
    assert found["recommendation"]["advice"] == "approve"
    assert [f["code"] for f in found["findings"]] == ["NETWORK_UNKNOWN", "PLAN_NOT_IN_AEQUALIS"]
    assert found["ledger"]["quarantined_rows"] == 0


def test_the_sale_is_one_event(report: dict[str, Any]) -> None:
    assert moves(report, "parent_changed") == [
        (CIGNA, HCSC, MOVED),
        ("Dunmarrow Health Partners", "Saffron Ridge Health", ["H9641", "H9642"]),
    ]
    old, new = ({row["Contract Number"]: row["Legal Entity Name"] for row in table(v, DIRECTORY)} for v in (OLD, NEW))
    assert [c for c in MOVED if old[c] != new[c]] == ["H9609", "H9610", "H9611", "H9612"]


def test_what_else_happened_is_what_the_readme_says(report: dict[str, Any]) -> None:
    contracts = [e for e in report["events"] if e["scope"] == "contract"]
    plans = [e for e in report["events"] if e["scope"] == "plan"]
    gone = [e["contracts"][0] for e in contracts if e["event_type"] == "removed"]
    come = [e["contracts"][0] for e in contracts if e["event_type"] == "added"]
    assert moves(report, "renamed") == [("Ternhollow Health", "Ternhollow Health, Inc.", ["H9631", "H9632"])]
    assert moves(report, "subsidiary_changed") == []
    assert (sorted(gone), sorted(come)) == (["H9696", "H9708", "H9709", "H9710"], ["H9697", "H9711", "H9715"])
    assert [(e["from"], e["to"]) for e in plans] == [("H9607-009", None), (None, "H9703-003")]
    types = [c for c in report["column_changes"] if c["column"] == "plan_type"]
    assert [(c["table"], c["count"]) for c in types] == [("hierarchy_node", 1)]


def test_it_asks_for_three_ticks_and_blocks_nothing(report: dict[str, Any]) -> None:
    found = {f["code"]: f for f in report["findings"]}
    assert report["recommendation"] == {
        "advice": "review",
        "blocking": [],
        "needs_tick": ["DRIFT_PARENT", "POSSIBLE_RENAME", "PARENT_DISAGREEMENT"],
    }
    assert found["PARENT_DISAGREEMENT"]["samples"] == [
        {
            "of": "H9693",
            "stated": "Bramblecote Mutual Holdings",
            "other": "Coppervane Medical Group Holdings, LLC",
            "kept": "Bramblecote Mutual Holdings",
        }
    ]
    assert {code for code, f in found.items() if f["severity"] == "P2"} == {
        "DRIFT_NAME",
        "NETWORK_UNKNOWN",
        "PLAN_NOT_IN_AEQUALIS",
        "QUARANTINED_ROWS",
    }


def test_aequalis_lists_a_part_of_the_plans_and_each_it_lacks_is_counted(report: dict[str, Any]) -> None:
    assert report["completeness"]["totals"] == {
        **{"cms": 91, "aequalis": 28, "both": 28, "only_cms": 63, "only_aequalis": 0},
    }
    assert {f["code"]: f["count"] for f in report["findings"]}["PLAN_NOT_IN_AEQUALIS"] == 63


def test_the_ledger_ties_and_no_row_is_lost(report: dict[str, Any]) -> None:
    ledger = report["ledger"]
    rows = sum(len(table(NEW, source)) for source in NEW.files)
    counted = ledger["landed_rows"], ledger["normalized_rows"], ledger["quarantined_rows"], ledger["suppressed_rows"]
    assert counted == (rows, rows - 8, 2, 6)
    assert ledger["contracts"] == {"kept": 47, "removed": 4, "added": 3, "changed": 15}
    reasons = {g["reason_code"]: [s["value"] for s in g["samples"]] for g in report["quarantine"]}
    assert sorted(reasons) == ["CONTRACT_NOT_IN_DIRECTORY", "DATE_UNREADABLE"]
    assert reasons["DATE_UNREADABLE"] == ["02/30/2025"]
    assert report["suppressed"] == {"R1.3": 4, "AEQUALIS_OTHER_LOB": 1, "AEQUALIS_NOT_IN_FORCE": 1}


@pytest.mark.parametrize("vintage", [OLD, NEW], ids=["old", "new"])
def test_the_directory_is_as_cms_writes_it(vintage: Any) -> None:
    data, rows = vintage.files[DIRECTORY].read_bytes(), table(vintage, DIRECTORY)
    assert len(rows[0]) == 29
    assert not data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n") == len(rows) + 1
    assert b'HARBOR ""BLUE ANCHOR"" HEALTH COOPERATIVE' in data
    assert b"Larkmere & Rowe Health, Inc." in data
    assert "St. Corwin\N{RIGHT SINGLE QUOTATION MARK}s Eldercare".encode() in data
    counts = {row["Enrollment"] for row in rows}
    assert {"*", ""} < counts
    assert any(re.fullmatch(r"\d+,\d{3}", count) for count in counts)
    assert all(re.fullmatch(r"\d\d/\d\d/\d{4}", row["Contract Effective Date"]) for row in rows)
    assert {row["Legal Entity Zip"] for row in rows} == {"00501"}
    forms = Counter(row["Contract Number"][0] for row in rows)
    assert set(forms) == {"H", "R", "X", "9"}
    assert {row["Organization Type"] for row in rows} == {
        *("Local CCP", "Regional CCP", "PFFS", "MSA", "Demo"),
        *("National PACE", "1876 Cost", "HCPP - 1833 Cost", "LI NET Sponsor"),
    }


@pytest.mark.parametrize("vintage", [OLD, NEW], ids=["old", "new"])
def test_the_monthly_report_is_as_cms_writes_it(vintage: Any) -> None:
    data, rows = vintage.files[MONTHLY].read_bytes(), table(vintage, MONTHLY)
    assert len(rows[0]) == 11
    assert data.count(b"\r\n") == data.count(b"\n") == len(rows) + 1
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    assert "Montañuela Basic (HMO)" in {row["Plan Name"] for row in rows}
    assert {"1", "14", "801"} < {row["Plan ID"] for row in rows}
    assert "*" in {row["Enrollment"] for row in rows}
    assert {row["Contract Number"][0] for row in rows} >= {"H", "R", "S", "E", "9"}
    assert all(row["Contract Effective Date"].endswith(" 0:00") for row in rows)


def test_a_name_in_mojibake_is_no_news(report: dict[str, Any]) -> None:
    names = {row["Contract Number"]: row["Parent Organization"] for row in table(NEW, DIRECTORY)}
    assert (names["H9671"], names["H9672"]) == ("Montañuela Health Trust", "MontaÃ±uela Health Trust")
    assert equality_key(names["H9671"]) == equality_key(names["H9672"])
    assert not any({"H9671", "H9672"} & set(event["contracts"]) for event in report["events"])


@pytest.mark.parametrize("vintage", [OLD, NEW], ids=["old", "new"])
def test_contact_cells_are_nobodys_and_stay_outside(vintage: Any, report: dict[str, Any]) -> None:
    columns = [name for name in table(vintage, DIRECTORY)[0] if name.startswith("Directory Contact")]
    assert len(columns) == 14
    cells = {row[name] for row in table(vintage, DIRECTORY) for name in columns}
    assert {*CONTACT} < cells
    assert all("@" not in cell or cell.endswith("@example.test") for cell in cells)
    feeds = [read_file(name, data, LOB) for name, data in contents(vintage)]
    kept = str([(feed.rows.to_pylist(), feed.quarantined.to_pylist()) for feed in feeds])
    assert not [word for word in CONTACT if word in kept + str(report)]


def test_the_readme_names_only_what_is_there() -> None:
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b[HRSEX]\d{4}\b", text))
    ids = {row["Contract Number"] for v in (OLD, NEW) for source in (DIRECTORY, MONTHLY) for row in table(v, source)}
    assert named <= ids
    assert f"The {len(table(OLD, DIRECTORY))} contracts of August 2024" in text
    for finding in ("DRIFT_PARENT", "POSSIBLE_RENAME", "PARENT_DISAGREEMENT"):
        assert finding in text
