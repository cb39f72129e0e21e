"""Every Lambda function: what it needs, what it gets. The one place to read who may do what.

A need stands for environment variables and the IAM rights behind them together (`needs.py`), so a function cannot
know a bucket it may not touch, nor have a right nobody wrote down here.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from infra.settings import StageSettings

_GET, _QUERY, _PUT, _UPDATE, _CHECK, _DELETE = (
    f"dynamodb:{action}" for action in ("GetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem", "DeleteItem")
)
_WRITES = (_PUT, _UPDATE, _CHECK, _DELETE)
#: A run, its ask and its decisions; and the two items every event is reported with.
_RUN = ("RUN", "EVENT", "OUTBOX")
#: Also the lease of the line of business, and how far its chain is.
_LEASED = ("LOB", *_RUN)


class Need(Enum):
    """Something a function works with."""

    #: list what landed and read it
    PIN_LANDED = auto()
    #: read a landed object by version
    READ_LANDED = auto()
    #: write objects of a candidate
    WRITE_STAGED = auto()
    #: read objects of a candidate, and be told when one is gone
    READ_STAGED = auto()
    #: read the very versions of objects that were frozen
    VERIFY_STAGED = auto()
    #: read the frozen report of a candidate and nothing else of it
    READ_REPORT = auto()
    #: write rows a step refuses or leaves out
    WRITE_QUARANTINE = auto()
    #: read refused rows, which the report counts and shows
    READ_QUARANTINE = auto()
    #: make staged tables visible in Glue
    SHOW_STAGED = auto()
    #: know which release is published
    READ_RELEASE = auto()
    #: know the columns of what is published
    READ_SCHEMAS = auto()
    #: read what is published
    READ_LAKE = auto()
    #: publish
    WRITE_LAKE = auto()
    #: read the audit chain and append to it
    APPEND_AUDIT = auto()
    #: be woken by changes of the operations table; the stream names what changed and holds nothing of it
    FOLLOW_OUTBOX = auto()
    #: start executions
    START_RUNS = auto()
    #: ask how an execution ended
    SEE_ENDS = auto()
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
class Items:
    """What a function does with the operations table.

    Attributes:
        actions: what it does to single items, and whether it goes through those of a partition (Query).
        of: the kinds of partitions it may touch, whatever it does: one transaction touches several, and a policy must
            not depend on which of its keys it is checked against.
        lists_runs: whether it lists the runs of a line of business, which an index holds.
    """

    actions: tuple[str, ...]
    of: tuple[str, ...]
    lists_runs: bool = False

    @property
    def has_writes(self) -> bool:
        """Whether it changes items."""
        return any(action in _WRITES for action in self.actions)


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
        items: what it does with run records, leases, asks, decisions and the outbox.
        is_async: invoked without anybody waiting, so what fails goes to a dead-letter queue.
        is_public: called by people, whose number must not starve the pipeline.
    """

    name: str
    meaning: str
    layer: Literal["engine", "lake"] = "lake"
    is_heavy: bool = False
    timeout_seconds: int
    needs: frozenset[Need]
    items: Items
    is_async: bool = False
    is_public: bool = False

    def memory_mb(self, settings: StageSettings) -> int:
        """Memory in one stage."""
        return settings.heavy_memory_mb if self.is_heavy else settings.light_memory_mb

    def reserved_concurrency(self, settings: StageSettings) -> int | None:
        """Most instances at once in one stage."""
        return settings.api_concurrency if self.is_public else None


def _needs(*needs: Need) -> frozenset[Need]:
    return frozenset(needs)


def _items(*actions: str, of: tuple[str, ...], lists_runs: bool = False) -> Items:
    return Items(actions=actions, of=of, lists_runs=lists_runs)


