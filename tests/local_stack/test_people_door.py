"""The front door: one more port that leads to the deployed HTTP API and nowhere else."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fivetier_cli.console import UsageError
from fivetier_cli.stack import attach
from infra.local.front_door import API_NAME
from infra.local.stack import LocalStack, _is_free, loopback_hosts
from tests.support.emulator import Aws

ECHO = "import json\ndef handler(e, c):\n    return {'statusCode': 200, 'body': json.dumps(e)}\n"


@pytest.fixture(scope="module")
def api(aws: Aws) -> Iterator[str]:
    """An HTTP API as the template names it; one route answers with its event."""
    api = aws.http_api(API_NAME, aws.function(ECHO), "GET /runs/{run_id}")
    yield api
    aws.client("apigatewayv2").delete_api(ApiId=api)


def ask(
    stack: LocalStack,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    at: str = "localhost",
    method: str = "GET",
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(at, int(stack.front_door_url.rsplit(":", 1)[1]), timeout=10)
    try:
        connection.request(
            method, path, headers={"Host": stack.front_door_url.removeprefix("http://"), **(headers or {})}
        )
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("host", loopback_hosts())
def test_it_leads_to_the_api(stack: LocalStack, api: str, host: str) -> None:
    """A browser takes localhost for either loopback address."""
    status, body = ask(stack, "/runs/r1?month=2026_01", at=host)
    event = json.loads(body)
    assert (status, event["requestContext"]["apiId"], event["rawPath"]) == (200, api, "/runs/r1")
    assert (event["rawQueryString"], event["pathParameters"]) == ("month=2026_01", {"run_id": "r1"})
    assert event["headers"]["host"] == stack.front_door_url.removeprefix("http://")


@pytest.mark.parametrize("path", ["/_fivetier/health", "/_ministack/health", "/_aws/execute-api/x/y", "/nowhere"])
def test_nothing_else_is_behind_it(stack: LocalStack, api: str, path: str) -> None:
    status, body = ask(stack, path)
    assert (status, json.loads(body)) == (404, {"message": "Not Found"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "bucket.s3.localhost"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_stranger_is_refused(stack: LocalStack, api: str, headers: dict[str, str]) -> None:
    """Cookies belong to one spelling of the address, so no other is served."""
    assert ask(stack, "/runs/r1", headers=headers)[0] == 403


def test_a_page_may_post_to_its_own_address(stack: LocalStack, api: str) -> None:
    assert ask(stack, "/runs/r1", headers={"Origin": stack.front_door_url})[0] == 200


def test_only_loopback_is_bound(stack: LocalStack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.2", int(stack.front_door_url.rsplit(":", 1)[1])))


def test_before_the_deployment_it_says_so(state_dir: Path) -> None:
    with LocalStack.start(state_dir) as fresh:
        status, body = ask(fresh, "/")
    assert status == 503
    assert "not deployed on this stack yet" in body


def test_a_stack_without_the_template_says_what_to_do(stack: LocalStack) -> None:
    with pytest.raises(UsageError, match="run `fivetier down`, then `fivetier up`"):
        attach(stack.state_dir)


def test_a_port_taken_on_either_loopback_address_is_not_chosen() -> None:
    for host in loopback_hosts():
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as taken:
            taken.bind((host, 0))
            taken.listen()
            assert not _is_free(taken.getsockname()[1])
