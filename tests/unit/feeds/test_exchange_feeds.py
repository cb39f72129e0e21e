"""The yearly files of the exchange: landscape, plan attributes, networks and service areas."""

from pathlib import Path

import pytest
from exchange_files import (
    ACA,
    AREAS,
    ATTRIBUTES,
    CROSSWALK,
    LANDSCAPE,
    NETWORKS,
    PLAN,
    Cells,
    area,
    attributes,
    column,
    network,
    offered,
    read_rows,
    succession,
    suppressed,
    table,
)
from files import as_gzip, as_xlsx, as_zip, read, reasons
from fivetier.domain.errors import MissingColumn, PeriodUnknown, TruncatedFile, WrongFileInSlot
from fivetier.domain.periods import PlanYear
from fivetier.feeds.catalog import sources_of
from fivetier.feeds.mapping import mapping_of

SAMPLES = (
    (LANDSCAPE, offered()),
    (ATTRIBUTES, attributes()),
    (NETWORKS, network()),
    (AREAS, area()),
    (CROSSWALK, succession()),
)


# ---- landscape -------------------------------------------------------------------------------------------


def test_a_landscape_row_names_state_county_issuer_and_plan() -> None:
    batch = read_rows(LANDSCAPE, offered())
    (row,) = batch.rows.to_pylist()
    filled = {name: value for name, value in row.items() if value is not None}
    assert filled == {
        "lob": ACA,
        "source": LANDSCAPE,
        "source_object": "feed_2016.csv",
        "row_number": 2,
        "trace_id": row["trace_id"],
        "state": "NM",
        "area": "Bernalillo",
        "legal_name": "Example Health Plan of New Mexico",
        "entity_id_system": "hios_issuer",
        "entity_id": "12345",
        "plan_id_system": "hios14",
        "plan_id": PLAN,
        "plan_name": "Example Silver (HMO)",
        "plan_type": "HMO",
        "plan_year": 2016,
    }
    assert batch.period == PlanYear(2016)


@pytest.mark.parametrize(
    ("state", "county", "plan"),
    [
        ("State", "County", "Plan ID - Standard Component"),
        ("State", "County", "Plan ID (standard component)"),
        ("State Code", "County Name", "Plan ID (Standard Component)"),
        ("STATE CODE", "COUNTY NAME", "HIOS Plan ID (Standard Component)"),
        ("StateCode", "County Name ", "Standard Component ID"),
    ],
)
def test_the_headers_of_every_year_are_read(state: str, county: str, plan: str) -> None:
    names = {"State Code": state, "County Name": county, "Plan ID (Standard Component)": plan}
    row = {names.get(name, name): value for name, value in offered().items()}
    assert column(read_rows(LANDSCAPE, row), "plan_id") == [PLAN]


@pytest.mark.parametrize(("fips", "area_found"), [("35001", "35001"), ("1001", "01001"), ("1001.0", "01001")])
def test_a_county_code_goes_before_the_county_name(fips: str, area_found: str) -> None:
    batch = read_rows(LANDSCAPE, offered(**{"FIPS County Code": fips}))
    assert column(batch, "area") == [area_found]


def test_the_plan_year_comes_from_a_title_before_the_name() -> None:
    titled = as_xlsx([["PY2018 QHP Landscape Individual Market Medical"], list(offered()), list(offered().values())])
    batch = read(LANDSCAPE, titled, file_name="landscape_2017.xlsx", lob=ACA)
    assert (str(batch.period), column(batch, "plan_year"), batch.non_data_rows) == ("2018", [2018], 1)


def test_the_name_within_an_archive_gives_the_plan_year_too() -> None:
    packed = as_zip(y2019_landscape_2019_dot_csv=table(offered()))
    assert str(read(LANDSCAPE, packed, file_name="landscape.zip", lob=ACA).period) == "2019"
    assert str(read(LANDSCAPE, as_gzip(table(offered())), file_name="PY2020.csv.gz", lob=ACA).period) == "2020"


