"""A refresh of several months: the latest in full, each earlier one as a lookback (R2.4, ADR 23)."""

from fivetier.app.contracts import ChildRun, LookbackRequest, StartedMonths, StartRequest
from fivetier.app.records import Release, Run
from fivetier.app.starting import pin, start_refresh
from fivetier.app.world import Ports
from fivetier.domain.errors import (
    InputError,
    MissingSource,
    MissingSources,
    RuleRefused,
    StaleSubVersion,
)
from fivetier.domain.ids import SubVersion
from fivetier.domain.lookback import is_lookback
from fivetier.domain.runs import LOOKBACK


def start_months(request: LookbackRequest, ports: Ports) -> StartedMonths:
    """Start one child run per month, oldest first; the LOB's lease lets them work one after another.

    Every month is looked at before any run is started. A month whose run people refused, and for which no new reason
    is given, is named with that refusal, and the others are started.

    Raises:
        InputError: a month is given twice, or is no month.
        MissingSources: some months lack required files; all of them are named.
        StaleSubVersion: the latest month is older than what readers see, so it cannot be a full refresh.
    """
    months = sorted(SubVersion.parse(month) for month in request.sub_versions)
    if len(set(months)) != len(months):
        raise InputError("a month is given twice; give each once")
    _check_all(request, months, ports)
    listed = [str(month) for month in months]
    children = []
    for month in listed:
        light = is_lookback(month, listed)
        ask = StartRequest(
            lob=request.lob,
            sub_version=month,
            lookback_of=listed[-1] if light else None,
            requested_by=request.requested_by,
            reason=request.reason,
        )
        kind = LOOKBACK if light else "refresh"
        try:
            status = start_refresh(ask, ports)
        except RuleRefused as refused:
            children.append(ChildRun(sub_version=month, kind=kind, refused=refused.code, message=str(refused)))
        else:
            children.append(ChildRun(sub_version=month, kind=kind, run_id=status.run_id, state=status.state))
    return StartedMonths(children=children)


def _check_all(request: LookbackRequest, months: list[SubVersion], ports: Ports) -> None:
    missing: list[MissingSource] = []
    for month in months:
        try:
            pin(request.lob, month, ports)
        except MissingSource as found:
            missing.append(found)
    if missing:
        raise MissingSources(missing)
    current = ports.lake.current_release(request.lob)
    if current is not None and months[-1] < SubVersion.parse(current.sub_version):
        raise StaleSubVersion(lob=request.lob, sub_version=str(months[-1]), other=current.sub_version)


def replaced_release(run: Run, ports: Ports) -> Release | None:
    """The row a run's publication replaces: what readers see, or for a lookback the history of its month."""
    if run.place:
        return ports.lake.month_releases(run.lob).get(run.sub_version)
    return ports.lake.current_release(run.lob)
