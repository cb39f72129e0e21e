"""What the SDK gives up on reaches state machines by one name of ours, and a refusal does not."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from fivetier.aws import lambda_entry
from fivetier.domain.errors import LeaseHeld, ServiceUnavailable
from pydantic import BaseModel

CONTEXT = SimpleNamespace(aws_request_id="r", function_name="f")


class Empty(BaseModel):
    """A contract with nothing in it."""


def refusal(code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> ClientError:
    answer: dict[str, Any] = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError({**answer, "CancellationReasons": [{"Code": reason} for reason in reasons]}, "Operation")


def cancelled(*reasons: str) -> ClientError:
    return refusal("TransactionCanceledException", reasons=reasons)


def raised_by_a_step(error: Exception) -> Exception:
    def use_case(request: Empty, ports: Any) -> Empty:
        raise error

    with pytest.raises(Exception) as caught:
        lambda_entry.step(Empty, use_case)({}, CONTEXT)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        *map(refusal, ("ThrottlingException", "ProvisionedThroughputExceededException", "TooManyRequestsException")),
        refusal("SlowDown", 503),
        refusal("503", 503),
        refusal("InternalServerError", 500),
        refusal("InternalServiceException", 400),
        cancelled("None", "TransactionConflict"),
        cancelled("ThrottlingError"),
        ReadTimeoutError(endpoint_url="https://s3"),
        EndpointConnectionError(endpoint_url="https://s3"),
    ],
    ids=str,
)
def test_what_passes_by_itself_gets_the_name_that_is_tried_again(error: Exception) -> None:
    found = raised_by_a_step(error)
    assert type(found) is ServiceUnavailable
    assert str(error) in str(found)
    assert found.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        refusal("AccessDeniedException"),
        refusal("AccessDenied", 403),
        refusal("ValidationException"),
        refusal("NoSuchBucket", 404),
        cancelled("ConditionalCheckFailed", "TransactionConflict"),
        cancelled("ItemCollectionSizeLimitExceeded"),
        NoCredentialsError(),
        LeaseHeld(lob="medicare_advantage", holder="r1", since="now"),
        ValueError("ours"),
    ],
    ids=str,
)
def test_a_refusal_keeps_its_own_name(error: Exception) -> None:
    assert raised_by_a_step(error) is error
