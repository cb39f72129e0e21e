"""Every Lambda function: what it needs, what it gets. The one place to read who may do what.

A need stands for environment variables and the IAM rights behind them together (`needs.py`), so a function cannot
know a bucket it may not touch, nor have a right nobody wrote down here.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from infra.settings import StageSettings


class Need(Enum):
    """Something a function works with."""

    #: run records, leases, asks, decisions and the outbox: read, and change by conditional write
    RUNS = auto()
    #: take events out of the outbox once they are in the chain
    EMPTY_OUTBOX = auto()
    #: list what landed and read it
    PIN_LANDED = auto()
    #: read a landed object by version
    READ_LANDED = auto()
    #: write objects of a candidate
    WRITE_STAGED = auto()
    #: read objects of a candidate
    READ_STAGED = auto()
    #: read the frozen report of a candidate and nothing else of it
    READ_REPORT = auto()
    #: write rows a step refuses or leaves out
    WRITE_QUARANTINE = auto()
    #: read refused rows, which the report counts and shows
    READ_QUARANTINE = auto()
    #: make staged tables visible in Glue
    SHOW_STAGED = auto()
    #: read what is published
    READ_LAKE = auto()
    #: publish
    WRITE_LAKE = auto()
    #: read the audit chain and append to it
    APPEND_AUDIT = auto()
    #: be woken by changes of the operations table; the stream names what changed and holds nothing of it
    FOLLOW_OUTBOX = auto()
    #: start executions and ask whether one is open
    START_RUNS = auto()
    #: read the task token and send it back
    ANSWER_ASK = auto()
    #: know for how long people are asked
    SIGN_OFF_TIME = auto()
    #: know whose tokens say who people are
    IDENTITY = auto()
    #: know where people look: the front door, the AWS console, the state machines' names; no right comes with it
    LINKS = auto()
    #: count what is overdue, in metrics of the stage
    WATCH = auto()
    #: write to the people of each role
    SEND_MAIL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """One function; its code lies in `functions/<name>`.

    Attributes:
        name: folder.
        meaning: what it is for.
        layer: third-party layer: `engine` reads and transforms files, `lake` reads and writes tables.
        is_heavy: holds a slice of the hierarchy in memory.
        timeout_seconds: Lambda time-out.
        needs: what it works with.
        is_async: invoked without anybody waiting, so what fails goes to a dead-letter queue.
        is_public: called by people, whose number must not starve the pipeline.
    """

    name: str
    meaning: str
    layer: Literal["engine", "lake"] = "lake"
    is_heavy: bool = False
    timeout_seconds: int
    needs: frozenset[Need]
    is_async: bool = False
    is_public: bool = False

    def memory_mb(self, settings: StageSettings) -> int:
        """Memory in one stage."""
        return settings.heavy_memory_mb if self.is_heavy else settings.light_memory_mb

    def reserved_concurrency(self, settings: StageSettings) -> int | None:
        """Most instances at once in one stage."""
        return settings.api_concurrency if self.is_public else None


def _needs(*needs: Need) -> frozenset[Need]:
    return frozenset({Need.RUNS, *needs})


FUNCTIONS: tuple[FunctionSpec, ...] = (
    FunctionSpec(
        name="start_refresh",
        meaning="pin what landed, name the run after it, start the execution",
        timeout_seconds=300,
        needs=_needs(Need.PIN_LANDED, Need.START_RUNS),
        is_async=True,
    ),
    FunctionSpec(
        name="open_run",
        meaning="take the line of business's lease",
        timeout_seconds=30,
        needs=_needs(),
    ),
    FunctionSpec(
        name="discover_feeds",
        meaning="check the pinned objects, the month and the base",
        timeout_seconds=120,
        needs=_needs(Need.READ_LAKE),
    ),
    FunctionSpec(
        name="normalize_feed",
        meaning="turn one landed file into canonical rows, quarantine and a ledger",
        layer="engine",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(Need.READ_LANDED, Need.WRITE_STAGED, Need.WRITE_QUARANTINE),
    ),
    FunctionSpec(
        name="resolve_hierarchy",
        meaning="turn canonical rows into the candidate's tables",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(Need.READ_STAGED, Need.WRITE_STAGED, Need.READ_QUARANTINE, Need.WRITE_QUARANTINE, Need.READ_LAKE),
    ),
    FunctionSpec(
        name="reconcile_candidate",
        meaning="compare with what is published, run the gates, write the report",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(Need.READ_STAGED, Need.WRITE_STAGED, Need.READ_QUARANTINE, Need.READ_LAKE),
    ),
    FunctionSpec(
        name="freeze_candidate",
        meaning="freeze the manifest people sign and show the staged tables",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(Need.READ_STAGED, Need.WRITE_STAGED, Need.SHOW_STAGED, Need.READ_LAKE, Need.SIGN_OFF_TIME),
    ),
    FunctionSpec(
        name="publish_release",
        meaning="verify signatures and every byte, then move readers in one commit",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(Need.EMPTY_OUTBOX, Need.APPEND_AUDIT, Need.READ_STAGED, Need.READ_LAKE, Need.WRITE_LAKE),
    ),
    FunctionSpec(
        name="close_run",
        meaning="end a run in a named state",
        timeout_seconds=120,
        needs=_needs(Need.READ_LAKE),
        is_async=True,
    ),
    FunctionSpec(
        name="settle_outbox",
        meaning="append outbox events to the audit chain and wake the runs they decide",
        timeout_seconds=300,
        needs=_needs(Need.FOLLOW_OUTBOX, Need.EMPTY_OUTBOX, Need.APPEND_AUDIT, Need.ANSWER_ASK),
    ),
    FunctionSpec(
        name="watch_runs",
        meaning="start once an hour what landed late, and count what is open and what is overdue",
        timeout_seconds=300,
        needs=_needs(Need.PIN_LANDED, Need.START_RUNS, Need.SIGN_OFF_TIME, Need.WATCH),
        is_async=True,
    ),
    FunctionSpec(
        name="send_mail",
        meaning="ask people by mail to sign, remind them, and tell them what became of it",
        timeout_seconds=60,
        needs=_needs(Need.FOLLOW_OUTBOX, Need.READ_REPORT, Need.LINKS, Need.SEND_MAIL),
    ),
    FunctionSpec(
        name="serve_api",
        meaning="the API people request and sign through",
        timeout_seconds=29,
        needs=_needs(Need.PIN_LANDED, Need.READ_REPORT, Need.READ_LAKE, Need.START_RUNS, Need.IDENTITY),
        is_public=True,
    ),
    FunctionSpec(
        name="serve_pages",
        meaning="the pages people read and sign on in a browser",
        timeout_seconds=29,
        needs=_needs(Need.READ_REPORT, Need.READ_LAKE, Need.IDENTITY, Need.LINKS),
        is_public=True,
    ),
)