def test_a_landscape_that_does_not_say_its_plan_year_is_refused() -> None:
    with pytest.raises(PeriodUnknown, match="which plan year"):
        read_rows(LANDSCAPE, offered(), file_name="landscape.csv")
    assert column(read_rows(LANDSCAPE, offered(**{"Plan Year": "2016"}), file_name="landscape.csv"), "plan_year") == [
        2016
    ]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("12345nm0010001", PLAN), (f"{PLAN}-01", PLAN), (f"{PLAN}-31", PLAN), (f" {PLAN}  ", PLAN)],
)
def test_a_hios_id_is_read_to_its_fourteen_characters(written: str, read_as: str) -> None:
    assert column(read_rows(LANDSCAPE, offered(**{"Plan ID (Standard Component)": written})), "plan_id") == [read_as]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Plan ID (Standard Component)": "1234NM0010001"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"Plan ID (Standard Component)": "12345NM001"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"Plan ID (Standard Component)": "00000XX0000000"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"Plan ID (Standard Component)": ""}, "PLAN_ID_MISSING"),
        ({"Plan ID (Standard Component)": "12345TX0010001"}, "PLAN_STATE_DISAGREES"),
        ({"HIOS Issuer ID": "54321"}, "PLAN_ISSUER_DISAGREES"),
        ({"HIOS Issuer ID": "none of yours"}, "ISSUER_ID_UNKNOWN_FORM"),
        ({"State Code": "Ontario"}, "STATE_UNKNOWN"),
        ({"County Name": ""}, "COUNTY_MISSING"),
        ({"FIPS County Code": "35"}, "COUNTY_UNKNOWN_FORM"),
    ],
)
def test_a_landscape_row_that_cannot_be_read_is_quarantined(changes: Cells, reason: str) -> None:
    other = offered(**{"County Name": "Catron"} | dict.fromkeys(set(changes) - set(offered()), ""))
    batch = read_rows(LANDSCAPE, other, offered(**changes))
    assert (reasons(batch), batch.rows.num_rows) == ([reason], 1)
    assert "555-0100" not in batch.quarantined.column("raw_row").to_pylist()[0]


def test_a_plan_in_many_counties_is_many_rows_and_one_row_twice_is_a_duplicate() -> None:
    batch = read_rows(LANDSCAPE, offered(), offered(**{"County Name": "Catron"}), offered())
    assert (batch.rows.num_rows, suppressed(batch)) == (2, ["DUPLICATE_ROW"])


def test_dental_plans_of_a_landscape_are_suppressed() -> None:
    batch = read_rows(LANDSCAPE, offered(), offered(**{"Metal Level": "Low", "County Name": "Catron"}))
    assert (batch.rows.num_rows, suppressed(batch)) == (1, ["ACA_DENTAL_ONLY"])


def test_an_issuer_in_two_states_is_quarantined_with_all_its_rows() -> None:
    batch = read_rows(
        LANDSCAPE,
        offered(),
        offered(**{"County Name": "Catron"}),
        offered(**{"State Code": "TX", "Plan ID (Standard Component)": "12345TX0010001"}),
        offered(**{"Plan ID (Standard Component)": "54321NM0010001"}),
    )
    assert reasons(batch) == ["ISSUER_IN_TWO_STATES"] * 3
    messages = set(batch.quarantined.column("message").to_pylist())
    assert len(messages) == 1
    assert "NM on row 2 and TX on row 4" in messages.pop()
    assert column(batch, "entity_id") == ["54321"]


def test_a_row_refused_for_itself_does_not_put_its_issuer_into_two_states() -> None:
    batch = read_rows(LANDSCAPE, offered(), offered(**{"State Code": "TX"}))
    assert (reasons(batch), batch.rows.num_rows) == (["PLAN_STATE_DISAGREES"], 1)


# ---- plan attributes -------------------------------------------------------------------------------------


