"""What becomes of each row: kept, quarantined with a reason, suppressed by a rule, or no row at all."""

import datetime as dt
import json

import pytest
from files import (
    AEQUALIS,
    DIRECTORY,
    DIRECTORY_HEADER,
    MONTHLY,
    MONTHLY_HEADER,
    aequalis,
    as_csv,
    contract,
    directory,
    insight,
    monthly,
    plan,
    read,
    reasons,
)
from fivetier.domain.errors import TruncatedFile, UnknownFeedVersion
from fivetier.feeds.reader import FeedBatch


def only_refusal(batch: FeedBatch) -> dict[str, object]:
    assert batch.quarantined.num_rows == 1, reasons(batch)
    found: dict[str, object] = batch.quarantined.to_pylist()[0]
    return found


@pytest.mark.parametrize("number", ["H1234", "r1234", " E1234 ", "X0001", "90091", "90091.0"])
def test_every_real_contract_form_is_kept(number: str) -> None:
    batch = read(DIRECTORY, directory(contract(number)))
    assert batch.rows.column("contract_id").to_pylist() == [number.strip().upper().removesuffix(".0")]


@pytest.mark.parametrize(
    ("changes", "reason", "column", "value"),
    [
        ({"contract_number": "H12"}, "CONTRACT_ID_UNKNOWN_FORM", "Contract Number", "H12"),
        ({"contract_number": ""}, "REQUIRED_FIELD_MISSING", "Contract Number", None),
        ({"parent_organization": " \u00a0"}, "REQUIRED_FIELD_MISSING", "Parent Organization", None),
        ({"legal_entity_name": "NaN"}, "REQUIRED_FIELD_MISSING", "Legal Entity Name", None),
        ({"organization_type": "Lunar CCQ"}, "ORGANIZATION_TYPE_UNKNOWN", "Organization Type", "Lunar CCQ"),
        ({"contract_effective_date": "02/30/2024"}, "DATE_UNREADABLE", "Contract Effective Date", "02/30/2024"),
        ({"contract_effective_date": "13/01/2024"}, "DATE_UNREADABLE", "Contract Effective Date", "13/01/2024"),
        ({"contract_effective_date": "45000"}, "DATE_UNREADABLE", "Contract Effective Date", "45000"),
        ({"contract_effective_date": "01/01/0024"}, "DATE_UNREADABLE", "Contract Effective Date", "01/01/0024"),
        ({"legal_entity_state_code": "Ontario"}, "STATE_UNKNOWN", "Legal Entity State Code", "Ontario"),
    ],
)
def test_an_unreadable_cell_quarantines_its_row(
    changes: dict[str, object], reason: str, column: str, value: str | None
) -> None:
    batch = read(
        DIRECTORY,
        directory(
            contract(), contract("H5678") if "contract_number" in changes else contract(), contract("H9999", **changes)
        ),
    )
    refused = only_refusal(batch)
    assert (refused["reason_code"], refused["column_name"], refused["value"]) == (reason, column, value)
    assert refused["row_number"] == 4
    assert refused["trace_id"] == f"{batch.sha256[:16]}-4"
    assert refused["subject_id"] == (None if "contract_number" in changes else "H9999")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("05/01/2015", dt.date(2015, 5, 1)),
        ("5/1/2015 0:00", dt.date(2015, 5, 1)),
        ("05/01/2015 12:00:00 AM", dt.date(2015, 5, 1)),
        ("2015-05-01", dt.date(2015, 5, 1)),
        ("2015-05-01T00:00:00Z", dt.date(2015, 5, 1)),
        ("", None),
    ],
)
def test_dates_are_read_as_publishers_write_them(text: str, day: dt.date | None) -> None:
    batch = read(DIRECTORY, directory(contract(contract_effective_date=text)))
    assert batch.rows.column("effective_date").to_pylist() == [day]


def test_the_program_is_told_apart() -> None:
    batch = read(
        DIRECTORY,
        directory(
            contract("H1000"),
            contract("H2000", organization_type="National PACE", plan_type="National PACE"),
            contract("H3000", organization_type="Demo", plan_type="Medicare-Medicaid Plan HMO/HMOPOS"),
            contract("90091", organization_type="HCPP - 1833 Cost"),
            contract("X0001", organization_type="LI NET Sponsor"),
        ),
    )
    assert batch.rows.column("program").to_pylist() == ["MA", "PACE", "MMP", "HCPP", "LI_NET"]


