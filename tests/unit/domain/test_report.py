"""The report: sums that tie, the keys the CLI promises, one byte sequence per content."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fivetier.domain.checks import run_gates
from fivetier.domain.errors import LedgerDoesNotTie
from fivetier.domain.manifest import canonical_json
from fivetier.domain.reconcile import reconcile, require_tie
from fivetier.domain.report import QuarantineGroup, SourceLedger, build_report, recommend
from hypothesis import given
from hypothesis import strategies as st
from worlds import Deal, deals, judged, moved, publish, run

MARKET = [Deal("H0001", "Alder Plan", "Alder Group"), Deal("H0002", "Alder Plan", "Alder Group"), Deal("H0003")]
LEDGER = SourceLedger(
    "cms_ma_contract_directory", "f.csv", "0" * 64, landed=10, normalized=6, quarantined=3, suppressed=1
)  # fmt: skip
GROUPS = (QuarantineGroup("ID_UNKNOWN", 2, ({"row_number": 2},)), QuarantineGroup("MISSING", 1, ({"row_number": 5},)))


def report(then: list[Deal], now: list[Deal], **changes: Any) -> dict[str, Any]:
    published = publish("2024_08", then)
    candidate = judged(published, run("2025_06", now, published))
    facts: dict[str, Any] = {
        "run_id": "run-1",
        "base_snapshot": "run-0",
        "created_at": "2025-06-09T08:30:00Z",
        "ledgers": [LEDGER],
        "quarantine": GROUPS,
        "suppressed": {"R1.3": 1},
        "findings": run_gates(candidate),
    }
    return build_report(candidate, **(facts | changes))


def test_the_report_has_every_key_the_command_line_promises() -> None:
    found = report(MARKET, [*moved(MARKET[1:], {"H0002"}, parent="Fir"), Deal("H0009")])
    assert found.keys() >= {"run_id", "lob", "sub_version", "base_snapshot", "ledger", "events", "findings"}
    assert (found["lob"], found["sub_version"], found["base_snapshot"]) == ("medicare_advantage", "2025_06", "run-0")
    assert found["ledger"].keys() >= {
        "landed_rows", "normalized_rows", "quarantined_rows", "suppressed_rows", "published_nodes", "candidate_nodes",
        "unchanged", "changed", "added", "removed", "contracts", "nodes_by_tier",
    }  # fmt: skip
    assert found["ledger"]["contracts"] == {"kept": 2, "removed": 1, "added": 1, "changed": 1}
    assert found["ledger"]["nodes_by_tier"] == {"1": 2, "2": 2, "3": 2, "4": 3}
    for event in found["events"]:
        assert event.keys() >= {"event_type", "from", "to", "node_ids", "contracts"}
    for finding in found["findings"]:
        assert finding.keys() >= {"code", "severity", "count", "blocking"}
        assert finding["blocking"] == (finding["severity"] != "P2")


def test_the_frozen_report_says_nothing_that_changes_later() -> None:
    assert not report(MARKET, MARKET).keys() & {"manifest_digest", "state", "decisions", "decision", "signed_by"}


@given(deals(), deals())
def test_the_ledger_ties(then: list[Deal], now: list[Deal]) -> None:
    found = report(then, now)
    ledger = found["ledger"]
    assert ledger["landed_rows"] == ledger["normalized_rows"] + ledger["quarantined_rows"] + ledger["suppressed_rows"]
    assert ledger["published_nodes"] == ledger["unchanged"] + ledger["changed"] + ledger["removed"]
    assert ledger["candidate_nodes"] == ledger["unchanged"] + ledger["changed"] + ledger["added"]
    assert sum(ledger["nodes_by_tier"].values()) == ledger["candidate_nodes"]
    assert sum(found["event_counts"].values()) == len(found["events"])
    contracts = ledger["contracts"]
    assert contracts["kept"] + contracts["added"] == len(now)
    assert contracts["kept"] + contracts["removed"] == len(then)
    assert sum(p["candidate"] for p in found["programs"].values()) == len(now)
    for tier in ledger["tiers"]:
        assert tier["published"] == tier["unchanged"] + tier["changed"] + tier["removed"]
        assert tier["candidate"] == tier["unchanged"] + tier["changed"] + tier["added"]


@given(deals(), deals())
def test_the_canonical_report_is_stable_and_plain_json(then: list[Deal], now: list[Deal]) -> None:
    first, second = report(then, now), report(list(reversed(then)), list(reversed(now)))
    assert canonical_json(first) == canonical_json(json.loads(canonical_json(first)))
    for found in (first, second):
        found["events"] = [event["contracts"] for event in found["events"]]
    assert canonical_json(first["ledger"]) == canonical_json(second["ledger"])
    assert first["events"] == second["events"]


def test_canonical_json_has_sorted_keys_no_spaces_and_real_letters() -> None:
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()


@pytest.mark.parametrize("column", ["landed", "normalized", "quarantined", "suppressed"])
def test_a_source_whose_rows_do_not_add_up_stops_the_run(column: str) -> None:
    with pytest.raises(LedgerDoesNotTie, match=r"f\.csv: landed"):
        replace(LEDGER, **{column: getattr(LEDGER, column) + 1})


def test_quarantine_and_suppression_must_agree_with_the_sources() -> None:
    with pytest.raises(LedgerDoesNotTie, match="quarantined rows gives 3 against 2"):
        report(MARKET, MARKET, quarantine=GROUPS[:1])
    with pytest.raises(LedgerDoesNotTie, match="suppressed rows gives 1 against 0"):
        report(MARKET, MARKET, suppressed={})


def test_a_tie_says_which_equation_failed() -> None:
    require_tie("a = b", 2, 2)
    with pytest.raises(LedgerDoesNotTie, match="a = b gives 1 against 2") as stopped:
        require_tie("a = b", 1, 2)
    assert (stopped.value.left, stopped.value.right) == (1, 2)


@pytest.mark.parametrize(
    ("now", "advice"),
    [
        (MARKET, "approve"),
        (moved(MARKET, {"H0001"}, parent="Fir"), "review"),
        (MARKET[:1], "reject"),
    ],
)
def test_the_advice_follows_the_gravest_finding(now: list[Deal], advice: str) -> None:
    found = report(MARKET, now)
    assert found["recommendation"]["advice"] == advice
    assert found["recommendation"]["blocking"] == [f["code"] for f in found["findings"] if f["severity"] == "P0"]
    assert found["recommendation"]["needs_tick"] == [f["code"] for f in found["findings"] if f["severity"] == "P1"]
    assert recommend([])["advice"] == "approve"


def test_a_column_that_changed_in_spelling_only_is_no_change() -> None:
    before = publish("2024_08", MARKET)
    after = publish("2025_06", moved(MARKET, {"H0001"}, marketing="CEDAR", legal="ALDER PLAN"), before)
    assert reconcile(before, after).columns == ()


def test_changed_columns_are_counted_with_both_values() -> None:
    before = publish("2024_08", MARKET)
    after = publish("2025_06", moved(MARKET, {"H0001"}, marketing="Fir", parent="Fir Group"), before)
    columns = {(c.table, c.column): c for c in reconcile(before, after).columns}
    assert columns["contract", "marketing_name"].samples == (("H0001", "Cedar", "Fir"),)
    assert columns["contract", "parent payer"].samples == (("H0001", "Alder Group", "Fir Group"),)
    assert {key: c.count for key, c in columns.items()} == {
        ("contract", "marketing_name"): 1,
        ("contract", "parent payer"): 1,
        ("contract", "subsidiary"): 1,  # one of two left, so it is another node of the same name
        ("hierarchy_node", "parent"): 1,  # its plan
    }


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=4))
def test_totals_are_the_sums_of_the_sources(parts: list[tuple[int, int, int]]) -> None:
    ledgers = [replace(LEDGER, landed=n + q + s, normalized=n, quarantined=q, suppressed=s) for n, q, s in parts]
    refused = sum(q for _, q, _ in parts)
    groups = [QuarantineGroup("ID_UNKNOWN", refused, ())]
    found = report(MARKET, MARKET, ledgers=ledgers, quarantine=groups, suppressed={"R1.3": sum(s for *_, s in parts)})
    assert found["ledger"]["landed_rows"] == sum(map(sum, parts))
    assert [s["landed_rows"] for s in found["sources"]] == [sum(p) for p in parts]
