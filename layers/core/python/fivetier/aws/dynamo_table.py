"""The operations table: items of text and whole numbers, conditional writes, and the outbox inside them.

Keys (`pk`, `sk`); everything that is neither text nor number is stored as JSON text, so that what is read is exactly
what was written (DynamoDB's own numbers come back as decimals, which would change the hash of an audit event):

    RUN#{run_id}      RUN                           the run; `lob`, `started_at` make it part of index by_lob
    RUN#{run_id}      ASK                           the newest round, written by the state machine alone
    RUN#{run_id}      DECISION#{round}#{role}       what a person decided
    RUN#{run_id}      SIGNER#{round}#{login}        that this person decided, in whatever role
    TOKEN#{run_id}    TOKEN                         the newest round's task token: apart, for one role's eyes
    LOB#{lob}         LEASE                         who works on the LOB
    LOB#{lob}         CHAIN                         last place known to be in the audit chain
    OUTBOX#{lob}      {at}#{event_id}               an event on its way to the chain
    EVENT#{event_id}  EVENT                         that the event was reported; with seq and hash once chained

Nothing here expires: a TTL that decides about a lock or a commit loses data (RELIABILITY §3.1).
"""

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from fivetier.aws import iso
from fivetier.aws.transient import is_passing_conflict
from fivetier.domain.audit import AuditEvent

Value = str | int
Item = dict[str, Value]
#: One operation of a transaction: {"Put": {...}}, {"Update": {...}}, {"Delete": {...}} or {"ConditionCheck": {...}}.
Action = dict[str, dict[str, Any]]

#: Waits before a transaction is tried again that another one, or a throttle, had cancelled; 1.6 s in all.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
_IS_NEW = "attribute_not_exists(pk)"


class ConditionsFailed(Exception):
    """Some actions' conditions did not hold; nothing was written. Never leaves the adapters."""

    def __init__(self, failed: frozenset[int]) -> None:
        self.failed = failed
        super().__init__(f"conditions failed: {sorted(failed)}")


