"""Publish what was signed, exactly, once; and end a run in a named state."""

import json
from typing import Any

from fivetier.app import keys
from fivetier.app.chaining import DECIDED, chained_events, settle
from fivetier.app.contracts import CloseRequest, PublishedRelease, PublishRequest, RunStatus
from fivetier.app.looking_back import replaced_release
from fivetier.app.policy import policies
from fivetier.app.records import ChainHead, Lease, Release, Run
from fivetier.app.restoring import require_signed_rows
from fivetier.app.world import Occasion, Ports
from fivetier.domain.errors import BaseMoved, ObjectChanged, SignOffIncomplete
from fivetier.domain.manifest import Manifest, read_manifest, sha256_hex
from fivetier.domain.runs import OPEN, RunState
from fivetier.domain.signoff import Verdict
from fivetier.domain.tiers import Lob


def publish_release(request: PublishRequest, ports: Ports) -> PublishedRelease:
    """Verify signatures and bytes, add the files, and move readers, or the history of a month, by one row.

    Killed anywhere and repeated, it ends in the same single publication: files are added once per release id,
    the row is overwritten once, and the fence is checked before each. A rollback adds none: its files are there.

    Raises:
        LeaseHeld: another run of the LOB is at work; the state machine tries again.
        SignOffIncomplete: the audit chain lacks a required approval of this digest.
        ManifestMismatch, ObjectChanged: something differs from what was signed.
        BaseMoved: production is no longer what the candidate was compared with.
    """
    run = ports.runs.get_run(request.run_id)
    if run.state is RunState.PUBLISHED:
        return PublishedRelease(release_id=run.release_id)
    occasion = Occasion(run.run_id, run.lob)
    started = occasion.event("publish_started", ports.clock.now(), manifest_digest=request.manifest_digest)
    ports.runs.transition(
        run.run_id, allowed=[RunState.AWAITING_SIGN_OFF], to=RunState.PUBLISHING, changes={}, event=started
    )
    # Only now: while a run awaits its signers, anybody may take the lease from it.
    lease = ports.runs.acquire_lease(run.lob, run.run_id, ports.clock.now())
    head = settle(run.lob, ports)
    signers = _signers(run, request.manifest_digest, head, ports)
    manifest = _verified_manifest(run, request.manifest_digest, ports)
    _commit(run, manifest, signers, head, lease, ports)
    published = occasion.event(
        "published",
        ports.clock.now(),
        release_id=run.release_id,
        manifest_digest=request.manifest_digest,
        base_release_id=manifest.base_release_id,
        audit_head=head.hash,
    )
    ports.runs.record_event(published)
    ports.runs.release_lease(lease)
    return PublishedRelease(release_id=run.release_id)


def _signers(run: Run, digest: str, head: ChainHead, ports: Ports) -> dict[str, str]:
    """Role -> login of the approvals of this digest, as the chain itself holds them."""
    signers: dict[str, str] = {}
    for chained in chained_events(run.lob, run.run_id, ports.audit, head):
        details = chained.event.details
        approves = details.get("decision") == Verdict.APPROVE and details.get("manifest_digest") == digest
        if chained.event.event_type == DECIDED and approves:
            signers[str(details["role"])] = chained.event.actor
    missing = [role for role in policies()[Lob(run.lob)].signing_roles if role not in signers]
    if missing or len(set(signers.values())) < len(signers):
        raise SignOffIncomplete(run_id=run.run_id, missing=missing or ["a second person"])
    return signers


def _verified_manifest(run: Run, digest: str, ports: Ports) -> Manifest:
    data = ports.staging.get_bytes(keys.manifest_key(run.run_id))
    manifest = read_manifest(data, run_id=run.run_id, signed=digest)
    found = sha256_hex(ports.staging.get_bytes(keys.report_key(run.run_id)))
    if found != manifest.report_sha256:
        raise ObjectChanged(key=keys.report_key(run.run_id), expected=manifest.report_sha256, found=found)
    for file in manifest.files:
        ports.staging.verify(file.key, file.version_id, file.sha256)
    schema_ids = ports.lake.schema_ids()
    if schema_ids != manifest.schema_ids:
        raise ObjectChanged(key="table schemas", expected=str(manifest.schema_ids), found=str(schema_ids))
    return manifest


