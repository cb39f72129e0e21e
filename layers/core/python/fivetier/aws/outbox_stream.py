"""What a batch of DynamoDB stream records tells: keys only, so that no token and no value travels in the stream.

The items themselves are read from the table, each by whoever may read it.
"""

from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecordEventName

from fivetier.app.ports import RunStore
from fivetier.domain.audit import AuditEvent

_NEW = DynamoDBRecordEventName.INSERT
_WRITTEN = (_NEW, DynamoDBRecordEventName.MODIFY)


def read_events(event: dict[str, Any], runs: RunStore) -> list[AuditEvent]:
    """Events newly written to the outbox, in stream order; other records of the table are passed over."""
    places = [sk for name, pk, sk in _keys(event) if name is _NEW and pk.startswith("OUTBOX#")]
    found = [runs.find_event(place.rpartition("#")[2]) for place in places]
    return [each for each in found if each is not None]


def read_asked_runs(event: dict[str, Any]) -> list[str]:
    """Runs of which a round was newly asked, in stream order."""
    asked = [pk for name, pk, sk in _keys(event) if name in _WRITTEN and sk == "ASK"]
    return [pk.removeprefix("RUN#") for pk in asked]


def _keys(event: dict[str, Any]) -> Iterator[tuple[DynamoDBRecordEventName | None, str, str]]:
    for record in DynamoDBStreamEvent(event).records:
        keys = record.dynamodb.keys if record.dynamodb is not None else {}
        yield record.event_name, str(keys.get("pk", "")), str(keys.get("sk", ""))
