"""The edge every step's Lambda shares: parse the event, log with the run's id, call one use case.

A step's folder holds one line naming its model and its use case; what differs between steps is there, what does
not is here. Our own errors pass through untouched: their class names are what the state machine catches. Those of the
SDK that pass by themselves get one such name.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from fivetier.app.world import Ports
from fivetier.aws.runtime import ports
from fivetier.aws.transient import told_by_one_name

logger = Logger()
tracer = Tracer()

Request = TypeVar("Request", bound=BaseModel)
Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def step(model: type[Request], use_case: Callable[[Request, Ports], BaseModel]) -> Handler:
    """Build a Lambda handler that validates the event as `model` and answers with the use case's contract."""

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        request = model.model_validate(event)
        logger.append_keys(request_id=context.aws_request_id, run_id=getattr(request, "run_id", None))
        logger.info("started")
        with told_by_one_name():
            result = use_case(request, ports()).model_dump(mode="json")
        logger.info("done", extra={"result": result})
        return dict(result)

    traced: Handler = tracer.capture_lambda_handler(handler, capture_response=False)
    return traced
