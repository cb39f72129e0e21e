"""Clearinghouses' payer lists, tables of contents, and plans.json: nested files of payers, plans and networks."""

import json
from typing import Any

import pytest
from files import reasons
from files_of_lobs import (
    AVAILITY,
    LOB_OF,
    QHP,
    STEDI,
    TIC,
    availity,
    availity_payer,
    contents,
    network_file,
    payer,
    plans_json,
    qhp_plan,
    reporting_plan,
    stedi,
    structure,
)
from fivetier.domain.errors import MissingColumn, NoDataRows, UnsupportedFormat, WrongFileInSlot
from fivetier.domain.ids import SubVersion
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.payer_text import government_payer
from fivetier.feeds.reader import FeedBatch, read_feed


def read(source: str, data: bytes, *, name: str = "f.json", month: str = "2025_07") -> FeedBatch:
    run = SubVersion.parse(month)
    return read_feed(data, file_name=name, mapping=mapping_of(source), run_id="r", lob=LOB_OF[source], sub_version=run)


def rows(batch: FeedBatch) -> list[dict[str, Any]]:
    """The accepted rows without the reader's columns and without nulls."""
    stamps = {"lob", "source", "source_object", "row_number", "trace_id"}
    return [
        {name: value for name, value in row.items() if value is not None and name not in stamps}
        for row in batch.rows.to_pylist()
    ]


def rules(batch: FeedBatch) -> list[str]:
    found: list[str] = batch.suppressed.column("rule_id").to_pylist()
    return found


def test_a_payer_is_an_entity_with_the_ids_and_names_it_also_goes_by() -> None:
    batch = read(STEDI, stedi(payer(parentPayerGroupId="GROUP")), name="payers_2025-07.json")
    assert rows(batch) == [
        {
            "entity_id_system": "stedi_payer",
            "entity_id": "00123",
            "legal_name": "Example Health Plan of Ohio",
            "other_ids": '["EXHP1"]',
            "other_names": '["Example HP"]',
        }
    ]
    assert str(batch.period) == "2025_07"


def test_lists_that_add_nothing_are_null() -> None:
    [row] = rows(read(STEDI, stedi(payer(aliases=["00123"], names=["EXAMPLE HEALTH PLAN OF OHIO", " "]))))
    assert row.keys() == {"entity_id_system", "entity_id", "legal_name"}
    [row] = rows(read(STEDI, stedi(payer(aliases=["ab", "AB", 7, 7], names=["A, B", "a b", "C"]))))
    assert (json.loads(row["other_ids"]), json.loads(row["other_names"])) == (["ab", "AB", "7"], ["A, B", "C"])


@pytest.mark.parametrize(
    ("types", "kept"),
    [(["medical"], True), (["dental", "medical"], True), (["dental"], False), (["vision"], False), ([], True)],
)
def test_a_payer_that_is_nothing_but_dental_or_vision_is_kept_out(types: list[str], kept: bool) -> None:
    batch = read(STEDI, stedi(payer(coverageTypes=types), payer(primaryPayerId="2")))
    assert (batch.rows.num_rows, rules(batch)) == ((2, []) if kept else (1, ["PAYER_NOT_MEDICAL"]))


