"""What moves, renames, comings and goings do to nodes, rows and events."""

from datetime import date

import pytest
from fivetier.domain.names import resolution_key
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Tier
from hypothesis import assume, given
from hypothesis import strategies as st
from worlds import PARENTS, Deal, deals, events, moved, node_of, publish

AUGUST, JUNE = "2024_08", "2025_06"
DAY, BEFORE = date(2025, 6, 1), date(2024, 8, 1)

MARKET = [
    Deal("H0001", "Alder Plan of Ohio", "Alder Group", plans=(1, 2)),
    Deal("H0002", "Alder Plan of Ohio", "Alder Group"),
    Deal("H0003", "Alder Plan of Iowa", "Alder Group"),
    Deal("H0004", "Birch Care", "Birch Mutual"),
]
OHIO = {"H0001", "H0002"}


def both(then: list[Deal], now: list[Deal]) -> tuple[Slice, Slice]:
    before = publish(AUGUST, then)
    return before, publish(JUNE, now, before)


@given(deals(least=3), st.sampled_from([*PARENTS, "Unheard Of"]))
def test_three_contracts_moved_to_another_parent_are_one_event_of_three(market: list[Deal], target: str) -> None:
    three = {deal.contract_id for deal in market[:3]}
    market = moved(market, three, parent="Origin Payer")
    before, after = both(market, moved(market, three, parent=target))
    (event,) = events(before, after, "parent_changed", "renamed")
    assert event.event_type == "parent_changed"
    assert event.contracts == tuple(sorted(three))
    assert event.before == "Origin Payer"
    assert resolution_key(event.after or "") == resolution_key(target)
    assert events(before, after) == [event]


def test_an_event_names_both_parents_and_every_subsidiary_it_touches() -> None:
    before, after = both(MARKET, moved(MARKET, {"H0001", "H0002", "H0003"}, parent="Birch Mutual"))
    (event,) = events(before, after)
    assert event.node_ids == (
        node_of(before, 1, "Alder Group"),
        node_of(after, 1, "Birch Mutual"),
        *sorted(node_of(before, 2, f"Alder Plan of {state}") for state in ("Ohio", "Iowa")),
    )


def test_a_subsidiary_that_moved_as_a_whole_keeps_its_node_and_drifts() -> None:
    before, after = both(MARKET, moved(MARKET, OHIO, parent="Birch Mutual"))
    node = node_of(before, 2, "Alder Plan of Ohio")
    assert after.live_nodes[node].parent_node_id == node_of(after, 1, "Birch Mutual")
    assert after.live_nodes[node].valid_from == DAY
    (ended,) = [row for row in after.nodes if row.node_id == node and row.valid_to is not None]
    assert (ended.valid_from, ended.valid_to, ended.end_reason) == (BEFORE, DAY, "changed")
    assert after.live_contracts["H0001"] == before.live_contracts["H0001"]


def test_when_only_some_contracts_move_the_leavers_get_a_new_node() -> None:
    before, after = both(MARKET, moved(MARKET, {"H0002"}, parent="Birch Mutual"))
    old = node_of(before, 2, "Alder Plan of Ohio")
    assert after.live_nodes[old] == before.live_nodes[old]
    parent, entity = after.ancestors("H0002")
    assert (parent.name, entity.name) == ("Birch Mutual", "Alder Plan of Ohio")
    assert entity.node_id != old and entity.node_id not in before.live_nodes
    assert after.ancestors("H0001")[1].node_id == old


def test_when_a_subsidiary_is_split_between_two_parents_its_node_goes_with_most_contracts() -> None:
    then = [Deal(f"H000{n}", "Fir", "Alder Group") for n in range(3)]
    now = moved(moved(then, {"H0000"}, parent="Alpine"), {"H0001", "H0002"}, parent="Birch Mutual")
    before, after = both(then, now)
    assert after.ancestors("H0001")[1].node_id == after.ancestors("H0002")[1].node_id == node_of(before, 2, "Fir")
    assert after.ancestors("H0000")[0].name == "Alpine"
    assert after.ancestors("H0000")[1].node_id not in before.live_nodes


