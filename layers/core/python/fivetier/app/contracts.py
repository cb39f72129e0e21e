"""What crosses Step Functions, Scheduler and the API: small, closed models of ids, digests and counts."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from fivetier.domain.runs import RunState
from fivetier.domain.tiers import Lob

RunIdText = Annotated[str, StringConstraints(pattern=r"^[a-z_]+-\d{4}_\d{2}-[0-9a-f]{12}-\d{2}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Words = Annotated[str, StringConstraints(max_length=2000)]


class Contract(BaseModel):
    """Base: frozen; a field nobody declared is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StartRequest(Contract):
    """Ask for a refresh. The schedule leaves `sub_version` out and gives the time it fired for instead.

    A month before `lookback_of` is refreshed as a lookback (ADR 23).
    With `confirm_drop` the requester states, with a reason, that a drop which would hold the run is real (ADR 22).
    """

    lob: Lob
    sub_version: str | None = None
    scheduled_at: datetime | None = None
    requested_by: str = "scheduler"
    reason: Words = ""
    confirm_drop: bool = False
    lookback_of: str | None = None


class LookbackRequest(Contract):
    """Ask for several months: the latest in full, the others as lookbacks."""

    lob: Lob
    sub_versions: Annotated[list[str], Field(min_length=1, max_length=36)]
    reason: Words = ""
    requested_by: str


class ScheduleAnswer(Contract):
    """What a schedule's call led to: a run, or required sources that have not landed, and whether they were due."""

    run_id: str | None = None
    missing: list[str] = Field(default_factory=list)
    is_expected: bool = True


class CalendarQuery(Contract):
    """Which part of the calendar somebody asks for: (from, until], at most three years."""

    lob: Lob | None = None
    after: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if not timedelta() < self.until - self.after <= timedelta(days=3 * 366):
            raise ValueError("until lies behind from, by three years at most")
        return self


class Watched(Contract):
    """What is open and what is overdue."""

    runs_overdue: int
    feeds_not_seen: int
    runs_open: int
    asks_open: int
    asks_past_half: int
    asks_past_eighty: int
    oldest_ask_hours: float


class RollbackRequest(Contract):
    """Ask that readers see again what an earlier run published."""

    lob: Lob
    to: Annotated[str, StringConstraints(max_length=200)]
    reason: Words
    requested_by: str


class RunStatus(Contract):
    """Which run, and where it stands."""

    run_id: str
    state: RunState


class ChildRun(Contract):
    """One month of a list: its run, or the rule that refused it and why."""

    sub_version: str
    kind: str
    run_id: str | None = None
    state: RunState | None = None
    refused: str | None = None
    message: str = ""


class StartedMonths(Contract):
    """The child runs of a list of months, oldest first."""

    children: list[ChildRun]


class RunRequest(Contract):
    """A step that needs to know only the run."""

    run_id: RunIdText
    lob: Lob


class LeasedRequest(RunRequest):
    """A step that works under the LOB's lease."""

    fence: int


class OpenedRun(Contract):
    """The lease a run works under."""

    fence: int


class Discovery(Contract):
    """Whether anything changed, and the sources to read."""

    is_unchanged: bool
    objects: list[str]


class NormalizeRequest(LeasedRequest):
    """One source of the run."""

    source: str


class NormalizedFeed(Contract):
    """Where the rows of one landed file went."""

    source: str
    landed: int
    normalized: int
    quarantined: int
    suppressed: int


class CandidateCounts(Contract):
    """How large the candidate is."""

    nodes: int
    contracts: int


class ReconciledCandidate(Contract):
    """Where the report is, and how many findings of each severity it has."""

    report_key: str
    p0: int
    p1: int
    p2: int


class SignOffAsk(Contract):
    """What people are asked to sign, and for how long."""

    manifest_digest: Digest
    timeout_seconds: int
    expires_at: str
    requested_by: str


class PublishRequest(RunRequest):
    """Publish what was signed."""

    manifest_digest: Digest


class PublishedRelease(Contract):
    """The release readers see now."""

    release_id: str


class CloseRequest(RunRequest):
    """End a run in a named state; `failure` is the error output of Step Functions (Error, and often Cause)."""

    state: RunState
    failure: dict[str, str] = Field(default_factory=dict)


class SignOffRequest(Contract):
    """A decision as a person posts it; who they are comes from their token, never from here."""

    role: str
    decision: Annotated[str, StringConstraints(pattern="^(approve|reject)$")]
    reason: Words
    manifest_digest: Digest
    ticks: dict[str, Words] = Field(default_factory=dict)


class SignOffReceipt(Contract):
    """What was recorded, and who is still waited for."""

    run_id: str
    round_number: int
    role: str
    decision: str
    signed_at: str
    meaning: str
    still_waiting_for: list[str]
