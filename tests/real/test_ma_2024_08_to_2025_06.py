"""Two vintages of the MA contract directory as CMS published them: what changed between them is known."""

import csv
import io
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fivetier.app.comparing import compare
from fivetier.domain.names import equality_key
from fivetier.domain.tiers import Lob

pytestmark = pytest.mark.real

NOW = datetime(2025, 7, 1, tzinfo=UTC).replace(tzinfo=None)
OLD, NEW = "MA_Contract_directory_2024_08.csv", "MA_Contract_directory_2025_06.csv"
NUMBER, PARENT = "Contract Number", "Parent Organization"
SPELLED = ("Legal Entity Name", "Organization Marketing Name", PARENT, "Organization Type", "Plan Type")

Table = list[dict[str, str]]
File = tuple[str, bytes]


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "medicare_advantage"


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    return between(original(folder, OLD), original(folder, NEW))


def between(old: File, new: File) -> dict[str, Any]:
    return compare([old], [new], lob=Lob.MEDICARE_ADVANTAGE, now=NOW)


def original(folder: Path, name: str) -> File:
    return name, (folder / name).read_bytes()


def table(folder: Path, name: str) -> Table:
    return list(csv.DictReader(io.StringIO((folder / name).read_bytes().decode("utf-8-sig"), newline="")))


def as_file(name: str, rows: Table) -> File:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return name, text.getvalue().encode()


def changed(report: dict[str, Any]) -> dict[str, int]:
    return {c["column"]: c["count"] for c in report["column_changes"] if c["table"] == "contract"}


