"""What the sources of a month cannot say is carried forward; where they contradict, the published side stays."""

from datetime import date

import pytest
from fivetier.domain.contracts import CONTRACT_NOT_IN_DIRECTORY
from fivetier.domain.resolution import Resolution, SourceRows
from fivetier.domain.resolve import resolve
from fivetier.domain.slice import Slice
from hypothesis import given
from hypothesis import strategies as st
from worlds import (
    LOB,
    Deal,
    context,
    deals,
    directory_rows,
    events,
    insight,
    moved,
    node_of,
    plan_rows,
    publish,
    rows_of,
    run,
)

AUGUST, JUNE = "2024_08", "2025_06"
DAY = date(2025, 6, 1)
MARKET = [
    Deal("H0001", "Alder Plan", "Alder Group", plans=(1, 2)),
    Deal("H0002", "Alder Plan", "Alder Group"),
    Deal("H0003", "Birch Care", "Birch Mutual"),
]


@pytest.fixture
def published() -> Slice:
    return publish(AUGUST, MARKET)


def plan_ids(slice_: Slice) -> list[str]:
    return sorted(n.name for n in slice_.live_nodes.values() if n.tier == 4)


def test_a_missing_plan_source_removes_no_plan(published: Slice) -> None:
    assert rows_of(publish(JUNE, MARKET, published, plans=False)) == rows_of(published)


def test_carried_plans_follow_their_contract_and_end_with_it(published: Slice) -> None:
    now = moved(MARKET[1:], {"H0002"}, legal="Fir", parent="Fir Group")
    after = publish(JUNE, now, published, plans=False)
    assert plan_ids(after) == ["H0002-001", "H0003-001"]
    plan = after.live_nodes[node_of(after, 4, "H0002-001")]
    assert (plan.parent_node_id, plan.valid_from) == (after.live_contracts["H0002"].lob_node_id, DAY)


def test_a_source_that_landed_empty_of_a_plan_removes_it(published: Slice) -> None:
    after = publish(JUNE, moved(MARKET, {"H0001"}, plans=(1,)), published)
    assert plan_ids(after) == ["H0001-001", "H0002-001", "H0003-001"]


def test_a_contract_in_quarantine_is_carried_with_everything_above_it(published: Slice) -> None:
    found = run(JUNE, MARKET[:2], published, held=["H0003", "H9999", "H0001"])
    assert found.held == ("H0003",)  # H9999 was never published, H0001 has a good row as well
    assert found.candidate.live_contracts["H0003"] == published.live_contracts["H0003"]
    assert found.candidate.ancestors("H0003") == published.ancestors("H0003")
    assert events(published, found.candidate) == [
        e for e in events(published, found.candidate) if e.event_type == "removed" and e.scope == "plan"
    ]


def test_a_held_contract_keeps_the_plans_its_report_lists(published: Slice) -> None:
    rows = SourceRows(directory_rows(MARKET[:2]), plan_rows(MARKET), held=["H0003"])
    found = resolve(rows, context(JUNE), published)
    assert rows_of(found.candidate) == rows_of(published)
    assert not found.refused


def test_a_contract_in_quarantine_that_was_never_published_is_not_invented() -> None:
    found = run(AUGUST, MARKET[:2], held=["H0003"])
    assert found.held == ()
    assert "H0003" not in found.candidate.live_contracts


@pytest.mark.parametrize("held", ["H0001-002", "H0001"])
def test_a_plan_in_quarantine_is_carried(published: Slice, held: str) -> None:
    """`H0001` stands for a row of that contract whose plan number cannot be read."""
    found = run(JUNE, moved(MARKET, {"H0001"}, plans=(1,)), published, held_plans=[held])
    assert rows_of(found.candidate) == rows_of(published)
    assert found.held == ("H0001-002",)


def test_only_what_was_kept_because_of_quarantine_is_said_to_be_held(published: Slice) -> None:
    gone = publish(JUNE, moved(MARKET, {"H0001"}, plans=(1,)), published)
    found = run(
        "2025_07", moved(MARKET, {"H0001"}, plans=(1,)), gone, held_plans=["H0001-002", "H0002-001", "H0003-009"]
    )
    assert found.held == ()
    assert plan_ids(found.candidate) == plan_ids(gone)


def test_a_plan_row_in_quarantine_does_not_keep_a_contract_the_directory_dropped(published: Slice) -> None:
    found = run(JUNE, MARKET[:2], published, held_plans=["H0003", "H0003-001"])
    assert "H0003" not in found.candidate.live_contracts
    assert found.held == ()


def test_a_plan_of_an_unknown_contract_is_refused_not_placed(published: Slice) -> None:
    rows = SourceRows(directory_rows(MARKET), plan_rows([*MARKET, Deal("H7777", plans=(1, 2))]))
    found = resolve(rows, context(JUNE), published)
    assert [(r.row["plan_id"], r.reason_code) for r in found.refused] == [
        ("H7777-001", CONTRACT_NOT_IN_DIRECTORY),
        ("H7777-002", CONTRACT_NOT_IN_DIRECTORY),
    ]
    assert rows_of(found.candidate) == rows_of(published)


# ---- Aequalis beside CMS ---------------------------------------------------------------------------------


def with_aequalis(published: Slice, market: list[Deal], *rows: object, plans: bool = True) -> Resolution:
    return run(JUNE, market, published, reference=rows, plans=plans)


