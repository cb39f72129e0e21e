"""Medicaid's enrollment report by program and plan: states with footnotes, programs with their type, several years."""

import pytest
from files import Row, as_csv, as_xlsx, facts, reasons
from files_of_lobs import MEDICAID, MEDICAID_HEADER, medicaid, program_row
from fivetier.domain.ids import SubVersion
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.medicaid_text import managed_care_type, state_program, state_with_footnote
from fivetier.feeds.reader import FeedBatch, read_feed
from fivetier.feeds.values import CellUnreadable


def read(data: bytes, month: str = "2022_04") -> FeedBatch:
    run = SubVersion.parse(month)
    return read_feed(data, file_name="f.csv", mapping=mapping_of(MEDICAID), run_id="r", lob="medicaid", sub_version=run)


def column(batch: FeedBatch, name: str) -> list[object]:
    found: list[object] = batch.rows.column(name).to_pylist()
    return found


def test_a_row_says_who_serves_which_program_where() -> None:
    row = program_row(state="Ohio6", geographic_region="Example and Sample Counties")
    batch = read(medicaid(row))
    found = {name: value for name, value in facts(batch)[0].items() if value is not None}
    assert found == {
        "lob": "medicaid",
        "source": MEDICAID,
        "row_number": 2,
        "state": "OH",
        "state_program": "Example Care",
        "plan_type": "MCO",
        "plan_name": "Example Community Plan",
        "legal_name": "Example Community Plan",
        "parent_name": "Example Health Group",
        "plan_id_system": "medicaid_state_plan",
        "plan_year": 2021,
        "area": "Example and Sample Counties",
    }
    assert str(batch.period) == "2022_04"


def test_both_renderings_and_a_workbook_give_the_same_rows() -> None:
    rows = [program_row(), program_row(state="Kentucky2", plan_name="Other Plan", parent_organization="")]
    snake = [str(name).strip().replace("-", "").replace(" ", "_").lower() for name in MEDICAID_HEADER]
    assert facts(read(as_csv(snake, *rows))) == facts(read(medicaid(*rows)))
    book = as_xlsx([("Enrollment by Program and Plan, 2021",), MEDICAID_HEADER, *rows])
    shifted = [fact | {"row_number": int(str(fact["row_number"])) - 1} for fact in facts(read(book))]
    assert shifted == facts(read(medicaid(*rows)))


@pytest.mark.parametrize(
    ("text", "code"),
    [("Alabama2", "AL"), ("Washington10", "WA"), ("Ohio 6", "OH"), ("Maine1,2", "ME"), ("Maine¹", "ME"), ("NY3", "NY")],
)
def test_a_number_glued_to_a_state_is_a_footnote(text: str, code: str) -> None:
    assert state_with_footnote(text) == code


@pytest.mark.parametrize("text", ["Ohio*", "Ohio (a)", "Ohi", "2", "Ohio2a", "Ontario", "Total", "Ohio-2"])
def test_any_other_suffix_is_no_state(text: str) -> None:
    with pytest.raises(CellUnreadable):
        state_with_footnote(text)


@pytest.mark.parametrize(
    ("text", "program", "plan_type"),
    [
        ("A (Comprehensive MCO)", "A", "MCO"),
        ("A (ABC) (Comprehensive MCO + MLTSS)", "A (ABC)", "MCO"),
        ("A (Comprehensive Managed Care Organization)", "A", "MCO"),
        ("A (Primary Care Case Management (PCCM))", "A", "PCCM"),
        ("A (PCCM)", "A", "PCCM"),
        ("A (Primary Care Case Management Entity (PCCM Entity))", "A", "PCCM_ENTITY"),
        ("PACE (PACE) (Program of All-inclusive Care for the Elderly (PACE))", "PACE (PACE)", "PACE"),
        ("A (PACE)", "A", "PACE"),
        ("A (PIHP)", "A", "PIHP"),
        ("A (Dental only (PAHP))", "A", "PAHP"),
        ("A (MLTSS only (PIHP and/or PAHP))", "A", "PIHP_OR_PAHP"),
        ("A (behavioral health organization (BHO) only (PIHP and/or PAHP))", "A", "PIHP_OR_PAHP"),
        ("A (Other Prepaid Health Plan (PHP) (limited benefits))", "A", "OTHER"),
        ("A (Other PHP)", "A", "OTHER"),
        ("A (Non-Emergency Medical Transportation)2", "A", "OTHER"),
    ],
)
def test_the_last_parenthesis_is_the_plan_type(text: str, program: str, plan_type: str) -> None:
    assert (state_program(text), managed_care_type(text)) == (program, plan_type)


