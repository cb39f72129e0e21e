"""Which plan follows which: the exchange's crosswalk (R1.11) and CMS's (R1.10)."""

import hashlib
from pathlib import Path

import pytest
import yaml
from exchange_files import (
    CROSSWALK,
    MA_CROSSWALK,
    NO_SUCCESSOR,
    PLAN,
    Cells,
    column,
    moved,
    read_rows,
    succession,
    suppressed,
    table,
)
from files import MA, read, reasons
from fivetier.domain.errors import InvalidMapping, MissingColumn, UnknownCrosswalkStatus
from fivetier.domain.periods import PlanYear
from fivetier.feeds import mapping as mapping_module
from fivetier.feeds.mapping import mapping_of, parse_mapping
from fivetier.feeds.reader import FeedBatch, read_feed

# ---- exchange --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "status"),
    [
        ("0", "same"),
        ("1", "plan"),
        ("2.0", "county"),
        ("3", "zip"),
        ("4", "discontinued"),
        ("5", "withdrawn"),
    ],
)
def test_a_crosswalk_level_says_what_becomes_of_a_plan(level: str, status: str) -> None:
    batch = read_rows(CROSSWALK, succession(CrosswalkLevel=level), file_name="crosswalk.csv")
    (row,) = batch.rows.to_pylist()
    assert (row["crosswalk_status"], row["plan_year"], batch.period) == (status, 2016, PlanYear(2016))
    assert (row["plan_id"], row["next_plan_id"], row["area"], row["zip_code"]) == (PLAN, PLAN, "35001", None)
    assert (row["entity_id_system"], row["entity_id"], row["plan_id_system"]) == ("hios_issuer", "12345", "hios14")


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({"CrosswalkLevel": "6"}, "6"),
        ({"CrosswalkLevel": "merged"}, "merged"),
        ({"CrosswalkLevel": "-1"}, "-1"),
        ({"ReasonForCrosswalk": "7"}, "7"),
        ({"ReasonForCrosswalk": "9"}, "9"),
    ],
)
def test_an_unknown_level_or_reason_stops_the_run(changes: Cells, value: str) -> None:
    with pytest.raises(UnknownCrosswalkStatus) as stopped:
        read_rows(CROSSWALK, succession(), succession(FIPSCode="35003", **changes))
    found = stopped.value
    assert (found.file, found.row, found.value, found.rule) == ("feed_2016.csv", 3, value, "R1.11")
    assert found.column in changes


def test_an_unknown_status_stops_the_run_even_in_a_row_that_is_refused_otherwise() -> None:
    with pytest.raises(UnknownCrosswalkStatus):
        read_rows(CROSSWALK, succession(), succession(PlanID_2015="unreadable", CrosswalkLevel="6"))


@pytest.mark.parametrize("reason", ["0", "3", "6", "8", "8.0"])
def test_every_known_reason_is_read(reason: str) -> None:
    assert read_rows(CROSSWALK, succession(ReasonForCrosswalk=reason)).rows.num_rows == 1


def test_no_successor_is_null_and_a_blank_successor_is_not() -> None:
    batch = read_rows(CROSSWALK, succession(PlanID_2016=NO_SUCCESSOR), succession(FIPSCode="35003", PlanID_2016=""))
    assert column(batch, "next_plan_id") == [None]
    assert reasons(batch) == ["CROSSWALK_PAIR_EMPTY"]


@pytest.mark.parametrize(("written", "found"), [("0", None), ("00000", None), ("87001", "87001"), ("501.0", "00501")])
def test_zero_is_the_whole_county_and_other_zip_codes_get_their_zeros_back(written: str, found: str | None) -> None:
    assert column(read_rows(CROSSWALK, succession(ZipCode=written)), "zip_code") == [found]


def test_a_plan_split_by_county_and_zip_code_is_no_duplicate() -> None:
    batch = read_rows(
        CROSSWALK,
        succession(),
        succession(FIPSCode="35003", PlanID_2016=NO_SUCCESSOR, CrosswalkLevel="2"),
        succession(ZipCode="87001", PlanID_2016="12345NM0010002", CrosswalkLevel="3"),
        succession(),
    )
    assert (batch.rows.num_rows, suppressed(batch)) == (3, ["DUPLICATE_ROW"])


def test_one_place_with_two_successors_is_refused() -> None:
    batch = read_rows(CROSSWALK, succession(), succession(PlanID_2016="12345NM0010002"))
    assert reasons(batch) == ["ROWS_DISAGREE"] * 2


