"""Starting a run: pin what landed, name the run after it, start the execution (DECISIONS, Names)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from fivetier.app.contracts import RunStatus, StartRequest
from fivetier.app.policy import policies
from fivetier.app.records import LandedObject, Run
from fivetier.app.world import Occasion, Ports
from fivetier.domain.errors import AttemptNeedsReason, InputError, MissingSource
from fivetier.domain.ids import SubVersion
from fivetier.domain.runs import RETRIED_FREELY, RETRIED_WITH_REASON, RunState, feed_digest, make_run_id
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of

MARKET_TIME = ZoneInfo("America/New_York")


def start_refresh(request: StartRequest, ports: Ports) -> RunStatus:
    """Start the run of these landed files, or return the one there is.

    Raises:
        MissingSource: nothing, or not every required source, has landed.
        AttemptNeedsReason: people refused this content and no reason for asking again is given.
    """
    sub_version = _month_of(request)
    landed = _pin(request.lob, sub_version, ports)
    digest = feed_digest([(obj.source, obj.sha256) for obj in landed])
    attempt, found = _next_attempt(request, sub_version, digest, ports)
    if found is not None and found.state is not RunState.RUNNING:
        return RunStatus(run_id=found.run_id, state=found.state)
    run = found or _new_run(request, sub_version, digest, attempt, landed, ports.clock.now())
    occasion = Occasion(run.run_id, run.lob, request.requested_by)
    requested = occasion.event(
        "run_requested",
        ports.clock.now(),
        sub_version=run.sub_version,
        attempt=run.attempt,
        reason=run.reason,
        feed_digest=digest,
        objects=[obj.model_dump(mode="json") for obj in landed],
    )
    ports.runs.create_run(run, requested)
    ports.executions.start(run.lob, run.run_id, {"run_id": run.run_id, "lob": run.lob, "sub_version": run.sub_version})
    return RunStatus(run_id=run.run_id, state=run.state)


def _month_of(request: StartRequest) -> SubVersion:
    if request.sub_version is not None:
        return SubVersion.parse(request.sub_version)
    if request.scheduled_at is None:
        raise InputError("a refresh needs --sub-version YYYY_MM, or the time its schedule fired")
    local = request.scheduled_at.astimezone(MARKET_TIME)
    return SubVersion(local.year, local.month)


def _pin(lob: Lob, sub_version: SubVersion, ports: Ports) -> list[LandedObject]:
    specs = sources_of(lob)
    if lob not in policies():
        raise InputError(f"{lob} has no policy in lobs.yaml yet, so nobody could sign it")
    known = {spec.source for spec in specs}
    landed = [obj for obj in ports.landing.list_landed(lob, str(sub_version)) if obj.source in known]
    missing = [spec.source for spec in specs if spec.required and spec.source not in {obj.source for obj in landed}]
    if missing:
        raise MissingSource(lob=lob, sub_version=str(sub_version), sources=missing)
    return sorted(landed, key=lambda obj: obj.source)


def _next_attempt(request: StartRequest, sub_version: SubVersion, digest: str, ports: Ports) -> tuple[int, Run | None]:
    """The attempt to start, or the run that already answers the request."""
    prefix = make_run_id(request.lob, sub_version, digest, 0)[:-2]
    earlier = sorted(
        (run for run in ports.runs.list_runs(request.lob) if run.run_id.startswith(prefix)), key=lambda r: r.attempt
    )
    if not earlier:
        return 1, None
    last = earlier[-1]
    if last.state in RETRIED_FREELY:
        return last.attempt + 1, None
    if last.state in RETRIED_WITH_REASON:
        if not request.reason.strip():
            raise AttemptNeedsReason(run_id=last.run_id, state=last.state)
        return last.attempt + 1, None
    return last.attempt, last


def _new_run(
    request: StartRequest,
    sub_version: SubVersion,
    digest: str,
    attempt: int,
    landed: list[LandedObject],
    now: datetime,
) -> Run:
    return Run(
        run_id=make_run_id(request.lob, sub_version, digest, attempt),
        lob=request.lob.value,
        sub_version=str(sub_version),
        attempt=attempt,
        feed_digest=digest,
        state=RunState.RUNNING,
        requested_by=request.requested_by,
        reason=request.reason,
        started_at=now,
        objects=tuple(landed),
    )