def _commit(run: Run, manifest: Manifest, signers: dict[str, str], head: ChainHead, lease: Lease, ports: Ports) -> None:
    current = replaced_release(run, ports)
    if current is not None and current.run_id == run.run_id:
        return  # an earlier try got this far
    _require_base(run, manifest, current)
    signed_by = " ".join(f"{role}={login}" for role, login in sorted(signers.items()))
    properties = {
        "run_id": run.run_id,
        "manifest_digest": manifest.digest,
        "signers": signed_by,
        "audit_head": head.hash,
    }
    ports.runs.require_fence(lease)
    if manifest.rollback_to is None:
        ports.lake.add_release_files(manifest, properties=properties)
    else:
        require_signed_rows(run.lob, manifest.rollback_to, manifest.files, ports)
    ports.runs.require_fence(lease)
    row = Release(
        lob=run.lob,
        release_id=manifest.rollback_to or run.run_id,
        run_id=run.run_id,
        kind=manifest.kind,
        sub_version=run.sub_version,
        base_release_id=manifest.base_release_id,
        manifest_digest=manifest.digest,
        signers=signed_by,
        audit_head=head.hash,
        published_at=ports.clock.now(),
    )
    if run.place:
        ports.lake.set_month_release(row)
    else:
        ports.lake.set_current_release(row)


def _require_base(run: Run, manifest: Manifest, current: Release | None) -> None:
    """Check that the publication the report was compared with is still the last one.

    A publication is known by its run: after a rollback the same release is another publication, and who signed
    before it did not know of it. A lookback that is the first of its month replaces nothing, whatever its base.
    """
    if run.place and current is None:
        return
    base = manifest.base_run_id or manifest.base_release_id
    now = None if current is None else current.run_id
    if now != base:
        raise BaseMoved(run_id=manifest.run_id, base=base, current=now)


def close_run(request: CloseRequest, ports: Ports) -> RunStatus:
    """End a run. A run whose release readers already see ends PUBLISHED, whatever stopped it afterwards.

    One that is abandoned gets the error its execution ended with, if it has any: closing it as FAILED failed, too.
    """
    run = ports.runs.get_run(request.run_id)
    if run.state.has_ended:
        return RunStatus(run_id=run.run_id, state=run.state)
    current = replaced_release(run, ports)
    is_live = current is not None and current.run_id == run.run_id
    state = RunState.PUBLISHED if is_live else request.state
    now = ports.clock.now()
    changes: dict[str, Any] = {"ended_at": now}
    failure = request.failure
    if request.state is RunState.ABANDONED and not failure:
        failure = ports.executions.failure(run.lob, run.run_id)
    if failure and not is_live:
        changes |= {"error": failure.get("Error", "Unknown"), "cause": readable_cause(failure.get("Cause", ""))}
    said: dict[str, Any] = {key: changes[key] for key in ("error", "cause") if key in changes}
    if current is not None and is_live:
        said["release"] = current.model_dump(mode="json")  # binds the row to the chain, as the chain is bound by it
    event = Occasion(run.run_id, run.lob).event(f"run_{state.value.lower()}", now, **said)
    ports.runs.transition(run.run_id, allowed=sorted(OPEN), to=state, changes=changes, event=event)
    return RunStatus(run_id=run.run_id, state=state)


def readable_cause(cause: str) -> str:
    """The message in what Step Functions hands on: Lambda wraps it in JSON together with a stack trace."""
    try:
        parsed = json.loads(cause)
    except ValueError:
        return cause
    return str(parsed.get("errorMessage", cause)) if isinstance(parsed, dict) else cause


def abandon_dead_runs(ports: Ports) -> list[str]:
    """Mark open runs ABANDONED whose execution is gone, for example after the local stack was stopped."""
    abandoned = []
    for run in ports.runs.list_runs():
        if not run.state.has_ended and not ports.executions.is_open(run.lob, run.run_id):
            request = CloseRequest(run_id=run.run_id, lob=Lob(run.lob), state=RunState.ABANDONED)
            close_run(request, ports)
            abandoned.append(run.run_id)
    return abandoned