def test_a_file_that_stacks_two_pairs_of_years_is_read_as_the_newer_pair() -> None:
    newer = succession() | {"PlanID_2014": ""}
    older = succession(PlanID_2015=NO_SUCCESSOR, PlanID_2016="") | {"PlanID_2014": PLAN}
    renewed = succession(PlanID_2016="") | {"PlanID_2014": PLAN}
    batch = read_rows(CROSSWALK, newer, older, renewed, file_name="crosswalk.csv")
    assert (batch.period, batch.rows.num_rows) == (PlanYear(2016), 1)
    assert reasons(batch) == ["CROSSWALK_PAIR_EMPTY"] * 2


@pytest.mark.parametrize("year", [2015, 2017, 2026])
def test_the_headers_of_any_pair_of_years_are_bound(year: int) -> None:
    names = {
        "PlanID_2015": f"PlanID_{year - 1}",
        "PlanID_2016": f"PlanID_{year}",
        "IssuerID_2015": f"IssuerID_{year - 1}",
    }
    row = {names.get(name, name): value for name, value in succession().items()}
    batch = read_rows(CROSSWALK, row, row | {f"PlanID_{year}": ""}, file_name="crosswalk_1999.csv")
    assert (batch.period, column(batch, "plan_year"), batch.dropped_columns) == (
        PlanYear(year),
        [year],
        (f"IssuerID_{year - 1}",),
    )
    assert "withheld" not in batch.quarantined.column("raw_row").to_pylist()[0]


@pytest.mark.parametrize("name", ["PlanID_2017", "PlanID_1915", "PlanID"])
def test_headers_of_years_that_do_not_follow_each_other_are_no_pair(name: str) -> None:
    row = {name if key == "PlanID_2016" else key: value for key, value in succession().items()}
    with pytest.raises(MissingColumn, match="PlanID_"):
        read_rows(CROSSWALK, row)


def test_dental_plans_of_the_crosswalk_are_suppressed() -> None:
    batch = read_rows(CROSSWALK, succession(), succession(DentalPlan="Y", PlanID_2016=""))
    assert (suppressed(batch), reasons(batch)) == (["ACA_DENTAL_ONLY"], [])


# ---- Medicare Advantage ----------------------------------------------------------------------------------


def read_ma(*rows: Cells, file_name: str = "PlanCrosswalk2024_10012024.txt", titles: tuple[str, ...] = ()) -> FeedBatch:
    data = table(*rows, titles=titles, delimiter="\t", encoding="latin-1")
    return read(MA_CROSSWALK, data, file_name=file_name, lob=MA)


@pytest.mark.parametrize(
    ("status", "canonical"),
    [
        ("Renewal Plan", "renewed"),
        ("Renewal Plan with SAE", "renewed_area_added"),
        ("Renewal Plan with SAR ", "renewed_area_reduced"),
        ("CONSOLIDATED RENEWAL PLAN", "consolidated"),
        ("Terminated Plan", "terminated"),
        ("Terminated / Non-renewed Contract", "contract_terminated"),
    ],
)
def test_a_status_says_what_becomes_of_a_plan(status: str, canonical: str) -> None:
    ends = {"CURRENT_CONTRACT_ID": "TERMINATED", "CURRENT_PLAN_ID": "DEL"} if "erminated" in status else {}
    batch = read_ma(moved(STATUS=status, PREVIOUS_PLAN_ID="1", PREVIOUS_PLAN_NAME="Caf\xe9 Plan", **ends))
    (row,) = batch.rows.to_pylist()
    assert (row["crosswalk_status"], row["contract_id"], row["plan_id"]) == (canonical, "H1234", "H1234-001")
    assert (row["next_plan_id"], row["plan_id_system"]) == (None if ends else "H1234-001", "cms_contract_pbp")


@pytest.mark.parametrize(
    ("status", "canonical", "previous"),
    [
        ("New Plan", "new", {"PREVIOUS_CONTRACT_ID": "H1234", "PREVIOUS_PLAN_ID": "NEW"}),
        ("New Plan", "new", {"PREVIOUS_CONTRACT_ID": "NEW", "PREVIOUS_PLAN_ID": "NEW"}),
        ("New Plan", "new", {"PREVIOUS_CONTRACT_ID": "", "PREVIOUS_PLAN_ID": ""}),
        ("Initial Contract", "new_contract", {"PREVIOUS_CONTRACT_ID": "new", "PREVIOUS_PLAN_ID": "new"}),
    ],
)
def test_a_new_plan_has_no_predecessor(status: str, canonical: str, previous: Cells) -> None:
    (row,) = read_ma(moved(STATUS=status, **previous)).rows.to_pylist()
    assert (row["crosswalk_status"], row["plan_id"], row["next_plan_id"]) == (canonical, None, "H1234-001")


def test_a_blank_successor_of_an_ended_plan_is_none_and_the_old_status_header_is_read() -> None:
    row = moved(STATUS="Terminated Plan", CURRENT_CONTRACT_ID="", CURRENT_PLAN_ID="")
    before_2022 = {"DESCRIPTION" if name == "STATUS" else name: value for name, value in row.items()}
    for found in (read_ma(row), read_ma(before_2022)):
        assert (column(found, "plan_id"), column(found, "next_plan_id")) == (["H1234-001"], [None])
        assert column(found, "crosswalk_status") == ["terminated"]


