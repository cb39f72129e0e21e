"""Laws of resolving over chains of invented months: nothing lost, doubled, orphaned or rewritten."""

from collections import defaultdict
from dataclasses import replace
from datetime import date
from itertools import pairwise

from fivetier.domain.events import find_events
from fivetier.domain.ids import SubVersion, node_id
from fivetier.domain.intervals import Interval
from fivetier.domain.names import equality_key
from fivetier.domain.reconcile import reconcile
from fivetier.domain.resolution import SourceRows
from fivetier.domain.resolve import resolve
from fivetier.domain.slice import Node, Slice
from fivetier.domain.tables import RELEASE_TABLES
from fivetier.domain.tiers import Tier
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import LOB, MONTHS, Deal, as_of, chains, context, deals, directory_rows, plan_rows, publish, rows_of, said

CASES = st.lists(st.sampled_from([str.upper, str.lower, str.title, str.swapcase]), min_size=8, max_size=8)


@given(deals(), st.sampled_from([("2024_08", "2024_08"), ("2024_08", "2025_06")]))
def test_the_same_files_change_nothing(market: list[Deal], months: tuple[str, str]) -> None:
    published = publish(months[0], market)
    again = publish(months[1], market, published)
    assert rows_of(again) == rows_of(published)
    counts = reconcile(published, again).nodes.counts()
    assert counts["unchanged"] == counts["published"] == counts["candidate"]
    assert find_events(published, again) == ()


def recased(row: dict[str, object], change) -> dict[str, object]:  # type: ignore[no-untyped-def, type-arg]
    spelled = {"legal_name", "parent_name", "marketing_name", "organization_type", "contract_plan_type", "plan_type"}
    return {key: change(value) if key in spelled and value else value for key, value in row.items()}


@given(deals(), deals(), CASES, st.randoms(use_true_random=False))
def test_order_of_rows_and_case_of_names_do_not_matter(before, now, cases, random) -> None:  # type: ignore[no-untyped-def]
    base = publish("2024_08", before)

    def other(rows):  # type: ignore[no-untyped-def]
        return random.sample([recased(row, change) for row, change in zip(rows, cases * 9, strict=False)], len(rows))

    for published, market in ((Slice(LOB), before), (base, now)):
        rows = SourceRows(directory_rows(market), plan_rows(market))
        shuffled = SourceRows(other(rows.entities), other(rows.plans))
        one, two = (resolve(found, context("2025_01"), published).candidate for found in (rows, shuffled))
        assert said(one) == said(two)
        assert [facts(e) for e in find_events(published, one)] == [facts(e) for e in find_events(published, two)]
        assert changes(published, one) == changes(published, two)


def changes(published: Slice, candidate: Slice) -> tuple[object, ...]:
    found = reconcile(published, candidate)
    return found.nodes, found.contracts, [(c.table, c.column, c.count) for c in found.columns]


def facts(event) -> tuple[object, ...]:  # type: ignore[no-untyped-def]
    names = (equality_key(event.before or ""), equality_key(event.after or ""))
    return (event.event_type, event.scope, names, event.contracts, set(event.node_ids), event.possible_rename)


MARKETS = chains() | st.lists(deals(), min_size=3, max_size=5)


@settings(max_examples=150, deadline=None)
@given(MARKETS, st.lists(st.sampled_from(MONTHS), min_size=5, max_size=5).map(sorted), st.sets(st.integers(1, 4)))
def test_a_chain_of_months_keeps_every_invariant(
    markets: list[list[Deal]], months: list[str], without_plans: set[int]
) -> None:
    published = Slice(LOB)
    keys: dict[str, tuple[str, str]] = {}
    for number, (month, market) in enumerate(zip(months, markets, strict=False)):
        candidate = publish(month, market, published, plans=number not in without_plans)
        assert_sound(candidate)
        assert_placed(candidate, market)
        assert_history_kept(published, candidate, SubVersion.parse(month).first_day)
        assert_ties(published, candidate)
        for row in candidate.external_ids:
            assert keys.setdefault(row.node_id, (row.id_system, row.id_value)) == (row.id_system, row.id_value)
        assert len(set(keys.values())) == len(keys)
        published = candidate


def assert_sound(slice_: Slice) -> None:
    rows: dict[str, list[Node]] = defaultdict(list)
    for node in sorted(slice_.nodes, key=lambda n: n.valid_from):
        rows[node.node_id].append(node)
    for history in rows.values():
        assert not [b for a, b in pairwise(history) if span(a).overlaps(span(b))]
        assert history[-1].valid_to is None or history[-1].end_reason == "absent_from_source"
    for node in slice_.nodes:
        if node.tier == Tier.PARENT_PAYER:
            assert node.parent_node_id is None
            continue
        parents = rows[node.parent_node_id or ""]
        assert {parent.tier for parent in parents} == {node.tier - 1}
        assert covered(node, parents)
    assert_contracts_sound(slice_)
    for table, found in slice_.to_tables("r").items():
        key = next(t.key for t in RELEASE_TABLES if t.name == table)
        assert found.group_by(list(key)).aggregate([]).num_rows == found.num_rows, table
    for row in slice_.external_ids:
        tier = rows[row.node_id][0].tier
        assert row.node_id == node_id(Tier(tier), row.id_system, row.id_value)
        assert (row.valid_to is None) <= (row.node_id in slice_.live_nodes)


