"""Lines of business without contracts: who owns whom, which plan is which, which network is whose, year after year."""

import random
from dataclasses import replace
from datetime import date

import pytest
from fivetier.domain.checks import run_gates
from fivetier.domain.events import find_events
from fivetier.domain.resolution import SourceRow
from fivetier.domain.slice import Slice
from hypothesis import given, settings
from hypothesis import strategies as st
from structures import (
    ACA,
    COMMERCIAL,
    MEDICAID,
    REVIEWED,
    enrolled,
    names,
    network,
    path,
    payer,
    settle,
    sold,
    walk,
    weighed,
)
from worlds import source_row

OAK, BIRCH = "Oak Plan of New Mexico, Inc.", "Birch Co-op"
MARKET = [
    sold("11111NM0010001", OAK),
    sold("11111NM0010001", OAK, "35003"),
    sold("11111NM0010002", OAK),
    sold("22222NM0020001", BIRCH),
]


def kinds(before: Slice, after: Slice) -> list[tuple[str, str | None, str | None]]:
    return [(event.event_type, event.before, event.after) for event in find_events(before, after)]


# ---- exchange ------------------------------------------------------------------------------------------


def test_a_plan_hangs_under_its_issuer_and_the_parent_people_reviewed() -> None:
    found = settle(ACA, "2026_01", MARKET, dictionary=REVIEWED)
    assert path(found.candidate, "11111NM0010001") == ("Oak Health", OAK, "ACA exchange", "Silver 0001")
    assert path(found.candidate, "22222NM0020001")[:2] == (BIRCH, BIRCH)
    assert found.assumed_parents == (BIRCH,)
    ids = {(row.id_system, row.id_value) for row in found.candidate.external_ids}
    assert {("hios_issuer", "11111"), ("hios14", "11111NM0010002")} <= ids
    assert {f.code for f in run_gates(weighed(Slice(ACA), found))} == {"PARENT_ASSUMED", "NETWORK_UNKNOWN"}


def test_an_issuer_keeps_its_node_when_it_spells_its_name_anew() -> None:
    before = settle(ACA, "2026_01", MARKET, dictionary=REVIEWED).candidate
    now = [{**row, "legal_name": "Oak NM"} if row["legal_name"] == OAK else row for row in MARKET]
    after = settle(ACA, "2026_02", now, before, dictionary=REVIEWED).candidate
    assert kinds(before, after) == [("renamed", OAK, "Oak NM")]


def test_a_file_of_next_year_holds_from_january_on() -> None:
    this_year = [sold("11111NM0010001", OAK, year=2025), sold("11111NM0010009", OAK, year=2025)]
    before = settle(ACA, "2025_01", this_year, dictionary=REVIEWED).candidate
    next_year = [sold("11111NM0010001", OAK, year=2026), sold("11111NM0010002", OAK, year=2026)]
    after = settle(ACA, "2025_11", next_year, before, dictionary=REVIEWED).candidate
    begins = date(2026, 1, 1)
    rows = {(n.name, n.plan_year): n for n in after.nodes if n.tier == 4}
    assert rows["Silver 0001", 2025].valid_to == rows["Silver 0001", 2026].valid_from == begins
    assert rows["Silver 0009", 2025].valid_to == begins
    assert rows["Silver 0002", 2026].valid_from == begins
    on_new_years_eve = {n.name for n in after.nodes if n.tier == 4 and n.valid_from <= date(2025, 12, 31)}
    assert on_new_years_eve == {"Silver 0001", "Silver 0009"}


def test_network_ids_repeat_across_issuers_and_years() -> None:
    both = [network("11111", "NMN001", "Oak Select"), network("22222", "NMN001", "Birch Open")]
    found = settle(ACA, "2026_01", MARKET, dictionary=REVIEWED, networks=both)
    assert names(found.candidate, 5) == ["Birch Open", "Oak Select"]
    later = [sold(row["plan_id"], row["legal_name"], row["area"], 2027) for row in MARKET]
    renamed = [network("11111", "NMN001", "Oak Prime", 2027), network("22222", "NMN001", "Birch Open", 2027)]
    after = settle(ACA, "2027_01", later, found.candidate, dictionary=REVIEWED, networks=renamed)
    assert names(after.candidate, 5) == ["Birch Open", "Oak Prime"]
    assert len({n.node_id for n in after.candidate.nodes if n.tier == 5}) == 4
    gates = run_gates(weighed(found.candidate, after, "2027_01"))
    assert not {"ROW_DROP", "DUP", "CYCLE", "TIER_SKIP", "ORPHAN"} & {f.code for f in gates}


