"""The readers on files CMS published; the folder is named by FIVETIER_REAL_DATA and only read."""

import csv
import io
import os
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.reader import FeedBatch, read_feed

ROOT = os.environ.get("FIVETIER_REAL_DATA")
pytestmark = [pytest.mark.real, pytest.mark.skipif(ROOT is None, reason="FIVETIER_REAL_DATA is not set")]

DIRECTORY = "cms_ma_contract_directory"
MONTHLY = "cms_monthly_report_by_plan"


def read_real(source: str, name: str) -> FeedBatch:
    return read(source, (Path(ROOT or "") / "medicare_advantage" / name).read_bytes(), name)


def read(source: str, data: bytes, name: str) -> FeedBatch:
    return read_feed(data, file_name=name, mapping=mapping_of(source), run_id="real", lob="medicare_advantage")


@pytest.mark.parametrize(("month", "contracts"), [("2024_08", 981), ("2025_06", 929)])
def test_the_directory_is_read_whole(month: str, contracts: int) -> None:
    batch = read_real(DIRECTORY, f"MA_Contract_directory_{month}.csv")
    assert (batch.landed_rows, batch.rows.num_rows) == (contracts, contracts)
    assert (batch.quarantined.num_rows, batch.suppressed.num_rows) == (0, 0)
    assert str(batch.period) == month
    ids = batch.rows.column("contract_id").to_pylist()
    assert len(set(ids)) == contracts
    assert {"X0001", "90091"} <= set(ids)
    for column in ("parent_name", "legal_name", "program", "effective_date", "state"):
        assert batch.rows.column(column).null_count == 0
    assert any("Contact" in name for name in batch.dropped_columns)


def test_the_programs_of_the_directory_are_known() -> None:
    programs = Counter(read_real(DIRECTORY, "MA_Contract_directory_2024_08.csv").rows.column("program").to_pylist())
    assert programs == {"MA": 761, "PACE": 179, "MMP": 28, "COST": 6, "HCPP": 6, "LI_NET": 1}


def test_the_two_directories_differ_as_counted_by_hand() -> None:
    old, new = (
        {row["contract_id"]: row for row in read_real(DIRECTORY, f"MA_Contract_directory_{month}.csv").rows.to_pylist()}
        for month in ("2024_08", "2025_06")
    )
    kept = old.keys() & new.keys()
    assert (len(kept), len(old.keys() - kept), len(new.keys() - kept)) == (886, 95, 43)
    changed = {
        column: sum(old[number][column] != new[number][column] for number in kept)
        for column in ("parent_name", "legal_name", "marketing_name")
    }
    assert changed == {"parent_name": 38, "legal_name": 14, "marketing_name": 27}


def test_the_directory_resaved_as_workbook_gives_the_same_rows() -> None:
    name = "MA_Contract_directory_2024_08.csv"
    text = (Path(ROOT or "") / "medicare_advantage" / name).read_text("utf-8")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Directory")
    for row in csv.reader(io.StringIO(text)):
        sheet.append([int(cell) if cell == "90091" else cell for cell in row])
    data = io.BytesIO()
    book.save(data)
    resaved = read(DIRECTORY, data.getvalue(), "MA_Contract_directory_2024_08.xlsx").rows
    varying = ["source_object", "trace_id"]
    assert resaved.drop_columns(varying).equals(read_real(DIRECTORY, name).rows.drop_columns(varying))


def test_the_monthly_report_of_2024_08_ties() -> None:
    batch = read_real(MONTHLY, "Monthly_Report_By_Plan_2024_08.json.gz")
    assert (batch.landed_rows, batch.rows.num_rows) == (8_322, 7_298)
    assert Counter(batch.suppressed.column("rule_id").to_pylist()) == {"R1.3": 1_002}
    # 29 rows have no plan id; 7 of them are drug plans and suppressed.
    assert Counter(batch.quarantined.column("reason_code").to_pylist()) == {"PLAN_ID_MISSING": 22}
    assert str(batch.period) == "2024_08"
    plans = batch.rows.column("plan_id").to_pylist()
    assert len(set(plans)) == 7_298
    assert not [plan for plan in plans if plan.startswith(("S", "E"))]


def test_the_monthly_report_of_2025_08_ties_without_organization_type() -> None:
    batch = read_real(MONTHLY, "Monthly_Report_By_Plan_2025_08_condensed.json")
    assert (batch.landed_rows, batch.rows.num_rows) == (7_898, 7_117)
    assert Counter(batch.suppressed.column("rule_id").to_pylist()) == {"R1.3": 761}
    assert Counter(batch.quarantined.column("reason_code").to_pylist()) == {"PLAN_ID_MISSING": 20}
    assert batch.absent_columns == ("organization_type", "plan_name")
    assert str(batch.period) == "2025_08"


@pytest.mark.parametrize("month", ["2024_08", "2025_06"])
def test_no_contact_data_or_street_is_kept_of_a_directory_whose_ids_are_all_broken(month: str) -> None:
    path = Path(ROOT or "") / "medicare_advantage" / f"MA_Contract_directory_{month}.csv"
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
    header = rows[0]
    for row in rows[1:]:
        row[header.index("Contract Number")] = "unknown"
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    batch = read(DIRECTORY, text.getvalue().encode(), "broken.csv")
    assert batch.quarantined.num_rows == len(rows) - 1
    raw = " ".join(batch.quarantined.column("raw_row").to_pylist())
    assert "Street" not in raw
    assert "Contact" not in raw
