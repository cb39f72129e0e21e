"""A small report made by hand, a reader of pages, and golden files."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from fivetier.domain.states import STATES

GOLDEN = Path(__file__).parents[2] / "golden"

VOID = frozenset({"meta", "wbr", "br", "link", "img", "input", "hr", "rect"})


def small_report() -> dict[str, Any]:
    """Three landed rows, one of everything a report can hold; every sum ties."""
    return {
        "report_version": 1,
        "run_id": "medicare_advantage-2025_06-0123456789ab-01",
        "lob": "medicare_advantage",
        "sub_version": "2025_06",
        "base_snapshot": "medicare_advantage-2025_05-ba9876543210-01",
        "base_sub_version": "2025_05",
        "created_at": "2025-06-20T09:30:00Z",
        "recommendation": {"advice": "review", "blocking": [], "needs_tick": ["DRIFT_PARENT"]},
        "sources": [
            {
                **{"source": "directory", "file": "directory_2025_06.csv", "sha256": "ab" * 32, "version_id": "v1"},
                **{"period": "2025_06", "format": "csv", "encoding": "UTF-8", "dropped_columns": ["Phone"]},
                **_rows(1_200, 1_198, 2, 0),
            },
            {
                **{"source": "plans", "file": "plans_2025_06.json", "sha256": "cd" * 32, "version_id": None},
                **{"period": None, "format": "json", "encoding": "UTF-8", "dropped_columns": []},
                **_rows(34, 30, 1, 3),
            },
        ],
        "ledger": {
            **_rows(1_234, 1_228, 3, 3),
            **{"published_nodes": 14, "candidate_nodes": 15},
            **{"unchanged": 10, "changed": 2, "added": 3, "removed": 2},
            "contracts": {"kept": 4, "removed": 1, "added": 1, "changed": 2},
            "nodes_by_tier": {"1": 5, "4": 10},
            "tiers": [_tier(1, "parent payer", 3, 1, 1, 1), _tier(4, "benefits plan", 7, 1, 2, 1)],
        },
        "programs": {"MA": {"published": 4, "candidate": 5}, "PACE": {"published": 1, "candidate": 0}},
        "column_changes": [
            {
                **{"table": "contract", "column": "parent payer", "count": 2},
                "samples": [{"key": "H0001", "before": "Old Health", "after": "New Health"}],
            }
        ],
        "event_counts": {
            **{"parent_changed (parent payer)": 1, "renamed (subsidiary)": 1, "removed (contract)": 1},
            **{"added (contract)": 1, "removed (plan)": 1, "added (plan)": 1},
        },
        "events": [
            _event("parent_changed", "parent payer", "Old Health", "New Health", ["H0001", "H0002"]),
            _event("renamed", "subsidiary", "Acme Inc", "Acme LLC", ["H0003"]),
            _event("removed", "contract", "H0009 (Gone Health)", None, ["H0009"]),
            _event("added", "contract", None, "H0010 (Fresh Health (NM))", ["H0010"]),
            _event("removed", "plan", "H0003-001", None, ["H0003"]),
            _event("added", "plan", None, "H0003-002, H0003-003", ["H0003"]),
        ],
        "findings": [
            _finding("DRIFT_PARENT", "P1", "A node changed its parent", 2, [{"node_id": "n1", "name": "Acme LLC"}]),
            _finding("SOURCE_MISSING", "P2", "An optional source did not land", 1, [{"source": "aequalis"}]),
        ],
        "quarantine": [
            {
                **{"reason_code": "PLAN_ID_MISSING", "count": 3},
                "samples": [
                    {
                        **{"source": "plans", "source_object": "plans_2025_06.json", "row_number": 1_021},
                        **{"trace_id": "t-1", "column_name": "Plan ID", "value": None},
                        **{"message": "plan_id is blank", "raw_row": '{"Contract": "H0001", "Plan ID": null}'},
                    }
                ],
            }
        ],
        "suppressed": {"R1.3": 3},
    }


def empty_report() -> dict[str, Any]:
    """A first publication with nothing in it."""
    return {
        **small_report(),
        **{"base_snapshot": None, "base_sub_version": None, "sources": [], "programs": {}, "column_changes": []},
        **{"event_counts": {}, "events": [], "findings": [], "quarantine": [], "suppressed": {}},
        "recommendation": {"advice": "approve", "blocking": [], "needs_tick": []},
        "ledger": {
            **_rows(0, 0, 0, 0),
            **{"published_nodes": 0, "candidate_nodes": 0, "unchanged": 0, "changed": 0, "added": 0, "removed": 0},
            "contracts": {"kept": 0, "removed": 0, "added": 0, "changed": 0},
            **{"nodes_by_tier": {}, "tiers": []},
        },
    }


def rollback_report() -> dict[str, Any]:
    """The small report as one of a rollback that waits: no file takes part."""
    report = live_report()
    return {
        **report,
        **{"kind": "rollback", "rollback_to": "medicare_advantage-2025_06-feedfacefeed-01"},
        **{"sources": [], "quarantine": [], "suppressed": {}, "reason": "The sale was called off."},
        "ledger": {**report["ledger"], **_rows(0, 0, 0, 0)},
    }


def exchange_report() -> dict[str, Any]:
    """A line of business without contracts: every event and finding it has and others have not; every sum ties."""
    report = small_report()
    plan = "11111NM001000"
    gone = "44444NM001000"
    events = [
        _event("parent_changed", "parent payer", "Old Health", "New Health", [f"{plan}1", f"{plan}2"]),
        _event("merged", "parent payer", "Small Health", "Big Health", ["22222NM0010001"]),
        {**_event("renumbered", "plan", "NM|centennial care|old name", f"{plan}3", [f"{plan}3"]), "of": "Gold Plan"},
        {**_event("renumbered", "plan", f"{plan}9", f"{plan}4", [f"{plan}4"]), "of": "Silver Plan"},
        {**_event("merged", "plan", f"{plan}5", f"{plan}1", [f"{plan}5"]), "of": "Acme Health Plan"},
        {**_event("moved_lob", "plan", "33333NM0010001", "Medicaid managed care", ["33333NM0010001"]), "of": "Acme"},
        {**_event("terminated", "plan", f"{gone}1, {gone}2", None, [f"{gone}1", f"{gone}2"]), "of": "Gone Plan"},
        {**_event("removed", "plan", f"{plan}6, {plan}7", None, [f"{plan}6", f"{plan}7"]), "of": "Acme Health Plan"},
        {**_event("added", "plan", None, f"{plan}8, {plan}0", [f"{plan}8", f"{plan}0"]), "of": "Fresh Health Plan"},
    ]
    ledger = {
        **report["ledger"],
        **{"published_nodes": 21, "candidate_nodes": 18, "unchanged": 13, "changed": 2, "added": 3, "removed": 6},
        "contracts": {"kept": 0, "removed": 0, "added": 0, "changed": 0},
        "tiers": [
            _tier(1, "parent payer", 4, 1, 1, 0),
            _tier(4, "benefits plan", 5, 1, 2, 6),
            _tier(5, "network", 4, 0, 0, 0),
        ],
    }
    disagreement = {"of": "Acme", "stated": "Old Health", "other": "New Health", "kept": "Old Health"}
    taken = {"spelling": "Oldhealth", "taken_for": "Old Health", "how": "dictionary"}
    elsewhere = {"node_id": "n1", "name": "Acme", "elsewhere": "Acme Inc", "lob": "medicare_advantage"}
    findings = [
        _finding("PARENT_DISAGREEMENT", "P1", "Sources name different parents", 1, [disagreement]),
        _finding("NAME_TAKEN_FOR", "P2", "Spellings were taken for organizations", 1, [taken]),
        _finding("PARENT_ASSUMED", "P2", "No source names a parent", 2_289, [{"entity": "Alone Health"}]),
        _finding("DIFFERS_ACROSS_LOBS", "P2", "Published otherwise elsewhere", 1, [elsewhere]),
    ]
    counts = {f"{event['event_type']} ({event['scope']})": 1 for event in events} | {"renumbered (plan)": 2}
    return {
        **report,
        **{"run_id": "aca_exchange-2025_06-0123456789ab-01", "lob": "aca_exchange", "unit": "plan", "programs": {}},
        **{"base_snapshot": "aca_exchange-2025_05-ba9876543210-01", "ledger": ledger, "findings": findings},
        **{"events": events, "event_counts": counts, "column_changes": [], "suppressed": {"ACA_DENTAL_ONLY": 3}},
        "completeness": _completeness(),
        **{"dictionary": {"version": "1.0.0", "sha256": "ef" * 32}, "quarantine": _not_in_run()},
        "recommendation": {"advice": "review", "blocking": [], "needs_tick": ["PARENT_DISAGREEMENT"]},
    }


def _completeness() -> dict[str, Any]:
    """New Mexico differs, Texas agrees, CMS's file lacks California."""
    cells = [_cell(3, 2, 1), _cell(4, 0, 0), _cell(0, 0, 5)]
    places = [("Old Health", "NM"), ("New Health", "TX"), ("Old Health", "CA")]
    listed = dict(zip([state for _, state in places], cells, strict=True))
    return {
        "totals": {key: sum(cell[key] for cell in cells) for key in cells[0]},
        "states": [
            {"state": state, "covered": state in ("NM", "TX"), **listed.get(state, _cell(0, 0, 0))} for state in STATES
        ],
        "parents_by_state": [
            {"parent": parent, "state": state, **cell} for (parent, state), cell in zip(places, cells, strict=True)
        ],
    }