def test_a_plan_row_that_names_its_network_joins_both() -> None:
    joined = [{**row, "network_id": "NMN001", "network_tier": "preferred"} for row in MARKET[:3]]
    found = settle(
        ACA, "2026_01", [*joined, MARKET[3]], dictionary=REVIEWED, networks=[network("11111", "NMN001", "Oak Select")]
    )
    slice_ = found.candidate
    pairs = {
        (slice_.live_nodes[r.plan_node_id].name, slice_.live_nodes[r.network_node_id].name)
        for r in slice_.plan_networks
    }
    assert pairs == {("Silver 0001", "Oak Select"), ("Silver 0002", "Oak Select")}
    assert "ORPHAN" in {f.code for f in run_gates(weighed(Slice(ACA), found))}  # Birch's plan has none
    again = settle(ACA, "2026_02", MARKET, slice_, dictionary=REVIEWED).candidate
    assert again.plan_networks == slice_.plan_networks  # the source did not land: carried forward
    assert names(again, 5) == ["Oak Select"]


def test_a_network_of_an_issuer_nobody_sells_for_is_refused_by_name() -> None:
    found = settle(ACA, "2026_01", MARKET, networks=[network("99999", "TXN001", "Elsewhere")])
    assert [(r.reason_code, r.row["entity_id"]) for r in found.refused] == [("ISSUER_NOT_IN_RUN", "99999")]


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [
        *MARKET,
        sold("33333TX0010001", "Third of Texas, LLC"),
        sold("33333TX0010001", "THIRD OF TEXAS LLC", "48001"),
    ]
    nets = [network("11111", "NMN001", "A"), network("11111", "NMN001", "B"), network("22222", "NMN001", "C")]
    one = settle(ACA, "2026_01", rows, networks=nets).candidate
    for seed in range(5):
        shuffled = random.Random(seed).sample(rows, len(rows))
        two = settle(ACA, "2026_01", shuffled, networks=random.Random(seed).sample(nets, 3)).candidate
        assert {(n.node_id, n.name) for n in two.nodes} == {(n.node_id, n.name) for n in one.nodes}


# ---- crosswalks ----------------------------------------------------------------------------------------


def turned(*walks: SourceRow) -> tuple[Slice, Slice, list[str]]:
    """A market whose second Oak plan is gone next year, with what a crosswalk says of it."""
    before = settle(ACA, "2025_01", [{**row, "plan_year": 2025} for row in MARKET], dictionary=REVIEWED).candidate
    now = [row for row in MARKET if row["plan_id"] != "11111NM0010002"]
    found = settle(ACA, "2026_01", now, before, dictionary=REVIEWED, crosswalk=list(walks))
    return before, found.candidate, [r.reason_code for r in found.refused]


@pytest.mark.parametrize(
    ("status", "successor", "kind", "after"),
    [
        ("plan", "11111NM0010001", "merged", "11111NM0010001"),
        ("county", "11111NM0010001", "merged", "11111NM0010001"),
        ("discontinued", None, "terminated", None),
        ("withdrawn", None, "terminated", None),
    ],
)
def test_a_crosswalk_says_why_a_plan_is_gone(status: str, successor: str | None, kind: str, after: str | None) -> None:
    before, now, refused = turned(walk("11111NM0010002", successor, status, area="35001"))
    assert (kind, "11111NM0010002", after) in kinds(before, now)
    assert not refused
    ((edge),) = now.crosswalks
    assert (edge.status, edge.plan_year, edge.area) == (status, 2026, "35001")


def test_without_a_crosswalk_a_missing_plan_is_removed_and_never_called_terminated() -> None:
    before, now, _ = turned()
    assert ("removed", "11111NM0010002", None) in kinds(before, now)


def test_one_that_is_led_on_anywhere_was_merged() -> None:
    rows = [
        walk("11111NM0010002", None, "discontinued"),
        walk("11111NM0010002", "11111NM0010001", "zip", zip_code="87101"),
    ]
    before, now, _ = turned(*rows)
    assert [k for k, *_ in kinds(before, now) if k in ("merged", "terminated")] == ["merged"]


