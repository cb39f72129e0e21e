"""What the use cases need from the outside world. Adapters live in `fivetier.aws`; fakes in `tests/fakes`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from fivetier.app.records import AuditObject, ChainHead, LandedObject, Lease, Mail, OpenAsk, Release, Run, StagedObject
from fivetier.domain.audit import AuditEvent, ChainedEvent
from fivetier.domain.manifest import Manifest
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import Decision, Person
from fivetier.domain.tables import Table


class Clock(Protocol):
    """Time comes from here only."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...


class LandingStore(Protocol):
    """Landed files: `landing/{lob}/{source}/{sub_version}/{file}`, versioned, never changed by us."""

    def list_landed(self, lob: str, sub_version: str) -> list[LandedObject]:
        """The newest version of the newest file of each source, pinned by version and SHA-256."""
        ...

    def read(self, landed: LandedObject) -> bytes:
        """The pinned version's bytes.

        Raises:
            ObjectChanged: the version is gone or its bytes hash to something else.
        """
        ...


class StagingStore(Protocol):
    """What a run writes before anybody signed; outside production. Keys as in DECISIONS, Names."""

    def put_table(self, key: str, table: pa.Table) -> StagedObject:
        """Write one Parquet file; equal tables give equal bytes."""
        ...

    def get_table(self, key: str) -> pa.Table:
        """Read one Parquet file.

        Raises:
            ObjectChanged: there is none.
        """
        ...

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/json") -> StagedObject:
        """Write one small object."""
        ...

    def get_bytes(self, key: str, version_id: str | None = None) -> bytes:
        """Read one object, or one version of it.

        Raises:
            ObjectChanged: there is none.
        """
        ...

    def list_keys(self, prefix: str) -> list[str]:
        """Keys under a prefix, sorted."""
        ...

    def verify(self, key: str, version_id: str, sha256: str) -> int:
        """Hash that very version again and return its size.

        Raises:
            ObjectChanged: it is gone, or hashes to something else, or is no longer the newest version.
        """
        ...


class Lake(Protocol):
    """Production: Iceberg tables readers see through views. Only the publisher's role may write."""

    def current_release(self, lob: str) -> Release | None:
        """The LOB's row of table `release`."""
        ...

    def month_releases(self, lob: str) -> dict[str, Release]:
        """The LOB's rows of table `release_month`, by month."""
        ...

    def find_release(self, release_id: str) -> bool:
        """Whether any file of this release was ever added (it may be older than the current one)."""
        ...

    def read_release(self, lob: str, release_id: str) -> dict[str, pa.Table]:
        """All rows of one release, by table name."""
        ...

    def release_rows(self, lob: str) -> dict[str, Release | None]:
        """The row of each publication and lookback by run, as its own object holds it; None for one altered since."""
        ...

    def release_files(self, lob: str, release_id: str) -> dict[str, str | None]:
        """SHA-256 of each file readers of a release get, by production key; None for one that is gone."""
        ...

    def schema_ids(self) -> dict[str, str]:
        """Schema id of each release table, as the manifest records it."""
        ...

    def add_release_files(self, manifest: Manifest, *, properties: Mapping[str, str]) -> None:
        """Copy every staged file to its production key and add it to its table, once however often called.

        Raises:
            ObjectChanged: a copied object differs from the manifest.
            ReleaseFilesDiffer: a table already holds other files under this release id.
            FileDoesNotFit: columns, row count or partition of a file are not what they must be.
            LakeBusy: other publications kept winning; try again.
        """
        ...

    def set_current_release(self, release: Release) -> None:
        """The publication: overwrite the LOB's row in one snapshot.

        Raises:
            BaseMoved: the current row is neither `release.base_release_id` nor this release, or this run was
                published before and replaced since.
            ObjectChanged: an earlier try of this run wrote another row.
            LakeBusy: other publications kept winning; try again.
        """
        ...

    def set_month_release(self, release: Release) -> None:
        """The publication of a lookback: overwrite the row of its LOB and month in one snapshot, and no other.

        Raises:
            BaseMoved: the month's row is there and is neither `release.base_release_id` nor this release, or this run
                was published before and replaced since.
            ObjectChanged: an earlier try of this run wrote another row.
            LakeBusy: other publications kept winning; try again.
        """
        ...


class StagedCatalog(Protocol):
    """Makes staged tables visible to the staging workgroup as `tmp_<table>_<YYYY_MM>`, one partition per LOB."""

    def register(self, table: Table, *, lob: str, sub_version: str, key: str) -> str:
        """Show the folder of a staged Parquet file as the LOB's part of the table, and return the table's name."""
        ...


