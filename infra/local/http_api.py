"""HTTP APIs where ministack's differ from API Gateway's.

In payload format 2.0 the cookies of a request stand in `cookies`, one entry
each, and the `cookie` header is gone. ministack leaves them in the header, so
a function that looked there would work here and know nobody in AWS. And where
a function fails, ministack shows its stack trace; API Gateway says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import apigateway

_FAILED = {
    "statusCode": 500,
    "headers": {"Content-Type": "application/json"},
    "body": '{"message":"Internal Server Error"}',
}


def install() -> None:
    """Amend what goes into a route's function, and what comes out of one that failed."""
    run = apigateway.run_reentrant

    async def run_as_api_gateway(work: Callable[..., Any], function: Any, *rest: Any, **options: Any) -> Any:
        if not (rest and _is_for_a_route(rest[0])):
            return await run(work, function, *rest, **options)
        result = await run(work, function, with_cookies(rest[0]), *rest[1:], **options)
        failed = result.get("error") and not result.get("throttle")
        return {**result, "body": _FAILED} if failed else result

    apigateway.run_reentrant = run_as_api_gateway


def _is_for_a_route(event: dict[str, Any]) -> bool:
    """Whether an event is for the function behind a route, and not for an authorizer or a WebSocket."""
    return event.get("version") == "2.0" and "type" not in event


def with_cookies(event: dict[str, Any]) -> dict[str, Any]:
    """The event, its cookies out of the headers."""
    headers = dict(event["headers"])
    cookies = [cookie.strip() for cookie in headers.pop("cookie", "").split(";")]
    cookies = [cookie for cookie in cookies if cookie]
    return {**event, "headers": headers, **({"cookies": cookies} if cookies else {})}