def test_a_crosswalk_of_plans_the_run_does_not_know_is_refused_not_lost() -> None:
    _, now, refused = turned(
        walk("99999TX0010001", None, "discontinued"), walk("11111NM0010002", "88888TX0010001", "plan")
    )
    assert refused == ["PLAN_NOT_IN_RUN"] * 2 and not now.crosswalks


def test_a_renewed_plan_under_another_id_is_the_same_node() -> None:
    before = settle(ACA, "2025_01", [{**row, "plan_year": 2025} for row in MARKET], dictionary=REVIEWED).candidate
    now = [sold("11111NM0010077", OAK) if row["plan_id"] == "11111NM0010002" else row for row in MARKET]
    found = settle(
        ACA,
        "2026_01",
        now,
        before,
        dictionary=REVIEWED,
        crosswalk=[walk("11111NM0010002", "11111NM0010077", "renewed")],
    )
    assert ("renumbered", "11111NM0010002", "11111NM0010077") in kinds(before, found.candidate)


def test_a_plan_another_line_of_business_has_by_now_moved_there() -> None:
    before = settle(ACA, "2025_01", [{**row, "plan_year": 2025} for row in MARKET], dictionary=REVIEWED).candidate
    theirs = replace(settle(ACA, "2026_01", MARKET[2:3], dictionary=REVIEWED).candidate, lob=MEDICAID)
    now = settle(ACA, "2026_01", [MARKET[0], MARKET[3]], before, dictionary=REVIEWED, neighbours=(theirs,)).candidate
    facts = [(e.event_type, e.before, e.after) for e in find_events(before, now, (theirs,))]
    assert ("moved_lob", "11111NM0010002", "Medicaid managed care") in facts


# ---- parents -------------------------------------------------------------------------------------------

MEMBERS = [
    enrolled("NM", "Centennial", "Oak Community", "Oak/Elm"),
    enrolled("NM", "Centennial", "Pine Care", "Spruce, Inc."),
    enrolled("TX", "STAR", "Oak Community", "Oak Helth"),
    enrolled("TX", "STAR", "Elm Plan", "Elm Plans"),
    enrolled("TX", "CHIP", "Lone", None),
]


def test_spellings_of_one_parent_meet_in_one_node() -> None:
    found = settle(MEDICAID, "2019_07", MEMBERS, dictionary=REVIEWED)
    assert names(found.candidate, 1) == ["Elm Plans", "Lone", "Oak Health", "Spruce Inc"]
    assert {(t.spelling, t.name, t.how) for t in found.taken_names} == {
        ("Oak/Elm", "Oak Health", "dictionary"),
        ("Oak Helth", "Oak Health", "typing error"),
    }
    assert found.assumed_parents == ("Lone",)


def test_a_reviewed_merger_is_one_event_and_a_reviewed_name_another() -> None:
    before = settle(MEDICAID, "2019_07", MEMBERS, dictionary=REVIEWED).candidate
    after = settle(MEDICAID, "2023_07", MEMBERS, before, dictionary=REVIEWED).candidate
    assert kinds(before, after) == [
        ("merged", "Elm Plans", "Oak Health"),
        ("renamed", "Spruce Inc", "Pine Group"),
    ]


def test_a_trailing_comma_is_no_rename_and_other_legal_forms_are_not_guessed() -> None:
    said = [enrolled("NM", "C", "One", "Fir Healthcare, Inc."), enrolled("TX", "S", "Two", "FIR HEALTHCARE INC")]
    before = settle(MEDICAID, "2021_07", said).candidate
    assert len(names(before, 1)) == 1
    commas = [{**row, "parent_name": "Fir Healthcare, Inc.,"} for row in said]
    assert kinds(before, settle(MEDICAID, "2021_10", commas, before).candidate) == []
    forms = [enrolled("NM", "C", "One", "Fir Inc."), enrolled("TX", "S", "Two", "Fir LLC")]
    assert len(names(settle(MEDICAID, "2021_07", forms).candidate, 1)) == 2