def covered(row, rows) -> bool:  # type: ignore[no-untyped-def]
    """Whether other rows hold on every day of a row."""
    day = row.valid_from
    for other in sorted(rows, key=lambda r: r.valid_from):
        day = other.valid_to or date.max if span(other).holds_on(day) else day
    return bool(day >= (row.valid_to or date.max))


def assert_contracts_sound(slice_: Slice) -> None:
    live = slice_.live_nodes
    for contract in slice_.contracts:
        assert span(contract)
    for contract_id in {c.contract_id for c in slice_.contracts}:
        history = sorted((c for c in slice_.contracts if c.contract_id == contract_id), key=lambda c: c.valid_from)
        assert not [b for a, b in pairwise(history) if span(a).overlaps(span(b))]
        assert history[-1].valid_to is None or history[-1].end_reason == "absent_from_source"
    used = {contract.lob_node_id for contract in slice_.live_contracts.values()}
    assert used == {n.node_id for n in live.values() if n.tier == Tier.LINE_OF_BUSINESS}
    parents = {n.parent_node_id for n in live.values()}
    assert all(n.node_id in parents for n in live.values() if n.tier < Tier.LINE_OF_BUSINESS)
    plan_ids = {e.node_id: e.id_value for e in slice_.external_ids if e.id_system == "cms_contract_pbp"}
    for plan in (n for n in live.values() if n.tier == Tier.BENEFITS_PLAN):
        contract = slice_.live_contracts[plan_ids[plan.node_id].split("-")[0]]
        assert plan.parent_node_id == contract.lob_node_id
        assert covered(plan, [row for row in slice_.contracts if row.contract_id == contract.contract_id])


def assert_placed(candidate: Slice, market: list[Deal]) -> None:
    """Every contract stands under the names its row gives, or names known for the same nodes."""
    known = {(alias.node_id, alias.alias) for alias in candidate.aliases}
    assert candidate.live_contracts.keys() == {deal.contract_id for deal in market}
    for deal in market:
        parent, entity = candidate.ancestors(deal.contract_id)
        assert (parent.node_id, equality_key(deal.parent)) in known
        assert (entity.node_id, equality_key(deal.legal)) in known


def assert_history_kept(published: Slice, candidate: Slice, day: date) -> None:
    """Readers of earlier days see what they saw; aliases only grow."""
    for month in MONTHS:
        first = SubVersion.parse(month).first_day
        if first < day:
            assert as_of(candidate, first) == as_of(published, first)
    assert set(published.aliases) <= set(candidate.aliases)
    ended = {row for row in published.nodes if row.valid_to is not None and row.valid_to < day}
    assert ended <= set(candidate.nodes)


def assert_ties(published: Slice, candidate: Slice) -> None:
    found = reconcile(published, candidate)
    for delta, before, after in (
        (found.nodes, published.live_nodes, candidate.live_nodes),
        (found.contracts, published.live_contracts, candidate.live_contracts),
    ):
        assert sorted(delta.unchanged + delta.changed + delta.removed) == sorted(before)
        assert sorted(delta.unchanged + delta.changed + delta.added) == sorted(after)
    assert sum(delta.candidate for delta in found.tiers.values()) == found.nodes.candidate
    assert sum(delta.removed != () for delta in found.tiers.values()) <= len(found.nodes.removed)


def span(row) -> Interval:  # type: ignore[no-untyped-def]
    return Interval(row.valid_from, row.valid_to)


@given(deals(), deals(), deals())
def test_a_reissue_replaces_what_the_month_said_before(first: list[Deal], wrong: list[Deal], right: list[Deal]) -> None:
    """Whatever the first issue of a month said, after the reissue the month holds what its file says."""
    published = publish("2024_08", first)
    issued = publish("2025_01", wrong, published)
    reissued = publish("2025_01", right, issued)
    assert_sound(reissued)
    assert_placed(reissued, right)
    assert reissued.live_contracts.keys() == {deal.contract_id for deal in right}
    day = date(2025, 1, 1)
    assert {row.valid_from for row in reissued.contracts if row.valid_from < day} <= {date(2024, 8, 1)}
    assert as_of(reissued, date(2024, 9, 1)) == as_of(published, date(2024, 9, 1))


@given(deals(), deals())
def test_ids_do_not_depend_on_the_run_or_the_clock(first: list[Deal], second: list[Deal]) -> None:
    base = publish("2024_08", first)
    rows = SourceRows(directory_rows(second), plan_rows(second))
    when = context("2025_01")
    later = replace(when, run_id="another", observed_at=when.observed_at.replace(year=2030))
    assert said(resolve(rows, when, base).candidate) == said(resolve(rows, later, base).candidate)