def test_contact_data_never_reaches_quarantine() -> None:
    batch = read(DIRECTORY, directory(contract("H12")))
    raw = json.loads(str(only_refusal(batch)["raw_row"]))
    assert raw["Contract Number"] == "H12"
    assert raw["Tax Status"] == "For Profit"
    assert not {"Directory Contact Last Name", "Directory Contact Email", "Legal Entity Street"} & set(raw)
    assert "Directory Contact Email" in batch.dropped_columns


def test_a_renamed_contact_column_is_withheld_too() -> None:
    for renamed in (b"Directory Person", b""):
        data = directory(contract("H12")).replace(b"Directory Contact Last Name", renamed)
        refused = only_refusal(read(DIRECTORY, data))
        raw = json.loads(str(refused["raw_row"]))
        assert raw[renamed.decode() or "column 12"].startswith("[withheld")
        assert "Contactperson" not in str(refused)


@pytest.mark.parametrize("shift", ["lost delimiter", "extra delimiter", "swallowed cells", "swallowed line"])
def test_contact_data_never_reaches_quarantine_in_a_broken_row(shift: str) -> None:
    good = as_csv(contract(legal_entity_name="EXAMPLE PLAN", enrollment="25")).decode().strip()
    broken = {
        "lost delimiter": good.replace(",Local CCP,", ",Local CCP "),
        "extra delimiter": good.replace(",Local CCP", ",Local, CCP"),
        "swallowed cells": good.replace("Local CCP", '"Local CCP').replace("Contactperson,", 'Contactperson",'),
        "swallowed line": good.replace("Local CCP", '"Local CCP') + "\r\n" + good.replace("Local CCP", 'Local CCP"'),
    }[shift]
    rows = as_csv(DIRECTORY_HEADER, contract("H5555")) + broken.encode() + b"\r\n" + as_csv(contract("H6666"))
    batch = read(DIRECTORY, rows)
    assert reasons(batch) == ["FIELD_COUNT"]
    assert "ontactperson" not in str(batch.quarantined.to_pylist())
    assert batch.rows.column("contract_id").to_pylist() == ["H5555", "H6666"]


def test_a_broken_row_still_names_its_contract_where_it_stands_in_place() -> None:
    long = [*contract("H7777"), "one", "too", "many"]
    refused = only_refusal(read(DIRECTORY, directory(contract(), long, contract("H8888"))))
    assert (refused["reason_code"], refused["subject_id"]) == ("FIELD_COUNT", "H7777")
    assert refused["column_name"] is None


def test_blank_cells_behind_the_last_column_are_no_fault() -> None:
    assert read(DIRECTORY, as_csv(DIRECTORY_HEADER, [*contract(), "", " "])).rows.num_rows == 1
    assert read(DIRECTORY, as_csv([*DIRECTORY_HEADER, "", ""], contract())).rows.num_rows == 1


def test_what_is_no_row_is_counted_apart() -> None:
    data = as_csv(
        ["Contract Directory"],
        [],
        DIRECTORY_HEADER,
        contract(),
        [""] * 13,
        DIRECTORY_HEADER,
        contract("H5678"),
        ["Total", *[""] * 7, "5144", *[""] * 4],
        ["Note: 10 or fewer are shown as *", "", ""],
        ["* see above"],
    )
    batch = read(DIRECTORY, data)
    assert (batch.landed_rows, batch.rows.num_rows, batch.non_data_rows) == (2, 2, 7)
    assert batch.rows.column("row_number").to_pylist() == [4, 7]


def test_a_total_in_the_id_column_is_no_row() -> None:
    assert read(MONTHLY, monthly(plan(), ["Total", "", "", "", "", "34,000"])).landed_rows == 1


def test_a_company_named_total_is_a_row() -> None:
    batch = read(DIRECTORY, directory(contract(legal_entity_name="Total Longterm Care, Inc.")))
    assert batch.rows.column("legal_name").to_pylist() == ["Total Longterm Care, Inc."]


@pytest.mark.parametrize("cut", range(2, 130, 9))
def test_a_cut_last_row_refuses_the_file(cut: int) -> None:
    whole = directory(contract(), contract("H5678"))
    start = whole.rindex(b"\r\n", 0, -2) + 2
    with pytest.raises(TruncatedFile):
        read(DIRECTORY, whole[: start + cut])