def test_a_subsidiary_with_none_of_its_contracts_left_keeps_its_node_where_it_is_the_only_one_of_its_name() -> None:
    before, after = both([Deal("H0001", "Fir", "Alder Group")], [Deal("H0009", "Fir", "Birch Mutual")])
    assert node_of(after, 2, "Fir") == node_of(before, 2, "Fir")
    two = [Deal("H0008", "Fir", "Cedar Group"), Deal("H0009", "Fir", "Birch Mutual")]
    before, after = both([Deal("H0001", "Fir", "Alder Group")], two)
    assert node_of(before, 2, "Fir") not in after.live_nodes


def test_a_namesake_of_an_ended_subsidiary_under_another_parent_is_a_new_one() -> None:
    before, ended = both([*MARKET, Deal("H0009", "Fir", "Alder Group")], MARKET)
    back = publish("2025_07", [*MARKET, Deal("H0009", "Fir", "Birch Mutual")], ended)
    assert node_of(back, 2, "Fir") != node_of(before, 2, "Fir")


def test_one_event_where_legal_entity_and_parent_both_change() -> None:
    before, after = both(MARKET, moved(MARKET, {"H0001"}, parent="Birch Mutual", legal="Birch Care"))
    (event,) = events(before, after)
    assert (event.event_type, event.contracts) == ("parent_changed", ("H0001",))
    assert not event.possible_rename


def test_another_entity_of_the_same_parent_is_a_subsidiary_change() -> None:
    before, after = both(MARKET, moved(MARKET, {"H0001"}, legal="Alder Plan of Iowa"))
    (event,) = events(before, after)
    assert (event.event_type, event.scope, event.contracts) == ("subsidiary_changed", "subsidiary", ("H0001",))
    assert (event.before, event.after) == ("Alder Plan of Ohio", "Alder Plan of Iowa")


@pytest.mark.parametrize("name", ["Alder Group, Inc.", "The Alder Group", "ALDER GROUP LLC"])
def test_a_parent_that_only_changed_its_legal_form_is_renamed(name: str) -> None:
    before, after = both(MARKET, moved(MARKET, {"H0001", "H0002", "H0003"}, parent=name))
    (event,) = events(before, after)
    assert (event.event_type, event.scope, event.before, event.after) == (
        "renamed",
        "parent payer",
        "Alder Group",
        name,
    )
    assert event.contracts == ("H0001", "H0002", "H0003")
    assert node_of(after, 1, name) == node_of(before, 1, "Alder Group")


def test_a_subsidiary_that_only_changed_its_legal_form_is_renamed_even_with_its_parent() -> None:
    now = moved(
        moved(MARKET, OHIO, legal="Alder Plan of Ohio, Inc."), {"H0001", "H0002", "H0003"}, parent="Alder Group Co"
    )
    before, after = both(MARKET, now)
    assert [(e.event_type, e.scope) for e in events(before, after)] == [
        ("renamed", "parent payer"),
        ("renamed", "subsidiary"),
    ]
    assert node_of(after, 2, "Alder Plan of Ohio, Inc.") == node_of(before, 2, "Alder Plan of Ohio")


@pytest.mark.parametrize("name", ["ALDER GROUP", "Alder  Group", "Alder-Group,"])
def test_another_spelling_is_nothing_at_all(name: str) -> None:
    before, after = both(MARKET, moved(MARKET, {"H0001", "H0002", "H0003"}, parent=name))
    assert events(before, after) == []
    assert after == before


def test_the_order_of_events_does_not_depend_on_case() -> None:
    orders = []
    for names in (("alder group", "Birch Mutual"), ("ALDER GROUP", "birch mutual")):
        then = [Deal("H0001", "Fir", names[1]), Deal("H0002", "Pine", names[0])]
        orders.append([e.contracts for e in events(*both(then, moved(then, {"H0001", "H0002"}, parent="Cedar")))])
    assert orders == [[("H0002",), ("H0001",)]] * 2