class RunStore(Protocol):
    """Run records, leases, asks, decisions and the audit outbox; every write is conditional."""

    def create_run(self, run: Run, event: AuditEvent) -> bool:
        """Store a new run; False when it exists already."""
        ...

    def get_run(self, run_id: str) -> Run:
        """One run.

        Raises:
            RunNotFound: there is none.
        """
        ...

    def list_runs(self, lob: str | None = None) -> list[Run]:
        """Runs, newest first."""
        ...

    def transition(
        self, run_id: str, *, allowed: Sequence[RunState], to: RunState, changes: Mapping[str, Any], event: AuditEvent
    ) -> bool:
        """Change a run's state, its fields and the outbox in one transaction.

        Returns False when the run already is in state `to` (a repeat), without writing.

        Raises:
            AskNotOpen: the run is in none of the allowed states.
            RunNotFound: there is none.
        """
        ...

    def note_progress(self, run_id: str, step: str, counts: Mapping[str, Any]) -> None:
        """Record row counts of a step; for people, decides nothing.

        Raises:
            RunNotFound: there is none.
        """
        ...

    def record_event(self, event: AuditEvent) -> None:
        """Put an event in the outbox; a repeat of the same event_id does nothing."""
        ...

    def acquire_lease(self, lob: str, run_id: str, now: datetime) -> Lease:
        """Take the LOB's lease; the same run gets the same fence again, a free or abandoned one a higher fence.

        Raises:
            LeaseHeld: a run that is still open holds it.
        """
        ...

    def release_lease(self, lease: Lease) -> None:
        """Give it back; does nothing when it was given to somebody else since."""
        ...

    def require_fence(self, lease: Lease) -> None:
        """Check that the lease is still ours.

        Raises:
            FencedOut: it was given to another run since.
        """
        ...

    def get_ask(self, run_id: str) -> OpenAsk | None:
        """The newest round asked for, or None before the first."""
        ...

    def get_task_token(self, run_id: str) -> str:
        """The token of the newest round. Only the resumer's role can read it.

        Raises:
            AskNotOpen: nobody was asked yet.
        """
        ...

    def decide(self, decision: Decision, event: AuditEvent) -> None:
        """Write a decision and its outbox event in one transaction, with every rule checked again as a condition.

        Raises:
            AlreadyDecided: the role decided meanwhile.
            SamePersonTwice: the person signed in the other role meanwhile.
            AskNotOpen, AskReplaced, AskExpired: run closed, round replaced or expired meanwhile.
            DigestMismatch, RequesterCannotSign: another digest is asked for, or the requester would sign.
        """
        ...

    def decisions(self, run_id: str, round_number: int) -> list[Decision]:
        """Decisions of one round, oldest first."""
        ...

    def pending_events(self, lob: str) -> list[AuditEvent]:
        """Outbox events not yet in the chain, oldest first."""
        ...

    def find_event(self, event_id: str) -> AuditEvent | None:
        """A reported event, in the outbox or in the chain already; None before it was reported."""
        ...

    def chain_hint(self, lob: str) -> ChainHead:
        """The last place known to be in the chain; the chain itself may be ahead."""
        ...

    def mark_chained(self, chained: ChainedEvent) -> None:
        """Move an event out of the outbox and the hint forward, in one transaction; repeats do nothing."""
        ...

    def is_chained(self, event_id: str) -> bool:
        """Whether the event is known to be in the chain."""
        ...


class AuditStore(Protocol):
    """The chain's objects: `audit/{lob}/{seq:012}.json`, Object Lock, written once."""

    def put_next(self, chained: ChainedEvent) -> bool:
        """Write the object unless its place is taken; False when it is."""
        ...

    def read_from(self, lob: str, seq: int) -> list[ChainedEvent]:
        """Every stored event from `seq` on (the oldest version of each object)."""
        ...

    def read_objects(self, lob: str) -> list[AuditObject]:
        """Every object of the chain as it is stored, for whoever judges it elsewhere."""
        ...


class Executions(Protocol):
    """The state machines."""

    def start(self, lob: str, run_id: str, payload: Mapping[str, Any]) -> None:
        """Start the execution named run_id; a repeat does nothing."""
        ...

    def is_open(self, lob: str, run_id: str) -> bool:
        """Whether the execution exists and has not ended."""
        ...

    def failure(self, lob: str, run_id: str) -> dict[str, str]:
        """Error and Cause the execution ended with; empty while it is open, or where it ended without any."""
        ...

    def resume(self, token: str, output: Mapping[str, Any]) -> bool:
        """Send success; False when the task is gone (timed out or closed)."""
        ...

    def refuse(self, token: str, error: str, cause: str) -> bool:
        """Send failure; False when the task is gone."""
        ...


class Mailer(Protocol):
    """Sends mail in the deployment's name."""

    def send(self, mail: Mail) -> None:
        """Hand a mail over for delivery; an error means that it was not taken."""
        ...


class TokenVerifier(Protocol):
    """Turns a bearer token into a person."""

    def verify(self, authorization: str | None) -> Person:
        """Check signature, issuer, audience and time; map groups to roles.

        Raises:
            NotAuthenticated: anything is wrong with it.
        """
        ...