def test_an_open_quote_refuses_the_file() -> None:
    with pytest.raises(TruncatedFile, match="quote"):
        read(DIRECTORY, directory(contract(), contract("H5678", parent_organization="A, B"))[:-70])


def test_agreeing_duplicates_keep_the_first() -> None:
    batch = read(
        DIRECTORY,
        directory(contract(), contract(parent_organization="EXAMPLE  Health-Group"), contract(enrollment="9")),
    )
    assert batch.rows.column("row_number").to_pylist() == [2]
    assert batch.suppressed.column("rule_id").to_pylist() == ["DUPLICATE_ROW"] * 2


def test_disagreeing_duplicates_are_all_quarantined() -> None:
    batch = read(
        DIRECTORY, directory(contract(), contract(), contract(parent_organization="Other Group"), contract("H5678"))
    )
    assert reasons(batch) == ["ROWS_DISAGREE"] * 3
    first = batch.quarantined.to_pylist()[0]
    assert "'Example Health Group'" in first["message"]
    assert "'Other Group'" in first["message"]
    assert first["column_name"] == "Parent Organization"
    assert first["subject_id"] == "H1234"
    assert batch.rows.column("contract_id").to_pylist() == ["H5678"]


def test_drug_plans_are_suppressed_even_without_a_plan_id() -> None:
    pdp = {"organization_type": "PDP", "plan_type": "Medicare Prescription Drug Plan"}
    employer = {"plan_type": "Employer/Union Only Direct Contract PDP"}
    batch = read(
        MONTHLY,
        monthly(
            plan("S0001", "1", **pdp),
            plan("S0002", "", **pdp),
            plan("E0001", "801", **employer),
            plan("E0002", "1", plan_type="PFFS"),
            plan(),
        ),
    )
    assert batch.suppressed.column("rule_id").to_pylist() == ["R1.3"] * 3
    assert batch.rows.column("plan_id").to_pylist() == ["E0002-001", "H1234-001"]


def test_the_condensed_report_knows_drug_plans_by_plan_type() -> None:
    header = ["CONTRACT_ID", "Plan ID", "Plan Type", "Enrollment"]
    batch = read(
        MONTHLY,
        as_csv(header, ["E1", "801", "PDP", "*"], ["E3014", "801", "Employer/Union Only Direct Contract PDP", "9"]),
    )
    assert batch.suppressed.num_rows == 1
    assert reasons(batch) == ["CONTRACT_ID_UNKNOWN_FORM"]


def test_a_plan_id_is_one_however_it_is_written() -> None:
    batch = read(MONTHLY, monthly(plan(plan_id="1"), plan(plan_id="1.0"), plan(plan_id="001")))
    assert batch.rows.column("plan_id").to_pylist() == ["H1234-001"]
    assert batch.suppressed.num_rows == 2


def test_a_contract_level_row_gets_no_invented_plan() -> None:
    refused = only_refusal(read(MONTHLY, monthly(plan(), plan("H5678", ""))))
    assert (refused["reason_code"], refused["subject_id"], refused["column_name"]) == (
        "PLAN_ID_MISSING",
        "H5678",
        "Plan ID",
    )


@pytest.mark.parametrize("plan_id", ["0", "1234", "1.5", "A1", "-1"])
def test_an_unknown_plan_number_is_quarantined(plan_id: str) -> None:
    refused = only_refusal(read(MONTHLY, monthly(plan(), plan(plan_id=plan_id))))
    assert (refused["reason_code"], refused["subject_id"], refused["value"]) == (
        "PLAN_ID_UNKNOWN_FORM",
        "H1234",
        plan_id,
    )


def test_a_row_is_refused_for_its_first_fault() -> None:
    refused = only_refusal(read(MONTHLY, monthly(plan(), plan("H1", "x", plan_type=""))))
    assert refused["reason_code"] == "CONTRACT_ID_UNKNOWN_FORM"


