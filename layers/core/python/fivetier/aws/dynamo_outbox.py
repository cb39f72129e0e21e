"""The audit outbox and what is known of the chain (part of port `RunStore`)."""

from fivetier.app.records import ChainHead
from fivetier.aws.dynamo_table import Action, ConditionsFailed, Item, OpsTable, outbox_place
from fivetier.domain.audit import GENESIS, AuditEvent, ChainedEvent


class DynamoOutbox(OpsTable):
    """Events wait in the outbox from the transaction that made them until they are in the chain."""

    def record_event(self, event: AuditEvent) -> None:
        """Put an event in the outbox; a repeat of the same event_id does nothing, whatever else differs."""
        self._write([], event)

    def pending_events(self, lob: str) -> list[AuditEvent]:
        """Outbox events not yet in the chain, oldest first."""
        return [AuditEvent.model_validate_json(str(item["event"])) for item in self._query(f"OUTBOX#{lob}")]

    def find_event(self, event_id: str) -> AuditEvent | None:
        """A reported event, in the outbox or in the chain already; None before it was reported."""
        item = self._get(f"EVENT#{event_id}", "EVENT", only=("event",))
        return None if item is None else AuditEvent.model_validate_json(str(item["event"]))

    def chain_hint(self, lob: str) -> ChainHead:
        """The last place known to be in the chain; the chain itself may be ahead."""
        item = self._get(f"LOB#{lob}", "CHAIN")
        if item is None:
            return ChainHead(seq=-1, hash=GENESIS)
        return ChainHead(seq=int(item["seq"]), hash=str(item["hash"]))

    def mark_chained(self, chained: ChainedEvent) -> None:
        """Move an event out of the outbox and the hint forward, in one transaction; repeats do nothing."""
        event = chained.event
        place: Item = {"seq": chained.seq, "hash": chained.hash}
        mark = self._update(
            f"EVENT#{event.event_id}",
            "EVENT",
            "SET #seq = :seq, #hash = :hash, #lob = :lob, #event = :event",
            {**place, "lob": event.lob, "event": event.model_dump_json()},
            condition="attribute_not_exists(#seq)",
        )
        hint = self._update(
            f"LOB#{event.lob}",
            "CHAIN",
            "SET #seq = :seq, #hash = :hash",
            place,
            condition="attribute_not_exists(#seq) OR #seq < :seq",
        )
        moved = [mark, self._delete(f"OUTBOX#{event.lob}", outbox_place(event))]
        try:
            self._write([*moved, hint])
        except ConditionsFailed as refused:
            if 0 in refused.failed:
                return  # a repeat
            self._move_behind_hint(moved)

    def is_chained(self, event_id: str) -> bool:
        """Whether the event is known to be in the chain."""
        item = self._get(f"EVENT#{event_id}", "EVENT", only=("seq",))
        return item is not None and "seq" in item

    def _move_behind_hint(self, moved: list[Action]) -> None:
        """A later event was marked first: the hint stays where it is."""
        try:
            self._write(moved)
        except ConditionsFailed:
            return  # somebody else just did it
