"""Outbox stream: chain new audit events, and wake the runs whose round they decide."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from fivetier.app.chaining import settle_outbox
from fivetier.aws.lambda_entry import logger, tracer
from fivetier.aws.outbox_stream import read_events
from fivetier.aws.runtime import ports


@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Settle a batch of stream records; a failure makes the stream deliver it again."""
    events = read_events(event, ports().runs)
    logger.append_keys(request_id=context.aws_request_id, run_ids=sorted({e.run_id for e in events}))
    logger.info("settling", extra={"events": len(events)})
    settle_outbox(events, ports())
    return {"settled": len(events)}
