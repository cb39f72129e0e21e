"""Asking for a rollback: a run that makes readers see again what an earlier run published (ADR 10)."""

from fivetier.app.contracts import RollbackRequest, RunStatus
from fivetier.app.records import Run
from fivetier.app.restoring import rollback_run_id
from fivetier.app.starting import start_attempt
from fivetier.app.world import Ports
from fivetier.domain.errors import (
    AlreadyCurrent,
    NeverPublished,
    NothingPublished,
    OnlyHistory,
    ReasonMissing,
    RunOfAnotherLob,
)
from fivetier.domain.runs import RunState


def start_rollback(request: RollbackRequest, ports: Ports) -> RunStatus:
    """Start the run back to what an earlier run published, or return the one there is.

    Raises:
        ReasonMissing: nobody may go back without saying why.
        RunNotFound, RunOfAnotherLob, NeverPublished, OnlyHistory: there is no such publication of this LOB.
        NothingPublished, AlreadyCurrent: there is nothing to undo.
        AttemptNeedsReason: people refused this way back and no new reason for asking again is given.
    """
    if not request.reason.strip():
        raise ReasonMissing(decision="roll back")
    current = ports.lake.current_release(request.lob)
    if current is None:
        raise NothingPublished(lob=request.lob)
    release = _release_of(request, ports)
    if release.run_id == current.release_id:
        raise AlreadyCurrent(release_id=release.run_id, published_by=current.run_id)
    first = Run(
        run_id=rollback_run_id(release.run_id, release.sub_version, current, attempt=1),
        lob=release.lob,
        sub_version=release.sub_version,
        attempt=1,
        feed_digest=release.feed_digest,
        state=RunState.RUNNING,
        requested_by=request.requested_by,
        reason=request.reason,
        started_at=ports.clock.now(),
        kind="rollback",
        rollback_to=release.run_id,
        base_snapshot=current.release_id,
    )
    facts = {"kind": first.kind, "rollback_to": release.run_id, "undone_run_id": current.run_id}
    return start_attempt(first, ports, feed_digest=first.feed_digest, **facts)


def _release_of(request: RollbackRequest, ports: Ports) -> Run:
    """The run that made the release meant; a rollback is named for the release it restored."""
    named = ports.runs.get_run(request.to)
    if named.lob != request.lob:
        raise RunOfAnotherLob(run_id=named.run_id, lob=named.lob, asked=request.lob)
    if named.state is not RunState.PUBLISHED:
        raise NeverPublished(run_id=named.run_id, state=named.state)
    if named.place:
        raise OnlyHistory(run_id=named.run_id, sub_version=named.sub_version)
    return ports.runs.get_run(named.release_id)
