"""The report people sign: facts only, frozen; pages and consoles render it elsewhere.

`report.json` holds no manifest digest (the manifest hashes the report), no state and no decision: those change
after it is frozen and are added by whoever shows it (DECISIONS, Publication).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fivetier.domain.candidate import Candidate
from fivetier.domain.dictionary import parent_dictionary
from fivetier.domain.events import Event
from fivetier.domain.findings import Finding, Severity
from fivetier.domain.reconcile import ColumnChange, require_tie
from fivetier.domain.tiers import Tier

REPORT_VERSION = 1
EVENT_COUNT_LIMIT = 5_000


@dataclass(frozen=True, slots=True)
class SourceLedger:
    """One landed file: what came in and where each of its rows went."""

    source: str
    file: str
    sha256: str
    landed: int
    normalized: int
    quarantined: int
    suppressed: int
    period: str | None = None
    version_id: str | None = None
    format: str = ""
    encoding: str = ""
    dropped_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_tie(
            f"{self.file}: landed = normalized + quarantined + suppressed",
            self.landed,
            self.normalized + self.quarantined + self.suppressed,
        )


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    """Refused rows of one reason, with samples."""

    reason_code: str
    count: int
    samples: tuple[Mapping[str, Any], ...]


def build_report(
    candidate: Candidate,
    *,
    run_id: str,
    base_snapshot: str | None,
    created_at: str,
    ledgers: Sequence[SourceLedger],
    quarantine: Sequence[QuarantineGroup],
    suppressed: Mapping[str, int],
    findings: Sequence[Finding],
    lookback: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """State everything a signer must see, as JSON-ready data.

    Raises:
        LedgerDoesNotTie: the totals of the sources and of the parts differ.
    """
    totals = _totals(ledgers)
    require_tie("quarantined rows", totals["quarantined_rows"], sum(group.count for group in quarantine))
    require_tie("suppressed rows", totals["suppressed_rows"], sum(suppressed.values()))
    found = candidate.resolution.completeness
    nodes, contracts = candidate.reconciliation.nodes, candidate.reconciliation.contracts
    tiers = {str(t): d.counts() for t, d in candidate.reconciliation.tiers.items() if d.published or d.candidate}
    return {
        "report_version": REPORT_VERSION,
        "run_id": run_id,
        "kind": candidate.kind,
        "rollback_to": candidate.rollback_to,
        **({} if lookback is None else {"lookback": dict(lookback)}),
        "lob": candidate.lob.value,
        "sub_version": str(candidate.sub_version),
        "base_snapshot": base_snapshot,
        "base_sub_version": None if candidate.published_sub_version is None else str(candidate.published_sub_version),
        "created_at": created_at,
        "recommendation": recommend(findings),
        "sources": [_source(ledger) for ledger in ledgers],
        "ledger": {
            **totals,
            "published_nodes": nodes.published,
            "candidate_nodes": nodes.candidate,
            **{key: value for key, value in nodes.counts().items() if key not in ("published", "candidate")},
            "contracts": {
                "kept": len(contracts.unchanged) + len(contracts.changed),
                "removed": len(contracts.removed),
                "added": len(contracts.added),
                "changed": len(contracts.changed),
            },
            "nodes_by_tier": {tier: counts["candidate"] for tier, counts in tiers.items()},
            "tiers": [{"tier": int(t), "label": Tier(int(t)).label, **counts} for t, counts in tiers.items()],
        },
        "unit": "contract" if candidate.slice.contracts or candidate.published.contracts else "plan",
        "dictionary": {"version": parent_dictionary().version, "sha256": parent_dictionary().sha256},
        "completeness": None if found is None else found.as_json(),
        "programs": _programs(candidate),
        "column_changes": [_column(change) for change in candidate.reconciliation.columns],
        "event_counts": dict(Counter(f"{event.event_type} ({event.scope})" for event in candidate.events)),
        "events": [_event(event, candidate) for event in candidate.events[:EVENT_COUNT_LIMIT]],
        "findings": [_finding(found) for found in findings],
        "quarantine": [
            {"reason_code": g.reason_code, "count": g.count, "samples": [dict(s) for s in g.samples]}
            for g in quarantine
        ],
        "suppressed": dict(sorted(suppressed.items())),
    }


def changed_units(report: Mapping[str, Any]) -> tuple[str, dict[str, int]]:
    """What people count a line of business by, and how many are kept, removed, added, and changed among those kept.

    Contracts; plans where there are no contracts; subsidiaries where there are no plans either, as in payer lists.
    """
    parts = ("kept", "removed", "added", "changed")
    if report.get("unit", "contract") == "contract":
        return "contract", {part: report["ledger"]["contracts"][part] for part in parts}
    tiers = {tier["label"]: tier for tier in report["ledger"]["tiers"]}
    unit, label = ("plan", Tier.BENEFITS_PLAN) if Tier.BENEFITS_PLAN.label in tiers else ("subsidiary", Tier.SUBSIDIARY)
    found = tiers.get(label.label, dict.fromkeys(("unchanged", *parts), 0))
    return unit, {
        "kept": found["unchanged"] + found["changed"],
        **{part: found[part] for part in parts if part != "kept"},
    }


def recommend(findings: Sequence[Finding]) -> dict[str, Any]:
    """What the gates advise: reject (P0 open), review (P1 open) or approve."""
    p0 = [f.code for f in findings if f.rule.severity is Severity.P0]
    p1 = [f.code for f in findings if f.rule.severity is Severity.P1]
    advice = "reject" if p0 else "review" if p1 else "approve"
    return {"advice": advice, "blocking": p0, "needs_tick": p1}


def _totals(ledgers: Sequence[SourceLedger]) -> dict[str, int]:
    return {
        "landed_rows": sum(ledger.landed for ledger in ledgers),
        "normalized_rows": sum(ledger.normalized for ledger in ledgers),
        "quarantined_rows": sum(ledger.quarantined for ledger in ledgers),
        "suppressed_rows": sum(ledger.suppressed for ledger in ledgers),
    }


def _source(ledger: SourceLedger) -> dict[str, Any]:
    return {
        "source": ledger.source,
        "file": ledger.file,
        "sha256": ledger.sha256,
        "version_id": ledger.version_id,
        "period": ledger.period,
        "format": ledger.format,
        "encoding": ledger.encoding,
        "landed_rows": ledger.landed,
        "normalized_rows": ledger.normalized,
        "quarantined_rows": ledger.quarantined,
        "suppressed_rows": ledger.suppressed,
        "dropped_columns": list(ledger.dropped_columns),
    }


def _programs(candidate: Candidate) -> dict[str, dict[str, int]]:
    before = Counter(c.program for c in candidate.published.live_contracts.values())
    after = Counter(c.program for c in candidate.slice.live_contracts.values())
    return {p: {"published": before[p], "candidate": after[p]} for p in sorted(before.keys() | after.keys())}


def _column(change: ColumnChange) -> dict[str, Any]:
    return {
        "table": change.table,
        "column": change.column,
        "count": change.count,
        "samples": [{"key": key, "before": before, "after": after} for key, before, after in change.samples],
    }


def _event(event: Event, candidate: Candidate) -> dict[str, Any]:
    gone = "absent_from_source" if candidate.rollback_to is None else "absent_from_restored_release"
    return {
        "event_type": event.event_type,
        "scope": event.scope,
        "from": event.before,
        "to": event.after,
        "contracts": list(event.contracts),
        "node_ids": list(event.node_ids),
        **({"reason": gone} if event.event_type == "removed" else {}),
        **({"possible_rename": True} if event.possible_rename else {}),
        **({"of": event.of} if event.of else {}),
    }


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "code": found.code,
        "severity": found.rule.severity.value,
        "count": found.count,
        "blocking": found.rule.severity.blocks,
        "title": found.rule.title,
        "samples": [dict(sample) for sample in found.samples],
    }
