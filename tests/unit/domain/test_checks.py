"""Every gate catches its planted fault, with its severity and its count, and is silent on a clean candidate."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from fivetier.domain.candidate import Candidate, SourceUse
from fivetier.domain.checks import CHECKS, run_gates
from fivetier.domain.completeness import Completeness, Missing
from fivetier.domain.findings import RULES, SAMPLE_SIZE, Severity, finding
from fivetier.domain.ids import SubVersion
from fivetier.domain.parents import TakenFor
from fivetier.domain.periods import PlanYear
from fivetier.domain.resolution import DropConfirmation
from fivetier.domain.slice import Node, Slice
from fivetier.domain.tiers import Lob
from hypothesis import given
from hypothesis import strategies as st
from worlds import LANDED, LOB, Deal, deals, insight, judged, moved, publish, run

AUGUST, JUNE = "2024_08", "2025_06"
DAY = date(2025, 6, 1)
ALDER = {"H0001", "H0002", "H0003"}
#: Without plans: a plan without a network is a finding in itself.
MARKET = [
    Deal("H0001", "Alder Plan", "Alder Group", plans=()),
    Deal("H0002", "Alder Plan", "Alder Group", plans=()),
    Deal("H0003", "Alder West", "Alder Group", plans=()),
    Deal("H0004", "Birch Care", "Birch Mutual", plans=()),
]
WITH_PLANS = moved(MARKET, {"H0001"}, plans=(1, 2))


def month_of(market: list[Deal], then: list[Deal] = MARKET, **options: Any) -> Candidate:
    published = publish(AUGUST, then)
    return judged(published, run(JUNE, market, published, **options))


def planted(change: Callable[[Slice], dict[str, object]], market: list[Deal] = MARKET) -> Candidate:
    """A clean candidate whose rows somebody broke after it was compared."""
    clean = month_of(market, market)
    broken = replace(clean.slice, **change(clean.slice))  # type: ignore[arg-type]
    return replace(clean, resolution=replace(clean.resolution, candidate=broken))


def rebuilt(slice_: Slice, node: str, **changes: object) -> dict[str, object]:
    rows = [replace(row, **changes) if row.node_id == node else row for row in slice_.nodes]  # type: ignore[arg-type]
    return {"nodes": tuple(rows)}


def beside(slice_: Slice, node: str, **changes: object) -> dict[str, object]:
    """One more row of a node."""
    return {"nodes": (*slice_.nodes, replace(slice_.live_nodes[node], **changes))}  # type: ignore[arg-type]


def birch(slice_: Slice, tier: int) -> str:
    parent, entity = slice_.ancestors("H0004")
    return {1: parent.node_id, 2: entity.node_id, 3: slice_.live_contracts["H0004"].lob_node_id}[tier]


def external(slice_: Slice, source: str, target: str, **changes: object) -> dict[str, object]:
    row = next(e for e in slice_.external_ids if e.node_id == source)
    return {"external_ids": (*slice_.external_ids, replace(row, node_id=target, **changes))}  # type: ignore[arg-type]


def reenrolled() -> Candidate:
    """June first came without a contract, and was issued again with it."""
    issued = publish(JUNE, MARKET[:3], publish(AUGUST, MARKET))
    return judged(issued, run(JUNE, MARKET, issued))


def noted(**brought_to_light: object) -> Candidate:
    """A clean candidate beside what resolving it told."""
    clean = month_of(MARKET)
    return replace(clean, resolution=replace(clean.resolution, **brought_to_light))  # type: ignore[arg-type]


def elsewhere(name: str) -> Candidate:
    """A clean candidate whose first parent another line of business calls otherwise."""
    clean = month_of(MARKET)
    parent, _ = clean.slice.ancestors("H0001")
    return replace(clean, neighbours=(Slice(Lob.MEDICAID, nodes=(replace(parent, name=name),)),))


PAST = {"valid_from": date(2020, 1, 1), "end_reason": "changed"}
UNLISTED = Missing("OH", "Alder Plan", "H0001-007", "Choice")


CONFIRMED = DropConfirmation("dora", "two issuers left the market")

#: code -> severity, count, and a candidate that has it.
CASES: dict[str, tuple[str, int, Callable[[], Candidate]]] = {
    "CYCLE": ("P0", 3, lambda: planted(lambda s: rebuilt(s, birch(s, 1), parent_node_id=birch(s, 3)))),
    "DRIFT_LOB": ("P0", 1, lambda: planted(lambda s: rebuilt(s, birch(s, 3), name="Medicaid managed care"))),
    "ROW_DROP": ("P0", 4, lambda: month_of(MARKET[:2])),
    "ROW_DROP_CONFIRMED": ("P1", 4, lambda: replace(month_of(MARKET[:2]), drop_confirmation=CONFIRMED)),
    "COLLAPSED": ("P1", 1, lambda: planted(lambda s: external(s, birch(s, 2), birch(s, 1), id_value="other"))),
    "ORPHAN": ("P1", 1, lambda: planted(lambda s: {"nodes": tuple(n for n in s.nodes if n.node_id != birch(s, 2))})),
    "DUP": ("P1", 1, lambda: planted(lambda s: external(s, birch(s, 2), s.ancestors("H0001")[1].node_id))),
    "TIER_SKIP": ("P1", 1, lambda: planted(lambda s: rebuilt(s, birch(s, 3), parent_node_id=birch(s, 1)))),
    "DRIFT_PARENT": ("P1", 1, lambda: month_of(moved(MARKET, {"H0003"}, parent="Birch Mutual"))),
    "NON_RECON": ("P1", 1, lambda: planted(lambda s: {"contracts": s.contracts[:3]})),
    "OVERLAP": ("P1", 1, lambda: planted(lambda s: beside(s, birch(s, 2), valid_to=DAY, **PAST))),
    "RETRO": ("P1", 1, lambda: month_of([*MARKET, Deal("H0009", effective=date(2024, 8, 31), plans=())])),
    "POSSIBLE_RENAME": ("P1", 1, lambda: month_of(moved(MARKET, ALDER, parent="Cedar Holdings"))),
    "PARENT_DISAGREEMENT": ("P1", 1, lambda: month_of(MARKET, reference=[insight("H0001", "Somebody Else")])),
    "HELD_BY_QUARANTINE": ("P1", 2, lambda: month_of(MARKET[:2], held=["H0003", "H0004", "H9999"])),
    "DRIFT_NAME": ("P2", 1, lambda: month_of(moved(MARKET, ALDER, parent="Alder Group, Inc."))),
    "GAP": ("P2", 1, lambda: planted(lambda s: beside(s, birch(s, 2), valid_to=date(2021, 1, 1), **PAST))),
    "TERM_REENROL": ("P2", 3, reenrolled),
    "NETWORK_UNKNOWN": ("P2", 2, lambda: month_of(WITH_PLANS, WITH_PLANS)),
    "SOURCE_MISSING": (
        "P2", 1, lambda: replace(month_of(MARKET), sources=(*LANDED[:2], SourceUse("aequalis", False, landed=False))),
    ),
    "PERIOD_MISMATCH": (
        "P2", 1,
        lambda: replace(
            month_of(MARKET), sources=(replace(LANDED[1], period=SubVersion(2025, 5), file="f.csv"),)
        ),
    ),
    "PLAN_NOT_IN_CMS": ("P2", 1, lambda: month_of(MARKET, reference=[insight("H0001", "Alder Group", 7)])),
    "PLAN_NOT_IN_AEQUALIS": ("P2", 1, lambda: noted(completeness=Completeness(only_cms=[UNLISTED]))),
    "NAME_TAKEN_FOR": ("P2", 1, lambda: noted(taken_names=(TakenFor("Adler Group", "Alder Group", "typing error"),))),
    "PARENT_ASSUMED": ("P2", 2, lambda: noted(assumed_parents=("Alder Plan", "Birch Care"))),
    "DIFFERS_ACROSS_LOBS": ("P2", 1, lambda: elsewhere("Alder Holdings")),
    "QUARANTINED_ROWS": ("P2", 7, lambda: replace(month_of(MARKET), quarantined=[("ID_UNKNOWN", 4), ("MISSING", 3)])),
}  # fmt: skip


def test_a_file_of_the_runs_plan_year_is_no_mismatch() -> None:
    for year, found in ((2025, set()), (2024, {"PERIOD_MISMATCH"})):
        use = replace(LANDED[1], period=PlanYear(year), file="f.csv")
        assert {f.code for f in run_gates(replace(month_of(MARKET), sources=(use,)))} == found


def test_a_clean_candidate_has_no_finding() -> None:
    assert run_gates(month_of(MARKET)) == ()


@pytest.mark.parametrize("code", CASES)
def test_a_planted_fault_is_caught(code: str) -> None:
    severity, count, build = CASES[code]
    found = {f.code: f for f in run_gates(build())}
    assert code in found
    assert (found[code].rule.severity.value, found[code].count) == (severity, count)
    assert 1 <= len(found[code].samples) <= SAMPLE_SIZE


#: What is wrong with a slice wherever it comes from; the other codes speak of files or of a change.
OF_THE_SLICE = {"CYCLE", "COLLAPSED", "ORPHAN", "DUP", "TIER_SKIP", "NON_RECON", "OVERLAP", "NETWORK_UNKNOWN"}


@pytest.mark.parametrize("code", CASES)
def test_a_rollback_is_held_to_the_gates_of_the_slice_only(code: str) -> None:
    candidate = CASES[code][2]()
    found = {f.code for f in run_gates(replace(candidate, rollback_to="run-0"))}
    assert found == {f.code for f in run_gates(candidate)} & OF_THE_SLICE
    assert (code in found) == (code in OF_THE_SLICE)


def test_every_code_has_a_planted_case_and_every_check_is_run() -> None:
    assert CASES.keys() == RULES.keys()
    codes = {next(iter((check.__doc__ or "").split(":"))) for check in CHECKS}
    assert codes == RULES.keys()


def test_p0_stands_first_and_only_p2_lets_a_signer_pass() -> None:
    found = run_gates(month_of([Deal("H0009", effective=date(2015, 1, 1))]))
    severities = [f.rule.severity for f in found]
    assert severities == sorted(severities)
    assert {Severity.P0, Severity.P1, Severity.P2} <= set(severities)
    assert [s.blocks for s in (Severity.P0, Severity.P1, Severity.P2)] == [True, True, False]


@given(deals(), deals(), st.booleans())
def test_whatever_the_files_say_the_resolver_builds_no_broken_tree(
    then: list[Deal], now: list[Deal], plans: bool
) -> None:
    published = publish(AUGUST, then)
    found = {f.code for f in run_gates(judged(published, run(JUNE, now, published, plans=plans)))}
    assert not found & {"CYCLE", "DRIFT_LOB", "COLLAPSED", "ORPHAN", "DUP", "TIER_SKIP", "NON_RECON", "OVERLAP", "GAP"}


# ---- edges of single gates -------------------------------------------------------------------------------


def codes_of(candidate: Candidate) -> set[str]:
    return {f.code for f in run_gates(candidate)}


@pytest.mark.parametrize(("gone", "drops"), [(2, False), (3, True), (4, True)])
def test_exactly_thirty_percent_gone_holds_the_run(gone: int, drops: bool) -> None:
    market = [Deal(f"H{n:04}", plans=()) for n in range(10)]
    assert ("ROW_DROP" in codes_of(month_of(market[gone:], market))) is drops


def test_a_first_publication_drops_drifts_and_backdates_nothing() -> None:
    empty = Slice(LOB)
    first = replace(judged(empty, run(JUNE, MARKET)), published_sub_version=None)
    assert codes_of(first) == set()


def test_a_node_that_stands_too_high_is_as_wrong_as_one_too_deep() -> None:
    """DOMAIN §6: CYCLE also means depth <> tier."""
    too_high = planted(lambda s: rebuilt(s, birch(s, 3), parent_node_id=birch(s, 1)))
    too_deep = planted(lambda s: rebuilt(s, birch(s, 2), parent_node_id=s.live_contracts["H0001"].lob_node_id))
    assert {"CYCLE", "TIER_SKIP"} <= codes_of(too_high) & codes_of(too_deep)


def test_a_parent_on_tier_one_and_a_child_without_parent_are_caught() -> None:
    assert "TIER_SKIP" in codes_of(planted(lambda s: rebuilt(s, birch(s, 1), parent_node_id=birch(s, 3))))
    assert {"ORPHAN", "TIER_SKIP"} <= codes_of(planted(lambda s: rebuilt(s, birch(s, 2), parent_node_id=None)))


@pytest.mark.parametrize(
    "change", [{"valid_from": date(2024, 8, 2)}, {"valid_to": date(2030, 1, 1), "end_reason": "changed"}]
)
def test_a_parent_must_hold_on_every_day_of_its_child(change: dict[str, object]) -> None:
    candidate = planted(lambda s: rebuilt(s, birch(s, 2), **change))
    assert "ORPHAN" in codes_of(candidate)


@pytest.mark.parametrize(("child_ends", "is_orphan"), [(date(2021, 1, 1), False), (date(2021, 1, 2), True)])
def test_history_is_held_to_the_same_rule(child_ends: date, is_orphan: bool) -> None:
    def past(slice_: Slice) -> dict[str, object]:
        parent = replace(slice_.live_nodes[birch(slice_, 1)], node_id="then", **{**PAST, "valid_to": date(2021, 1, 1)})
        child = replace(parent, node_id="below", tier=2, parent_node_id="then", valid_to=child_ends)
        return {"nodes": (*slice_.nodes, parent, child)}

    assert codes_of(planted(past)) == ({"ORPHAN"} if is_orphan else set())


def test_a_parent_in_two_contiguous_rows_holds_its_child() -> None:
    def split(slice_: Slice) -> dict[str, object]:
        row = slice_.live_nodes[birch(slice_, 2)]
        halves: tuple[Node, ...] = (
            replace(row, valid_to=DAY, end_reason="changed"),
            replace(row, valid_from=DAY, name="Birch Care"),
        )
        return {"nodes": (*(n for n in slice_.nodes if n.node_id != row.node_id), *halves)}

    assert codes_of(planted(split)) == set()


def test_one_name_twice_under_a_parent_is_a_duplicate_whatever_its_spelling() -> None:
    def twin(slice_: Slice) -> dict[str, object]:
        return {
            "nodes": (*slice_.nodes, replace(slice_.live_nodes[birch(slice_, 2)], node_id="twin", name="BIRCH-CARE"))
        }

    assert "DUP" in codes_of(planted(twin))


def test_the_same_number_in_two_systems_is_no_duplicate() -> None:
    """R1.2: system and value always together."""

    def other_system(slice_: Slice) -> dict[str, object]:
        return external(slice_, birch(slice_, 2), slice_.ancestors("H0001")[1].node_id, id_system="naic_company")

    assert codes_of(planted(other_system)) == set()


def test_an_entity_that_left_its_place_and_one_that_filled_it_are_no_duplicates() -> None:
    left = publish("2024_11", moved(MARKET, {"H0003"}, parent="Birch Mutual"), publish(AUGUST, MARKET))
    refill = [*moved(MARKET, {"H0003"}, parent="Birch Mutual"), Deal("H0009", "Alder West", "Alder Group", plans=())]
    assert "DUP" not in codes_of(judged(left, run(JUNE, refill, left)))


@pytest.mark.parametrize(
    ("effective", "is_retro"),
    [(date(2024, 8, 31), True), (date(2024, 9, 1), False), (date(2026, 1, 1), False), (None, False)],
)
def test_retro_is_a_new_contract_dated_before_the_approved_period_ended(effective: date | None, is_retro: bool) -> None:
    assert ("RETRO" in codes_of(month_of([*MARKET, Deal("H0009", effective=effective, plans=())]))) is is_retro


def test_a_published_contract_that_gets_an_earlier_date_is_retro() -> None:
    assert "RETRO" in codes_of(month_of(moved(MARKET, {"H0001"}, effective=date(2014, 1, 1))))


def test_a_contract_without_a_live_lob_node_does_not_add_up() -> None:
    def lost(slice_: Slice) -> dict[str, object]:
        rows = [replace(c, lob_node_id="nowhere") if c.contract_id == "H0001" else c for c in slice_.contracts]
        return {"contracts": tuple(rows)}

    (found,) = run_gates(planted(lost))
    assert (found.code, found.count, found.samples[0]["contract_id"]) == ("NON_RECON", 1, "H0001")


def test_a_parent_without_anything_below_does_not_add_up() -> None:
    extra = planted(lambda s: beside(s, birch(s, 1), node_id="empty", name="Nobody"))
    assert codes_of(extra) == {"NON_RECON"}


def test_contiguous_segments_after_a_reissue_are_neither_gap_nor_overlap() -> None:
    assert codes_of(reenrolled()) == {"TERM_REENROL", "RETRO"}


def test_a_contract_that_comes_back_months_later_leaves_a_gap() -> None:
    without = publish("2024_11", MARKET[:3], publish(AUGUST, MARKET))
    back = judged(without, run(JUNE, MARKET, without))
    assert {"GAP"} <= codes_of(back)
    assert "TERM_REENROL" not in codes_of(back)
    signed = publish(JUNE, MARKET, without)
    later = judged(signed, run("2025_07", MARKET, signed))
    assert "GAP" not in codes_of(later), "what was signed once is not asked again"


def test_both_sides_of_a_disagreement_are_shown() -> None:
    (found,) = run_gates(month_of(MARKET, reference=[insight("H0001", "Somebody Else")]))[:1]
    assert found.samples == ({"of": "H0001", "stated": "Alder Group", "other": "Somebody Else", "kept": "Alder Group"},)


def test_a_file_of_the_run_s_month_or_of_no_month_is_no_mismatch() -> None:
    sources = (LANDED[0], replace(LANDED[1], period=SubVersion(2025, 6)))
    assert codes_of(replace(month_of(MARKET), sources=sources)) == set()


@given(st.integers(0, 20), st.none() | st.integers(0, 100))
def test_a_finding_counts_all_and_shows_a_few(cases: int, count: int | None) -> None:
    found = finding("GAP", [{"n": str(n)} for n in range(cases)], count=count)
    total = cases if count is None else count
    assert (found is None) == (total == 0)
    if found is not None:
        assert (found.count, len(found.samples)) == (total, min(cases, SAMPLE_SIZE))
