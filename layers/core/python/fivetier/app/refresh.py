"""The steps of a run up to the report: one function per state of `refresh.asl.json`.

Every step may be repeated: it writes the same objects under the same keys and reports the same events. A step
that works under the lease checks its fence before it writes.

A rollback takes the same steps: it reads no feed, and its candidate is a release that was signed before. So does a
lookback: it reads less, and is compared with the history of its month (ADR 23).
"""

import json
from dataclasses import replace
from datetime import UTC

from fivetier.app import keys
from fivetier.app.candidate import (
    Base,
    Feed,
    resolution_from_json,
    resolution_to_json,
    resolve_feeds,
    review,
)
from fivetier.app.contracts import (
    CandidateCounts,
    Discovery,
    LeasedRequest,
    OpenedRun,
    ReconciledCandidate,
    RunRequest,
)
from fivetier.app.lightening import compared_with, savings
from fivetier.app.looking_back import replaced_release
from fivetier.app.records import Release, Run
from fivetier.app.restoring import require_signed_rows, require_undone, signed_files
from fivetier.app.world import Occasion, Ports, lease_of
from fivetier.domain.errors import MissingSource, StaleSubVersion
from fivetier.domain.ids import SubVersion
from fivetier.domain.lighter import lighter
from fivetier.domain.manifest import ManifestFile, canonical_json
from fivetier.domain.report import SourceLedger
from fivetier.domain.resolution import DropConfirmation, Resolution, RunContext
from fivetier.domain.slice import Slice
from fivetier.domain.tables import QUARANTINE, RELEASE_TABLES
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of

REFUSED = "resolve"


def open_run(request: RunRequest, ports: Ports) -> OpenedRun:
    """Take the LOB's lease.

    Raises:
        LeaseHeld: another run is at work; the state machine waits and tries again.
    """
    now = ports.clock.now()
    lease = ports.runs.acquire_lease(request.lob, request.run_id, now)
    ports.runs.record_event(Occasion(request.run_id, request.lob).event("run_opened", now, fence=lease.fence))
    return OpenedRun(fence=lease.fence)


def discover_feeds(request: LeasedRequest, ports: Ports) -> Discovery:
    """Check that the pinned objects may make a run, and whether they say anything new.

    Raises:
        StaleSubVersion: the month is older than what is published.
        MissingSource: a required source is not among the pinned objects.
        BaseMoved: what a rollback was asked to undo is no longer what readers see.
        FencedOut: a newer run has the lease.
    """
    require_fence(request, ports)
    run = ports.runs.get_run(request.run_id)
    current = replaced_release(run, ports)
    is_unchanged = False
    if run.rollback_to is not None:
        require_undone(run, current)
    else:
        _check_feeds(run, current)
        is_unchanged = current is not None and _published_digest(current, ports) == run.feed_digest
    event = Occasion(run.run_id, run.lob).event(
        "feeds_discovered",
        ports.clock.now(),
        objects=[obj.model_dump(mode="json") for obj in run.objects],
        base_release_id=None if current is None else current.release_id,
        is_unchanged=is_unchanged,
    )
    ports.runs.record_event(event)
    return Discovery(is_unchanged=is_unchanged, objects=[obj.source for obj in run.objects])


def _check_feeds(run: Run, current: Release | None) -> None:
    if current is not None and SubVersion.parse(run.sub_version) < SubVersion.parse(current.sub_version):
        raise StaleSubVersion(lob=run.lob, sub_version=run.sub_version, other=current.sub_version)
    pinned = {obj.source for obj in run.objects}
    missing = [spec.source for spec in sources_of(Lob(run.lob)) if spec.required and spec.source not in pinned]
    if missing:
        raise MissingSource(lob=run.lob, sub_version=run.sub_version, sources=missing)


def _published_digest(current: Release, ports: Ports) -> str:
    """Feed digest of the files behind the release readers see (a rollback's too)."""
    return ports.runs.get_run(current.release_id).feed_digest


def resolve_hierarchy(request: LeasedRequest, ports: Ports) -> CandidateCounts:
    """Turn canonical rows into the candidate's tables and stage them; a rollback's are staged and signed already.

    Raises:
        ManifestMismatch, ObjectChanged: the release to restore is no longer what its signers signed.
        FencedOut: a newer run has the lease.
    """
    run = ports.runs.get_run(request.run_id)
    base = _base(run, _base_run(run, ports), ports)
    if run.rollback_to is None:
        resolution, refused = resolve_feeds(_feeds(run, ports), _context(run, ports), _seen(run, base))
        require_fence(request, ports)
        files = _stage(run, resolution, ports)
    else:
        files = signed_files(run, ports)
        rows = require_signed_rows(run.lob, run.rollback_to, files, ports)
        resolution, refused = Resolution(Slice.from_tables(request.lob, rows)), QUARANTINE.from_rows([])
        require_fence(request, ports)
    ports.staging.put_table(keys.quarantine_key(run.run_id, REFUSED), refused)
    evidence = {
        "base_release_id": base.release_id,
        "base_run_id": base.run_id,
        "staged": [file.model_dump(mode="json") for file in files],
        **resolution_to_json(resolution),
    }
    ports.staging.put_bytes(keys.resolution_key(run.run_id), canonical_json(evidence))
    counts = CandidateCounts(
        nodes=len(resolution.candidate.live_nodes), contracts=len(resolution.candidate.live_contracts)
    )
    ports.runs.note_progress(run.run_id, "resolve", {**counts.model_dump(), "quarantined": refused.num_rows})
    now = ports.clock.now()
    ports.runs.record_event(
        Occasion(run.run_id, run.lob).event(
            "hierarchy_resolved", now, **counts.model_dump(), base_release_id=base.release_id
        )
    )
    return counts