FUNCTIONS: tuple[FunctionSpec, ...] = (
    FunctionSpec(
        name="start_refresh",
        meaning="pin what landed, name the run after it, start the execution",
        timeout_seconds=300,
        needs=_needs(Need.PIN_LANDED, Need.START_RUNS),
        items=_items(_PUT, of=_RUN, lists_runs=True),
        is_async=True,
    ),
    FunctionSpec(
        name="open_run",
        meaning="take the line of business's lease",
        timeout_seconds=30,
        needs=_needs(),
        items=_items(_GET, _PUT, _UPDATE, _CHECK, of=_LEASED),
    ),
    FunctionSpec(
        name="discover_feeds",
        meaning="check the pinned objects, the month and the base",
        timeout_seconds=120,
        needs=_needs(Need.READ_RELEASE),
        items=_items(_GET, _PUT, of=_LEASED),
    ),
    FunctionSpec(
        name="normalize_feed",
        meaning="turn one landed file into canonical rows, quarantine and a ledger",
        layer="engine",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(Need.READ_LANDED, Need.WRITE_STAGED, Need.WRITE_QUARANTINE),
        items=_items(_GET, _PUT, _UPDATE, of=_LEASED),
    ),
    FunctionSpec(
        name="resolve_hierarchy",
        meaning="turn canonical rows into the candidate's tables",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(
            Need.READ_STAGED,
            Need.VERIFY_STAGED,
            Need.WRITE_STAGED,
            Need.READ_QUARANTINE,
            Need.WRITE_QUARANTINE,
            Need.READ_LAKE,
        ),
        items=_items(_GET, _PUT, _UPDATE, of=_LEASED, lists_runs=True),
    ),
    FunctionSpec(
        name="reconcile_candidate",
        meaning="compare with what is published, run the gates, write the report",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(Need.READ_STAGED, Need.WRITE_STAGED, Need.READ_QUARANTINE, Need.READ_LAKE),
        items=_items(_GET, _PUT, _UPDATE, of=_LEASED, lists_runs=True),
    ),
    FunctionSpec(
        name="freeze_candidate",
        meaning="freeze the manifest people sign and show the staged tables",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(
            Need.READ_STAGED,
            Need.VERIFY_STAGED,
            Need.WRITE_STAGED,
            Need.SHOW_STAGED,
            Need.READ_SCHEMAS,
            Need.SIGN_OFF_TIME,
        ),
        items=_items(_GET, _PUT, _UPDATE, of=_LEASED, lists_runs=True),
    ),
    FunctionSpec(
        name="publish_release",
        meaning="verify signatures and every byte, then move readers in one commit",
        is_heavy=True,
        timeout_seconds=900,
        needs=_needs(Need.APPEND_AUDIT, Need.READ_STAGED, Need.VERIFY_STAGED, Need.READ_LAKE, Need.WRITE_LAKE),
        items=_items(_GET, _QUERY, _PUT, _UPDATE, _CHECK, _DELETE, of=_LEASED),
    ),
    FunctionSpec(
        name="close_run",
        meaning="end a run in a named state",
        timeout_seconds=120,
        needs=_needs(Need.READ_RELEASE, Need.SEE_ENDS),
        items=_items(_GET, _PUT, _UPDATE, of=_RUN),
        is_async=True,
    ),
    FunctionSpec(
        name="settle_outbox",
        meaning="append outbox events to the audit chain and wake the runs they decide",
        timeout_seconds=300,
        needs=_needs(Need.FOLLOW_OUTBOX, Need.APPEND_AUDIT, Need.ANSWER_ASK),
        items=_items(_GET, _QUERY, _PUT, _UPDATE, _DELETE, of=("TOKEN", *_LEASED)),
    ),
    FunctionSpec(
        name="watch_runs",
        meaning="start once an hour what landed late, and count what is open and what is overdue",
        timeout_seconds=300,
        needs=_needs(Need.PIN_LANDED, Need.START_RUNS, Need.SIGN_OFF_TIME, Need.WATCH),
        items=_items(_GET, _PUT, of=_RUN, lists_runs=True),
        is_async=True,
    ),
    FunctionSpec(
        name="send_mail",
        meaning="ask people by mail to sign, remind them, and tell them what became of it",
        timeout_seconds=60,
        needs=_needs(Need.FOLLOW_OUTBOX, Need.READ_REPORT, Need.LINKS, Need.SEND_MAIL),
        items=_items(_GET, _QUERY, _PUT, of=_RUN, lists_runs=True),
    ),
    FunctionSpec(
        name="serve_api",
        meaning="the API people request and sign through",
        timeout_seconds=29,
        needs=_needs(Need.PIN_LANDED, Need.READ_REPORT, Need.READ_RELEASE, Need.START_RUNS, Need.IDENTITY),
        items=_items(_GET, _QUERY, _PUT, _CHECK, of=_RUN, lists_runs=True),
        is_public=True,
    ),
    FunctionSpec(
        name="serve_pages",
        meaning="the pages people read and sign on in a browser",
        timeout_seconds=29,
        needs=_needs(Need.READ_REPORT, Need.READ_RELEASE, Need.IDENTITY, Need.LINKS),
        items=_items(_GET, _QUERY, _PUT, _CHECK, of=_RUN, lists_runs=True),
        is_public=True,
    ),
)
