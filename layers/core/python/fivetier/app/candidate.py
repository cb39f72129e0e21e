"""From read feeds to a reviewed candidate, without any store: the pipeline's steps and `compare` both use it."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa

from fivetier.domain.candidate import Candidate, SourceUse
from fivetier.domain.checks import run_gates
from fivetier.domain.completeness import Completeness
from fivetier.domain.errors import StaleSubVersion
from fivetier.domain.events import find_events
from fivetier.domain.findings import SAMPLE_SIZE
from fivetier.domain.ids import SubVersion
from fivetier.domain.lighter import lighter_rows
from fivetier.domain.lobs import SourceRole, SourceSettings
from fivetier.domain.lookback import SKIPPED_ROLES
from fivetier.domain.parents import TakenFor
from fivetier.domain.periods import parse_period, why_not_usable
from fivetier.domain.reconcile import reconcile
from fivetier.domain.report import QuarantineGroup, SourceLedger, build_report
from fivetier.domain.resolution import Disagreement, Refused, Resolution, RunContext, SourceRow, SourceRows
from fivetier.domain.resolve import resolve
from fivetier.domain.slice import Slice
from fivetier.domain.tables import QUARANTINE
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of


@dataclass(frozen=True, slots=True)
class Feed:
    """One read file as the later steps need it: where its rows went, and the accepted ones."""

    ledger: SourceLedger
    rows: pa.Table
    quarantined: pa.Table
    suppressed_by_rule: dict[str, int]


def check_period(ledger: SourceLedger, lob: Lob, sub_version: SubVersion) -> None:
    """Refuse a file whose own period is not near the run's.

    Raises:
        StaleSubVersion: it is.
    """
    why = None if ledger.period is None else why_not_usable(parse_period(ledger.period), sub_version)
    if ledger.period is not None and why is not None:
        raise StaleSubVersion(lob=lob, sub_version=str(sub_version), file=ledger.file, other=ledger.period, why=why)


def resolve_feeds(feeds: Sequence[Feed], context: RunContext, published: Slice) -> tuple[Resolution, pa.Table]:
    """Resolve accepted rows to a candidate; returns also the rows that could not be placed, as quarantine."""
    sources = sources_of(context.lob)
    by_source = {feed.ledger.source: feed for feed in feeds}

    def rows_of(role: SourceRole) -> list[SourceRow] | None:
        landed = [by_source[spec.source] for spec in sources if spec.role == role and spec.source in by_source]
        return [row for feed in landed for row in feed.rows.to_pylist()] if landed else None

    def held_of(role: SourceRole) -> frozenset[str]:
        landed = [by_source[spec.source] for spec in sources if spec.role == role and spec.source in by_source]
        return frozenset(subject for feed in landed for subject in _held(feed.quarantined))

    source_rows = SourceRows(
        entities=rows_of("contracts") or (),
        plans=rows_of("plans"),
        reference=rows_of("reference"),
        crosswalk=rows_of("crosswalk"),
        networks=rows_of("networks"),
        service_areas=rows_of("service_areas"),
        held=held_of("contracts"),
        held_plans=held_of("plans"),
    )
    if context.lookback_of is not None:
        source_rows = lighter_rows(source_rows)
    resolution = resolve(source_rows, context, published)
    return resolution, QUARANTINE.from_rows([_quarantined(refused, context) for refused in resolution.refused])


#: A report row without a plan id speaks of the contract as a whole (R1.4): it says nothing of any plan.
CONTRACT_LEVEL = "PLAN_ID_MISSING"


def _held(quarantined: pa.Table) -> frozenset[str]:
    """Ids that stand in quarantine: unreadable this month, which is not the same as absent."""
    pairs = zip(
        quarantined.column("subject_id").to_pylist(), quarantined.column("reason_code").to_pylist(), strict=True
    )
    return frozenset(subject for subject, reason in pairs if subject and reason != CONTRACT_LEVEL)


def _quarantined(refused: Refused, context: RunContext) -> dict[str, object]:
    row = refused.row
    kept = {key: value for key, value in row.items() if value is not None}
    column = next((name for name in ("contract_id", "entity_id", "plan_id") if row[name]), "legal_name")
    return {
        "lob": context.lob.value,
        "run_id": context.run_id,
        "source": row["source"],
        "source_object": row["source_object"],
        "row_number": row["row_number"],
        "trace_id": row["trace_id"],
        "reason_code": refused.reason_code,
        "column_name": column,
        "value": row[column],
        "message": refused.message,
        "subject_id": row["plan_id"] or row["contract_id"] or row["entity_id"],
        "raw_row": json.dumps(kept, default=str, ensure_ascii=False),
    }


@dataclass(frozen=True, slots=True)
class Base:
    """What the candidate is compared with; `run_id` is the run that published it."""

    published: Slice
    release_id: str | None = None
    sub_version: SubVersion | None = None
    run_id: str | None = None


def review(
    feeds: Sequence[Feed],
    refused: pa.Table,
    resolution: Resolution,
    context: RunContext,
    base: Base,
    *,
    savings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Compare, look for events, run every gate, and state it all as the report.

    Raises:
        LedgerDoesNotTie: rows were lost or invented on the way.
        DuplicateKey: a node or contract is live twice.
    """
    refused_by_source = Counter(refused.column("source").to_pylist())
    ledgers = [_after_resolve(feed.ledger, refused_by_source[feed.ledger.source]) for feed in feeds]
    quarantine = _groups(pa.concat_tables([*(feed.quarantined for feed in feeds), refused]))
    suppressed: Counter[str] = Counter()
    for feed in feeds:
        suppressed.update(feed.suppressed_by_rule)
    candidate = Candidate(
        lob=context.lob,
        sub_version=context.sub_version,
        published_sub_version=base.sub_version,
        published=base.published,
        resolution=resolution,
        reconciliation=reconcile(base.published, resolution.candidate),
        events=find_events(base.published, resolution.candidate, context.neighbours),
        sources=_uses(context, ledgers),
        quarantined=[(group.reason_code, group.count) for group in quarantine],
        rollback_to=context.rollback_to,
        neighbours=context.neighbours,
        drop_confirmation=context.drop_confirmation,
        lookback_of=context.lookback_of,
    )
    return build_report(
        candidate,
        run_id=context.run_id,
        base_snapshot=base.release_id,
        created_at=f"{context.observed_at.isoformat(timespec='seconds')}Z",
        ledgers=ledgers,
        quarantine=quarantine,
        suppressed=suppressed,
        findings=run_gates(candidate),
        lookback=savings,
    )