def _cell(both: int, only_cms: int, only_aequalis: int) -> dict[str, int]:
    return {
        **{"cms": both + only_cms, "aequalis": both + only_aequalis},
        **{"both": both, "only_cms": only_cms, "only_aequalis": only_aequalis},
    }


def _not_in_run() -> list[dict[str, Any]]:
    sample = {
        **{"source": "networks", "source_object": "networks_2025.csv", "row_number": 7, "trace_id": "t-2"},
        **{"column_name": "entity_id", "value": "12345", "message": "issuer 12345 has no plan", "raw_row": "{}"},
    }
    return [{"reason_code": "ISSUER_NOT_IN_RUN", "count": 3, "samples": [sample]}]


def large_report(events: int = 5_000) -> dict[str, Any]:
    """As many events as a report lists, each with three plans."""
    report = small_report()
    report["events"] = [
        _event("removed", "plan", ", ".join(f"H{n:04}-{p:03}" for p in range(3)), None, [f"H{n:04}"])
        for n in range(events)
    ]
    report["event_counts"] = {
        **{"removed (plan)": events, "removed (contract)": 1, "added (contract)": 1},
    }
    return report


def live_report() -> dict[str, Any]:
    """The small report as `view_report` gives it while one of two signers has decided."""
    decision = {
        **{"role": "engineering_lead", "login": "ada", "decision": "approve", "reason": "Looks right."},
        **{"signed_at": "2025-06-21T10:00:00.000000Z", "ticks": {"DRIFT_PARENT": "Announced sale."}},
    }
    report = small_report()
    return {
        **report,
        **{"state": "AWAITING_SIGN_OFF", "manifest_digest": "f" * 64, "round_number": 1, "requested_by": "scheduler"},
        **{"expires_at": "2025-06-27T09:30:00.000000Z", "decisions": [decision], "waiting_for": ["data_lead"]},
        "current_release": report["base_snapshot"],
    }


