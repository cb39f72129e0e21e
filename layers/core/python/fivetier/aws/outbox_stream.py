"""Audit events out of a batch of DynamoDB stream records."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecordEventName

from fivetier.domain.audit import AuditEvent


def read_events(event: dict[str, Any]) -> list[AuditEvent]:
    """Events newly written to the outbox, in stream order; other records of the table are passed over."""
    events = []
    for record in DynamoDBStreamEvent(event).records:
        image = record.dynamodb.new_image if record.dynamodb is not None else {}
        is_new = record.event_name is DynamoDBRecordEventName.INSERT
        if is_new and str(image.get("pk", "")).startswith("OUTBOX#"):
            events.append(AuditEvent.model_validate_json(str(image["event"])))
    return events