def test_a_differing_parent_stays_as_published_and_both_sides_are_shown(published: Slice) -> None:
    now = moved(MARKET, {"H0001", "H0002"}, parent="Cedar Holdings")
    found = with_aequalis(published, now, insight("H0001", "Alder Group"))
    (disagreement,) = found.disagreements
    assert (disagreement.subject, disagreement.stated, disagreement.other, disagreement.kept) == (
        "H0001", "Cedar Holdings", "Alder Group", "Alder Group",
    )  # fmt: skip
    assert found.candidate.ancestors("H0001")[0] == published.ancestors("H0001")[0]
    assert found.candidate.ancestors("H0002")[0].name == "Cedar Holdings"  # nobody contradicts CMS there


def test_a_third_parent_neither_published_nor_of_cms_changes_nothing(published: Slice) -> None:
    found = with_aequalis(published, MARKET, insight("H0001", "Somebody Else"))
    assert [(d.stated, d.other, d.kept) for d in found.disagreements] == [
        ("Alder Group", "Somebody Else", "Alder Group")
    ]
    assert rows_of(found.candidate)[0] >= {n for n in published.nodes if n.tier < 4}
    assert not events(published, found.candidate, "parent_changed", "renamed", "added", "removed")


@pytest.mark.parametrize("name", ["ALDER GROUP", "Alder Group, Inc.", "The Alder Group"])
def test_a_parent_that_differs_in_legal_form_only_is_no_disagreement(published: Slice, name: str) -> None:
    assert with_aequalis(published, MARKET, insight("H0001", name)).disagreements == ()


def test_a_name_cms_once_used_for_the_same_parent_is_no_disagreement() -> None:
    """A reviewed alias links names that do not agree by text."""
    first = publish(AUGUST, MARKET)
    alias = next(a for a in first.aliases if a.alias == "alder group")
    reviewed = type(alias)(
        alias.node_id, 1, "apple tree holdings", "Apple Tree Holdings", alias.valid_from, alias.origin
    )
    known = Slice(LOB, first.nodes, first.external_ids, (*first.aliases, reviewed), first.contracts)
    assert with_aequalis(known, MARKET, insight("H0001", "Apple Tree Holdings")).disagreements == ()
    renamed = publish(JUNE, moved(MARKET, {"H0001", "H0002"}, parent="Apple Tree Holdings"), known)
    assert [e.event_type for e in events(known, renamed)] == ["renamed"]


def test_a_new_contract_goes_where_cms_puts_it_and_the_contradiction_is_shown() -> None:
    found = run(AUGUST, MARKET, reference=[insight("H0001", "Somebody Else")])
    assert found.candidate.ancestors("H0001")[0].name == "Alder Group"
    assert [d.kept for d in found.disagreements] == ["Alder Group"]


def test_plan_ids_of_cms_win_and_the_others_are_listed(published: Slice) -> None:
    found = with_aequalis(published, MARKET, insight("H0001", "Alder Group", 1), insight("H0001", "Alder Group", 7))
    assert found.completeness is not None
    assert [missing.plan_id for missing in found.completeness.only_aequalis] == ["H0001-007"]
    plans = {n.node_id: n.name for n in found.candidate.live_nodes.values() if n.tier == 4}
    assert sorted(plans.values()) == ["Choice 1", "H0001-002", "H0002-001", "H0003-001"]


def test_the_plan_name_cms_reports_is_shown_before_that_of_aequalis(published: Slice) -> None:
    rows = SourceRows(
        directory_rows(MARKET), plan_rows(MARKET, plan_name="Cms Name"), [insight("H0001", "Alder Group")]
    )
    assert set(plan_ids(resolve(rows, context(JUNE), published).candidate)) == {"Cms Name"}


def test_without_the_cms_report_aequalis_adds_plans_and_changes_no_published_one(published: Slice) -> None:
    rows = [insight("H0001", "Alder Group", n) for n in (1, 7)]
    found = with_aequalis(published, MARKET, *rows, plans=False)
    assert set(published.nodes) <= set(found.candidate.nodes)
    added = found.candidate.live_nodes.keys() - published.live_nodes.keys()
    assert [found.candidate.live_nodes[n].name for n in added] == ["Choice 7"]
    assert found.completeness is None


def test_what_aequalis_alone_described_it_may_describe_anew() -> None:
    first = run(AUGUST, MARKET, reference=[insight("H0001", "Alder Group")], plans=False).candidate
    later = run(
        JUNE, MARKET, first, reference=[insight("H0001", "Alder Group", plan_type="HMO")], plans=False
    ).candidate
    assert [n.plan_type for n in later.live_nodes.values() if n.tier == 4] == ["HMO"]


@given(st.permutations(range(4)), st.booleans())
def test_the_order_of_aequalis_rows_does_not_matter(order: list[int], plans: bool) -> None:
    """One plan in several states, with different names, types, years and even parents."""
    rows = [
        insight("H0001", "Alder Group", plan_name="Choice West", plan_type="HMO"),
        insight("H0001", "Zebra Group", plan_name="Choice East", plan_type="PPO", state="OH"),
        insight("H0001", "alder group", plan_year=2024, plan_name="Old Choice"),
        insight("H0001", "Birch Mutual", plan_name="Choice West", plan_type="PPO", state="IN"),
    ]
    one = run(AUGUST, MARKET, reference=rows, plans=plans)
    two = run(AUGUST, MARKET, reference=[rows[n] for n in order], plans=plans)
    assert rows_of(one.candidate) == rows_of(two.candidate)
    assert one.disagreements == two.disagreements


@given(deals(), deals())
def test_a_reference_that_agrees_changes_no_upper_tier(first: list[Deal], second: list[Deal]) -> None:
    published = publish(AUGUST, first)
    rows = [insight(d.contract_id, d.parent, plan) for d in second for plan in d.plans]
    alone, along = run(JUNE, second, published), run(JUNE, second, published, reference=rows)
    assert along.disagreements == ()
    assert [n for n in along.candidate.nodes if n.tier < 4] == [n for n in alone.candidate.nodes if n.tier < 4]