class OpsTable:
    """Typed access to the table; the parts of `DynamoRunStore` build on it."""

    def __init__(self, dynamodb: Any, table_name: str) -> None:
        self._dynamodb, self._table = dynamodb, table_name

    # ---- reading -----------------------------------------------------------------------------------------

    def _get(self, pk: str, sk: str, *, only: Sequence[str] = ()) -> Item | None:
        """One item, read consistently; `only` keeps the other attributes from leaving the table."""
        names = {f"#{name}": name for name in only}
        projection = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if only else {}
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=_wire({"pk": pk, "sk": sk}), ConsistentRead=True, **projection
        )
        return _read(answer["Item"]) if "Item" in answer else None

    def _query(self, pk: str, prefix: str = "") -> Iterator[Item]:
        """Items of a partition whose sort key starts with `prefix`, in order, read consistently."""
        starts_with = " AND begins_with(sk, :prefix)" if prefix else ""
        values = {"pk": pk, "prefix": prefix} if prefix else {"pk": pk}
        yield from self._pages(
            KeyConditionExpression=f"pk = :pk{starts_with}",
            ExpressionAttributeValues=_values(values),
            ConsistentRead=True,
        )

    def _query_index(self, lob: str) -> Iterator[Item]:
        """Runs of a LOB, newest first. An index is never consistent: a run of this second may be missing."""
        yield from self._pages(
            IndexName="by_lob",
            KeyConditionExpression="lob = :lob",
            ExpressionAttributeValues=_values({"lob": lob}),
            ScanIndexForward=False,
        )

    def _pages(self, **query: Any) -> Iterator[Item]:
        for page in self._dynamodb.get_paginator("query").paginate(TableName=self._table, **query):
            yield from map(_read, page["Items"])

    # ---- building ----------------------------------------------------------------------------------------

    def _put_new(self, item: Item) -> Action:
        """Put an item unless its key is taken."""
        return {"Put": {"TableName": self._table, "Item": _wire(item), "ConditionExpression": _IS_NEW}}

    def _check(self, pk: str, sk: str, condition: str, values: Mapping[str, Value]) -> Action:
        """Demand something of an item without changing it."""
        return {"ConditionCheck": self._expressions(pk, sk, values, ConditionExpression=condition)}

    def _update(
        self, pk: str, sk: str, update: str, values: Mapping[str, Value], *, condition: str, **names: str
    ) -> Action:
        """Change an item; `#name` in an expression is the attribute `name` unless `names` says otherwise."""
        expressions = {"UpdateExpression": update, "ConditionExpression": condition}
        return {"Update": self._expressions(pk, sk, values, names, **expressions)}

    def _delete(self, pk: str, sk: str) -> Action:
        return {"Delete": {"TableName": self._table, "Key": _wire({"pk": pk, "sk": sk})}}

    def _expressions(
        self, pk: str, sk: str, values: Mapping[str, Value], names: Mapping[str, str] | None = None, **expressions: str
    ) -> dict[str, Any]:
        used = set(re.findall(r"#(\w+)", " ".join(expressions.values())))
        known = names or {}
        request: dict[str, Any] = {"TableName": self._table, "Key": _wire({"pk": pk, "sk": sk}), **expressions}
        if used:
            request["ExpressionAttributeNames"] = {f"#{name}": known.get(name, name) for name in used}
        if values:
            request["ExpressionAttributeValues"] = _values(values)
        return request

    # ---- writing -----------------------------------------------------------------------------------------

    def _write(self, actions: Sequence[Action], event: AuditEvent | None = None) -> None:
        """Do all actions and put the event in the outbox, or do nothing.

        An event that was reported before is not put again; the actions are then done without it.

        Raises:
            ConditionsFailed: with the places in `actions` whose conditions did not hold.
        """
        reported = self._report(event) if event else []
        failed = self._transact([*actions, *reported])
        if own := frozenset(place for place in failed if place < len(actions)):
            raise ConditionsFailed(own)
        if failed and actions:
            self._write(actions)

    def _report(self, event: AuditEvent) -> list[Action]:
        text = event.model_dump_json()
        mark = self._put_new({"pk": f"EVENT#{event.event_id}", "sk": "EVENT", "lob": event.lob, "event": text})
        place = {"pk": f"OUTBOX#{event.lob}", "sk": outbox_place(event)}
        return [mark, self._put_new({**place, "event_id": event.event_id, "event": text})]

    def _transact(self, actions: Sequence[Action]) -> frozenset[int]:
        """Places whose conditions failed; none when everything was written.

        The SDK retries lost answers (its token makes that safe), but not a transaction that was cancelled because
        another one held one of the items, or because one of them was throttled.
        """
        pauses = iter(_PAUSES)
        while True:
            try:
                self._dynamodb.transact_write_items(TransactItems=list(actions))
                return frozenset()
            except self._dynamodb.exceptions.TransactionCanceledException as error:
                if failed := _failed_conditions(error):
                    return failed
                pause = next(pauses, None)
                if pause is None or not is_passing_conflict(error):
                    raise
                time.sleep(pause * random.uniform(0.5, 1.5))


def outbox_place(event: AuditEvent) -> str:
    """Sort key of an event in the outbox: by time, then by id."""
    return f"{iso.to_micros(iso.parse(event.at))}#{event.event_id}"


def _reasons(error: ClientError) -> list[str]:
    return [str(reason.get("Code")) for reason in error.response["CancellationReasons"]]


def _failed_conditions(error: ClientError) -> frozenset[int]:
    return frozenset(place for place, code in enumerate(_reasons(error)) if code == "ConditionalCheckFailed")


def _wire(item: Mapping[str, Value]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in item.items()}


def _values(values: Mapping[str, Value]) -> dict[str, dict[str, str]]:
    return {f":{name}": wired for name, wired in _wire(values).items()}


def _read(item: Mapping[str, Mapping[str, str]]) -> Item:
    return {name: value["S"] if "S" in value else int(value["N"]) for name, value in item.items()}