def test_variants_of_a_plan_collapse_to_it() -> None:
    variants = [attributes(PlanId=f"{PLAN}-{variant}") for variant in ("00", "01", "04", "31")]
    batch = read_rows(ATTRIBUTES, *variants)
    (row,) = batch.rows.to_pylist()
    assert (row["plan_id"], row["network_id"], row["service_area_id"]) == (PLAN, "NMN001", "NMS001")
    assert (row["marketing_name"], row["legal_name"], row["entity_id"]) == ("Example Health", None, "12345")
    assert suppressed(batch) == ["DUPLICATE_ROW"] * 3


def test_variants_that_name_different_networks_are_refused_together() -> None:
    batch = read_rows(ATTRIBUTES, attributes(), attributes(PlanId=f"{PLAN}-02", NetworkId="NMN002"))
    assert reasons(batch) == ["ROWS_DISAGREE"] * 2


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"MarketCoverage": "SHOP (Small Group)"}, "ACA_SMALL_GROUP"),
        ({"DentalOnlyPlan": "Yes"}, "ACA_DENTAL_ONLY"),
        ({"MetalLevel": "High", "DentalOnlyPlan": ""}, "ACA_DENTAL_ONLY"),
    ],
)
def test_small_group_and_dental_plans_are_suppressed_even_where_unreadable(changes: Cells, rule: str) -> None:
    batch = read_rows(ATTRIBUTES, attributes(), attributes(PlanId="unreadable", **changes))
    assert (batch.rows.num_rows, suppressed(batch), reasons(batch)) == (1, [rule], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"IssuerId": "54321"}, "PLAN_ISSUER_DISAGREES"),
        ({"StateCode": "TX"}, "PLAN_STATE_DISAGREES"),
        ({"NetworkId": "TXN001"}, "NETWORK_ID_UNKNOWN_FORM"),
        ({"ServiceAreaId": "NMN001"}, "SERVICE_AREA_ID_UNKNOWN_FORM"),
        ({"BusinessYear": "16"}, "PLAN_YEAR_INVALID"),
        ({"BusinessYear": "2015"}, "PERIOD_INVALID"),
    ],
)
def test_an_attribute_row_that_contradicts_itself_is_quarantined(changes: Cells, reason: str) -> None:
    # A row of another state says nothing of networks it cannot read.
    wrong = attributes(PlanId="12345NM0010002-01", **changes)
    if "StateCode" in changes:
        wrong |= {"NetworkId": "TXN001", "ServiceAreaId": "TXS001"}
    batch = read_rows(ATTRIBUTES, attributes(), attributes(PlanId=f"{PLAN}-04"), wrong)
    assert (reasons(batch), batch.rows.num_rows) == ([reason], 1)


@pytest.mark.parametrize("written", ["12345", "12345.0", " 12345 "])
def test_an_issuer_id_a_spreadsheet_touched_is_restored(written: str) -> None:
    assert column(read_rows(ATTRIBUTES, attributes(IssuerId=written)), "entity_id") == ["12345"]
    short = attributes(IssuerId="1234.0", PlanId="01234NM0010001-00")
    assert column(read_rows(ATTRIBUTES, short), "entity_id") == ["01234"]


# ---- networks --------------------------------------------------------------------------------------------


def test_network_ids_repeat_across_issuers() -> None:
    batch = read_rows(NETWORKS, network(), network(IssuerId="54321", NetworkName="Another"))
    assert (column(batch, "network_id"), batch.rows.num_rows) == (["NMN001", "NMN001"], 2)


def test_one_network_of_an_issuer_under_two_names_is_refused_and_its_repeat_collapses() -> None:
    other = network(NetworkId="NMN002")
    batch = read_rows(NETWORKS, network(), network(NetworkName="Someone Else"), other, other)
    assert (reasons(batch), suppressed(batch)) == (["ROWS_DISAGREE"] * 2, ["DUPLICATE_ROW"])


def test_dental_and_small_group_networks_are_suppressed() -> None:
    batch = read_rows(
        NETWORKS,
        network(),
        network(MarketCoverage="Individual", DentalOnlyPlan="Yes"),
        network(MarketCoverage="SHOP (Small Group)", DentalOnlyPlan="Yes"),
    )
    assert suppressed(batch) == ["ACA_DENTAL_ONLY", "ACA_SMALL_GROUP"]