def _after_resolve(ledger: SourceLedger, refused: int) -> SourceLedger:
    return replace(ledger, normalized=ledger.normalized - refused, quarantined=ledger.quarantined + refused)


def _uses(context: RunContext, ledgers: Sequence[SourceLedger]) -> list[SourceUse]:
    """How each source took part. A crosswalk comes once a year and carries no tier: that one is absent says nothing.

    Neither does the absence of what a lookback does not read.
    """
    silent = {"crosswalk"} if context.lookback_of is None else SKIPPED_ROLES
    uses = [(spec.role, _use(spec, ledgers)) for spec in sources_of(context.lob)]
    return [use for role, use in uses if use.landed or role not in silent]


def _use(spec: SourceSettings, ledgers: Sequence[SourceLedger]) -> SourceUse:
    ledger = next((found for found in ledgers if found.source == spec.source), None)
    if ledger is None:
        return SourceUse(spec.source, spec.required, landed=False)
    period = None if ledger.period is None else parse_period(ledger.period)
    return SourceUse(spec.source, spec.required, landed=True, period=period, file=ledger.file)


_SAMPLE_COLUMNS = ("source", "source_object", "row_number", "trace_id", "column_name", "value", "message", "raw_row")


def _groups(quarantined: pa.Table) -> list[QuarantineGroup]:
    """Refused rows by reason, the most frequent first."""
    by_reason: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in quarantined.to_pylist():
        by_reason[row["reason_code"]].append(row)
    groups = [
        QuarantineGroup(
            reason, len(rows), tuple({key: row[key] for key in _SAMPLE_COLUMNS} for row in rows[:SAMPLE_SIZE])
        )
        for reason, rows in by_reason.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, group.reason_code))


def resolution_to_json(resolution: Resolution) -> dict[str, Any]:
    """What resolving brought to light, without the rows (those are staged)."""
    return {
        "disagreements": [asdict(d) for d in resolution.disagreements],
        "held": list(resolution.held),
        "completeness": None if resolution.completeness is None else resolution.completeness.as_state(),
        "taken_names": [asdict(taken) for taken in resolution.taken_names],
        "assumed_parents": list(resolution.assumed_parents),
    }


def resolution_from_json(data: dict[str, Any], candidate: Slice) -> Resolution:
    """The reverse of `resolution_to_json`."""
    return Resolution(
        candidate,
        disagreements=tuple(Disagreement(**d) for d in data["disagreements"]),
        held=tuple(data["held"]),
        completeness=None if data["completeness"] is None else Completeness.from_state(data["completeness"]),
        taken_names=tuple(TakenFor(**taken) for taken in data["taken_names"]),
        assumed_parents=tuple(data["assumed_parents"]),
    )
