"""The audit chain: one per LOB, each event holding the hash of the one before (RELIABILITY §4.2).

Verification is pure and works on a folder of files: no AWS, no trust in whoever stored them.
"""

from collections.abc import Collection, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict

from fivetier.domain.manifest import canonical_json, sha256_hex

GENESIS = "0" * 64


class AuditEvent(BaseModel):
    """One fact to be remembered; `event_id` is the same however often it is reported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: str
    event_type: str
    lob: str
    run_id: str
    at: str
    actor: str
    details: dict[str, Any] = {}


class ChainedEvent(BaseModel):
    """An event in its place in the chain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int
    prev: str
    hash: str
    event: AuditEvent

    def to_bytes(self) -> bytes:
        """The stored form."""
        return canonical_json(self.model_dump(mode="json"))


def _hash(seq: int, prev: str, event: AuditEvent) -> str:
    return sha256_hex(canonical_json({"seq": seq, "prev": prev, "event": event.model_dump(mode="json")}))


def chain(event: AuditEvent, *, seq: int, prev: str) -> ChainedEvent:
    """Put an event at a place: `seq` counts from 0, `prev` is the hash before it (GENESIS at the start)."""
    return ChainedEvent(seq=seq, prev=prev, hash=_hash(seq, prev, event), event=event)


def verify(events: Iterable[ChainedEvent], *, lob: str, anchors: Collection[str] = ()) -> list[str]:
    """Check a whole chain; an empty list means that it holds.

    Args:
        events: every stored event, in any order.
        lob: the chain's LOB; an event of another one is foreign.
        anchors: hashes known from outside the chain (release rows, mails). One that is missing betrays a cut
            tail, which the chain itself cannot show.
    """
    problems: list[str] = []
    prev = GENESIS
    ordered = sorted(events, key=lambda e: e.seq)
    for expected, stored in enumerate(ordered):
        if stored.seq != expected:
            problems.append(f"event {expected} is missing or doubled (found {stored.seq})")
            break
        if stored.prev != prev:
            problems.append(f"event {stored.seq}: does not follow the event before it")
        if stored.hash != _hash(stored.seq, stored.prev, stored.event):
            problems.append(f"event {stored.seq}: content was changed")
        if stored.event.lob != lob:
            problems.append(f"event {stored.seq}: belongs to {stored.event.lob}")
        prev = stored.hash
    hashes = {stored.hash for stored in ordered}
    problems += [
        f"anchor {a[:12]} is not in the chain: its tail was cut or rewritten" for a in anchors if a not in hashes
    ]
    return problems
