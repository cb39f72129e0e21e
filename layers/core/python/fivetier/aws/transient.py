"""Which errors of the SDK pass by themselves, told to whoever invoked us by one name of our own.

The SDK tries a call five times within seconds. What lasts longer reaches Lambda's edge as one of a dozen classes
(`ClientError` for most), none of which a state machine can tell from a refusal.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from fivetier.domain.errors import ServiceUnavailable

#: Reasons for a cancelled transaction that pass by themselves.
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
#: Too much at once, as each service says it; HTTP 429 and 5xx need no name.
_THROTTLED = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
        *("TooManyRequestsException", "RequestLimitExceeded", "ProvisionedThroughputExceededException"),
        *("BandwidthLimitExceeded", "SlowDown", "PriorRequestNotComplete", "KMS.ThrottlingException"),
        *("RequestTimeout", "RequestTimeoutException", "OperationTimeoutException", "TransactionInProgressException"),
        *("InternalError", "InternalFailure", "InternalServerError", "InternalServiceException", "ServiceUnavailable"),
    }
)
_TOO_MANY, _BROKEN = 429, 500
#: No answer, or half of one: a time-out, a connection that was refused or cut.
_SILENT = (ConnectionError, HTTPClientError, IncompleteReadError)


@contextmanager
def told_by_one_name() -> Iterator[None]:
    """Turn whatever passes by itself into the error that state machines wait for and try again.

    Raises:
        ServiceUnavailable: a call failed until the SDK gave up, and may work later.
    """
    try:
        yield
    except (ClientError, *_SILENT) as error:
        if not is_passing(error):
            raise
        raise ServiceUnavailable(detail=str(error)) from error


def is_passing(error: Exception) -> bool:
    """Whether the same call may work a little later."""
    if not isinstance(error, ClientError):
        return isinstance(error, _SILENT)
    code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    return code in _THROTTLED or status == _TOO_MANY or status >= _BROKEN or is_passing_conflict(error)


def is_passing_conflict(error: ClientError) -> bool:
    """Whether a transaction was cancelled by another one, or by a throttle, and not by a condition."""
    reasons = {str(reason.get("Code")) for reason in error.response.get("CancellationReasons", ())}
    return "ConditionalCheckFailed" not in reasons and not _PASSING.isdisjoint(reasons)