def test_a_payer_whose_coverage_is_not_stated_stays() -> None:
    unstated = {key: value for key, value in payer().items() if key != "coverageTypes"}
    assert read(STEDI, stedi(unstated)).rows.num_rows == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Medicare Ohio Part A", "MEDICARE_FFS"),
        ("Ohio Medicare Part B Jurisdiction 7", "MEDICARE_FFS"),
        ("Medicare Railroad", "MEDICARE_FFS"),
        ("Medicare Durable Medical Equipment Regional Carrier", "MEDICARE_FFS"),
        ("Medicaid Ohio", "MEDICAID_AGENCY"),
        ("WEST VIRGINIA MEDICAID ", "MEDICAID_AGENCY"),
        ("Medicaid California Medi-Cal", "MEDICAID_AGENCY"),
        ("TRICARE East", "MILITARY_OR_VETERANS"),
        ("Veterans Affairs Fee Basis Program", "MILITARY_OR_VETERANS"),
        ("Example Ohio Medicaid", None),
        ("Medicaid Ohio Example Plan", None),
        ("Medicare Example Blue", None),
        ("Example Medicare Advantage", None),
        ("Medicare Ohio", None),
        ("Example TRICARE Supplement", None),
        ("Champion Example", None),
        ("Nova Healthcare", None),
    ],
)
def test_a_payer_is_the_government_only_where_its_whole_name_says_so(name: str, kind: str | None) -> None:
    assert government_payer(name) == kind
    batch = read(STEDI, stedi(payer(displayName=name), payer(primaryPayerId="2")))
    assert rules(batch) == ([] if kind is None else [f"PAYER_{kind}"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"primaryPayerId": None}, "PAYER_ID_MISSING"),
        ({"primaryPayerId": " "}, "PAYER_ID_MISSING"),
        ({"displayName": "60054"}, "NAME_UNREADABLE"),
        ({"displayName": None}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_a_payer_without_id_or_name_is_quarantined(changes: dict[str, object], reason: str) -> None:
    batch = read(STEDI, stedi(payer(**changes), payer(primaryPayerId="2"), "stray"))
    assert (batch.landed_rows, reasons(batch)) == (3, [reason, "ROW_NOT_AN_OBJECT"])


def test_one_id_under_two_names_is_no_payer() -> None:
    same = payer(displayName="EXAMPLE HEALTH PLAN OF OHIO")
    assert rules(read(STEDI, stedi(payer(), same))) == ["DUPLICATE_ROW"]
    assert reasons(read(STEDI, stedi(payer(), payer(displayName="Other Plan")))) == ["ROWS_DISAGREE"] * 2


def test_another_clearinghouses_ids_are_its_own() -> None:
    named = availity_payer(payerId="00123", displayName="Example Health (Ohio)", shortName="EXHOH")
    batch = read(AVAILITY, availity(availity_payer(), named, availity_payer(name="MEDICAID OHIO", payerId="7")))
    assert rows(batch) == [
        {"entity_id_system": "availity_payer", "entity_id": "EXH", "legal_name": "EXAMPLE HEALTH"},
        {
            "entity_id_system": "availity_payer",
            "entity_id": "00123",
            "legal_name": "EXAMPLE HEALTH",
            "other_names": '["Example Health (Ohio)"]',
        },
    ]
    assert rules(batch) == ["PAYER_MEDICAID_AGENCY"]


def test_the_lists_of_two_clearinghouses_do_not_fit_each_others_slot() -> None:
    with pytest.raises(UnsupportedFormat, match="payers"):
        read(AVAILITY, stedi(payer()))
    with pytest.raises(WrongFileInSlot):
        read(STEDI, availity(availity_payer()))


def test_a_table_of_contents_gives_a_row_per_plan_and_file() -> None:
    two_files = [network_file(), network_file(description="Example Behavioral")]
    insured = reporting_plan(plan_id_type="hios", plan_id="12345oh001", plan_name="Example Group HMO")
    batch = read(TIC, contents(structure(reporting_plan(), insured, files=two_files)))
    shared = {"legal_name": "Example Health Group", "plan_type": "group", "plan_year": 2025}
    employer = {"plan_id_system": "ein", "plan_id": "123456789", "plan_name": "Example Employer PPO"}
    product = {"plan_id_system": "hios10", "plan_id": "12345OH001", "plan_name": "Example Group HMO", "state": "OH"}
    product |= {"entity_id_system": "hios_issuer", "entity_id": "12345"}
    assert rows(batch) == [
        shared | plan | {"network_name": network}
        for plan in (employer, product)
        for network in ("Example Choice rates", "Example Behavioral")
    ]
    assert str(batch.period) == "2025_07"


def test_version_2_names_issuer_and_networks() -> None:
    plan = reporting_plan(issuer_name="EXAMPLE HEALTH PLAN OF OHIO, INC.", plan_sponsor_name="Example Employer")
    files = [network_file(network_name=["Example Choice", "Example Select"]), network_file()]
    found = rows(read(TIC, contents(structure(plan, files=files), version="2.0.0")))
    assert {row["legal_name"] for row in found} == {"EXAMPLE HEALTH PLAN OF OHIO, INC."}
    assert [row["network_name"] for row in found] == ["Example Choice", "Example Select", "Example Choice rates"]


@pytest.mark.parametrize(
    ("id_type", "plan_id", "system", "canonical"),
    [
        ("ein", "123456789", "ein", "123456789"),
        ("EIN", "12-3456789", "ein", "123456789"),
        ("HIOS", "01234", "hios_issuer", "01234"),
        ("hios", "01234OH001", "hios10", "01234OH001"),
        ("hios", "01234OH0010001", "hios14", "01234OH0010001"),
    ],
)
def test_a_plan_id_names_the_tier_its_form_says(id_type: str, plan_id: str, system: str, canonical: str) -> None:
    [row] = rows(read(TIC, contents(structure(reporting_plan(plan_id_type=id_type, plan_id=plan_id)))))
    assert (row["plan_id_system"], row["plan_id"]) == (system, canonical)
    assert row.get("entity_id") == (None if system == "ein" else "01234")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plan_id_type": "NAIC"}, "ID_SYSTEM_UNKNOWN"),
        ({"plan_id_type": None}, "PLAN_ID_MISSING"),
        ({"plan_id": None}, "PLAN_ID_MISSING"),
        ({"plan_id": "1234"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"plan_id_type": "hios", "plan_id": "1234567890"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"plan_id_type": "hios", "plan_id": "12345OH0010001-01"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"plan_market_type": "small"}, "MARKET_TYPE_UNKNOWN"),
    ],
)
def test_a_reporting_plan_that_cannot_be_placed_is_quarantined(changes: dict[str, object], reason: str) -> None:
    batch = read(TIC, contents(structure(reporting_plan(**changes)), structure(reporting_plan())))
    assert (batch.landed_rows, batch.rows.num_rows, reasons(batch)) == (2, 1, [reason])


