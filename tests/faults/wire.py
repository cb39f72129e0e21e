"""The wire between the SDK and the emulated AWS: the one place where a call can be counted, cut or held up.

botocore hands every attempt of every client, awswrangler's too, to moto's stubber. Faults are put there, below the
SDK, so that its own repeats and time-outs are part of what is tried.
"""

import gc
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.endpoint import Endpoint
from botocore.exceptions import ReadTimeoutError
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

#: What may go wrong at a call. `_out` lasts until the SDK gives up, the others pass with its next attempt.
#: crash: the process dies; lost: AWS did it, the answer never came; conflict: another transaction holds an item;
#: refused: a right is missing, which no repeat mends.
KINDS = (
    *("crash_before", "crash_after", "conflict", "refused"),
    *("throttle", "throttle_out", "error_500", "error_500_out", "timeout", "timeout_out", "lost", "lost_out"),
)
_THROTTLED = {
    "dynamodb": (400, "ThrottlingException"),
    "s3": (503, "SlowDown"),
    "glue": (400, "ThrottlingException"),
    "sesv2": (429, "TooManyRequestsException"),
    "sfn": (400, "ThrottlingException"),
}
_BROKEN = "InternalServerError"
_REFUSED = {"s3": (403, "AccessDenied")}
_CANCELLED = json.dumps(
    {"__type": "TransactionCanceledException", "CancellationReasons": [{"Code": "TransactionConflict"}]}
).encode()
#: Services whose answers are XML; the others' are JSON.
_XML = {"s3"}


class Crash(BaseException):
    """The process is gone: nothing of it runs any more, no `except` and no `finally`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: at which call of an invocation, and what."""

    call: int
    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r}: expected one of {', '.join(KINDS)}")


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of the SDK, as AWS gets it."""

    service: str
    operation: str
    request: AWSPreparedRequest

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.service}.{self.operation}"


Service = Callable[[Call], tuple[int, bytes]]


@dataclass
class Wire:
    """Every call passes here.

    Attributes:
        services: services answered by us instead of by moto, by service id.
        observers: told of every call AWS executed, with its status.
        gate: called before every call; where two runs take turns.
    """

    services: dict[str, Service] = field(default_factory=dict)
    observers: list[Callable[[Call, int], None]] = field(default_factory=list)
    gate: Callable[[Call], None] = lambda call: None
    calls: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    _faults: tuple[Fault, ...] = ()
    _is_dead: bool = False
    _is_quiet: bool = False
    _attempt: int = 0
    _tokens: dict[str, str] = field(default_factory=dict)

    def attach(self) -> None:
        """Stand between the SDK and moto from now on."""
        real = BotocoreStubber.__call__
        wire = self

        def answer(stubber: BotocoreStubber, event_name: str, request: Any, **context: Any) -> Any:
            _, service, operation = event_name.split(".")
            call = Call(service, operation, request)
            if wire._is_quiet:
                return real(stubber, event_name, request, **context)
            return wire._pass(call, lambda: wire._execute(call, lambda: real(stubber, event_name, request, **context)))

        BotocoreStubber.__call__ = answer  # type: ignore[method-assign]
        send = Endpoint._send_request

        def count(endpoint: Endpoint, request: Any, operation: Any) -> Any:
            wire._attempt = 0
            return send(endpoint, request, operation)

        Endpoint._send_request = count  # type: ignore[method-assign]

    def begin(self, faults: tuple[Fault, ...] = ()) -> None:
        """A new invocation: its calls are counted from 0."""
        self.calls, self._faults, self._is_dead = [], faults, False

    def die(self) -> None:
        """From now on nothing of the running process reaches AWS."""
        self._is_dead = True

    def bury(self) -> None:
        """Let what a dead process left in memory fall apart while nothing of it can reach AWS any more."""
        gc.collect()
        self.begin()

    def quietly(self, look: Callable[[], Any]) -> Any:
        """Look at AWS from beside: not counted, not cut."""
        before, self._is_quiet = self._is_quiet, True
        try:
            return look()
        finally:
            self._is_quiet = before

    def _pass(self, call: Call, execute: Callable[[], AWSResponse]) -> AWSResponse:
        if self._is_dead:
            raise Crash
        self.gate(call)
        self._attempt += 1
        if self._attempt == 1:
            self.calls.append(call.name)
        kind = next((fault.kind for fault in self._faults if fault.call == len(self.calls) - 1), None)
        if kind is None or not (self._attempt == 1 or kind.endswith("_out")):
            return execute()
        self.fired.append(f"{call.name} {kind}")
        return self._fail(call, kind.removesuffix("_out"), execute)

    def _fail(self, call: Call, kind: str, execute: Callable[[], AWSResponse]) -> AWSResponse:
        if kind in ("crash_after", "lost"):
            execute()
        if kind.startswith("crash"):
            self.die()
            raise Crash
        if kind in ("lost", "timeout"):
            raise ReadTimeoutError(endpoint_url=call.request.url)
        if kind == "conflict":
            return _answer(call, 400, _CANCELLED)
        if kind == "refused":
            return _refusal(call, *_REFUSED.get(call.service, (400, "AccessDeniedException")))
        return _refusal(call, *((500, _BROKEN) if kind == "error_500" else _THROTTLED[call.service]))

    def _execute(self, call: Call, at_moto: Callable[[], AWSResponse]) -> AWSResponse:
        if call.service in self.services:
            status, body = self.services[call.service](call)
            return _answer(call, status, body)
        if (token := _token(call)) is not None and self._tokens.get(token) == _digest(call):
            # What DynamoDB does with a transaction it did already, and moto does not.
            return _answer(call, 200, b"{}")
        answer = at_moto()
        if token is not None and answer.status_code == 200:
            self._tokens[token] = _digest(call)
        for observe in self.observers:
            observe(call, answer.status_code)
        return answer


def _body(call: Call) -> bytes:
    body = call.request.body
    return body if isinstance(body, bytes) else str(body or "").encode()


def _digest(call: Call) -> str:
    return hashlib.sha256(_body(call)).hexdigest()


def _token(call: Call) -> str | None:
    """The idempotency token of a transaction; the SDK makes one per call and repeats it with each attempt."""
    found = re.search(rb'"ClientRequestToken": ?"([^"]+)"', _body(call)) if call.service == "dynamodb" else None
    return found[1].decode() if found else None


def _answer(call: Call, status: int, body: bytes) -> AWSResponse:
    headers = {"Content-Type": "application/xml" if call.service in _XML else "application/x-amz-json-1.0"}
    return AWSResponse(call.request.url, status, headers, MockRawResponse(body))  # type: ignore[arg-type]


def _refusal(call: Call, status: int, code: str) -> AWSResponse:
    if call.service in _XML:
        return _answer(call, status, f"<Error><Code>{code}</Code><Message>planned</Message></Error>".encode())
    return _answer(call, status, refusal(code, "planned"))


def refusal(code: str, message: str) -> bytes:
    """The body of a JSON service's error."""
    return json.dumps({"__type": code, "code": code, "message": message, "Message": message}).encode()
