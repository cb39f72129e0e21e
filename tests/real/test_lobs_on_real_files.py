"""Medicaid, clearinghouse and plan files as published, counted by hand; the folder is named by FIVETIER_REAL_DATA."""

import csv
import gzip
import io
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fivetier.domain.ids import SubVersion
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.reader import FeedBatch, read_feed

ROOT = os.environ.get("FIVETIER_REAL_DATA")
pytestmark = [pytest.mark.real, pytest.mark.skipif(ROOT is None, reason="FIVETIER_REAL_DATA is not set")]

MEDICAID = "medicaid_managed_care"
YEARS = (2019, 2020, 2021)
ALL_YEARS = "medicaid/managed_care_enrollment_by_program_and_plan_2019-2021.csv.gz"
ONE_YEAR = "medicaid/data_state_plan_{}.csv"
CLEARINGHOUSE = "clearinghouse/payer_directory.json.gz"


def raw(name: str) -> bytes:
    data = (Path(ROOT or "") / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def read(source: str, name: str, *, lob: str, month: str | None = None) -> FeedBatch:
    data = (Path(ROOT or "") / name).read_bytes()
    run = None if month is None else SubVersion.parse(month)
    mapping = mapping_of(source)
    return read_feed(data, file_name=Path(name).name, mapping=mapping, run_id="real", lob=lob, sub_version=run)


def report(year: int) -> list[dict[str, str]]:
    """The rows of a yearly report as Python's own reader sees them."""
    return list(csv.DictReader(io.StringIO(raw(ONE_YEAR.format(year)).decode("utf-8"), newline="")))


def outcome(batch: FeedBatch) -> tuple[int, int, dict[str, int], dict[str, int]]:
    reasons = Counter(batch.quarantined.column("reason_code").to_pylist())
    rules = Counter(batch.suppressed.column("rule_id").to_pylist())
    return batch.landed_rows, batch.rows.num_rows, dict(reasons), dict(rules)


def content(batch: FeedBatch) -> list[dict[str, Any]]:
    rows = batch.rows.drop_columns(["source_object", "row_number", "trace_id"]).to_pylist()
    return sorted(rows, key=lambda row: [str(value) for value in row.values()])


#: Two transport brokers of one state carry one plan name in one program and region: nobody can say whose it is.
@pytest.mark.parametrize(
    ("year", "landed", "disputed"), [(2019, 838, {}), (2020, 836, {"ROWS_DISAGREE": 2}), (2021, 843, {})]
)
def test_a_yearly_report_is_read_whole(year: int, landed: int, disputed: dict[str, int]) -> None:
    batch = read(MEDICAID, ONE_YEAR.format(year), lob="medicaid", month=f"{year + 1}_06")
    assert outcome(batch) == (landed, landed - sum(disputed.values()), disputed, {})
    assert (len(report(year)), batch.non_data_rows, str(batch.period)) == (landed, 0, f"{year + 1}_06")
    assert set(batch.rows.column("plan_year").to_pylist()) == {year}
    for name in ("state", "state_program", "plan_type", "plan_name", "legal_name"):
        assert batch.rows.column(name).null_count == 0


@pytest.mark.parametrize("year", YEARS)
def test_the_file_of_three_years_gives_each_years_rows(year: int) -> None:
    alone = read(MEDICAID, ONE_YEAR.format(year), lob="medicaid", month=f"{year}_06")
    among = read(MEDICAID, ALL_YEARS, lob="medicaid", month=f"{year}_06")
    assert content(alone) == content(among)
    assert among.landed_rows == sum(len(report(each)) for each in YEARS) == 2517
    others = sum(len(report(each)) for each in YEARS if each != year)
    assert outcome(among)[2:] == (outcome(alone)[2], {"OTHER_PLAN_YEAR": others})


def test_states_and_types_are_those_of_the_text() -> None:
    codes: set[str] = set()
    types: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    for year in YEARS:
        batch = read(MEDICAID, ONE_YEAR.format(year), lob="medicaid", month=f"{year}_06")
        codes |= set(batch.rows.column("state").to_pylist())
        types += Counter(batch.rows.column("plan_type").to_pylist())
        texts += Counter(row["program_name"] for row in report(year))

    def count(pattern: str) -> int:
        return sum(number for text, number in texts.items() if re.search(pattern, text))

    names = {re.sub(r"\d+$", "", row["state"]) for year in YEARS for row in report(year)}
    assert len(codes) == len(names) == 50
    assert types == {
        "MCO": count(r"\(Comprehensive MCO( \+ MLTSS)?\)$"),
        "PACE": count(r"\(PACE\)\)?$"),
        "PIHP_OR_PAHP": count(r"\(PIHP and/or PAHP\)\)$"),
        "PAHP": count(r"\(PAHP\)\)$"),
        "PCCM": count(r"\(PCCM\)\)$"),
        "PCCM_ENTITY": count(r"\(PCCM Entity\)\)$"),
        # The two disputed rows of 2020 are transportation.
        "OTHER": count(r"\(limited benefits\)\)$|\(Non-Emergency Medical Transportation\)$") - 2,
    }


def test_blank_parents_stay_rows() -> None:
    for year in YEARS:
        batch = read(MEDICAID, ONE_YEAR.format(year), lob="medicaid", month=f"{year}_06")
        missing = [row for row in report(year) if row["parent_organization"].strip().casefold() in {"", "n/a"}]
        assert batch.rows.column("parent_name").null_count == len(missing)


def test_the_payer_directory_keeps_medical_payers_that_are_no_public_program() -> None:
    payers = json.loads(raw(CLEARINGHOUSE))
    batch = read("stedi_payer_directory", CLEARINGHOUSE, lob="commercial")
    dental = sum("medical" not in payer["coverageTypes"] for payer in payers if payer.get("coverageTypes"))
    medicare = sum(
        bool(re.search(r"Medicare.*Part [AB]\b|Medicare (Durable|Home Health|Railroad)", payer["displayName"]))
        for payer in payers
    )
    rules = {"PAYER_NOT_MEDICAL": dental, "PAYER_MEDICARE_FFS": medicare}
    rules |= {"PAYER_MEDICAID_AGENCY": 40, "PAYER_MILITARY_OR_VETERANS": 10}
    assert (len(payers), dental, medicare) == (2761, 110, 93)
    assert outcome(batch) == (2761, 2508, {}, rules)
    by_id = {row["entity_id"]: row for row in batch.rows.to_pylist()}
    assert len(by_id) == 2508
    for payer in payers:
        if row := by_id.get(payer["primaryPayerId"]):
            assert set(json.loads(row["other_ids"] or "[]")) == set(payer["aliases"]) - {payer["primaryPayerId"]}


@pytest.mark.parametrize("name", ["availity_payers_2024-10.json", "availity_payersEligibilityAPI_2024-10.json"])
def test_the_payer_list_of_another_clearinghouse_is_read(name: str) -> None:
    payers = json.loads(raw(f"clearinghouse/{name}"))["payers"]
    batch = read("availity_payer_list", f"clearinghouse/{name}", lob="commercial")
    shared = Counter(payer["payerId"] for payer in payers)
    disputed = sum(count for count in shared.values() if count > 1)
    agencies = sum(re.fullmatch(r"MEDICAID [A-Z -]+", payer["name"]) is not None for payer in payers)
    assert (len(payers), disputed, agencies) == (50, 4, 9)
    assert outcome(batch) == (50, 37, {"ROWS_DISAGREE": 4}, {"PAYER_MEDICAID_AGENCY": 9})
    assert str(batch.period) == "2024_10"


@pytest.mark.parametrize(
    ("name", "expected", "period"),
    [
        ("Colorado", (1, 0, {}, {"TIC_INDIVIDUAL_MARKET": 1}), "2025_07"),
        ("sample", (5, 0, {"PLAN_ID_UNKNOWN_FORM": 1}, {"TIC_INDIVIDUAL_MARKET": 4}), "2023_04"),
    ],
)
def test_a_table_of_contents_is_a_row_per_plan_and_file(
    name: str, expected: tuple[int, int, dict[str, int], dict[str, int]], period: str
) -> None:
    path = f"rates/tic/table-of-contents-{name}.json"
    structures = json.loads(raw(path))["reporting_structure"]
    batch = read("tic_table_of_contents", path, lob="commercial")
    assert outcome(batch) == expected
    assert batch.landed_rows == sum(len(s["reporting_plans"]) * len(s["in_network_files"]) for s in structures)
    assert str(batch.period) == period


def test_plans_json_is_a_row_per_plan_and_network_tier() -> None:
    path = "exchange/machine_readable/plans.json"
    plans = json.loads(raw(path))
    batch = read("qhp_plans_json", path, lob="aca_exchange", month="2020_11")
    assert outcome(batch) == (6, 6, {}, {})
    pairs = [(plan["plan_id"], tier["network_tier"]) for plan in plans for tier in plan["network"]]
    rows = batch.rows.to_pylist()
    assert [(row["plan_id"], row["network_tier"]) for row in rows] == pairs
    assert str(batch.period) == "2020_11"