@pytest.mark.parametrize(
    "text", ["A", "A (ABC)", "(Comprehensive MCO)", "A (Comprehensive MCO", "A Comprehensive MCO)", "A ()", "("]
)
def test_an_unknown_type_is_quarantined(text: str) -> None:
    batch = read(medicaid(program_row(program_name=text), program_row()))
    assert (batch.landed_rows, reasons(batch)) == (2, ["PLAN_TYPE_UNKNOWN"])
    assert batch.quarantined.column("column_name").to_pylist() == ["Program Name"]


@pytest.mark.parametrize("parent", ["", "n/a", "  ", "--"])
def test_a_blank_parent_leaves_the_row_valid(parent: str) -> None:
    batch = read(medicaid(program_row(parent_organization=parent)))
    assert (column(batch, "parent_name"), reasons(batch)) == ([None], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "Ontario"}, "STATE_UNKNOWN"),
        ({"year": "21"}, "PLAN_YEAR_INVALID"),
        ({"plan_name": "4,157"}, "NAME_UNREADABLE"),
        ({"parent_organization": "12345"}, "NAME_UNREADABLE"),
        ({"plan_name": ""}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_a_row_that_cannot_be_placed_is_quarantined(changes: dict[str, object], reason: str) -> None:
    batch = read(medicaid(program_row(**changes), program_row()))
    assert (batch.landed_rows, batch.rows.num_rows, reasons(batch)) == (2, 1, [reason])


def test_agencies_that_run_a_program_are_plans() -> None:
    agency = program_row(plan_name="Multiple primary care providers", parent_organization="State agency")
    assert column(read(medicaid(agency)), "plan_name") == ["Multiple primary care providers"]


@pytest.mark.parametrize(
    "line",
    [
        ("Total", "", "", "", "", "4,157", "0", "4,157", "", ""),
        ("Ohio", "", "", "Total", "", "4,157", "0", "4,157", "2021", ""),
        ("Ohio", "", "", "State Total:", "", "4,157", "0", "4,157", "2021", ""),
        ("Notes: enrollment is as of July 1.", "", "", "", "", "", "", "", "", ""),
        ("2 Beneficiaries may be enrolled in several programs.", "", "", "", "", "", "", "", "", ""),
    ],
)
def test_totals_and_notes_are_no_rows(line: Row) -> None:
    batch = read(medicaid(program_row(), line, program_row(plan_name="Total Senior Care")))
    assert column(batch, "plan_name") == ["Example Community Plan", "Total Senior Care"]
    assert (batch.landed_rows, batch.non_data_rows) == (2, 1)


def test_a_plan_in_two_regions_or_of_two_types_is_two_rows() -> None:
    west = program_row(geographic_region="West")
    other = program_row(program_name="Example Care (Primary Care Case Management (PCCM))")
    assert read(medicaid(program_row(), west, other)).rows.num_rows == 3


def test_repeated_rows_count_once_and_rows_that_disagree_not_at_all() -> None:
    again = read(medicaid(program_row(), program_row(state="Ohio2", total_enrollment="9")))
    assert again.suppressed.column("rule_id").to_pylist() == ["DUPLICATE_ROW"]
    dispute = read(medicaid(program_row(), program_row(parent_organization="Other Group"), program_row(year="2020")))
    assert reasons(dispute) == ["ROWS_DISAGREE"] * 2
    assert dispute.suppressed.column("rule_id").to_pylist() == ["OTHER_PLAN_YEAR"]


def test_of_three_years_the_runs_is_read() -> None:
    rows = [program_row(year=year, plan_name=f"Plan {year}") for year in (2019, 2020, 2021)]
    for month, plan, period in (
        ("2020_03", "Plan 2020", "2020_03"),
        ("2023_12", "Plan 2021", "2023_12"),
        ("2024_06", "Plan 2021", "2023_12"),
    ):
        batch = read(medicaid(*rows), month)
        assert (column(batch, "plan_name"), str(batch.period)) == ([plan], period)
        assert batch.suppressed.num_rows == 2