def test_a_company_of_one_name_in_two_states_is_two_entities_of_medicaid() -> None:
    slice_ = settle(MEDICAID, "2019_07", MEMBERS, dictionary=REVIEWED).candidate
    assert sorted(str(n.state) for n in slice_.live_nodes.values() if (n.tier, n.name) == (2, "Oak Community")) == [
        "NM",
        "TX",
    ]
    assert path(slice_, "TX|star|oak community") == (
        "Oak Health",
        "Oak Community",
        "Medicaid managed care",
        "Oak Community",
    )


def test_a_reference_that_names_another_parent_is_told_and_what_is_published_stays() -> None:
    before = settle(MEDICAID, "2021_07", MEMBERS).candidate
    other = [
        {
            **source_row("aequalis", 9, state="NM", state_program="Centennial", plan_name="Pine Care", plan_id="77"),
            "legal_name": "Pine Care",
            "parent_name": "Cedar",
            "plan_id_system": "medicaid_state_plan",
        }
    ]
    found = settle(MEDICAID, "2021_10", MEMBERS, before, reference=other)
    assert [(d.subject, d.stated, d.other, d.kept) for d in found.disagreements] == [
        ("Pine Care", "Spruce, Inc.", "Cedar", "Spruce, Inc.")
    ]
    assert ("medicaid_state_plan", "77") in {(e.id_system, e.id_value) for e in found.candidate.external_ids}
    assert found.completeness is not None
    assert len(found.completeness.only_cms) == 4
    assert kinds(before, found.candidate) == []


def test_the_reference_creates_plans_of_states_the_leading_source_leaves_out() -> None:
    beyond = {
        **source_row("aequalis", 9, state="CA", plan_id="55555CA0010001", plan_id_system="hios14"),
        "legal_name": "Golden Plan",
        "parent_name": "Golden Group",
        "plan_name": "Golden Silver",
    }
    unknown = {**beyond, "state": "NM", "plan_id": "11111NM0010099", "legal_name": OAK, "trace_id": "aequalis-10"}
    found = settle(ACA, "2026_01", MARKET, dictionary=REVIEWED, reference=[beyond, unknown])
    assert path(found.candidate, "55555CA0010001")[0] == "Golden Group"
    assert found.completeness is not None
    assert [(m.state, m.parent, m.plan) for m in found.completeness.only_aequalis] == [
        ("NM", "Oak Health", "Golden Silver")  # under the parent its company has, as everything of it
    ]


# ---- across lines of business --------------------------------------------------------------------------


def test_one_organization_is_one_node_in_every_line_of_business() -> None:
    medicaid = settle(MEDICAID, "2021_07", [enrolled("NM", "C", "Yew of New Mexico", "Yew Group, Inc.")]).candidate
    exchange = settle(ACA, "2026_01", [sold("44444NM0010001", "Yew of New Mexico")], neighbours=(medicaid,))
    assert exchange.assumed_parents == ()
    assert names(exchange.candidate, 1) == ["Yew Group, Inc."]
    parents = {n.node_id for s in (medicaid, exchange.candidate) for n in s.live_nodes.values() if n.tier == 1}
    assert len(parents) == 1
    third = settle(COMMERCIAL, "2026_01", [payer("Y1", "Yew", "Yew Group")], neighbours=(medicaid, exchange.candidate))
    assert {n.node_id for n in third.candidate.live_nodes.values() if n.tier == 1} == parents
    keys = {e.id_value for e in third.candidate.external_ids if e.id_system == "parent_name"}
    assert keys == {"yew group inc"}


def test_what_another_line_of_business_says_otherwise_is_a_finding() -> None:
    medicaid = settle(MEDICAID, "2021_07", [enrolled("NM", "C", "Yew", "Yew Group")]).candidate
    other = replace(medicaid, nodes=tuple(replace(n, name="Ewe") if n.tier == 1 else n for n in medicaid.nodes))
    found = settle(MEDICAID, "2021_10", [enrolled("NM", "C", "Yew", "Yew Group")], medicaid)
    told = {f.code: f.count for f in run_gates(weighed(medicaid, found, "2021_10", (other,)))}
    assert told["DIFFERS_ACROSS_LOBS"] == 1


# ---- quarantine and commercial -------------------------------------------------------------------------