def test_a_rename_beyond_legal_form_is_a_move_that_may_be_a_rename() -> None:
    before, after = both(MARKET, moved(MARKET, {"H0001", "H0002", "H0003"}, parent="Alder Holdings of America"))
    (event,) = events(before, after)
    assert (event.event_type, event.possible_rename, len(event.contracts)) == ("parent_changed", True, 3)


def test_a_move_to_a_known_parent_or_of_a_part_is_no_possible_rename() -> None:
    for now in (
        moved(MARKET, {"H0001", "H0002", "H0003"}, parent="Birch Mutual"),
        moved(MARKET, {"H0001"}, parent="Alder Holdings of America"),
    ):
        (event,) = events(*both(MARKET, now))
        assert (event.event_type, event.possible_rename) == ("parent_changed", False)


def test_two_candidates_for_one_rename_are_not_guessed() -> None:
    now = moved(moved(MARKET, OHIO, parent="Alder Group Inc"), {"H0003"}, parent="Alder Group LLC")
    before, after = both(MARKET, now)
    assert not events(before, after, "renamed")
    assert len(events(before, after, "parent_changed")) == 2
    assert node_of(before, 1, "Alder Group") not in after.live_nodes


def test_a_renamed_organization_is_known_by_both_names_ever_after() -> None:
    before, renamed = both(MARKET, moved(MARKET, {"H0001", "H0002", "H0003"}, parent="Alder Group Inc"))
    again = publish("2025_07", MARKET, renamed)
    assert (
        node_of(again, 1, "Alder Group") == node_of(renamed, 1, "Alder Group Inc") == node_of(before, 1, "Alder Group")
    )


def test_one_entity_spelled_several_ways_in_one_file_is_one_node_shown_as_most_spell_it() -> None:
    spelled = ["ALDER GROUP", "Alder Group", "alder group", "Alder Group"]
    market = [Deal(f"H000{n}", parent=name) for n, name in enumerate(spelled)]
    first = publish(AUGUST, market)
    assert [n.name for n in first.live_nodes.values() if n.tier == Tier.PARENT_PAYER] == ["Alder Group"]


def test_an_absent_contract_ends_with_everything_only_it_held_up() -> None:
    before, after = both(MARKET, MARKET[:3])
    ended = [row for row in (*after.nodes, *after.contracts) if row.valid_to is not None]
    assert {(row.valid_from, row.valid_to, row.end_reason) for row in ended} == {(BEFORE, DAY, "absent_from_source")}
    assert sorted(row.tier for row in after.nodes if row.valid_to) == [1, 2, 3, 4]
    assert [c.contract_id for c in after.contracts if c.valid_to] == ["H0004"]
    assert {e.valid_to for e in after.external_ids if e.node_id not in after.live_nodes} == {DAY}
    (event,) = events(before, after)
    assert (event.event_type, event.scope, event.contracts, event.after) == ("removed", "contract", ("H0004",), None)
    assert len(event.node_ids) == 3  # parent, subsidiary and plan; the LOB node is the subsidiary's


def test_a_contract_that_comes_back_gets_its_nodes_back() -> None:
    before, without = both(MARKET, MARKET[:3])
    back = publish("2025_09", MARKET, without)
    assert back.live_nodes.keys() == before.live_nodes.keys()
    assert all(
        back.live_nodes[node].valid_from == date(2025, 9, 1)
        for node in before.live_nodes.keys() - without.live_nodes.keys()
    )
    assert [(e.event_type, e.contracts) for e in events(without, back)] == [("added", ("H0004",))]


def test_one_plan_more_and_one_less_are_two_events_of_their_contract() -> None:
    before, after = both(MARKET, moved(MARKET, {"H0001"}, plans=(2, 3)))
    gone, come = events(before, after)
    assert (gone.event_type, gone.scope, gone.before) == ("removed", "plan", "H0001-001")
    assert (come.event_type, come.scope, come.after) == ("added", "plan", "H0001-003")
    assert gone.contracts == come.contracts == ("H0001",)