def test_plans_of_the_individual_market_are_the_exchanges() -> None:
    individual = reporting_plan(plan_market_type="Individual", plan_id_type="hios", plan_id="unreadable")
    batch = read(TIC, contents(structure(individual, reporting_plan())))
    assert (batch.rows.num_rows, rules(batch)) == (1, ["TIC_INDIVIDUAL_MARKET"])


def test_a_structure_without_plans_or_files_does_not_vanish() -> None:
    bare = structure(reporting_plan(plan_id="98-7654321"), files=[])
    batch = read(TIC, contents(structure(), bare, structure(reporting_plan())))
    assert (batch.landed_rows, batch.rows.num_rows) == (3, 2)
    assert reasons(batch) == ["PLAN_ID_MISSING"]
    assert rows(batch)[0].get("network_name") is None


def test_a_table_of_contents_without_structures_or_plans_is_refused() -> None:
    with pytest.raises(NoDataRows):
        read(TIC, contents())
    with pytest.raises(MissingColumn, match="reporting_plans"):
        read(TIC, contents(structure()))


def test_one_plan_in_many_files_of_one_network_counts_once() -> None:
    batch = read(TIC, contents(structure(reporting_plan(), files=[network_file(location=str(n)) for n in range(3)])))
    assert (batch.landed_rows, rules(batch)) == (3, ["DUPLICATE_ROW"] * 2)


def test_links_to_files_stay_out_of_quarantine() -> None:
    batch = read(TIC, contents(structure(reporting_plan(plan_id="none"))))
    assert "secret" not in batch.quarantined.column("raw_row")[0].as_py()


def test_a_qhp_plan_is_a_row_per_network_tier() -> None:
    batch = read(QHP, plans_json(qhp_plan(), qhp_plan(plan_id="12345XX0010001", network=[])))
    shared = {"entity_id_system": "hios_issuer", "entity_id": "12345", "plan_id_system": "hios14", "plan_year": 2025}
    shared |= {"plan_name": "Example Gold Plan"}
    assert rows(batch) == [
        shared | {"plan_id": "12345OH0010001", "state": "OH", "network_tier": "PREFERRED"},
        shared | {"plan_id": "12345OH0010001", "state": "OH", "network_tier": "NON-PREFERRED"},
        shared | {"plan_id": "12345XX0010001"},
    ]
    assert "plan_contact" in batch.dropped_columns


def test_a_qhp_plan_of_two_years_is_read_for_the_runs() -> None:
    data = plans_json(qhp_plan(years=[2025, 2026]), qhp_plan(plan_id="12345OH0010002", years=[2026]))
    for month, plans in (("2025_07", ["12345OH0010001"] * 2), ("2026_01", ["12345OH0010001", "12345OH0010002"])):
        batch = read(QHP, data, month=month)
        assert sorted({row["plan_id"] for row in rows(batch)}) == sorted(set(plans))
        assert (batch.landed_rows, str(batch.period)) == (6, month)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plan_id": "12345OH0010001-01"}, "PLAN_ID_UNKNOWN_FORM"),
        ({"plan_id": None}, "PLAN_ID_MISSING"),
        ({"plan_id_type": "NAIC"}, "ID_SYSTEM_UNKNOWN"),
        ({"years": ["next"]}, "PLAN_YEAR_INVALID"),
        ({"years": []}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_a_qhp_plan_that_cannot_be_placed_is_quarantined(changes: dict[str, object], reason: str) -> None:
    batch = read(QHP, plans_json(qhp_plan(**changes), qhp_plan()))
    assert (batch.rows.num_rows, reasons(batch)) == (2, [reason] * 2)
    assert "contactperson" not in str(batch.quarantined.to_pylist())


def test_a_qhp_plan_under_two_names_is_disputed() -> None:
    batch = read(QHP, plans_json(qhp_plan(), qhp_plan(marketing_name="Other")))
    assert reasons(batch) == ["ROWS_DISAGREE"] * 4
