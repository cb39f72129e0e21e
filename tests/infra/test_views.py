"""What the views show, on small worlds whose answers are known, and against an oracle on many random ones."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from fivetier.domain.tables import CONTRACT, EXTERNAL_ID, PLAN_CROSSWALK, PLAN_NETWORK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.sql.catalog import NAMED_QUERIES, VIEWS
from tests.infra.lake_sql import Lake, Row, node, published, row

MA, ACA, OLD = "medicare_advantage/ma-2", "aca_exchange/aca-1", "medicare_advantage/ma-1"
Y2025, Y2026, Y2999 = date(2025, 1, 1), date(2026, 1, 1), date(2999, 1, 1)
JUNE = date(2025, 6, 1)


@pytest.fixture(scope="module")
def lake() -> Lake:
    """Two LOBs share parent p and subsidiary s; parent q was renamed; ma-1 was superseded by ma-2."""
    nodes = [
        node(MA, "p", 1, None, Y2025, name="Humana Inc.", state="KY"),
        node(ACA, "p", 1, None, Y2026, name="HUMANA INC"),
        node(MA, "s", 2, "p", Y2025, name="Humana Health Plan"),
        node(ACA, "s", 2, "p", Y2026, name="Humana Health Plan"),
        node(MA, "ma-line", 3, "s", Y2025, name="Medicare Advantage"),
        node(ACA, "aca-line", 3, "s", Y2026, name="ACA exchange"),
        node(MA, "plan", 4, "ma-line", Y2025, name="Humana Gold Plus", plan_type="HMO", plan_year=2026),
        node(MA, "ended", 4, "ma-line", Y2025, JUNE, name="Humana Choice"),
        node(MA, "coming", 4, "ma-line", Y2999, name="Humana Next"),
        node(MA, "q", 1, None, Y2025, Y2026, name="Aetna Inc."),
        node(MA, "q", 1, None, Y2026, name="CVS Health"),
        node(MA, "t", 2, "q", Y2025, name="Aetna Life"),
        node(OLD, "withdrawn", 4, "ma-line", Y2025, name="Withdrawn"),
        node(OLD, "p", 1, None, Y2025, name="Old spelling"),
        node(MA, "orphan-plan", 4, "nobody", Y2025, name="Plan without a path"),
    ]
    ids = [
        row(
            EXTERNAL_ID,
            lob="medicare_advantage",
            release_id="ma-2",
            node_id="plan",
            id_system="cms_contract_pbp",
            id_value="H1036-001",
            valid_from=Y2025,
        ),
        row(
            EXTERNAL_ID,
            lob="medicare_advantage",
            release_id="ma-1",
            node_id="plan",
            id_system="cms_contract_pbp",
            id_value="H0000-009",
            valid_from=Y2025,
        ),
        row(
            EXTERNAL_ID,
            lob="medicare_advantage",
            release_id="ma-2",
            node_id="plan",
            id_system="legal_name",
            id_value="A name, first in the alphabet",
            valid_from=Y2025,
        ),
    ]
    contract = {"lob": "medicare_advantage", "contract_id": "H1036", "lob_node_id": "ma-line", "valid_from": Y2025}
    contracts = [
        row(CONTRACT, release_id="ma-2", program="MA", organization_type="Local CCP", **contract),
        row(CONTRACT, release_id="ma-1", program="COST", organization_type="1876 Cost", **contract),
        row(CONTRACT, release_id="ma-2", program="PACE", **{**contract, "contract_id": "H9999"}),
    ]
    releases = [
        published(MA, at=datetime.fromisoformat("2026-03-01T12:00:00.123456")),
        published(ACA, at=datetime.fromisoformat("2026-02-01")),
    ]
    return Lake(nodes=nodes, releases=releases, ids=ids, contracts=contracts)


def _by_id(rows: list[Row]) -> dict[str, Row]:
    assert len({r["node_id"] for r in rows}) == len(rows), "a node stands twice"
    return {r["node_id"]: r for r in rows}


def test_the_hierarchy_shows_what_holds_today_each_node_once(lake: Lake) -> None:
    shown = _by_id(lake.query("SELECT * FROM v_hierarchy"))
    assert set(shown) == {"p", "s", "ma-line", "aca-line", "plan", "q", "t", "orphan-plan"}


def test_tiers_one_and_two_belong_to_no_lob_and_the_newest_publication_speaks_for_them(lake: Lake) -> None:
    shown = _by_id(lake.query("SELECT * FROM v_hierarchy"))
    assert {k: shown[k]["lob"] for k in ("p", "s")} == {"p": None, "s": None}
    assert (shown["p"]["name"], shown["p"]["release_id"], shown["p"]["state"]) == ("Humana Inc.", "ma-2", "KY")
    assert {shown[k]["lob"] for k in ("ma-line", "plan")} == {"medicare_advantage"}
    assert shown["aca-line"]["lob"] == "aca_exchange"


def test_every_row_names_its_tier_and_its_parent(lake: Lake) -> None:
    shown = _by_id(lake.query("SELECT * FROM v_hierarchy"))
    assert [shown[k]["tier_name"] for k in ("p", "s", "ma-line", "plan")] == [
        "parent payer",
        "subsidiary",
        "line of business",
        "benefits plan",
    ]
    assert {k: shown[k]["parent_name"] for k in ("p", "s", "plan", "t", "orphan-plan")} == {
        "p": None,
        "s": "Humana Inc.",
        "plan": "Medicare Advantage",
        "t": "CVS Health",
        "orphan-plan": None,
    }


def test_a_superseded_release_is_invisible(lake: Lake) -> None:
    for view in (
        "v_hierarchy",
        "v_hierarchy_history",
        "v_plan_path",
        "v_plan_network",
        "v_plan_crosswalk",
        "v_release",
    ):
        rows = lake.query(f"SELECT * FROM {view}")
        assert {r["release_id"] for r in rows} <= {"ma-2", "aca-1"}, view
    assert "withdrawn" not in {r["node_id"] for r in lake.query("SELECT * FROM v_hierarchy_history")}


def test_after_a_rollback_every_view_and_every_day_is_the_old_release_s() -> None:
    """Release ma-2 ended plan x and renamed p from 2026 on; run ma-3 restored ma-1, where neither happened."""
    nodes = [
        node(OLD, "p", 1, None, Y2025, name="Aetna Inc."),
        node(OLD, "x", 2, "p", Y2025, name="Aetna Life"),
        node(MA, "p", 1, None, Y2025, Y2026, name="Aetna Inc."),
        node(MA, "p", 1, None, Y2026, name="CVS Health"),
        node(MA, "x", 2, "p", Y2025, Y2026, name="Aetna Life"),
    ]
    back = {"run_id": "ma-3", "kind": "rollback", "base_release_id": "ma-2"}
    rolled_back = published(OLD, at=datetime.fromisoformat("2026-04-01")) | back
    lake = Lake(nodes=nodes, releases=[rolled_back])
    for view in ("v_hierarchy", "v_hierarchy_history"):
        assert {(r["name"], r["release_id"]) for r in lake.query(f"SELECT * FROM {view}")} == {
            ("Aetna Inc.", "ma-1"),
            ("Aetna Life", "ma-1"),
        }
    for day in (JUNE, Y2026, Y2999):
        assert _by_id(lake.as_of(day))["x"]["parent_name"] == "Aetna Inc."
    (release,) = lake.query("SELECT * FROM v_release")
    assert (release["release_id"], release["run_id"], release["kind"]) == ("ma-1", "ma-3", "rollback")
    (told,) = lake.query(next(q for q in NAMED_QUERIES if q.name == "publications").sql)
    assert (told["release_id"], told["kind"]) == ("ma-1", "rollback")


def test_a_lookback_shows_in_the_views_of_months_only_and_changes_no_other() -> None:
    now, then = date(2025, 3, 1), "medicare_advantage/ma-0"
    nodes = [
        node(OLD, "p", 1, None, Y2025, name="CVS Health"),
        node(OLD, "x", 2, "p", Y2025, name="Aetna Life"),
        node(then, "p", 1, None, Y2025, name="Aetna Inc."),
        node(then, "x", 2, "p", Y2025, name="Aetna Life"),
        node(then, "gone", 2, "p", Y2025, now, name="Aetna of Maine"),
    ]
    releases = [published(OLD, at=datetime.fromisoformat("2026-04-01"))]
    history = published(then, at=datetime.fromisoformat("2026-05-01")) | {"sub_version": "2025_03", "kind": "lookback"}
    before, after = Lake(nodes=nodes, releases=releases), Lake(nodes=nodes, releases=releases, months=[history])
    for view in VIEWS:
        if "month" not in view.name:
            said = [sorted(map(str, lake.query(f"SELECT * FROM {view.name}"))) for lake in (before, after)]
            assert said[0] == said[1], view.name
    rows = after.query("SELECT * FROM v_hierarchy_month")
    assert {(r["sub_version"], r["name"], r["parent_name"]) for r in rows} == {
        ("2025_03", "Aetna Inc.", None),
        ("2025_03", "Aetna Life", "Aetna Inc."),
    }
    (told,) = after.query("SELECT * FROM v_release_month")
    assert (told["lob"], told["sub_version"], told["release_id"]) == ("medicare_advantage", "2025_03", "ma-0")


def test_history_has_ended_and_coming_rows(lake: Lake) -> None:
    assert "ended" in _by_id(lake.as_of(date(2025, 5, 31)))
    assert "ended" not in _by_id(lake.as_of(JUNE))
    assert "coming" not in _by_id(lake.as_of(Y2026))
    assert "coming" in _by_id(lake.as_of(Y2999))


def test_a_parents_name_is_the_name_of_that_day(lake: Lake) -> None:
    assert _by_id(lake.as_of(date(2025, 12, 31)))["t"]["parent_name"] == "Aetna Inc."
    assert _by_id(lake.as_of(Y2026))["t"]["parent_name"] == "CVS Health"


def test_the_named_query_of_a_day_says_the_same(lake: Lake) -> None:
    query = next(q for q in NAMED_QUERIES if q.name == "hierarchy_as_of")
    assert _by_id(lake.query(query.sql)).keys() == _by_id(lake.as_of(Y2026)).keys()


def test_a_plan_has_its_whole_path_and_its_contract(lake: Lake) -> None:
    paths = {r["plan_node_id"]: r for r in lake.query("SELECT * FROM v_plan_path")}
    assert set(paths) == {"plan", "orphan-plan"}
    plan = paths["plan"]
    assert [plan[k] for k in ("parent_name", "subsidiary_name", "lob_name", "plan_name")] == [
        "Humana Inc.",
        "Humana Health Plan",
        "Medicare Advantage",
        "Humana Gold Plus",
    ]
    assert [plan[k] for k in ("plan_id", "contract_id", "program", "organization_type")] == [
        "H1036-001",
        "H1036",
        "MA",
        "Local CCP",
    ]


def test_a_plan_with_a_gap_above_it_stays_a_row(lake: Lake) -> None:
    (orphan,) = [r for r in lake.query("SELECT * FROM v_plan_path") if r["plan_node_id"] == "orphan-plan"]
    assert {orphan[k] for k in ("parent_name", "subsidiary_name", "lob_name", "contract_id", "plan_id")} == {None}


def test_plans_of_a_parent_and_publications_answer(lake: Lake) -> None:
    queries = {query.name: query.sql for query in NAMED_QUERIES}
    assert [r["plan_id"] for r in lake.query(queries["plans_of_parent"])] == ["H1036-001"]
    found = lake.query(queries["publications"])
    assert [(r["lob"], r["release_id"], r["plans"]) for r in found] == [
        ("aca_exchange", "aca-1", 0),
        ("medicare_advantage", "ma-2", 2),
    ]
    assert found[1]["published_at"] == datetime.fromisoformat("2026-03-01T12:00:00.123")


# ---- lines of business without contracts ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def exchange() -> Lake:
    """Three plans of one subsidiary: one in two networks, one renumbered in 2026, one merged into the first."""
    nodes = [
        node(ACA, "p", 1, None, Y2025, name="Humana Inc."),
        node(ACA, "s", 2, "p", Y2025, name="Humana of New Mexico"),
        node(ACA, "line", 3, "s", Y2025, name="ACA exchange"),
        node(ACA, "gold", 4, "line", Y2025, name="Gold", state="NM", program="Centennial"),
        node(ACA, "silver", 4, "line", Y2025, name="Silver", state="NM"),
        node(ACA, "bronze", 4, "line", Y2025, Y2026, name="Bronze", end_reason="merged"),
        node(ACA, "wide", 5, "s", Y2025, name="Wide"),
        node(ACA, "narrow", 5, "s", Y2025, name="Narrow"),
        node(ACA, "closed", 5, "s", Y2025, Y2026, name="Closed"),
    ]
    own, new = {"lob": "aca_exchange", "release_id": "aca-1", "valid_from": Y2025}, {"valid_from": Y2026}
    ids = [
        row(EXTERNAL_ID, **own, node_id="gold", id_system="hios14", id_value="11111NM0010001"),
        row(EXTERNAL_ID, **own, node_id="gold", id_system="state_program_plan", id_value="NM|a|gold"),
        row(EXTERNAL_ID, **own, node_id="silver", id_system="hios14", id_value="11111NM0010002", valid_to=Y2026),
        row(
            EXTERNAL_ID, **own | {"valid_from": Y2026}, node_id="silver", id_system="hios14", id_value="11111NM0010009"
        ),
        row(EXTERNAL_ID, **own, node_id="bronze", id_system="hios14", id_value="11111NM0010003", valid_to=Y2026),
        row(EXTERNAL_ID, **own, node_id="s", id_system="hios_issuer", id_value="11111"),
    ]
    used = [("wide", "Tier 1", None), ("narrow", "Tier 2", None), ("narrow", "Tier 3", None), ("closed", "", Y2026)]
    networks = [
        row(PLAN_NETWORK, **own, plan_node_id="gold", network_node_id=network, network_tier=tier, valid_to=end)
        for network, tier, end in used
    ]
    led = [("silver", "silver", "renewed"), ("bronze", "gold", "consolidated"), ("gold", "", "discontinued")]
    crosswalks = [
        row(PLAN_CROSSWALK, **(own | new), from_node_id=a, to_node_id=b, plan_year=2026, status=status)
        for a, b, status in led
    ]
    releases = [published(ACA, at=datetime.fromisoformat("2026-02-01"))]
    return Lake(nodes=nodes, releases=releases, ids=ids, networks=networks, crosswalks=crosswalks)


def test_a_plan_shows_the_usual_id_of_its_line_of_business_and_how_many_networks_it_has(exchange: Lake) -> None:
    paths = {r["plan_node_id"]: r for r in exchange.query("SELECT * FROM v_plan_path")}
    assert {key: (r["plan_id_system"], r["plan_id"], r["networks"]) for key, r in paths.items()} == {
        "gold": ("hios14", "11111NM0010001", 2),
        "silver": ("hios14", "11111NM0010009", 0),
    }
    assert (paths["gold"]["program"], paths["gold"]["contract_id"]) == ("Centennial", None)


def test_networks_of_a_plan_are_those_of_today_with_its_path(exchange: Lake) -> None:
    rows = exchange.query("SELECT * FROM v_plan_network ORDER BY network_name, network_tier")
    assert [(r["plan_id"], r["network_name"], r["network_tier"], r["parent_name"]) for r in rows] == [
        ("11111NM0010001", "Narrow", "Tier 2", "Humana Inc."),
        ("11111NM0010001", "Narrow", "Tier 3", "Humana Inc."),
        ("11111NM0010001", "Wide", "Tier 1", "Humana Inc."),
    ]
    named = next(q for q in NAMED_QUERIES if q.name == "networks_of_plan")
    assert len(exchange.query(named.sql)) == 3


def test_a_crosswalk_tells_the_id_before_and_the_id_after(exchange: Lake) -> None:
    rows = {r["from_node_id"]: r for r in exchange.query("SELECT * FROM v_plan_crosswalk")}
    shown = ("from_plan_id", "status", "to_plan_id", "to_plan_name", "from_end_reason")
    assert {key: tuple(r[c] for c in shown) for key, r in rows.items()} == {
        "silver": ("11111NM0010002", "renewed", "11111NM0010009", "Silver", None),
        "bronze": ("11111NM0010003", "consolidated", "11111NM0010001", "Gold", "merged"),
        "gold": ("11111NM0010001", "discontinued", None, None, None),
    }


def test_what_happened_to_a_plan_answers_for_any_id_it_ever_had(exchange: Lake) -> None:
    query = next(q for q in NAMED_QUERIES if q.name == "what_happened_to_plan").sql
    (gone,) = exchange.query(query.replace("H1234-001", "11111NM0010003"))
    assert (gone["valid_to"], gone["end_reason"], gone["to_plan_id"]) == (Y2026, "merged", "11111NM0010001")
    (renumbered,) = exchange.query(query.replace("H1234-001", "11111NM0010002"))
    assert (renumbered["valid_to"], renumbered["to_plan_id"]) == (None, "11111NM0010009")


def test_plans_are_counted_per_parent_and_state(exchange: Lake) -> None:
    query = next(q for q in NAMED_QUERIES if q.name == "plans_per_parent_and_state")
    assert [(r["parent_name"], r["state"], r["plans"]) for r in exchange.query(query.sql)] == [("Humana Inc.", "NM", 2)]


# ---- against an oracle ----------------------------------------------------------------------------------------

START = date(2025, 1, 1)
DAYS = [START + timedelta(days=30 * n) for n in range(6)]
LOBS = {
    "aca_exchange": datetime.fromisoformat("2026-01-01"),
    "medicare_advantage": datetime.fromisoformat("2026-02-01"),
}


@st.composite
def lives(draw: st.DrawFn, node_id: str, tier: int, parents: list[str], lob: str) -> list[Row]:
    """Rows of one node in one LOB: they never overlap, may leave gaps, and may move or be renamed."""
    cuts = sorted(draw(st.sets(st.sampled_from(DAYS), max_size=4)))
    rows = []
    for first, end in pairwise([*cuts, None]):
        if draw(st.integers(0, 3)) == 0:
            continue  # a gap
        name = f"{node_id} {draw(st.sampled_from('AB'))}"
        parent = draw(st.sampled_from(parents)) if parents else None
        rows.append(node(f"{lob}/{lob}-1", node_id, tier, parent, first, end, name=name))
    return rows


@st.composite
def worlds(draw: st.DrawFn) -> list[Row]:
    """Both LOBs tell of the same two parents and two subsidiaries, each in its own way, and of a line of their own."""
    rows: list[Row] = []
    for lob in LOBS:
        for node_id in ("p1", "p2"):
            rows += draw(lives(node_id, 1, [], lob))
        for node_id in ("s1", "s2"):
            rows += draw(lives(node_id, 2, ["p1", "p2"], lob))
        rows += draw(lives(f"{lob}-line", 3, ["s1", "s2"], lob))
    return rows


def _holds(candidate: Row, day: date) -> bool:
    return candidate["valid_from"] <= day and (candidate["valid_to"] is None or day < candidate["valid_to"])


def _oracle(rows: list[Row], day: date) -> Counter[tuple[Any, ...]]:
    """What is to be shown on a day: of the LOBs that know a node then, the one published last speaks."""
    live = [r for r in rows if _holds(r, day)]
    shown: dict[str, Row] = {}
    for candidate in sorted(live, key=lambda r: LOBS[r["lob"]]):
        shown[candidate["node_id"]] = candidate
    names = {(r["lob"], r["node_id"]): r["name"] for r in live}
    return Counter(
        (r["node_id"], r["name"], r["parent_node_id"], names.get((r["lob"], r["parent_node_id"])), r["release_id"])
        for r in shown.values()
    )


def _shown(rows: list[Row]) -> Counter[tuple[Any, ...]]:
    columns = ("node_id", "name", "parent_node_id", "parent_name", "release_id")
    return Counter(tuple(r[c] for c in columns) for r in rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_history_is_right_on_every_day_and_today_agrees_with_it(rows: list[Row]) -> None:
    releases = [published(f"{lob}/{lob}-1", at=at) for lob, at in LOBS.items()]
    lake = Lake(nodes=rows, releases=releases)
    history = lake.query("SELECT * FROM v_hierarchy_history")
    for day in {d + timedelta(days=n) for d in DAYS for n in (-1, 0)}:
        assert _shown([r for r in history if _holds(r, day)]) == _oracle(rows, day), day
    today = date(2026, 6, 1)  # nothing changes after the last day of DAYS
    assert _shown(lake.query("SELECT * FROM v_hierarchy")) == _oracle(rows, today)
