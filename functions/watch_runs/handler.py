"""Once an hour: start what was due and has its files only now, then count what is open and overdue, as metrics."""

from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from fivetier.app.watching import watch_runs
from fivetier.aws.lambda_entry import logger, tracer
from fivetier.aws.late_starts import start_what_is_late
from fivetier.aws.runtime import ports
from fivetier.aws.wiring import settings

metrics = Metrics()


@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start, then count; a call that fails sends no heartbeat, which raises an alarm by itself."""
    logger.append_keys(request_id=context.aws_request_id)
    known = settings()
    failed = start_what_is_late(ports()) if known.is_calendar_on else []
    watched = watch_runs(ports(), is_calendar_on=known.is_calendar_on, sign_off_seconds=known.sign_off_seconds)
    counted = watched.model_dump()
    for name, value in counted.items():
        metrics.add_metric(name="".join(map(str.capitalize, name.split("_"))), unit=MetricUnit.NoUnit, value=value)
    metrics.add_metric(name="WatchHeartbeat", unit=MetricUnit.Count, value=1)
    logger.info("watched", extra=counted)
    if failed:
        raise ExceptionGroup("refreshes that are due could not be started", failed)
    return counted
