"""Two normal forms of a name: what is the same text, and what may be the same organization."""

import unicodedata

import pytest
from fivetier.domain.names import display_name, equality_key, resolution_key
from hypothesis import example, given
from hypothesis import strategies as st

WORDS = (
    "Alder",
    "Élan",
    "A",
    "an",
    "The",
    "of",
    "Inc",
    "LLC",
    "L",
    "P",
    "Co",
    "Company",
    "&",
    "D",
    "3rd",
    "L.L.C.",
    "ÑÑ",
)
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
MARKS = st.sampled_from([" ", "  ", ",", ".", "-", "/", "'", "\t", "\u00a0", "_", "(", ")"])


@given(NAMES | st.text(st.characters(exclude_categories=("Cs",))))
@example("\x83\xc0")  # mojibake in small letters only
@example("The A Better Plan")
def test_both_keys_are_idempotent(name: str) -> None:
    assert equality_key(equality_key(name)) == equality_key(name)
    assert resolution_key(resolution_key(name)) == resolution_key(name)


@given(NAMES, st.lists(MARKS, min_size=6, max_size=6), st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
@example("A & D Trust", ["-"] * 6, str.upper)
def test_case_and_punctuation_make_no_other_name(name: str, marks: list[str], recase) -> None:  # type: ignore[no-untyped-def]
    tokens = name.split()
    other = recase("".join(token + mark for token, mark in zip(tokens, marks, strict=False)))
    assert equality_key(other) == equality_key(name)
    assert resolution_key(other) == resolution_key(name)


@given(NAMES, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_composed_and_decomposed_letters_are_one(name: str, form) -> None:  # type: ignore[no-untyped-def]
    assert equality_key(unicodedata.normalize(form, name)) == equality_key(name)
    assert resolution_key(unicodedata.normalize(form, name)) == resolution_key(name)


@pytest.mark.parametrize("name", ["Élan Santé", "Compañía de Salud", "Birch \u2013 Health\u2019s Plan"])
def test_mojibake_is_repaired_before_names_are_compared(name: str) -> None:
    broken = name.encode().decode("cp1252")
    assert broken != name
    assert equality_key(broken) == equality_key(name)
    assert resolution_key(broken) == resolution_key(name)


def test_full_width_letters_and_ligatures_are_the_plain_ones() -> None:
    assert equality_key("\uff21lder \uff27roup") == equality_key("Alder Group")
    assert equality_key("Proﬁt") == equality_key("Profit")


@given(NAMES, NAMES)
def test_names_that_are_equal_resolve_alike(one: str, other: str) -> None:
    if equality_key(one) == equality_key(other):
        assert resolution_key(one) == resolution_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Molina Healthcare, Inc.,", "Molina Healthcare, Inc."),
        ("Molina Healthcare, Inc.,", "MOLINA HEALTHCARE"),
        ("Alder Group", "The Alder Group, LLC"),
        ("Alder Group", "Alder Group L.L.C."),
        ("An Alder Group", "Alder Group Corp."),
        ("Alder Group", "Alder Group Incorporated"),
    ],
)
def test_legal_forms_and_articles_make_no_other_organization(one: str, other: str) -> None:
    assert resolution_key(one) == resolution_key(other)


def test_a_trailing_comma_is_no_rename_at_all() -> None:
    assert equality_key("Molina Healthcare, Inc.,") == equality_key("Molina Healthcare, Inc.")


def test_a_name_of_legal_forms_only_never_becomes_empty() -> None:
    assert resolution_key("The Company, Inc.") == "the company inc"
    assert resolution_key("The Company, Inc.") != resolution_key("Company LLC")


@given(NAMES)
def test_a_name_with_letters_always_has_a_key(name: str) -> None:
    assert bool(equality_key(name)) == bool(resolution_key(name)) == any(c.isalnum() for c in name)


@pytest.mark.parametrize(
    "name", ["A&D Charitable Foundation, Inc.", "A & D Charitable Foundation", "A-D Charitable Foundation"]
)
def test_a_letter_joined_to_another_is_no_article(name: str) -> None:
    assert resolution_key(name) == "a d charitable foundation"
    assert resolution_key(name) != resolution_key("D Charitable Foundation")


@pytest.mark.parametrize(
    ("one", "other"), [("Alder of Ohio", "Alder of Iowa"), ("Alder", "Alder Health"), ("Alder Plan 1", "Alder Plan 2")]
)
def test_other_words_are_another_organization(one: str, other: str) -> None:
    assert resolution_key(one) != resolution_key(other)


def test_the_most_frequent_spelling_is_shown_and_ties_go_by_text() -> None:
    assert display_name(["ALDER", "Alder", "Alder"]) == "Alder"
    assert display_name(["Birch", "Alder"]) == display_name(["Alder", "Birch"]) == "Alder"
    assert display_name(["Alder  Group", "Alder Group", "B"]) == "Alder Group"
    with pytest.raises(ValueError, match="no spelling"):
        display_name([])
