"""Records the ports exchange: landed objects, runs, releases, leases."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from fivetier.domain.runs import LOOKBACK, RunState


class Record(BaseModel):
    """Base of every record: frozen, and no field nobody declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LandedObject(Record):
    """One landed file, pinned: this version, these bytes."""

    source: str
    key: str
    file_name: str
    version_id: str
    sha256: str
    size: int


class StagedObject(Record):
    """One object a run staged."""

    key: str
    version_id: str
    sha256: str
    size: int


class Run(Record):
    """The run record.

    `rollback_to` is the release a run of kind `rollback` restores; with `confirms_drop` its requester says, for its
    reason, that what is gone is gone (ADR 22). A run of kind `lookback` is of a month before `lookback_of`; it does not
    read what is `skipped` (ADR 23).
    """

    run_id: str
    lob: str
    sub_version: str
    attempt: int
    feed_digest: str
    state: RunState
    requested_by: str
    started_at: datetime
    kind: str = "refresh"
    rollback_to: str | None = None
    lookback_of: str | None = None
    reason: str = ""
    confirms_drop: bool = False
    objects: tuple[LandedObject, ...] = ()
    skipped: tuple[LandedObject, ...] = ()
    base_snapshot: str | None = None
    manifest_digest: str | None = None
    ended_at: datetime | None = None
    error: str | None = None
    cause: str | None = None
    progress: dict[str, Any] = {}

    @property
    def release_id(self) -> str:
        """The release readers see once the run is published: its own, or the one it restores."""
        return self.rollback_to or self.run_id

    @property
    def place(self) -> str:
        """What its publication replaces: the history of a month, or (empty) what readers see."""
        return self.sub_version if self.kind == LOOKBACK else ""


class Release(Record):
    """The row of table `release` for one LOB: the publication readers see; or a row of `release_month` for a month."""

    lob: str
    release_id: str
    run_id: str
    kind: str
    sub_version: str
    base_release_id: str | None
    manifest_digest: str
    signers: str
    audit_head: str
    published_at: datetime


class Lease(Record):
    """The right to work on one LOB; a later one has a higher fence."""

    lob: str
    run_id: str
    fence: int
    acquired_at: datetime


class OpenAsk(Record):
    """The ask as stored; its task token lies elsewhere and never leaves the store but to the resumer."""

    run_id: str
    round_number: int
    manifest_digest: str
    expires_at: datetime
    requested_by: str


class Letter(Record):
    """What a mail says, as plain text and as HTML."""

    subject: str
    text: str
    html: str


class Mail(Letter):
    """A letter with the addresses it goes to."""

    to: tuple[str, ...]


class AuditObject(Record):
    """One object of the audit chain as it was first written; `is_covered` once somebody wrote over it or deleted it."""

    key: str
    data: bytes
    is_covered: bool = False


class ChainHead(Record):
    """Where the audit chain of a LOB ends; seq -1 and the genesis hash when it is empty."""

    seq: int
    hash: str