def _stage(run: Run, resolution: Resolution, ports: Ports) -> tuple[ManifestFile, ...]:
    tables = resolution.candidate.to_tables(run.run_id)
    files = []
    for table in RELEASE_TABLES:
        stored = ports.staging.put_table(keys.table_key(run.run_id, table), tables[table.name])
        pinned = stored.model_dump(exclude={"size"})
        files.append(ManifestFile(table=table.name, rows=tables[table.name].num_rows, **pinned))
    return tuple(files)


def reconcile_candidate(request: LeasedRequest, ports: Ports) -> ReconciledCandidate:
    """Compare the candidate with what is published, run every gate, and write the report.

    Raises:
        LedgerDoesNotTie: rows were lost or invented.
        FencedOut: a newer run has the lease.
    """
    run = ports.runs.get_run(request.run_id)
    evidence = json.loads(ports.staging.get_bytes(keys.resolution_key(run.run_id)))
    # A lookback keeps the base it was resolved with: runs of other months may be published meanwhile.
    base = _base(run, evidence["base_run_id"] if run.place else _base_run(run, ports), ports)
    tables = {file["table"]: ports.staging.get_table(file["key"]) for file in evidence["staged"]}
    candidate = Slice.from_tables(request.lob, tables)
    refused = ports.staging.get_table(keys.quarantine_key(run.run_id, REFUSED))
    resolution = resolution_from_json(evidence, candidate)
    saved = savings(run, base.published, ports) if run.place else None
    seen = replace(base, published=_seen(run, base))
    report = review(_feeds(run, ports), refused, resolution, _context(run, ports), seen, savings=saved)
    require_fence(request, ports)
    ports.staging.put_bytes(keys.report_key(run.run_id), canonical_json(report))
    severities = [finding["severity"] for finding in report["findings"]]
    result = ReconciledCandidate(
        report_key=keys.report_key(run.run_id),
        p0=severities.count("P0"),
        p1=severities.count("P1"),
        p2=severities.count("P2"),
    )
    counts = {key: report["ledger"][key] for key in ("unchanged", "changed", "added", "removed")}
    ports.runs.note_progress(run.run_id, "reconcile", counts)
    ports.runs.record_event(
        Occasion(run.run_id, run.lob).event(
            "candidate_reconciled", ports.clock.now(), **counts, p0=result.p0, p1=result.p1, p2=result.p2
        )
    )
    return result


def require_fence(request: LeasedRequest, ports: Ports) -> None:
    """Check that the run still has its LOB's lease.

    Raises:
        FencedOut: a newer run has it.
    """
    ports.runs.require_fence(lease_of(request.lob, request.run_id, request.fence, ports.clock.now()))


def _context(run: Run, ports: Ports) -> RunContext:
    """A run observes at the moment it was started, so that a repeated step writes equal bytes."""
    observed = run.started_at.astimezone(UTC).replace(tzinfo=None)
    month = SubVersion.parse(run.sub_version)
    confirmation = DropConfirmation(run.requested_by, run.reason) if run.confirms_drop else None
    return RunContext(
        lob=Lob(run.lob),
        sub_version=month,
        run_id=run.run_id,
        observed_at=observed,
        rollback_to=run.rollback_to,
        neighbours=_neighbours(run, ports),
        drop_confirmation=confirmation,
        lookback_of=run.lookback_of,
        present=_published(Lob(run.lob), ports) if run.place else None,
    )


def _neighbours(run: Run, ports: Ports) -> tuple[Slice, ...]:
    """Names and upper tiers other lines of business have published: tiers 1 and 2 are shared with them."""
    found = (_published(lob, ports) for lob in Lob if lob.value != run.lob)
    return tuple(slice_ for slice_ in found if slice_ is not None)


def _published(lob: Lob, ports: Ports) -> Slice | None:
    current = ports.lake.current_release(lob)
    return None if current is None else Slice.from_tables(lob, ports.lake.read_release(lob, current.release_id))


def _base_run(run: Run, ports: Ports) -> str | None:
    """The run that published what the candidate is compared with."""
    if run.place:
        return compared_with(run, ports)
    current = ports.lake.current_release(run.lob)
    return None if current is None else current.run_id


def _base(run: Run, base_run_id: str | None, ports: Ports) -> Base:
    lob = Lob(run.lob)
    if base_run_id is None:
        return Base(Slice(lob))
    by = ports.runs.get_run(base_run_id)
    published = Slice.from_tables(lob, ports.lake.read_release(lob, by.release_id))
    return Base(published, by.release_id, SubVersion.parse(by.sub_version), by.run_id)


def _seen(run: Run, base: Base) -> Slice:
    """The base as the run sees it: what a lookback does not build is no change."""
    return lighter(base.published) if run.place else base.published


def _feeds(run: Run, ports: Ports) -> list[Feed]:
    feeds = []
    for landed in run.objects:
        stored = json.loads(ports.staging.get_bytes(keys.feed_ledger_key(run.run_id, landed.source)))
        ledger = SourceLedger(**{**stored["ledger"], "dropped_columns": tuple(stored["ledger"]["dropped_columns"])})
        feeds.append(
            Feed(
                ledger,
                ports.staging.get_table(keys.normalized_key(run.run_id, landed.source)),
                ports.staging.get_table(keys.quarantine_key(run.run_id, landed.source)),
                stored["suppressed_by_rule"],
            )
        )
    return feeds
