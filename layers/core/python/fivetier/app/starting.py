"""Starting a run: pin what landed, name the run after it, start the execution (DECISIONS, Names)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fivetier.app.contracts import RunStatus, StartRequest
from fivetier.app.records import LandedObject, Run
from fivetier.app.world import Occasion, Ports
from fivetier.domain.errors import AttemptNeedsReason, InputError, MissingSource, ReasonMissing
from fivetier.domain.ids import SubVersion
from fivetier.domain.lookback import SKIPPED_ROLES, is_lookback
from fivetier.domain.runs import (
    DECIDED_FOR_GOOD,
    LOOKBACK,
    RETRIED_FREELY,
    RETRIED_ON_REQUEST,
    RETRIED_WITH_REASON,
    RunState,
    feed_digest,
    lookback_digest,
    make_run_id,
)
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of

MARKET_TIME = ZoneInfo("America/New_York")


def start_refresh(request: StartRequest, ports: Ports) -> RunStatus:
    """Start the run of these landed files, or return the one there is.

    Raises:
        MissingSource: nothing, or not every required source, has landed.
        AttemptNeedsReason: people refused this content and no new reason for asking again is given.
        ReasonMissing: nobody may confirm a drop without saying why.
    """
    _check_confirmation(request)
    sub_version = _month_of(request)
    is_light = _is_lookback(request, sub_version)
    landed, skipped = pin(request.lob, sub_version, ports), []
    if is_light:
        light = {spec.source for spec in sources_of(request.lob) if spec.required or spec.role not in SKIPPED_ROLES}
        skipped = [obj for obj in landed if obj.source not in light]
        landed = [obj for obj in landed if obj.source in light]
    digest = feed_digest([(obj.source, obj.sha256) for obj in landed])
    first = Run(
        run_id=make_run_id(request.lob, sub_version, lookback_digest(digest) if is_light else digest, 1),
        lob=request.lob.value,
        sub_version=str(sub_version),
        attempt=1,
        feed_digest=digest,
        state=RunState.RUNNING,
        requested_by=request.requested_by,
        reason=request.reason,
        confirms_drop=request.confirm_drop,
        started_at=ports.clock.now(),
        kind=LOOKBACK if is_light else "refresh",
        lookback_of=request.lookback_of if is_light else None,
        objects=tuple(landed),
        skipped=tuple(skipped),
    )
    facts: dict[str, Any] = {"confirms_drop": True} if first.confirms_drop else {}
    if is_light:
        facts |= {"kind": LOOKBACK, "lookback_of": first.lookback_of, "skipped": [obj.source for obj in skipped]}
    objects = [obj.model_dump(mode="json") for obj in landed]
    return start_attempt(first, ports, feed_digest=digest, objects=objects, **facts)


def _is_lookback(request: StartRequest, sub_version: SubVersion) -> bool:
    if request.lookback_of is None:
        return False
    latest = SubVersion.parse(request.lookback_of)
    if sub_version > latest:
        raise InputError(f"{sub_version} is later than {latest}: a lookback is of a month before the latest one")
    return is_lookback(str(sub_version), (str(sub_version), str(latest)))


def _check_confirmation(request: StartRequest) -> None:
    if not request.confirm_drop:
        return
    if request.scheduled_at is not None:
        raise InputError("a schedule confirms no drop; a person does, by `fivetier refresh --confirm-drop` or the API")
    if not request.reason.strip():
        raise ReasonMissing(decision="confirm a drop")


def start_attempt(first: Run, ports: Ports, **facts: Any) -> RunStatus:
    """Start a run, or its next attempt where the last one may be repeated, or return the one there is.

    Args:
        first: the run as its first attempt; what it is about stands in its name.
        ports: the world.
        facts: what the audit event says beside month, attempt and reason.

    Raises:
        AttemptNeedsReason: people refused this content and no new reason for asking again is given.
    """
    run = _attempt(first, ports)
    if run.state is not RunState.RUNNING:
        return RunStatus(run_id=run.run_id, state=run.state)
    requested = Occasion(run.run_id, run.lob, first.requested_by).event(
        "run_requested",
        ports.clock.now(),
        sub_version=run.sub_version,
        attempt=run.attempt,
        reason=run.reason,
        **facts,
    )
    ports.runs.create_run(run, requested)
    ports.executions.start(run.lob, run.run_id, {"run_id": run.run_id, "lob": run.lob, "sub_version": run.sub_version})
    return RunStatus(run_id=run.run_id, state=run.state)


def _month_of(request: StartRequest) -> SubVersion:
    if request.sub_version is not None:
        return SubVersion.parse(request.sub_version)
    if request.scheduled_at is None:
        raise InputError("a refresh needs --sub-version YYYY_MM, or the time its schedule fired")
    return month_at(request.scheduled_at)


def month_at(due: datetime) -> SubVersion:
    """The month a refresh is about that is due then."""
    local = due.astimezone(MARKET_TIME)
    return SubVersion(local.year, local.month)


def pin(lob: Lob, sub_version: SubVersion, ports: Ports) -> list[LandedObject]:
    """The files a refresh of a month reads.

    Raises:
        MissingSource: nothing, or not every required source, has landed.
    """
    if not sources_of(lob):
        raise InputError(f"{lob} has no sources in lobs.yaml yet, so there is nothing to refresh it from")
    landed = landed_files(lob, str(sub_version), ports)
    if missing := missing_sources(lob, landed):
        raise MissingSource(lob=lob, sub_version=str(sub_version), sources=missing)
    return landed


def landed_files(lob: Lob, sub_version: str, ports: Ports) -> list[LandedObject]:
    """What a refresh of a month would read, by source."""
    known = {spec.source for spec in sources_of(lob)}
    landed = [obj for obj in ports.landing.list_landed(lob, sub_version) if obj.source in known]
    return sorted(landed, key=lambda obj: obj.source)


def missing_sources(lob: Lob, landed: Iterable[LandedObject]) -> list[str]:
    """Required sources that are not among landed files."""
    seen = {obj.source for obj in landed}
    return [spec.source for spec in sources_of(lob) if spec.required and spec.source not in seen]


def _attempt(first: Run, ports: Ports) -> Run:
    """The attempt to start, or the run that already answers the request.

    A reason counts once: the request that led to a refused run, delivered again, is no new question. To confirm a drop
    is one, as long as nobody did and the files are not published: it needs an attempt of its own.
    """
    prefix = first.run_id[:-2]
    earlier = [run for run in ports.runs.list_runs(first.lob) if run.run_id.startswith(prefix)]
    if not earlier:
        return first
    last = max(earlier, key=lambda run: run.attempt)
    has_new_reason = first.reason.strip() not in {"", *(run.reason.strip() for run in earlier)}
    is_asked_anew = has_new_reason and last.state in RETRIED_WITH_REASON | RETRIED_ON_REQUEST
    is_confirmed_now = first.confirms_drop and not last.confirms_drop and last.state not in DECIDED_FOR_GOOD
    if last.state in RETRIED_FREELY or is_asked_anew or is_confirmed_now:
        attempt = last.attempt + 1
        return first.model_copy(update={"run_id": f"{prefix}{attempt:02}", "attempt": attempt})
    if last.state in RETRIED_WITH_REASON:
        raise AttemptNeedsReason(run_id=last.run_id, state=last.state)
    return last
