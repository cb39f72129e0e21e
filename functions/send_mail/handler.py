"""Operations table's stream: mail people when a round opens or stays unanswered, and how the run ended."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from fivetier.app.notifying import ask_by_mail, tell_news
from fivetier.aws.lambda_entry import logger, tracer
from fivetier.aws.outbox_stream import read_asked_runs, read_events
from fivetier.aws.runtime import ports
from fivetier.aws.wiring import mailing


@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Go through a batch of stream records; a failure makes the stream deliver it again. Addresses are not logged."""
    asked, events = read_asked_runs(event), read_events(event, ports().runs)
    run_ids = sorted({*asked, *(found.run_id for found in events)})
    logger.append_keys(request_id=context.aws_request_id, run_ids=run_ids)
    logger.info("noticed", extra={"asked": len(asked), "events": len(events)})
    for ask in filter(None, map(ports().runs.get_ask, asked)):
        ask_by_mail(ask, ports(), mailing())
    for found in events:
        tell_news(found, ports(), mailing())
    return {"asked": len(asked), "events": len(events)}