def test_a_future_contract_starts_on_its_effective_date_and_its_plans_with_it() -> None:
    after = publish(JUNE, [*MARKET, Deal("H0009", effective=date(2026, 1, 1))])
    assert after.live_contracts["H0009"].valid_from == date(2026, 1, 1)
    plan = after.live_nodes[node_of(after, 4, "H0009-001")]
    assert plan.valid_from == date(2026, 1, 1)
    assert after.live_contracts["H0001"].valid_from == DAY
    assert all(n.valid_from == DAY for n in after.live_nodes.values() if n.tier < Tier.BENEFITS_PLAN)


@pytest.mark.parametrize("new", [date(2025, 10, 1), date(2026, 3, 1)])
def test_a_future_contract_whose_date_shifts_takes_its_plans_along(new: date) -> None:
    june = publish(JUNE, [Deal("H0009", effective=date(2026, 1, 1))])
    july = publish("2025_07", [Deal("H0009", effective=new)], june)
    plan = node_of(july, 4, "H0009-001")
    assert [row.valid_from for row in july.contracts] == [new]
    assert [row.valid_from for row in july.nodes if row.node_id == plan] == [new]
    assert [row.valid_from for row in july.external_ids if row.node_id == plan] == [new]


def test_a_place_left_by_a_whole_subsidiary_gets_a_new_node_when_it_fills_again() -> None:
    before, left = both(MARKET, moved(MARKET, OHIO, parent="Birch Mutual"))
    refilled = publish(
        "2025_09",
        [*moved(MARKET, OHIO, parent="Birch Mutual"), Deal("H0009", "Alder Plan of Ohio", "Alder Group")],
        left,
    )
    old = node_of(before, 2, "Alder Plan of Ohio")
    assert refilled.ancestors("H0001")[1].node_id == old
    assert refilled.ancestors("H0009")[1].node_id != old
    keys = [
        e.id_value
        for e in refilled.external_ids
        if e.node_id in {s.node_id for s in map(lambda c: refilled.ancestors(c)[1], ("H0001", "H0009"))}
    ]
    assert len(set(keys)) == len(keys) == 2


def test_two_names_of_one_entity_under_two_parents_are_two_entities() -> None:
    """Once "Fir Inc" and "Fir LLC" were one renamed entity; now the file has both, under different parents."""
    first = publish("2024_08", [Deal("H0001", "Fir Inc", "Alder Group"), Deal("H0002", "Fir Inc", "Alder Group")])
    second = publish(
        "2024_11", [Deal("H0001", "Fir LLC", "Alder Group"), Deal("H0002", "Fir LLC", "Alder Group")], first
    )
    third = publish(
        "2025_01", [Deal("H0001", "Fir Inc", "Alder Group"), Deal("H0002", "Fir LLC", "Birch Mutual")], second
    )
    assert third.ancestors("H0001")[0].name == "Alder Group"
    assert third.ancestors("H0002")[0].name == "Birch Mutual"
    assert third.ancestors("H0001")[1].node_id == first.ancestors("H0001")[1].node_id
    together = [Deal("H0001", "Fir Inc", "Birch Mutual"), Deal("H0002", "Fir LLC", "Birch Mutual")]
    fourth = publish("2025_06", together, second)
    assert {fourth.ancestors(c)[1].node_id for c in ("H0001", "H0002")} == {first.ancestors("H0001")[1].node_id}


@given(deals(least=1))
def test_every_contract_stands_where_its_row_puts_it(market: list[Deal]) -> None:
    slice_ = publish(AUGUST, market)
    assume(market)
    for deal in market:
        parent, entity = slice_.ancestors(deal.contract_id)
        assert resolution_key(parent.name) == resolution_key(deal.parent)
        assert resolution_key(entity.name) == resolution_key(deal.legal)
