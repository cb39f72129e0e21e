"""The reviewed dictionary and the steps from a spelling to a parent payer: one answer each, and never a guess."""

from datetime import date

import pytest
from fivetier.domain.dictionary import Dictionary, parent_dictionary, parse_dictionary
from fivetier.domain.events import find_events
from fivetier.domain.identity import Registry
from fivetier.domain.names import agreement_key, equality_key, legal_forms
from fivetier.domain.parents import Parents, resolve_parents
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Lob
from pydantic import ValidationError
from structures import MEDICAID, REVIEWED, enrolled, settle

DAY = date(2021, 7, 1)


def resolved(*names: str, dictionary: Dictionary = REVIEWED, published: Slice | None = None) -> Parents:
    registry = Registry(published or Slice(MEDICAID))
    return resolve_parents({equality_key(name): name for name in names}, registry, dictionary, day=DAY)


def same(known: str, other: str) -> bool:
    """Whether a published parent's name and another one of the month after mean one node."""
    published = settle(MEDICAID, "2021_07", [enrolled("NM", "C", "Plan", known)]).candidate
    return len(set(resolved(known, other, dictionary=Dictionary(), published=published).node_of.values())) == 1


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Fir Healthcare, Inc.", "FIR HEALTHCARE INC", True),
        ("Fir Healthcare, Inc.", "Fir Healthcare, Inc.,", True),
        ("Fir Healthcare, Inc.", "The Fir Health Care", True),
        ("Fir Healthcare Corporation", "Fir Healthcare Corportation", True),
        ("Fir Healthcare", "Fir Heathcare", True),
        ("Fir Healthcare", "Fir Helathcare", True),
        ("Fir Inc.", "Fir LLC", False),
        ("Core Source", "Care Source", False),
        ("CoreSource", "CareSource", False),
        ("Fir Mutual", "Fire Mutual", False),
        ("Fir Health", "Fir Wealth", False),
        ("Plan 12345678", "Plan 12345679", False),
    ],
)
def test_what_two_spellings_may_differ_in(one: str, other: str, is_same: bool) -> None:
    assert same(one, other) is is_same


def test_a_slip_that_fits_two_names_is_left_alone() -> None:
    rows = [enrolled("NM", "C", "One", "Fir Parkways"), enrolled("TX", "S", "Two", "Fir Parkwa")]
    published = settle(MEDICAID, "2021_07", rows).candidate
    assert (
        resolved("Fir Parkways", "Fir Parkwa", "Fir Parkway", dictionary=Dictionary(), published=published).taken == ()
    )


def test_former_names_and_owned_companies_are_what_they_had_become_by_then() -> None:
    spruce = REVIEWED.find("SPRUCE, INC", date(2022, 6, 27))
    assert spruce is not None
    assert (spruce.name_on(date(2022, 6, 27)), spruce.name_on(date(2022, 6, 28))) == ("Spruce Inc", "Pine Group")
    assert [entry.name for day in (date(2020, 1, 22), date(2020, 1, 23)) if (entry := REVIEWED.find("Elm", day))] == [
        "Elm Plans",
        "Oak Health",
    ]


def test_a_brand_stands_first_and_the_longest_one_decides() -> None:
    text = """
version: 1.0.0
parents:
  - {name: Oak Health, brands: [Oak], source: s, reviewed: 2026-01-01}
  - {name: Oak Grove Trust, brands: [Oak Grove], source: s, reviewed: 2026-01-01}
"""
    reviewed = parse_dictionary(text)
    owners = [
        reviewed.owner_of(name, DAY) for name in ("Oak Plan of Ohio, Inc.", "Oak Grove of Ohio", "Big Oak", "Oakley")
    ]
    assert [owner and owner.name for owner in owners] == ["Oak Health", "Oak Grove Trust", None, None]
    found = resolved("Oak Plan of Ohio, Inc.", "Oak Plan LLC", dictionary=reviewed)
    assert len(set(found.node_of.values())) == 1 and {taken.how for taken in found.taken} == {"brand"}


def test_a_parent_keeps_its_node_when_the_dictionary_learns_its_names() -> None:
    before = settle(MEDICAID, "2019_07", [enrolled("NM", "C", "Plan", "Spruce Inc.")]).candidate
    ids = {node.node_id for node in before.live_nodes.values() if node.tier == 1}
    assert set(resolved("Pine Group", published=before).node_of.values()) == ids


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("{name: A, aliases: [B], %s}, {name: B, %s}", "means both"),
        ("{name: A, merged_into: B, merged_on: 2020-01-01, %s}", "no other entry"),
        ("{name: A, merged_into: B, @, %s}, {name: B, merged_into: A, @, %s}", "no other entry"),
        ("{name: A, brands: [X], %s}, {name: B, brands: [x], %s}", "means both"),
    ],
)
def test_a_dictionary_that_contradicts_itself_is_refused(entries: str, said: str) -> None:
    entries = entries.replace("%s", "source: s, reviewed: 2026-01-01").replace("@", "merged_on: 2020-01-01")
    text = f"version: 1.0.0\nparents: [{entries}]"
    with pytest.raises(ValueError, match=said):
        parse_dictionary(text)


@pytest.mark.parametrize("entry", ["{name: A, merged_into: B}", "{name: A, colour: red}", "{name: A}"])
def test_an_entry_says_all_it_must_and_nothing_else(entry: str) -> None:
    with pytest.raises(ValidationError):
        parse_dictionary(f"version: 1.0.0\nparents: [{entry}]")


@pytest.mark.parametrize(
    ("spelling", "day", "name"),
    [
        ("WellCare/Centene", date(2019, 7, 1), "Centene Corporation"),
        ("Centene Corportation", date(2019, 7, 1), "Centene Corporation"),
        ("WellCare", date(2019, 7, 1), "WellCare Health Plans, Inc."),
        ("WellCare", date(2020, 7, 1), "Centene Corporation"),
        ("Molina Healthcare, Inc.,", date(2021, 7, 1), "Molina Healthcare, Inc."),
        ("Anthem, Inc.", date(2021, 7, 1), "Anthem, Inc."),
        ("Anthem, Inc.", date(2023, 7, 1), "Elevance Health, Inc."),
        ("Aetna Better Health of Texas", date(2021, 7, 1), "CVS Health Corporation"),
        ("UnitedHealthcare of North Carolina, Inc.", date(2021, 7, 1), "UnitedHealth Group, Inc."),
    ],
)
def test_what_is_shipped_knows_the_payers_everybody_misspells(spelling: str, day: date, name: str) -> None:
    registry = Registry(Slice(Lob.MEDICAID))
    found = resolve_parents({equality_key(spelling): spelling}, registry, parent_dictionary(), day=day)
    assert list(found.reviewed_name.values()) == [name]


def test_keys_of_names_say_what_they_ignore() -> None:
    assert agreement_key("The Fir Health Care, L.L.C.") == agreement_key("Fir Healthcare")
    assert legal_forms("Fir Company, Inc.") == {"co", "inc"} and not legal_forms("Fir")


def test_a_name_of_nothing_but_marks_is_a_name() -> None:
    found = settle(MEDICAID, "2021_07", [enrolled("NM", "C", "Plan", "---")]).candidate
    assert [node.name for node in found.live_nodes.values() if node.tier == 1] == ["---"]
    assert find_events(found, settle(MEDICAID, "2021_10", [enrolled("NM", "C", "Plan", "---")], found).candidate) == ()
