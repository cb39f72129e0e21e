"""Audit step: freeze what people will sign, make it queryable, and let go of the lease."""

import json
from collections.abc import Iterable
from datetime import timedelta

from fivetier.app import keys
from fivetier.app.chaining import SUPERSEDED
from fivetier.app.contracts import LeasedRequest, SignOffAsk
from fivetier.app.records import Lease, Run
from fivetier.app.world import Occasion, Ports, lease_of, utc_text
from fivetier.domain.manifest import Manifest, ManifestFile, sha256_hex
from fivetier.domain.runs import RunState
from fivetier.domain.tables import RELEASE_TABLES


def freeze_candidate(request: LeasedRequest, ports: Ports, *, sign_off_seconds: int) -> SignOffAsk:
    """Hash every staged object again, store the manifest, and open the question to the signers.

    Older runs of the LOB that still wait for the same place are superseded: nobody should sign yesterday's candidate.

    Raises:
        ObjectChanged: a staged object is not what the run wrote.
        FencedOut: a newer run has the lease.
    """
    run = ports.runs.get_run(request.run_id)
    lease = lease_of(run.lob, run.run_id, request.fence, ports.clock.now())
    if run.state is RunState.AWAITING_SIGN_OFF and run.manifest_digest is not None:
        # It may have been cut off right after the freeze. What was started since may have overtaken it.
        _supersede([other for other in _waiting(run, ports) if other.started_at < run.started_at], run, ports)
        return _open(run, run.manifest_digest, lease, ports, sign_off_seconds)
    ports.runs.require_fence(lease)
    manifest = _manifest(run, ports)
    ports.staging.put_bytes(keys.manifest_key(run.run_id), manifest.to_bytes())
    for table, file in zip(RELEASE_TABLES, manifest.files, strict=True):
        ports.catalog.register(table, lob=run.lob, sub_version=run.sub_version, key=file.key)
    occasion, now = Occasion(run.run_id, run.lob), ports.clock.now()
    frozen = occasion.event(
        "candidate_frozen", now, manifest_digest=manifest.digest, base_release_id=manifest.base_release_id
    )
    ports.runs.transition(
        run.run_id,
        allowed=[RunState.RUNNING],
        to=RunState.AWAITING_SIGN_OFF,
        changes={"manifest_digest": manifest.digest, "base_snapshot": manifest.base_release_id},
        event=frozen,
    )
    _supersede(_waiting(run, ports), run, ports)
    return _open(run, manifest.digest, lease, ports, sign_off_seconds)


def _open(run: Run, digest: str, lease: Lease, ports: Ports, seconds: int) -> SignOffAsk:
    ports.runs.release_lease(lease)
    return _ask(run, digest, ports, seconds)


def _ask(run: Run, digest: str, ports: Ports, seconds: int) -> SignOffAsk:
    expires_at = ports.clock.now().replace(microsecond=0) + timedelta(seconds=seconds)
    return SignOffAsk(
        manifest_digest=digest,
        timeout_seconds=seconds,
        expires_at=utc_text(expires_at),
        requested_by=run.requested_by,
    )


def _manifest(run: Run, ports: Ports) -> Manifest:
    evidence = json.loads(ports.staging.get_bytes(keys.resolution_key(run.run_id)))
    files = [ManifestFile.model_validate(file) for file in evidence["staged"]]
    for file in files:
        ports.staging.verify(file.key, file.version_id, file.sha256)
    return Manifest(
        run_id=run.run_id,
        kind=run.kind,
        lob=run.lob,
        sub_version=run.sub_version,
        feed_digest=run.feed_digest,
        base_release_id=evidence["base_release_id"],
        base_run_id=evidence["base_run_id"],
        rollback_to=run.rollback_to,
        report_sha256=sha256_hex(ports.staging.get_bytes(keys.report_key(run.run_id))),
        schema_ids=ports.lake.schema_ids(),
        files=tuple(files),
    )


def _waiting(run: Run, ports: Ports) -> list[Run]:
    """Other runs of the LOB that wait for people, and would replace the same: a lookback, the history of its month."""
    found = [other for other in ports.runs.list_runs(run.lob) if other.place == run.place]
    return [other for other in found if other.run_id != run.run_id and other.state is RunState.AWAITING_SIGN_OFF]


def _supersede(others: Iterable[Run], run: Run, ports: Ports) -> None:
    for other in others:
        event = Occasion(other.run_id, other.lob).event(SUPERSEDED, ports.clock.now(), by=run.run_id)
        ports.runs.record_event(event)
