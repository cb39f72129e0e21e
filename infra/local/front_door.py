"""The front door: the address people open, in front of the deployed HTTP API.

The emulator answers for an API below a long path of its own, where no link,
cookie or callback of a page fits. One more port of the same process passes
every request on to the API, and reaches nothing else of the emulator. It is
opened as http://localhost and the issuer as http://127.0.0.1, so a browser
sees two sites, as it does in AWS.
"""

from __future__ import annotations

from typing import Final

from infra.local.guard import AsgiApp, Receive, Scope, Send, refusal, refuse

#: How the template names its HTTP API in stage local.
API_NAME: Final = "fivetier-local"
_NOT_DEPLOYED: Final = "fivetier is not deployed on this stack yet: wait until `fivetier up` says that it is up.\n"


def front_door_url(port: int) -> str:
    """Where people open the front door; cookies and callbacks are bound to this very spelling."""
    return f"http://localhost:{port}"


class FrontDoor:
    """An ASGI application: what arrives at `port` goes to the HTTP API, all else to the gateway."""

    def __init__(self, *, port: int, gateway: AsgiApp, emulator: AsgiApp) -> None:
        self._port, self._gateway, self._emulator = port, gateway, emulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse strangers, and pass on to the API."""
        if scope["type"] == "lifespan" or scope["server"][1] != self._port:
            await self._gateway(scope, receive, send)
            return
        reason = refusal(scope) or self._other_address(scope)
        if reason:
            await refuse(scope, send, reason)
        elif (api_id := _deployed_api()) is None:
            await _not_deployed(send)
        else:
            await self._emulator(_below(f"/_aws/execute-api/{api_id}/$default", scope), receive, send)

    def _other_address(self, scope: Scope) -> str | None:
        """Why the request is not for the front door: other local names mean parts of the emulator."""
        host = dict(scope["headers"])[b"host"].decode("latin-1")
        here = front_door_url(self._port).removeprefix("http://")
        if scope["type"] != "http" or host.lower() != here:
            return f"the front door is http://{here}, not {scope['type']}://{host}"
        return None


def _deployed_api() -> str | None:
    """Id of the template's HTTP API, once it is deployed."""
    from ministack.services import apigateway

    found = [api_id for (_, _, api_id), api in apigateway._apis.all_items() if api["name"] == API_NAME]
    return found[0] if found else None


def _below(prefix: str, scope: Scope) -> Scope:
    """The same request at a path below `prefix`; what was escaped in its path stays so."""
    return {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + scope["raw_path"]}


async def _not_deployed(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _NOT_DEPLOYED.encode()})
