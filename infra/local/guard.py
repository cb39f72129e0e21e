"""The guard: who may talk to the emulator, and our own two endpoints.

The emulator runs code for whoever reaches it. Binding to loopback keeps other
machines out, but not a web page in a local browser: it can send requests to
127.0.0.1, by its own Origin or by a host name that resolves there. Both are
refused here, before ministack sees the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from infra.local.faults import FaultRegistry, InvalidFault, parse_fault

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH_PATH = "/_fivetier/health"
FAULTS_PATH = "/_fivetier/faults"
RIGHTS_PATH = "/_fivetier/rights"

# `<api-id>.execute-api.localhost` and `<bucket>.s3.localhost` are ministack's
# own names; a browser resolves *.localhost to this machine and nowhere else.
_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|(?:[a-z0-9._-]+\.)?localhost)(:\d+)?", re.IGNORECASE)


def is_local_host(host: str) -> bool:
    """Whether a Host header names this machine."""
    return _LOCAL_HOST.fullmatch(host) is not None


def is_local_origin(origin: str) -> bool:
    """Whether an Origin header belongs to a page served from this machine."""
    scheme, separator, host = origin.partition("://")
    return scheme in ("http", "https") and bool(separator) and is_local_host(host)


class Gateway:
    """An ASGI application that guards ministack and answers `/_fivetier/*`."""

    def __init__(
        self,
        app: AsgiApp,
        *,
        faults: FaultRegistry,
        health: dict[str, object],
        rights: Callable[[], list[dict[str, object]]],
    ) -> None:
        self._app, self._faults, self._health, self._rights = app, faults, health, rights

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse strangers, serve the control paths, pass on the rest."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        reason = refusal(scope)
        if reason:
            await refuse(scope, send, reason)
        elif scope["type"] == "http" and scope["path"].startswith("/_fivetier/"):
            await self._control(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = (scope["method"], scope["path"])
        if route == ("GET", HEALTH_PATH):
            await _answer(send, 200, self._health)
        elif route == ("GET", RIGHTS_PATH):
            await _answer(send, 200, {"uses": self._rights()})
        elif route == ("POST", FAULTS_PATH):
            await self._arm(receive, send)
        elif route == ("GET", FAULTS_PATH):
            await _answer(send, 200, {"pending": [vars(each) for each in self._faults.pending()]})
        elif route == ("DELETE", FAULTS_PATH):
            self._faults.clear()
            await _answer(send, 200, {"pending": []})
        else:
            await _answer(send, 404, {"message": f"no {route[0]} {route[1]} in the local stack"})

    async def _arm(self, receive: Receive, send: Send) -> None:
        try:
            request = json.loads(await _body(receive))
            if not isinstance(request, dict):
                raise InvalidFault(field="body", value=request, allowed="a JSON object")
            self._faults.arm(parse_fault(request))
        except ValueError as error:
            await _answer(send, 400, {"message": str(error)})
        else:
            await _answer(send, 200, {"pending": [vars(each) for each in self._faults.pending()]})


def refusal(scope: Scope) -> str | None:
    """Why the request is refused, or None."""
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    hosts = headers.get("host", [])
    if len(hosts) != 1 or not is_local_host(hosts[0]):
        return f"the local stack answers to localhost only, not to Host {', '.join(hosts)!r}"
    foreign = [origin for origin in headers.get("origin", []) if not is_local_origin(origin)]
    if foreign:
        return f"the local stack refuses pages of another origin: {foreign[0]!r}"
    return None


async def refuse(scope: Scope, send: Send, reason: str) -> None:
    """Answer a request that is refused."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await _answer(send, 403, {"message": reason})


async def _answer(send: Send, status: int, body: dict[str, object]) -> None:
    content = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _body(receive: Receive) -> bytes:
    content = b""
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            return content