# ---- service areas ---------------------------------------------------------------------------------------


def test_a_service_area_is_counties_or_the_whole_state() -> None:
    batch = read_rows(
        AREAS,
        area(),
        area(County="29027", PartialCounty="Yes", ZipCodes="63801, 501"),
        area(CoverEntireState="Yes", County="", ServiceAreaId="ALS002"),
    )
    assert column(batch, "area") == ["01001", "29027", None]
    assert column(batch, "zip_code") == [None, "63801, 00501", None]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"County": ""}, "COUNTY_MISSING"),
        ({"County": "Autauga"}, "COUNTY_UNKNOWN_FORM"),
        ({"CoverEntireState": "", "County": "1003"}, "AREA_UNKNOWN"),
        ({"CoverEntireState": "Maybe", "County": "1003"}, "AREA_UNKNOWN"),
        ({"ZipCodes": "all", "County": "1003"}, "ZIP_CODE_UNKNOWN_FORM"),
        ({"ServiceAreaId": "AL1"}, "SERVICE_AREA_ID_UNKNOWN_FORM"),
    ],
)
def test_a_row_that_does_not_say_its_area_never_becomes_the_whole_state(changes: Cells, reason: str) -> None:
    batch = read_rows(AREAS, area(), area(**changes))
    assert (reasons(batch), column(batch, "area")) == ([reason], ["01001"])


@pytest.mark.parametrize("name", ["DentalOnlyPlan", "DentalOnly"])
def test_the_dental_column_of_either_year_suppresses(name: str) -> None:
    batch = read_rows(AREAS, area(), area(County="1003", **{"DentalOnlyPlan": "", "DentalOnly": ""} | {name: "Yes"}))
    assert suppressed(batch) == ["ACA_DENTAL_ONLY"]


# ---- files -----------------------------------------------------------------------------------------------


def test_a_file_that_stacks_years_is_of_the_year_most_rows_state() -> None:
    batch = read_rows(AREAS, area(), area(County="1003"), area(County="1005", BusinessYear="2015"))
    assert (str(batch.period), reasons(batch), column(batch, "plan_year")) == ("2016", ["PERIOD_INVALID"], [2016] * 2)


@pytest.mark.parametrize(("slot", "_mine"), SAMPLES, ids=[source for source, _ in SAMPLES])
def test_a_file_in_the_slot_of_another_source_is_recognized(slot: str, _mine: Cells) -> None:
    for source, row in SAMPLES:
        if source != slot:
            with pytest.raises(WrongFileInSlot) as refused:
                read_rows(slot, row)
            assert refused.value.looks_like == source


@pytest.mark.parametrize(("source", "row"), SAMPLES, ids=[source for source, _ in SAMPLES])
def test_half_a_file_is_refused(source: str, row: Cells) -> None:
    whole = table(row, row)
    half = whole[: whole.rindex(b",", 0, whole.rindex(b",") - len(list(row)) // 2)]
    with pytest.raises(TruncatedFile):
        read(source, half, file_name="feed_2016.csv", lob=ACA)


def test_another_puf_of_the_exchange_is_no_plan_attributes() -> None:
    benefit = {
        "BusinessYear": "2016",
        "StateCode": "NM",
        "IssuerId": "12345",
        "PlanId": f"{PLAN}-01",
        "BenefitName": "X",
    }
    with pytest.raises(MissingColumn, match="PlanMarketingName"):
        read_rows(ATTRIBUTES, benefit)


# ---- documentation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lob", ["medicare_advantage", ACA])
def test_the_page_of_sources_names_every_source_and_reason(lob: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text("utf-8")
    for spec in sources_of(lob):
        assert f"| `{spec.source}` | {spec.role.replace('_', ' ')}{', required' if spec.required else ''} |" in page
    mapped = [mapping_of(spec.source) for spec in sources_of(ACA) if spec.source != "aequalis"]
    rules = {rule.rule_id for mapping in mapped for rule in mapping.suppress}
    codes = {rule.reason_code for mapping in mapped for rule in mapping.one_per}
    for code in rules | codes:
        assert f"`{code}`" in page
