"""Who may talk to the emulator, and its two control endpoints."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping

import pytest

from infra.local.stack import LocalStack


def ask(
    stack: LocalStack, method: str, path: str, *, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    host = stack.endpoint_url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        data = json.dumps(body) if body is not None else None
        connection.request(method, path, body=data, headers=dict(headers or {}))
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text[:1] == b"{" else {}
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1"])
@pytest.mark.parametrize("path", ["/", "/_fivetier/faults", "/_ministack/health"])
def test_a_foreign_host_is_refused(stack: LocalStack, host: str, path: str) -> None:
    """A web page can make a name of its own resolve to this machine."""
    assert ask(stack, "GET", path, headers={"Host": host})[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost.evil.example", ""])
def test_a_foreign_origin_is_refused(stack: LocalStack, origin: str) -> None:
    """A web page can send requests to this machine."""
    assert ask(stack, "POST", "/_fivetier/faults", body={}, headers={"Origin": origin})[0] == 403


@pytest.mark.parametrize("headers", [{}, {"Host": "localhost"}, {"Origin": "http://127.0.0.1:8000"}])
def test_this_machine_is_let_in(stack: LocalStack, headers: dict[str, str]) -> None:
    status, health = ask(stack, "GET", "/_fivetier/health", headers=headers)
    assert (status, health["status"], health["pid"]) == (200, "ready", stack.pid)


def test_only_loopback_is_bound(stack: LocalStack) -> None:
    port = int(stack.endpoint_url.rsplit(":", 1)[1])
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))


@pytest.mark.parametrize(
    "body",
    [
        {"function": "f", "when": "sometimes"},
        {"when": "before"},
        {"function": "f", "when": "after", "times": 0},
        {"function": "f", "when": "after", "often": 2},
        [],
    ],
)
def test_a_wrong_fault_is_refused(stack: LocalStack, body: object) -> None:
    status, answer = ask(stack, "POST", "/_fivetier/faults", body=body)
    assert status == 400
    assert "expected" in str(answer["message"])


def test_faults_are_armed_listed_and_cleared(stack: LocalStack) -> None:
    fault = {"function": "nobody", "when": "after", "times": 2}
    assert ask(stack, "POST", "/_fivetier/faults", body=fault) == (200, {"pending": [fault]})
    assert ask(stack, "GET", "/_fivetier/faults") == (200, {"pending": [fault]})
    assert ask(stack, "DELETE", "/_fivetier/faults") == (200, {"pending": []})


def test_an_unknown_control_path_is_not_found(stack: LocalStack) -> None:
    assert ask(stack, "GET", "/_fivetier/moon")[0] == 404