def _rows(landed: int, normalized: int, quarantined: int, suppressed: int) -> dict[str, int]:
    return {
        **{"landed_rows": landed, "normalized_rows": normalized},
        **{"quarantined_rows": quarantined, "suppressed_rows": suppressed},
    }


def _tier(tier: int, label: str, unchanged: int, changed: int, added: int, removed: int) -> dict[str, Any]:
    return {
        **{"tier": tier, "label": label},
        **{"published": unchanged + changed + removed, "candidate": unchanged + changed + added},
        **{"unchanged": unchanged, "changed": changed, "added": added, "removed": removed},
    }


def _event(kind: str, scope: str, before: str | None, after: str | None, contracts: list[str]) -> dict[str, Any]:
    return {
        **{"event_type": kind, "scope": scope, "from": before, "to": after},
        **{"contracts": contracts, "node_ids": [f"node-{contract}" for contract in contracts]},
    }


def _finding(code: str, severity: str, title: str, count: int, samples: list[dict[str, str]]) -> dict[str, Any]:
    return {
        **{"code": code, "severity": severity, "title": title, "count": count},
        **{"blocking": severity != "P2", "samples": samples},
    }


class Page(HTMLParser):
    """What a test wants to know of a page; unbalanced tags fail while reading."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    @property
    def text(self) -> str:
        """Text in reading order, the style sheet left out."""
        return re.sub(r"\s+", " ", "".join(self.words))

    def find(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if attributes.get("id"):
            self.ids.append(str(attributes["id"]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)


def assert_golden(name: str, text: str) -> None:
    """Compare with the kept file; it is written only under UPDATE_GOLDEN=1, and a missing one fails."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: look at the output and run with UPDATE_GOLDEN=1"
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs: rewrite it with UPDATE_GOLDEN=1 if meant"
