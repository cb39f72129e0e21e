"""From the outbox into the audit chain, and from a decision back to the waiting state machine.

The transaction that changes something writes its event to the outbox; this module is the only writer of the
chain. It may run twice at once and be killed anywhere: the store takes one object per place, and an event that
stands in the chain already is only noted.
"""

from collections.abc import Iterable

from fivetier.app.policy import policies
from fivetier.app.ports import AuditStore, RunStore
from fivetier.app.records import ChainHead, Run
from fivetier.app.world import Occasion, Ports
from fivetier.domain.audit import AuditEvent, ChainedEvent, chain
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import Verdict, outcome
from fivetier.domain.tiers import Lob

DECIDED = "sign_off_decided"
SUPERSEDED = "superseded"


def settle(lob: str, ports: Ports) -> ChainHead:
    """Append every pending event of a LOB and return the head of its chain."""
    head = _catch_up(lob, ports.runs.chain_hint(lob), ports)
    for event in ports.runs.pending_events(lob):
        head = _append(event, head, ports)
    return head


def _catch_up(lob: str, head: ChainHead, ports: Ports) -> ChainHead:
    """Note what stands in the chain beyond the hint: written by somebody who was cut off, or is faster."""
    for chained in ports.audit.read_from(lob, head.seq + 1):
        ports.runs.mark_chained(chained)
        head = ChainHead(seq=chained.seq, hash=chained.hash)
    return head


def _append(event: AuditEvent, head: ChainHead, ports: Ports) -> ChainHead:
    while not ports.runs.is_chained(event.event_id):
        chained = chain(event, seq=head.seq + 1, prev=head.hash)
        if ports.audit.put_next(chained):
            ports.runs.mark_chained(chained)
            return ChainHead(seq=chained.seq, hash=chained.hash)
        head = _catch_up(event.lob, head, ports)
    return head


def chained_events(lob: str, run_id: str, audit: AuditStore, head: ChainHead) -> list[ChainedEvent]:
    """A run's events as the chain holds them; the recent part is looked at first, all of it if need be."""
    recent = [e for e in audit.read_from(lob, max(0, head.seq - 200)) if e.event.run_id == run_id]
    if any(e.event.event_type == "candidate_frozen" for e in recent):
        return recent
    return [e for e in audit.read_from(lob, 0) if e.event.run_id == run_id]


def settle_outbox(events: Iterable[AuditEvent], ports: Ports) -> None:
    """React to new outbox events: chain them, then wake the runs whose round they decide."""
    seen = list(events)
    for lob in sorted({event.lob for event in seen}):
        settle(lob, ports)
    for event in seen:
        if event.event_type == DECIDED:
            wake(event.run_id, ports)
        elif event.event_type == SUPERSEDED:
            _give_way(event, ports)


def wake(run_id: str, ports: Ports) -> None:
    """Send the round's outcome to the waiting execution, once there is one. Safe to repeat."""
    run, ask = ports.runs.get_run(run_id), ports.runs.get_ask(run_id)
    if ask is None or run.state is not RunState.AWAITING_SIGN_OFF:
        return
    decisions = ports.runs.decisions(run_id, ask.round_number)
    verdict = outcome(decisions, policies()[Lob(run.lob)].signing_roles)
    if verdict is None:
        return
    token = ports.runs.get_task_token(run_id)
    if verdict is Verdict.APPROVE:
        delivered = ports.executions.resume(token, {"outcome": verdict.value})
    else:
        rejection = next(d for d in decisions if d.verdict == Verdict.REJECT)
        cause = f"rejected by {rejection.login} as {rejection.role}: {rejection.reason}"
        delivered = ports.executions.refuse(token, "SignOffRejected", cause)
    if not delivered:
        _note_undelivered(run_id, run.lob, ask.round_number, verdict.value, ports)


def _give_way(event: AuditEvent, ports: Ports) -> None:
    run = ports.runs.get_run(event.run_id)
    ask = ports.runs.get_ask(event.run_id)
    if run.state is RunState.AWAITING_SIGN_OFF and ask is not None:
        cause = f"superseded by {event.details['by']}"
        ports.executions.refuse(ports.runs.get_task_token(event.run_id), "Superseded", cause)


def superseded_by(run: Run, runs: RunStore) -> str:
    """The run that replaced this one, as the event says that told it to give way; empty when none did."""
    event = runs.find_event(Occasion(run.run_id, run.lob).event_id(SUPERSEDED))
    return "" if event is None else str(event.details["by"])


def _note_undelivered(run_id: str, lob: str, round_number: int, verdict: str, ports: Ports) -> None:
    """A decision came and nobody waited any more: never silence (RELIABILITY §1.3)."""
    if ports.runs.get_run(run_id).state is RunState.AWAITING_SIGN_OFF:
        event = Occasion(run_id, lob).event(
            "decision_undelivered", ports.clock.now(), discriminator=str(round_number), verdict=verdict
        )
        ports.runs.record_event(event)
