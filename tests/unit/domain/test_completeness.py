"""Plans per parent payer and state, held against a count by hand and against a law that must hold of any two lists."""

from typing import Any

from fivetier.domain.completeness import Completeness, Listing, compare_listings, merged
from fivetier.domain.states import STATES
from hypothesis import given
from hypothesis import strategies as st
from structures import ACA, MEDICAID, REVIEWED, enrolled, settle, sold
from worlds import Deal, insight, run, source_row


def listing(plan_id: str, parent: str, *states: str) -> Listing:
    return Listing(plan_id, f"Plan {plan_id}", parent, frozenset(states))


def numbers(found: Completeness) -> dict[tuple[str, str], tuple[int, int, int, int, int]]:
    return {
        (c["parent"], c["state"]): (c["cms"], c["aequalis"], c["both"], c["only_cms"], c["only_aequalis"])
        for c in found.as_json()["parents_by_state"]
    }


def test_counts_by_hand() -> None:
    cms = {"1": listing("1", "Oak", "NM"), "2": listing("2", "Oak", "NM"), "3": listing("3", "Elm", "TX")}
    other = {"1": listing("1", "OAK", "NM"), "4": listing("4", "Oak", "NM"), "3": listing("3", "Elm", "OK")}
    found = compare_listings(cms, other)
    assert numbers(found) == {
        ("Oak", "NM"): (2, 2, 1, 1, 1),
        ("Elm", "OK"): (0, 1, 0, 0, 1),
        ("Elm", "TX"): (1, 0, 0, 1, 0),
    }
    assert [(m.state, m.plan_id) for m in found.only_cms] == [("NM", "2"), ("TX", "3")]
    assert [(m.state, m.plan_id) for m in found.only_aequalis] == [("OK", "3"), ("NM", "4")]


def test_every_state_is_told_and_the_worst_parent_comes_first() -> None:
    data = compare_listings({}, {str(n): listing(str(n), "Oak", "NM") for n in range(3)}).as_json()
    assert [s["state"] for s in data["states"]] == list(STATES) and len(STATES) == 50 + 1 + 5
    assert {s["state"] for s in data["states"] if s["covered"]} == {"NM"}
    assert data["totals"] == {"cms": 0, "aequalis": 3, "both": 0, "only_cms": 0, "only_aequalis": 3}
    gaps = [c["only_cms"] + c["only_aequalis"] for c in data["parents_by_state"]]
    assert gaps == sorted(gaps, reverse=True)


def test_a_plan_of_no_stated_place_stands_where_the_other_lists_it_and_else_in_none() -> None:
    cms = {"1": listing("1", "Oak"), "2": listing("2", "Oak")}
    found = compare_listings(cms, merged([("1", listing("1", "Oak", "NM")), ("1", listing("1", "Oak", "TX"))]))
    assert numbers(found) == {
        ("Oak", "NM"): (1, 1, 1, 0, 0),
        ("Oak", "TX"): (1, 1, 1, 0, 0),
        ("Oak", ""): (1, 0, 0, 1, 0),
    }
    assert [s["state"] for s in found.as_json()["states"]][-1] == ""


def test_what_the_leading_file_does_not_cover_is_counted_and_not_missing() -> None:
    found = compare_listings({}, {"1": listing("1", "Oak", "CA")}, covered=["NM"])
    assert numbers(found) == {("Oak", "CA"): (0, 1, 0, 0, 1)}
    assert found.only_aequalis == []
    assert not any(s["covered"] for s in found.as_json()["states"])


_LISTS = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.builds(
        listing,
        st.sampled_from("abcdefgh"),
        st.sampled_from(["Oak", "Elm", "Fir"]),
        st.sampled_from(["NM", "TX"]),
    ),
)


@given(_LISTS, _LISTS)
def test_both_sides_add_up_by_cell_by_state_and_in_all(cms: dict[str, Listing], other: dict[str, Listing]) -> None:
    found = compare_listings(cms, other)
    data = found.as_json()
    for row in [*data["parents_by_state"], *data["states"], data["totals"]]:
        assert row["cms"] == row["both"] + row["only_cms"]
        assert row["aequalis"] == row["both"] + row["only_aequalis"]
    totals: dict[str, Any] = data["totals"]
    assert (totals["cms"], totals["aequalis"]) == (len(cms), len(other))
    assert (totals["only_cms"], totals["only_aequalis"]) == (len(found.only_cms), len(found.only_aequalis))
    assert Completeness.from_state(found.as_state()) == found


# ---- what the resolvers hand over ------------------------------------------------------------------------


def test_medicare_advantage_goes_by_contract_and_plan_number_and_takes_the_state_from_aequalis() -> None:
    market = [Deal("H0001", "Alder Plan", "Alder Group", (1, 2))]
    rows = [
        insight("H0001", "ALDER GROUP, INC.", 1, state="OH"),
        {**insight("H0001", "Alder Group", 1, state="KY"), "plan_id": "H0001-001-002"},
        insight("H0001", "Alder Group", 7, state="OH"),
        insight("H0099", "Birch Mutual", 3, state="PR"),
    ]
    found = run("2025_06", market, reference=rows).completeness
    assert found is not None
    assert numbers(found) == {
        ("Alder Group", "OH"): (1, 2, 1, 0, 1),
        ("Alder Group", "KY"): (1, 1, 1, 0, 0),
        ("Alder Group", ""): (1, 0, 0, 1, 0),
        ("Birch Mutual", "PR"): (0, 1, 0, 0, 1),
    }


def test_without_one_of_the_lists_there_is_nothing_to_compare() -> None:
    market = [Deal("H0001", "Alder Plan", "Alder Group", (1,))]
    assert run("2025_06", market).completeness is None
    assert run("2025_06", market, reference=[insight("H0001", "Alder Group")], plans=False).completeness is None


def test_a_medicaid_plan_without_an_id_is_found_by_state_program_and_name() -> None:
    other = {
        **source_row("aequalis", 9, state="NM", state_program="CENTENNIAL", plan_name="Pine Care", plan_id="77"),
        "legal_name": "Pine Care",
        "parent_name": "Pine Group",
        "plan_id_system": "medicaid_state_plan",
    }
    members = [enrolled("NM", "Centennial", "Pine Care", "Pine Group")]
    found = settle(MEDICAID, "2021_10", members, dictionary=REVIEWED, reference=[other]).completeness
    assert found is not None
    assert numbers(found) == {("Spruce Inc", "NM"): (1, 1, 1, 0, 0)}


def test_a_parent_of_the_exchange_is_counted_under_its_reviewed_name() -> None:
    beyond = {
        **source_row("aequalis", 9, state="NM", plan_id="55555NM0010001", plan_id_system="hios14"),
        "legal_name": "Oak Plan",
        "parent_name": "Oak/Elm",
        "plan_name": "Silver",
    }
    market = [sold("11111NM0010001", "Oak Plan of New Mexico, Inc.")]
    found = settle(ACA, "2026_01", market, dictionary=REVIEWED, reference=[beyond]).completeness
    assert found is not None
    assert numbers(found) == {("Oak Health", "NM"): (1, 1, 0, 1, 1)}