def test_a_terminated_plan_may_have_a_companion_row_into_another_contract() -> None:
    ended = moved(
        STATUS="Terminated/Non-renewed Contract", CURRENT_CONTRACT_ID="TERMINATED", CURRENT_PLAN_ID="TERMINATED"
    )
    taken = moved(STATUS="Consolidated Renewal Plan", CURRENT_CONTRACT_ID="H5678", CURRENT_PLAN_ID="2")
    batch = read_ma(ended, taken, ended)
    assert column(batch, "next_plan_id") == [None, "H5678-002"]
    assert suppressed(batch) == ["DUPLICATE_ROW"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"CURRENT_PLAN_ID": "DEL"}, "PLAN_ID_MISSING"),
        ({"PREVIOUS_PLAN_ID": "NEW"}, "PLAN_ID_MISSING"),
        ({"PREVIOUS_PLAN_ID": ""}, "PLAN_ID_MISSING"),
        ({"PREVIOUS_PLAN_ID": "twelve"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"PREVIOUS_CONTRACT_ID": "NEW"}, "CONTRACT_ID_MISSING"),
        ({"CURRENT_CONTRACT_ID": ""}, "CONTRACT_ID_MISSING"),
        ({"CURRENT_PLAN_ID": ""}, "PLAN_ID_MISSING"),
        ({"PREVIOUS_CONTRACT_ID": "H12"}, "CONTRACT_ID_UNKNOWN_FORM"),
        ({"STATUS": ""}, "CROSSWALK_STATUS_MISSING"),
        ({"STATUS": "Terminated Plan", "PREVIOUS_PLAN_ID": "NEW"}, "PLAN_ID_MISSING"),
    ],
)
def test_a_placeholder_where_a_plan_belongs_is_quarantined(changes: Cells, reason: str) -> None:
    batch = read_ma(moved(), moved(**{"PREVIOUS_PLAN_ID": "2"} | changes))
    assert (reasons(batch), batch.rows.num_rows) == ([reason], 1)


def test_an_unknown_ma_status_stops_the_run_and_says_where() -> None:
    with pytest.raises(UnknownCrosswalkStatus) as stopped:
        read_ma(moved(), moved(STATUS="Renewal Plan with SAX"))
    assert (stopped.value.row, stopped.value.value, stopped.value.rule) == (3, "Renewal Plan with SAX", "R1.10")
    assert "row 3" in str(stopped.value)


def test_drug_plans_take_no_part() -> None:
    new = {"STATUS": "New Plan", "PREVIOUS_CONTRACT_ID": "NEW", "PREVIOUS_PLAN_ID": "NEW"}
    batch = read_ma(moved(), moved(PREVIOUS_CONTRACT_ID="S1234"), moved(CURRENT_CONTRACT_ID="S1234", **new))
    assert (batch.rows.num_rows, suppressed(batch)) == (1, ["R1.3", "R1.3"])


def test_the_name_of_an_ma_crosswalk_says_nothing_of_its_year() -> None:
    batch = read_ma(moved())
    assert (batch.period, column(batch, "plan_year")) == (None, [None])


def test_the_title_of_an_ma_crosswalk_says_its_year() -> None:
    batch = read_ma(moved(), titles=("CY2025 Plan Crosswalk",))
    assert (batch.period, column(batch, "plan_year")) == (PlanYear(2025), [2025])


def test_a_registered_file_is_of_the_year_it_is_registered_for() -> None:
    data = table(moved(), titles=("Plan Crosswalk 2024",), delimiter="\t")
    known = mapping_of(MA_CROSSWALK)
    period = known.period.model_copy(update={"registered": {hashlib.sha256(data).hexdigest(): "2025"}})
    registered = known.model_copy(update={"period": period})
    batch = read_feed(data, file_name="PlanCrosswalk2024.txt", mapping=registered, run_id="r", lob=MA)
    assert (batch.period, column(batch, "plan_year")) == (PlanYear(2025), [2025])


@pytest.mark.parametrize("registered", [{"ab" * 32: "2025_06"}, {"ab" * 32: "soon"}, {"abc": "2025"}])
def test_what_is_registered_is_a_hash_and_a_plan_year(registered: dict[str, str]) -> None:
    folder = Path(mapping_module.__file__).parent / "mappings"
    declared = yaml.safe_load((folder / f"{MA_CROSSWALK}.yaml").read_text("utf-8"))
    declared["period"]["registered"] = registered
    with pytest.raises(InvalidMapping, match="registered"):
        parse_mapping(yaml.safe_dump(declared), name=MA_CROSSWALK)