@pytest.mark.parametrize(
    ("title", "name", "period"),
    [
        ("Report of August 2024", "x.csv", "2024_08"),
        ("Report for 2024-08", "x.csv", "2024_08"),
        ("08/2024", "x.csv", "2024_08"),
        ("Run on 08/15/2024", "Monthly_2025-01.csv", "2025_01"),
        ("August 2024, corrected September 2024", "Monthly_2025_01.csv", "2025_01"),
        ("Report", "Monthly_Report_By_Plan_2025_08_condensed.csv", "2025_08"),
        ("Report", "report.csv", None),
        ("Report", "report_2025_13.csv", None),
    ],
)
def test_the_period_comes_from_the_title_else_from_the_name(title: str, name: str, period: str | None) -> None:
    found = read(MONTHLY, as_csv([title], MONTHLY_HEADER, plan()), file_name=name).period
    assert (str(found) if found else None) == period


# ---- Aequalis ------------------------------------------------------------------------------------------


def test_aequalis_rows_of_other_lobs_are_suppressed() -> None:
    exchange = {"lob": "aca_exchange", "id_system": "hios14", "plan_id": "12345TX0010001"}
    medicaid = {"lob": "medicaid", "id_system": "medicaid_state_plan", "plan_id": "00123A", "state_program": "Care"}
    data = aequalis(insight(), insight(**exchange), insight(**medicaid))
    for lob, plan_id, contract_id in (
        ("medicare_advantage", "H1234-001", "H1234"),
        ("aca_exchange", "12345TX0010001", None),
        ("medicaid", "00123A", None),
    ):
        batch = read(AEQUALIS, data, lob=lob)
        assert batch.suppressed.column("rule_id").to_pylist() == ["AEQUALIS_OTHER_LOB"] * 2
        row = batch.rows.to_pylist()[0]
        assert (row["plan_id"], row["contract_id"], row["lob"], row["plan_year"]) == (plan_id, contract_id, lob, 2025)
        assert (row["parent_name"], row["legal_name"], row["state"]) == (
            "Example Health Group",
            "EXAMPLE HEALTH PLAN OF OHIO, INC.",
            "OH",
        )


@pytest.mark.parametrize("version", ["2.0.0", "10.0", "draft"])
def test_aequalis_of_another_major_version_is_refused(version: str) -> None:
    with pytest.raises(UnknownFeedVersion, match="version 1"):
        read(AEQUALIS, aequalis(insight(), insight(feed_version=version)))


def test_aequalis_without_any_version_is_refused() -> None:
    with pytest.raises(UnknownFeedVersion, match="not given"):
        read(AEQUALIS, aequalis(insight(feed_version="")))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lob": "commercial"}, "LOB_UNKNOWN"),
        ({"id_system": "hios14"}, "ID_SYSTEM_UNKNOWN"),
        ({"plan_id": ""}, "PLAN_ID_MISSING"),
        ({"plan_id": "H1234"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"plan_year": "25"}, "PLAN_YEAR_INVALID"),
        ({"period": "2025_13"}, "PERIOD_INVALID"),
        ({"period": "2025_05"}, "PERIOD_INVALID"),
        ({"effective_date": "soon"}, "DATE_UNREADABLE"),
        ({"state": "XX"}, "STATE_UNKNOWN"),
        ({"feed_version": ""}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_an_unreadable_aequalis_row_is_quarantined(changes: dict[str, object], reason: str) -> None:
    batch = read(
        AEQUALIS, aequalis(insight(), insight(plan_id="H1234-002"), insight(**({"plan_id": "H1234-003"} | changes)))
    )
    assert reasons(batch) == [reason]
    assert str(batch.period) == "2025_06"


def test_aequalis_plans_not_in_force_are_suppressed() -> None:
    batch = read(
        AEQUALIS,
        aequalis(
            insight(plan_id="H1234-001", end_date="2025-05-31"),
            insight(plan_id="H1234-002", end_date="2025-06-01"),
            insight(plan_id="H1234-003", effective_date="2025-07-01"),
            insight(plan_id="H1234-004", effective_date="2025-06-30"),
        ),
    )
    assert batch.suppressed.column("rule_id").to_pylist() == ["AEQUALIS_NOT_IN_FORCE"] * 2
    assert batch.rows.column("plan_id").to_pylist() == ["H1234-002", "H1234-004"]


def test_an_aequalis_plan_may_stand_in_several_states() -> None:
    assert read(AEQUALIS, aequalis(insight(), insight(state="KY"))).rows.num_rows == 2


def test_an_aequalis_segment_is_kept() -> None:
    batch = read(AEQUALIS, aequalis(insight(plan_id="H1234-001-0")))
    assert batch.rows.column("plan_id").to_pylist() == ["H1234-001-000"]
