"""Once an hour: count what is open and what is overdue, as metrics of CloudWatch that alarms look at."""

from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from fivetier.app.watching import watch_runs
from fivetier.aws.lambda_entry import logger, tracer
from fivetier.aws.runtime import ports
from fivetier.aws.wiring import settings

metrics = Metrics()


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Count; a call that fails sends no heartbeat, which raises an alarm by itself."""
    logger.append_keys(request_id=context.aws_request_id)
    known = settings()
    watched = watch_runs(ports(), is_calendar_on=known.is_calendar_on, sign_off_seconds=known.sign_off_seconds)
    counted = watched.model_dump()
    for name, value in counted.items():
        metrics.add_metric(name="".join(map(str.capitalize, name.split("_"))), unit=MetricUnit.NoUnit, value=value)
    metrics.add_metric(name="WatchHeartbeat", unit=MetricUnit.Count, value=1)
    logger.info("watched", extra=counted)
    return counted
