"""What a person sees of a run on the pages, and what they may do there: the use cases behind them.

Reading changes nothing, whoever reads and however often (RELIABILITY §1.5).
"""

from dataclasses import dataclass
from typing import Any

from fivetier.app.chaining import superseded_by
from fivetier.app.policy import policies
from fivetier.app.ports import RunStore
from fivetier.app.records import Run
from fivetier.app.signing import ask_of, view_report, view_run
from fivetier.app.world import Ports
from fivetier.domain.errors import AskNotOpen
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import Person, Standing, outcome, standing_of
from fivetier.domain.tiers import Lob

#: Earlier runs of the LOB a page lists.
HISTORY = 12


@dataclass(frozen=True, slots=True)
class Desk:
    """One round of one run in front of one person.

    Attributes:
        person: who reads.
        round_number: the round their link asks about; not always the newest.
        standing: in which roles they may decide now, or the rule that says why not.
        report: the frozen report with what changed since (`view_report`).
        history: runs of the same LOB, newest first, this one among them.
        newer_run: the run that replaced this one, if one did.
        is_decided: whether the decisions already settle the round, though the run has not ended yet.
    """

    person: Person
    round_number: int
    standing: Standing
    report: dict[str, Any]
    history: list[Run]
    newer_run: str
    is_decided: bool


def open_desk(run_id: str, round_number: int, person: Person, ports: Ports) -> Desk:
    """Lay out one round of a run.

    Raises:
        RunNotFound: there is no such run.
        ReportNotFound: it ended, or still works, before a report was frozen.
    """
    run, ask = ports.runs.get_run(run_id), ports.runs.get_ask(run_id)
    report = view_report(run_id, ports)
    earlier = [] if ask is None else ports.runs.decisions(run_id, ask.round_number)
    required = policies()[Lob(run.lob)].signing_roles
    if ask is None:
        standing = Standing(refused=AskNotOpen(run_id=run_id, state=RunState.RUNNING))
    else:
        standing = standing_of(
            person,
            round_number=round_number,
            run_state=run.state,
            ask=ask_of(ask),
            earlier=earlier,
            now=ports.clock.now(),
            required=required,
        )
    is_decided = not run.state.has_ended and outcome(earlier, required) is not None
    return Desk(
        person=person,
        round_number=round_number,
        standing=standing,
        report=report,
        history=_history(run.lob, ports.runs),
        newer_run=superseded_by(run, ports.runs) if run.state is RunState.SUPERSEDED else "",
        is_decided=is_decided,
    )


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run as a whole: its record with decisions, and the runs around it."""

    run: dict[str, Any]
    history: list[Run]


def open_run_folder(run_id: str, ports: Ports) -> RunFolder:
    """Everything about one run that is no report.

    Raises:
        RunNotFound: there is no such run.
    """
    run = view_run(run_id, ports)
    return RunFolder(run, _history(str(run["lob"]), ports.runs))


def _history(lob: str, runs: RunStore) -> list[Run]:
    return runs.list_runs(lob)[:HISTORY]
