"""The pages people read and sign on."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from fivetier.aws.lambda_entry import logger, tracer
from fivetier.aws.pages import app


@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Route one request; headers, cookies, queries and bodies are never logged."""
    logger.append_keys(request_id=context.aws_request_id, route=event.get("routeKey"))
    logger.info("request")
    return app.resolve(event, context)