def facts(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says whatever the spelling, and wherever in the file it stood."""
    events = [
        (
            e["event_type"],
            e["scope"],
            equality_key(e["from"] or ""),
            equality_key(e["to"] or ""),
            e["contracts"],
            sorted(e["node_ids"]),
        )
        for e in report["events"]
    ]
    return {
        "ledger": report["ledger"],
        "events": events,
        "findings": [(f["code"], f["count"]) for f in report["findings"]],
        "changed": changed(report),
        "programs": report["programs"],
    }


def test_every_row_is_used_and_every_contract_accounted_for(report: dict[str, Any]) -> None:
    ledger = report["ledger"]
    assert (ledger["landed_rows"], ledger["normalized_rows"]) == (929, 929)
    assert {k: ledger["contracts"][k] for k in ("kept", "removed", "added")} == {
        "kept": 886,
        "removed": 95,
        "added": 43,
    }
    assert ledger["published_nodes"] == ledger["unchanged"] + ledger["changed"] + ledger["removed"]
    assert ledger["candidate_nodes"] == ledger["unchanged"] + ledger["changed"] + ledger["added"]
    assert sum(p["published"] for p in report["programs"].values()) == 981
    assert (report["base_sub_version"], report["sub_version"]) == ("2024_08", "2025_06")


def test_the_sale_of_fifteen_contracts_is_one_event(report: dict[str, Any], folder: Path) -> None:
    (event,) = [e for e in report["events"] if e["from"] == "The Cigna Group"]
    assert (event["event_type"], event["to"]) == ("parent_changed", "Health Care Service Corporation")
    assert len(event["contracts"]) == 15
    old, new = ({r[NUMBER]: r["Legal Entity Name"] for r in table(folder, name)} for name in (OLD, NEW))
    assert sum(equality_key(old[c]) != equality_key(new[c]) for c in event["contracts"]) == 8
    assert not [e for e in report["events"] if e is not event and set(e["contracts"]) & set(event["contracts"])]


def test_what_changed_on_kept_contracts_is_counted_as_measured(report: dict[str, Any], folder: Path) -> None:
    assert (changed(report)["subsidiary"], changed(report)["parent payer"]) == (14, 37)
    assert changed(report)["marketing_name"] == 26
    old, new = ({r[NUMBER]: r for r in table(folder, name)} for name in (OLD, NEW))
    kept = old.keys() & new.keys()

    def differ(column: str, key: Callable[[str], str] = str.strip) -> int:
        return sum(key(old[c][column]) != key(new[c][column]) for c in kept)

    assert (differ("Legal Entity Name"), differ(PARENT)) == (14, 38)
    assert (differ("Organization Marketing Name"), differ("Organization Marketing Name", equality_key)) == (27, 26)


def test_the_one_change_of_legal_form_is_a_rename(report: dict[str, Any]) -> None:
    (renamed,) = [e for e in report["events"] if e["event_type"] == "renamed"]
    assert (renamed["scope"], len(renamed["contracts"]), len(renamed["node_ids"])) == ("parent payer", 1, 1)
    moved = [c for e in report["events"] if e["event_type"] == "parent_changed" for c in e["contracts"]]
    assert len(moved) == len(set(moved)) == 37
    assert not set(renamed["contracts"]) & set(moved)


def test_programs_beside_medicare_advantage_are_kept(report: dict[str, Any]) -> None:
    gone_or_new = {c for e in report["events"] if e["event_type"] in ("removed", "added") for c in e["contracts"]}
    assert not gone_or_new & {"X0001", "90091"}
    assert report["programs"]["LI_NET"] == {"published": 1, "candidate": 1}
    assert report["programs"]["HCPP"]["candidate"] > 0


def test_no_structural_gate_fires_on_published_files(report: dict[str, Any]) -> None:
    codes = {f["code"] for f in report["findings"]}
    assert not codes & {
        "CYCLE",
        "DRIFT_LOB",
        "ROW_DROP",
        "COLLAPSED",
        "ORPHAN",
        "DUP",
        "TIER_SKIP",
        "NON_RECON",
        "OVERLAP",
    }
    assert report["recommendation"]["advice"] == "review"


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_shuffled_and_recased_copies_give_the_same_ids_and_events(
    report: dict[str, Any], folder: Path, change: Callable[[str], str]
) -> None:
    def copy(name: str) -> File:
        rows = [{k: change(v) if k in SPELLED else v for k, v in row.items()} for row in table(folder, name)]
        random.Random(7).shuffle(rows)
        return as_file(name, rows)

    assert facts(between(copy(OLD), copy(NEW))) == facts(report)
    assert facts(between(original(folder, OLD), copy(NEW))) == facts(report)


def test_a_workbook_with_title_and_total_rows_gives_the_same_result(
    report: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    """The files name no month, so it is told from the title row."""

    def workbook(name: str, title: str) -> File:
        rows = table(folder, name)
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append([title])
        sheet.append(list(rows[0]))
        for row in rows:
            sheet.append(list(row.values()))
        sheet.append(["Total" if n == 0 else len(rows) if c == "Enrollment" else None for n, c in enumerate(rows[0])])
        path = tmp_path / f"{name[:21]}.xlsx"
        book.save(path)
        return path.name, path.read_bytes()

    copies = workbook(OLD, "MA Contract Directory, August 2024"), workbook(NEW, "MA Contract Directory, June 2025")
    found = between(*copies)
    assert facts(found) == facts(report)
    assert [s["format"] for s in found["sources"]] == ["xlsx"]


def test_three_contracts_moved_in_a_copy_are_one_event_of_three(folder: Path) -> None:
    rows = table(folder, OLD)
    parents = [row[PARENT] for row in rows]
    source = max(sorted(set(parents)), key=parents.count)
    target = next(p for p in sorted(set(parents)) if equality_key(p) != equality_key(source))
    three = sorted(row[NUMBER] for row in rows if row[PARENT] == source)[:3]
    copy = [{**row, PARENT: target} if row[NUMBER] in three else row for row in rows]
    (event,) = between(original(folder, OLD), as_file("MA_Contract_directory_2024_09.csv", copy))["events"]
    assert (event["event_type"], event["contracts"]) == ("parent_changed", three)
    assert (event["from"], event["to"]) == (source, target)


def test_the_same_file_twice_changes_nothing(folder: Path) -> None:
    found = between(original(folder, NEW), original(folder, NEW))
    assert (found["events"], found["ledger"]["changed"], found["column_changes"]) == ([], 0, [])


def test_a_compare_takes_less_than_twenty_seconds(folder: Path) -> None:
    files = original(folder, OLD), original(folder, NEW)
    start = time.perf_counter()
    between(*files)
    assert time.perf_counter() - start < 20