@pytest.mark.parametrize("held", ["11111NM0010002", "11111", "silver 0002"])
def test_what_is_in_quarantine_is_held_not_removed(held: str) -> None:
    before = settle(ACA, "2026_01", MARKET, dictionary=REVIEWED).candidate
    now = [row for row in MARKET if row["plan_id"] != "11111NM0010002"]
    found = settle(ACA, "2026_02", now, before, dictionary=REVIEWED, held_plans=[held])
    assert kinds(before, found.candidate) == []
    assert found.held == ("11111NM0010002",)
    assert not {f.code for f in run_gates(weighed(before, found))} & {"ORPHAN", "DUP", "NON_RECON", "OVERLAP"}


def test_a_held_plan_follows_its_entity_to_another_parent() -> None:
    both = [enrolled("NM", "C", "Yew", "Oak Health"), enrolled("NM", "S", "Yew", "Oak Health")]
    before = settle(MEDICAID, "2019_07", both).candidate
    found = settle(MEDICAID, "2019_10", [enrolled("NM", "C", "Yew", "Fir Group")], before, held_plans=["Yew"])
    assert path(found.candidate, "NM|s|yew")[0] == "Fir Group"
    broken = {"ORPHAN", "DUP", "NON_RECON", "OVERLAP", "CYCLE"}
    assert not {f.code for f in run_gates(weighed(before, found, "2019_10"))} & broken


def test_a_payer_is_known_by_all_its_ids() -> None:
    found = settle(
        COMMERCIAL, "2026_01", [payer("P1", "Oak Insurance", "Oak", other_ids='["P2", "P3"]')], dictionary=REVIEWED
    )
    ids = {row.id_value for row in found.candidate.external_ids if row.id_system == "clearinghouse_payer"}
    assert ids == {"P1", "P2", "P3"} and names(found.candidate, 1) == ["Oak Health"]
    again = settle(
        COMMERCIAL, "2026_02", [payer("P3", "Oak Insurance Company of America")], found.candidate, dictionary=REVIEWED
    )
    assert [k for k, *_ in kinds(found.candidate, again.candidate)] == ["renamed"]


def test_a_sponsor_number_names_no_single_plan() -> None:
    """R1.6, R1.8: one employer's number under two carriers, with two products, is three plans."""

    def group(carrier: str, plan: str) -> SourceRow:
        return payer(carrier, carrier, plan_id="12-3456789", plan_id_system="ein", plan_name=plan)

    rows = [group("Oak Insurance", "PPO"), group("Oak Insurance", "HMO"), group("Elm Insurance", "PPO")]
    found = settle(COMMERCIAL, "2026_01", rows)
    assert len(names(found.candidate, 4)) == 3
    assert "DUP" not in {f.code for f in run_gates(weighed(Slice(COMMERCIAL), found))}


def test_a_row_that_names_nobody_is_refused() -> None:
    nameless = payer("P9", "x") | {"legal_name": None}
    found = settle(COMMERCIAL, "2026_01", [payer("P1", "Oak"), nameless])
    assert [(r.reason_code, r.row["entity_id"]) for r in found.refused] == [("ENTITY_UNNAMED", "P9")]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["NM", "TX"]),
            st.sampled_from(["C", "S"]),
            st.sampled_from(["Oak", "OAK", "Elm Plan", "Pine"]),
            st.sampled_from([None, "Oak/Elm", "Oak Helth", "Elm Plans", "Fir Inc", "Fir LLC", "Fir"]),
        ),
        max_size=12,
    ),
    st.lists(st.sampled_from(["2019_07", "2021_07", "2023_07"]), min_size=2, max_size=3).map(sorted),
)
def test_whatever_states_report_the_tree_is_sound(
    rows: list[tuple[str, str, str, str | None]], months: list[str]
) -> None:
    published = Slice(MEDICAID)
    for month in months:
        found = settle(MEDICAID, month, [enrolled(*row) for row in rows], published, dictionary=REVIEWED)
        broken = {"CYCLE", "DRIFT_LOB", "COLLAPSED", "ORPHAN", "DUP", "TIER_SKIP", "NON_RECON", "OVERLAP", "GAP"}
        assert not {f.code for f in run_gates(weighed(published, found, month))} & broken
        again = settle(MEDICAID, month, [enrolled(*row) for row in rows], found.candidate, dictionary=REVIEWED)
        assert find_events(found.candidate, again.candidate) == ()
        published = found.candidate
