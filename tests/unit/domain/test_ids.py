"""Identifiers: one canonical form, a named refusal for the rest, ids that are the same anywhere."""

import hashlib
from datetime import date

import pytest
from fivetier.domain.errors import InvalidId, InvalidSubVersion
from fivetier.domain.ids import (
    MaPlanId,
    SubVersion,
    explain_id,
    node_id,
    parse_contract_id,
    parse_ma_plan_id,
    parse_pbp,
    program_of,
)
from fivetier.domain.tiers import Program, Tier
from hypothesis import given
from hypothesis import strategies as st

CONTRACT = st.from_regex(r"\A[HRESX][0-9]{4}\Z") | st.from_regex(r"\A[0-9]{5}\Z")
PBP = st.integers(1, 999).map("{:03}".format)
FOREIGN_DIGITS = ("\uff11\uff12\uff13\uff14", "\u0661\u0662\u0663\u0664")
SEGMENT = st.none() | st.integers(0, 999).map("{:03}".format)


@pytest.mark.parametrize("text", ["H1234", "R5678", "E0001", "S9999", "X0001", "90091", " h1234 "])
def test_contract_numbers_of_every_program_are_kept(text: str) -> None:
    assert parse_contract_id(text) == text.strip().upper()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "H123",
        "H12345",
        "Z1234",
        "9009",
        "900911",
        "H 1234",
        "H12-34",
        "90091.0",
        "H\uff11\uff12\uff13\uff14",
        "H\u0661\u0662\u0663\u0664",
    ],
)
def test_anything_else_is_no_contract_number(text: str) -> None:
    with pytest.raises(InvalidId) as refused:
        parse_contract_id(text)
    assert (refused.value.value, refused.value.id_system) == (text, "cms_contract")


@pytest.mark.parametrize("digits", FOREIGN_DIGITS)
def test_digits_of_another_script_are_no_digits(digits: str) -> None:
    for text in (f"H{digits}", f"H1234-{digits[:3]}", f"H1234-001-{digits[:3]}"):
        with pytest.raises(InvalidId):
            explain_id(text)


@pytest.mark.parametrize(
    ("text", "padded"), [("1", "001"), ("01", "001"), ("001", "001"), ("1.0", "001"), ("801", "801")]
)
def test_a_plan_number_is_padded_to_three_digits(text: str, padded: str) -> None:
    assert parse_pbp(text) == padded


@pytest.mark.parametrize("text", ["", "0", "000", "0.0", "1234", "-1", "1.5", "1e2", "a", "\u0661"])
def test_anything_else_is_no_plan_number(text: str) -> None:
    with pytest.raises(InvalidId):
        parse_pbp(text)


@given(CONTRACT, PBP, SEGMENT)
def test_a_plan_id_reads_back_as_written(contract: str, pbp: str, segment: str | None) -> None:
    plan = MaPlanId(parse_contract_id(contract), pbp, segment)
    assert parse_ma_plan_id(str(plan)) == plan


@given(CONTRACT, st.integers(1, 999), SEGMENT, st.sampled_from("-_ "), st.booleans())
def test_padding_case_and_separator_do_not_matter(
    contract: str, pbp: int, segment: str | None, sep: str, lower: bool
) -> None:
    short = sep.join([contract, str(pbp)] + ([] if segment is None else [str(int(segment))]))
    assert str(parse_ma_plan_id(short.lower() if lower else short)) == "-".join(
        [contract, f"{pbp:03}"] + ([] if segment is None else [segment])
    )


def test_without_a_segment_the_id_means_the_whole_plan_not_segment_zero() -> None:
    assert parse_ma_plan_id("H1234-001") != parse_ma_plan_id("H1234-001-0")
    assert str(parse_ma_plan_id("H1234-001-0")) == "H1234-001-000"


@pytest.mark.parametrize(
    "text", ["H1234", "H1234-", "H1234-0", "H1234-001-", "H1234-001-0000", "Z1234-001", "H1234001"]
)
def test_anything_else_is_no_plan_id(text: str) -> None:
    with pytest.raises(InvalidId):
        parse_ma_plan_id(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("h1234", "H1234: CMS contract"),
        ("S1234", "stand-alone drug plan"),
        ("X0001", "Limited Income NET"),
        ("90091", "HCPP-1833"),
        ("H1234-1", "H1234-001: plan 001 of contract H1234, all segments"),
        ("H1234-801-2", "segment 002, employer group plan (PBP 8xx)"),
    ],
)
def test_an_id_is_explained_in_words(text: str, words: str) -> None:
    assert words in explain_id(text)


def test_only_plans_of_the_800s_are_employer_group_plans() -> None:
    assert "employer group" not in explain_id("H1234-080")
    with pytest.raises(InvalidId):
        explain_id("nonsense")


@given(st.sampled_from(Tier), st.text(), st.text())
def test_a_node_id_is_the_first_128_bits_of_the_keyed_hash(tier: Tier, system: str, key: str) -> None:
    expected = hashlib.sha256(f"v1|{tier.value}|{system}|{key}".encode()).digest()[:16].hex()
    assert node_id(tier, system, key) == expected


def test_node_ids_never_change_between_releases_of_the_code() -> None:
    assert node_id(Tier.PARENT_PAYER, "parent_name", "example health group") == "8bdf7fecbceeebdaa5cd4acb4027ed56"


@pytest.mark.parametrize(
    ("organization", "plan", "program"),
    [
        ("Local CCP", "HMO/HMOPOS", Program.MA),
        ("Regional CCP", "Regional PPO", Program.MA),
        ("PFFS", "PFFS", Program.MA),
        ("MSA", "MSA", Program.MA),
        ("National PACE", "National PACE", Program.PACE),
        ("1876 Cost", "1876 Cost", Program.COST),
        ("HCPP - 1833 Cost", "HCPP - 1833 Cost", Program.HCPP),
        ("Demo", "Medicare-Medicaid Plan HMO/HMOPOS", Program.MMP),
        ("DEMO", "MEDICARE-MEDICAID PLAN HMO", Program.MMP),
        ("Demo", "Something", Program.DEMO),
        ("LI NET", "LI NET", Program.LI_NET),
        ("Spacecraft", "HMO", None),
    ],
)
def test_the_organization_type_says_which_program_a_contract_is(
    organization: str, plan: str, program: Program | None
) -> None:
    assert program_of(organization, plan) is program


@given(st.integers(2000, 2099), st.integers(1, 12))
def test_a_sub_version_reads_back_and_ends_where_the_next_month_begins(year: int, month: int) -> None:
    this = SubVersion.parse(f"{year}_{month:02}")
    assert SubVersion.parse(str(this)) == this
    assert (this.end - this.first_day).days in (28, 29, 30, 31)
    assert (this.first_day.day, this.end.day) == (1, 1)


@given(st.builds(SubVersion, st.integers(2000, 2099), st.integers(1, 12)), st.integers(0, 30))
def test_months_between_are_counted_over_year_ends(start: SubVersion, months: int) -> None:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    later = SubVersion(year, month + 1)
    assert later.months_from(start) == start.months_from(later) == months
    assert (later > start) == (months > 0)


def test_december_ends_in_january() -> None:
    assert SubVersion.parse("2024_12").end == date(2025, 1, 1)


@pytest.mark.parametrize(
    "text", ["", "2024-08", "2024_8", "2024_13", "2024_00", "1999_01", "202408", "2024_08_01", "20\u0662\u0664_08"]
)
def test_another_form_is_no_sub_version(text: str) -> None:
    with pytest.raises(InvalidSubVersion):
        SubVersion.parse(text)
