"""The operations table in memory: every method is one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fivetier.app.records import ChainHead, Lease, OpenAsk, Run
from fivetier.domain import errors
from fivetier.domain.audit import GENESIS, AuditEvent, ChainedEvent
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import Decision


@dataclass(frozen=True)
class StoredLease:
    lease: Lease
    is_held: bool


class FakeRuns:
    """Port `RunStore`; `ask` does what the state machine does when it reaches RequestSignOff."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.leases: dict[str, StoredLease] = {}
        self.asks: dict[str, OpenAsk] = {}
        self.tokens: dict[str, str] = {}
        self.decided: list[Decision] = []
        self.outbox: dict[str, AuditEvent] = {}
        self.events: dict[str, ChainHead | None] = {}
        self.reported: dict[str, AuditEvent] = {}
        self.hints: dict[str, ChainHead] = {}

    # ---- runs --------------------------------------------------------------------------------------------

    def create_run(self, run: Run, event: AuditEvent) -> bool:
        if run.run_id in self.runs:
            return False
        self.runs[run.run_id] = run
        self.record_event(event)
        return True

    def get_run(self, run_id: str) -> Run:
        if run_id not in self.runs:
            raise errors.RunNotFound(run_id=run_id)
        return self.runs[run_id]

    def list_runs(self, lob: str | None = None) -> list[Run]:
        found = [run for run in self.runs.values() if lob in (None, run.lob)]
        return sorted(found, key=lambda run: (run.started_at, run.run_id), reverse=True)

    def transition(
        self, run_id: str, *, allowed: Sequence[RunState], to: RunState, changes: Mapping[str, Any], event: AuditEvent
    ) -> bool:
        if unknown := changes.keys() - (Run.model_fields.keys() - {"progress"}):
            raise ValueError(f"a run has no field {', '.join(sorted(unknown))}")
        run = self.get_run(run_id)
        if run.state is to:
            return False
        if run.state not in allowed:
            raise errors.AskNotOpen(run_id=run_id, state=run.state)
        self.runs[run_id] = Run.model_validate({**run.model_dump(), **changes, "state": to})
        self.record_event(event)
        return True

    def note_progress(self, run_id: str, step: str, counts: Mapping[str, Any]) -> None:
        run = self.get_run(run_id)
        self.runs[run_id] = run.model_copy(update={"progress": {**run.progress, step: dict(counts)}})

    # ---- leases ------------------------------------------------------------------------------------------

    def acquire_lease(self, lob: str, run_id: str, now: datetime) -> Lease:
        stored = self.leases.get(lob)
        if stored and stored.is_held:
            if stored.lease.run_id == run_id:
                return stored.lease
            self._require_let_go(lob, stored.lease)
        fence = stored.lease.fence + 1 if stored else 1
        lease = Lease(lob=lob, run_id=run_id, fence=fence, acquired_at=now.astimezone(UTC))
        self.leases[lob] = StoredLease(lease, is_held=True)
        return lease

    def release_lease(self, lease: Lease) -> None:
        stored = self.leases.get(lease.lob)
        if stored and _same(stored.lease, lease):
            self.leases[lease.lob] = StoredLease(stored.lease, is_held=False)

    def require_fence(self, lease: Lease) -> None:
        stored = self.leases.get(lease.lob)
        if stored is None or not _same(stored.lease, lease):
            current = stored.lease.fence if stored else 0
            raise errors.FencedOut(lob=lease.lob, run_id=lease.run_id, fence=lease.fence, current=current)

    def _require_let_go(self, lob: str, lease: Lease) -> None:
        holder = self.runs.get(lease.run_id)
        if holder is None or not (holder.state.has_ended or holder.state is RunState.AWAITING_SIGN_OFF):
            raise errors.LeaseHeld(lob=lob, holder=lease.run_id, since=lease.acquired_at.isoformat())

    # ---- sign-off ----------------------------------------------------------------------------------------

    def ask(self, run_id: str, *, token: str, manifest_digest: str, expires_at: datetime, requested_by: str) -> None:
        earlier = self.asks.get(run_id)
        self.asks[run_id] = OpenAsk(
            run_id=run_id,
            round_number=earlier.round_number + 1 if earlier else 1,
            manifest_digest=manifest_digest,
            expires_at=expires_at,
            requested_by=requested_by,
        )
        self.tokens[run_id] = token

    def get_ask(self, run_id: str) -> OpenAsk | None:
        return self.asks.get(run_id)

    def get_task_token(self, run_id: str) -> str:
        if run_id not in self.tokens:
            raise errors.AskNotOpen(run_id=run_id, state="not waiting for people yet")
        return self.tokens[run_id]

    def decide(self, decision: Decision, event: AuditEvent) -> None:
        run = self.runs.get(decision.run_id)
        if run is None or run.state is not RunState.AWAITING_SIGN_OFF:
            raise errors.AskNotOpen(run_id=decision.run_id, state=run.state if run else "unknown")
        self._check_ask(decision)
        self._check_earlier(decision)
        self.decided.append(decision)
        self.record_event(event)

    def decisions(self, run_id: str, round_number: int) -> list[Decision]:
        found = [d for d in self.decided if (d.run_id, d.round_number) == (run_id, round_number)]
        return sorted(found, key=lambda d: (datetime.fromisoformat(d.signed_at), d.role))

    def _check_ask(self, decision: Decision) -> None:
        run_id, ask = decision.run_id, self.asks.get(decision.run_id)
        if ask is None:
            raise errors.AskNotOpen(run_id=run_id, state="not waiting for people yet")
        if ask.round_number != decision.round_number:
            raise errors.AskReplaced(run_id=run_id, round_number=decision.round_number, current=ask.round_number)
        if datetime.fromisoformat(decision.signed_at) >= ask.expires_at:
            raise errors.AskExpired(run_id=run_id, expired_at=ask.expires_at.isoformat(timespec="seconds"))
        if decision.login == ask.requested_by:
            raise errors.RequesterCannotSign(person=decision.login, run_id=run_id)
        if decision.manifest_digest != ask.manifest_digest:
            raise errors.DigestMismatch(run_id=run_id, signed=decision.manifest_digest, frozen=ask.manifest_digest)

    def _check_earlier(self, decision: Decision) -> None:
        earlier = self.decisions(decision.run_id, decision.round_number)
        for other in earlier:
            if other.role == decision.role:
                raise errors.AlreadyDecided(run_id=decision.run_id, role=other.role, person=other.login)
        for other in earlier:
            if other.login == decision.login:
                raise errors.SamePersonTwice(person=other.login, role=decision.role, signed_as=other.role)

    # ---- outbox ------------------------------------------------------------------------------------------

    def record_event(self, event: AuditEvent) -> None:
        if event.event_id not in self.events:
            self.events[event.event_id] = None
            self.outbox[event.event_id] = self.reported[event.event_id] = event

    def pending_events(self, lob: str) -> list[AuditEvent]:
        found = [event for event in self.outbox.values() if event.lob == lob]
        return sorted(found, key=lambda event: (datetime.fromisoformat(event.at), event.event_id))

    def find_event(self, event_id: str) -> AuditEvent | None:
        return self.reported.get(event_id)

    def chain_hint(self, lob: str) -> ChainHead:
        return self.hints.get(lob, ChainHead(seq=-1, hash=GENESIS))

    def mark_chained(self, chained: ChainedEvent) -> None:
        event = chained.event
        if self.events.get(event.event_id) is not None:
            return
        place = ChainHead(seq=chained.seq, hash=chained.hash)
        self.events[event.event_id] = place
        self.reported[event.event_id] = event
        self.outbox.pop(event.event_id, None)
        if chained.seq > self.chain_hint(event.lob).seq:
            self.hints[event.lob] = place

    def is_chained(self, event_id: str) -> bool:
        return self.events.get(event_id) is not None


def _same(one: Lease, other: Lease) -> bool:
    return (one.run_id, one.fence) == (other.run_id, other.fence)
