"""What must hold whatever went wrong: looked at from outside, at rest and all the while."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fivetier.app.policy import policies
from fivetier.app.records import Release, Run
from fivetier.aws import iceberg_commit, wiring
from fivetier.domain.audit import AuditEvent, verify
from fivetier.domain.manifest import read_manifest, sha256_hex
from fivetier.domain.runs import RETRIED_FREELY, RunState
from fivetier.domain.tables import RELEASE, RELEASE_TABLES

from tests.contract.sides import moto
from tests.faults.cloud import MA, Cloud
from tests.faults.stage import Stage

Seen = tuple[str | None, tuple[str, ...]]


@dataclass
class Reader:
    """Somebody who looks at the publication again and again: which release, and every row of it."""

    cloud: Cloud
    seen: list[Seen] = field(default_factory=list)
    _known: dict[tuple[str, ...], Seen] = field(default_factory=dict)
    _rows: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def look(self) -> None:
        """Look once more; nothing is read again while no table moved, as files never change (the cloud checks)."""
        self.seen.append(self.cloud.wire.quietly(self._view))

    def _view(self) -> Seen:
        pages = moto.client("glue").get_tables(DatabaseName="production")["TableList"]
        places = {table["Name"]: table["Parameters"]["metadata_location"] for table in pages}
        key = tuple(sorted(places.values()))
        if key not in self._known:
            self._known[key] = self._publication(places)
        return self._known[key]

    def _publication(self, places: dict[str, str]) -> Seen:
        release = wiring.lake().current_release(MA)
        if release is None:
            return None, ()
        parts = {table: (table.name, places.get(table.name, ""), release.release_id) for table in RELEASE_TABLES}
        for table, part in parts.items():
            if part not in self._rows:
                rows = wiring.lake()._read(table, iceberg_commit.equals("release_id", release.release_id))  # type: ignore[attr-defined]
                self._rows[part] = sha256_hex(json.dumps(_rows(rows), default=str).encode())
        return release.run_id, tuple(map(self._rows.__getitem__, parts.values()))


def _rows(table: Any) -> list[Any]:
    return sorted(map(list, (row.items() for row in table.to_pylist())), key=str)


def problems(stage: Stage, reader: Reader, asked: set[str], landed: set[tuple[str, int]]) -> list[str]:
    """Everything that is wrong with the world at rest; empty when it holds.

    Args:
        stage: where it happened.
        reader: who looked all the while.
        asked: runs whose question stood open long enough for a mail.
        landed: months, and how many contracts their files held.
    """
    return stage.cloud.wire.quietly(lambda: list(_problems(stage, reader, asked, landed)))


def _problems(stage: Stage, reader: Reader, asked: set[str], landed: set[tuple[str, int]]) -> Any:
    runs = {run.run_id: run for run in wiring.runs().list_runs(MA)}
    chain = wiring.audit().read_from(MA, 0)
    current = wiring.lake().current_release(MA)
    yield from verify(chain, lob=MA, anchors=[current.audit_head] if current else [])
    events = [chained.event for chained in chain]
    doubled = [name for name, count in Counter(event.event_id for event in events).items() if count > 1]
    if doubled:
        yield f"the chain holds {len(doubled)} events twice"
    if wiring.runs().pending_events(MA):
        yield "the outbox is not empty"
    yield from _of_runs(stage, runs, events, asked)
    for run in runs.values():
        yield from _of_candidate(run, landed)
    yield from _of_publications(runs, events, current)
    yield from _of_reader(reader, events, current)
    yield from _of_lease(stage, runs)


def _of_runs(stage: Stage, runs: dict[str, Run], events: list[AuditEvent], asked: set[str]) -> Any:
    mails = Counter(stage.cloud.mailed())
    for run in runs.values():
        mine = [event.event_type for event in events if event.run_id == run.run_id]
        status = stage.cloud.stepfunctions.executions[run.run_id].status
        if not run.state.has_ended or status == "RUNNING":
            yield f"{run.run_id} is {run.state}, its execution {status}"
        for event in ("run_requested", f"run_{run.state.value.lower()}"):
            if mine.count(event) != 1:
                yield f"{run.run_id}: {mine.count(event)} events {event}"
        if [name for name in mine if name.startswith("run_") and name not in ("run_requested", "run_opened")] != [
            f"run_{run.state.value.lower()}"
        ]:
            yield f"{run.run_id}: ended more than once: {mine}"
        if run.state in RETRIED_FREELY and not run.error:
            yield f"{run.run_id} is {run.state} and nobody knows why"
        yield from _of_decisions(run, events)
        if run.run_id in asked and not mails[(run.run_id, "ask")]:
            yield f"{run.run_id}: nobody was asked by mail"
        if wiring.runs().get_ask(run.run_id) is not None and not mails[(run.run_id, "outcome")]:
            yield f"{run.run_id}: nobody was told what became of it"
    if stage.cloud.most_mails < max(mails.values(), default=0):
        yield f"a mail was sent {max(mails.values())} times"


def _of_decisions(run: Run, events: list[AuditEvent]) -> Any:
    """Every decision stands in the table once and in the chain once, and nothing else does."""
    ask = wiring.runs().get_ask(run.run_id)
    rounds = range(1, (ask.round_number if ask else 0) + 1)
    stored = [(d.role, d.login, d.verdict) for n in rounds for d in wiring.runs().decisions(run.run_id, n)]
    chained = [
        (e.details["role"], e.actor, e.details["decision"])
        for e in events
        if e.run_id == run.run_id and e.event_type == "sign_off_decided"
    ]
    if sorted(stored) != sorted(chained):
        yield f"{run.run_id}: decided {sorted(stored)}, chained {sorted(chained)}"


def _of_candidate(run: Run, landed: set[tuple[str, int]]) -> Any:
    """What people are asked about is whole, and says what landed."""
    if run.manifest_digest is None:
        return
    data = wiring.staging().get_bytes(f"staging/{run.run_id}/manifest.json")
    manifest = read_manifest(data, run_id=run.run_id, signed=run.manifest_digest)
    report = wiring.staging().get_bytes(f"staging/{run.run_id}/report.json")
    if sha256_hex(report) != manifest.report_sha256:
        yield f"{run.run_id}: the report is not the one that is signed"
    for file in manifest.files:
        wiring.staging().verify(file.key, file.version_id, file.sha256)
    contracts = json.loads(report)["ledger"]["contracts"]
    if run.rollback_to is None and (run.sub_version, contracts["kept"] + contracts["added"]) not in landed:
        yield f"{run.run_id}: {contracts} of {sorted(landed)}"


def _of_publications(runs: dict[str, Run], events: list[AuditEvent], current: Release | None) -> Any:
    """One publication per published run: row, files and event once; none for any other run."""
    table = wiring.lake()._load(RELEASE)  # type: ignore[attr-defined]
    rows = Counter(
        s.summary.additional_properties.get("run_id") for s in (table.snapshots() if table else []) if s.summary
    )
    told = Counter(event.run_id for event in events if event.event_type == "published")
    for run in runs.values():
        expected = 1 if run.state is RunState.PUBLISHED else 0
        if rows[run.run_id] != expected:
            yield f"{run.run_id} is {run.state} with {rows[run.run_id]} rows in table release"
        if told[run.run_id] != expected:
            yield f"{run.run_id} is {run.state} with {told[run.run_id]} events published"
        if expected:
            yield from _of_signatures(run, events)
            yield from _of_files(run)
    if current is not None and runs[current.run_id].state is not RunState.PUBLISHED:
        yield f"readers see {current.run_id}, which is {runs[current.run_id].state}"


def _of_signatures(run: Run, events: list[AuditEvent]) -> Any:
    """Two persons of the required roles approved this digest before it was published."""
    mine = [event for event in events if event.run_id == run.run_id]
    until = next((n for n, event in enumerate(mine) if event.event_type == "published"), 0)
    approved = {
        event.details["role"]: event.actor
        for event in mine[:until]
        if event.event_type == "sign_off_decided"
        and event.details["decision"] == "approve"
        and event.details["manifest_digest"] == run.manifest_digest
    }
    if set(approved) != set(policies()[MA].signing_roles) or len(set(approved.values())) < len(approved):
        yield f"{run.run_id} was published on the signatures of {approved}"


def _of_files(run: Run) -> Any:
    """Every signed file with rows stands in its table, once."""
    if run.rollback_to is not None:
        return
    data = wiring.staging().get_bytes(f"staging/{run.run_id}/manifest.json")
    manifest = read_manifest(data, run_id=run.run_id, signed=str(run.manifest_digest))
    for table in RELEASE_TABLES:
        loaded = wiring.lake()._load(table)  # type: ignore[attr-defined]
        found = iceberg_commit.files_of(loaded, iceberg_commit.equals("release_id", run.run_id))
        signed = [file for file in manifest.files if file.table == table.name and file.rows]
        if sum(file.record_count for file in found) != sum(file.rows for file in signed) or len(found) != len(signed):
            yield f"{run.run_id}: {len(found)} files in {table.name}, {len(signed)} signed"


def _of_reader(reader: Reader, events: list[AuditEvent], current: Release | None) -> Any:
    """All-old or all-new: each publication is seen with one content only, and none comes back."""
    reader.look()
    order = [view for n, view in enumerate(reader.seen) if n == 0 or view != reader.seen[n - 1]]
    if len({run_id for run_id, _ in order}) != len(order):
        yield f"readers saw {[(run_id, rows[0][:6] if rows else '') for run_id, rows in order]}"
    if order[-1][0] != (current.run_id if current else None):
        yield f"readers end with {order[-1][0]}"


def _of_lease(stage: Stage, runs: dict[str, Run]) -> Any:
    """Whoever comes next gets the lease, with a higher fence; this is the last look at a world."""
    if all(run.state.has_ended for run in runs.values()):
        try:
            wiring.runs().acquire_lease(MA, "somebody-else", stage.cloud.clock.now())
        except Exception as refused:  # noqa: BLE001  whatever the reason, it is a finding
            yield f"the lease is not free: {refused}"
