"""The ports a use case may need, in one place; handlers and tests fill it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from fivetier.app.ports import (
    AuditStore,
    Clock,
    Executions,
    Lake,
    LandingStore,
    Mailer,
    RunStore,
    StagedCatalog,
    StagingStore,
    TokenVerifier,
)
from fivetier.app.records import Lease
from fivetier.domain.audit import AuditEvent
from fivetier.domain.manifest import canonical_json, sha256_hex


class Ports(Protocol):
    """Every port, wired lazily: a use case touches only those it needs, and so does the function it runs in."""

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def landing(self) -> LandingStore:
        """Landed files."""
        ...

    @property
    def staging(self) -> StagingStore:
        """What runs write before anybody signed."""
        ...

    @property
    def lake(self) -> Lake:
        """Production."""
        ...

    @property
    def catalog(self) -> StagedCatalog:
        """Staged tables for reviewers' queries."""
        ...

    @property
    def runs(self) -> RunStore:
        """Run records, leases, sign-offs and the outbox."""
        ...

    @property
    def audit(self) -> AuditStore:
        """The audit chain."""
        ...

    @property
    def executions(self) -> Executions:
        """The state machines."""
        ...

    @property
    def mailer(self) -> Mailer:
        """Mail to people."""
        ...

    @property
    def verifier(self) -> TokenVerifier:
        """The issuer's tokens."""
        ...


SYSTEM = "fivetier"


def utc_text(moment: datetime) -> str:
    """Fixed-width UTC text: sorts by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Occasion:
    """Names an audit event of a run so that a repeat of a step reports the same event."""

    run_id: str
    lob: str
    actor: str = SYSTEM

    def event_id(self, event_type: str, discriminator: str = "") -> str:
        """The event's id: it depends on run, type and discriminator only."""
        return sha256_hex(canonical_json([self.run_id, event_type, discriminator]))[:32]

    def event(self, event_type: str, at: datetime, /, *, discriminator: str = "", **details: object) -> AuditEvent:
        """Build the event."""
        return AuditEvent(
            event_id=self.event_id(event_type, discriminator),
            event_type=event_type,
            lob=self.lob,
            run_id=self.run_id,
            at=utc_text(at),
            actor=self.actor,
            details=details,
        )


def lease_of(lob: str, run_id: str, fence: int, at: datetime) -> Lease:
    """The lease a step was told it works under."""
    return Lease(lob=lob, run_id=run_id, fence=fence, acquired_at=at)
