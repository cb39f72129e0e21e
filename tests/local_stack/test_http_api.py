"""HTTP APIs as pages rely on them: events of payload format 2.0 and what becomes of the function's answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from infra.local.front_door import API_NAME
from infra.local.stack import LocalStack
from tests.support.emulator import Aws

#: Answers with what the query asks for, or with its own event.
CODE = """
import json
def handler(event, context):
    asked = event.get("queryStringParameters", {}).get("answer")
    return json.loads(asked) if asked else {"statusCode": 200, "body": json.dumps(event)}
"""
ROUTES = ("GET /", "GET /sign-offs/{run_id}/{round}", "POST /sign-offs/{run_id}/{round}")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module", autouse=True)
def api(stack: LocalStack, aws: Aws) -> Iterator[str]:
    """An HTTP API behind the front door: open routes, and `GET /api/runs` behind the issuer's tokens."""
    api = aws.http_api(API_NAME, aws.function(CODE), *ROUTES)
    client = aws.client("apigatewayv2")
    authorizer = client.create_authorizer(
        ApiId=api,
        AuthorizerType="JWT",
        Name="oidc",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Audience": ["fivetier"], "Issuer": stack.issuer_url},
    )["AuthorizerId"]
    target = client.get_routes(ApiId=api)["Items"][0]["Target"]
    client.create_route(
        ApiId=api, RouteKey="GET /api/runs", Target=target, AuthorizationType="JWT", AuthorizerId=authorizer
    )
    yield api
    client.delete_api(ApiId=api)


class Door:
    """The front door, asked as a browser asks, redirects not followed."""

    def __init__(self, stack: LocalStack) -> None:
        self._host = stack.front_door_url.removeprefix("http://")

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: str | bytes | None = None
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._host, timeout=10)
        try:
            connection.request(method, path, headers=dict(headers or {}), body=body)
            response = connection.getresponse()
            response.text = response.read().decode()
            return response
        finally:
            connection.close()

    def event(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        response = self.ask(method, path, **request)
        assert response.status == 200, response.text
        return json.loads(response.text)

    def answer(self, **answer: Any) -> http.client.HTTPResponse:
        """What arrives when the function returns `answer`."""
        return self.ask("GET", f"/?answer={quote(json.dumps(answer))}")


@pytest.fixture
def door(stack: LocalStack) -> Door:
    return Door(stack)


# ---- the event -----------------------------------------------------------------------------------------------


def test_cookies_stand_beside_the_headers_and_not_in_them(door: Door) -> None:
    """'Format 2.0 includes a new cookies field. All cookie headers … are … added to the cookies field.'"""
    event = door.event("GET", "/", headers={"Cookie": "session=a.b-c; theme=dark"})
    assert event["cookies"] == ["session=a.b-c", "theme=dark"]
    assert "cookie" not in event["headers"]


def test_without_cookies_there_is_no_cookies_field(door: Door) -> None:
    assert "cookies" not in door.event("GET", "/")


def test_a_query_comes_raw_and_parsed(door: Door) -> None:
    """'Duplicate query strings are combined with commas and included in the queryStringParameters field.'"""
    event = door.event("GET", "/?code=a%2Bb&state=x&state=y&empty=")
    assert event["rawQueryString"] == "code=a%2Bb&state=x&state=y&empty="
    assert event["queryStringParameters"] == {"code": "a+b", "state": "x,y", "empty": ""}
    assert "queryStringParameters" not in door.event("GET", "/")


def test_method_path_and_parameters_are_told(door: Door) -> None:
    event = door.event("GET", "/sign-offs/medicare_advantage-2026_01-0123456789ab-01/1")
    http_part = event["requestContext"]["http"]
    assert (http_part["method"], http_part["path"]) == ("GET", event["rawPath"])
    assert event["rawPath"] == "/sign-offs/medicare_advantage-2026_01-0123456789ab-01/1"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /sign-offs/{run_id}/{round}"
    assert event["pathParameters"] == {"run_id": "medicare_advantage-2026_01-0123456789ab-01", "round": "1"}
    assert (event["version"], event["requestContext"]["stage"]) == ("2.0", "$default")


def test_header_names_are_lower_case_and_the_host_is_the_one_asked(door: Door, stack: LocalStack) -> None:
    """'All headernames are lowercased.'"""
    headers = door.event("GET", "/", headers={"Sec-Fetch-Site": "same-origin"})["headers"]
    assert headers["host"] == stack.front_door_url.removeprefix("http://")
    assert headers["sec-fetch-site"] == "same-origin"
    assert not [name for name in headers if name != name.lower()]


def test_a_form_arrives_encoded(door: Door) -> None:
    """AWS's page says 'binary'; measured there, forms are: https://github.com/ministackorg/ministack/pull/766."""
    event = door.event("POST", "/sign-offs/r/1", headers=FORM, body="decision=approve&reason=gr%C3%BCn")
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"decision=approve&reason=gr%C3%BCn"
    as_json = door.event("POST", "/sign-offs/r/1", headers={"Content-Type": "application/json"}, body="{}")
    assert (as_json["isBase64Encoded"], as_json["body"]) == (False, "{}")
    assert "body" not in door.event("GET", "/")


# ---- the answer ----------------------------------------------------------------------------------------------


def test_each_cookie_becomes_a_header_of_its_own(door: Door) -> None:
    """'In the response to the client, each cookie becomes a set-cookie header.'"""
    cookies = ["session=abc; HttpOnly; SameSite=Lax; Path=/", "flow=; Max-Age=0; Path=/login"]
    response = door.answer(statusCode=200, cookies=cookies, body="hello")
    assert response.headers.get_all("Set-Cookie") == cookies


def test_a_redirect_goes_out_as_it_is(door: Door) -> None:
    response = door.answer(statusCode=303, headers={"Location": "/runs/r1?shown=1#top"}, body="")
    assert (response.status, response.headers["Location"], response.text) == (303, "/runs/r1?shown=1#top", "")


def test_headers_of_a_page_go_out_as_they_are_and_nothing_opens_it_to_others(door: Door) -> None:
    sent = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'sha256-abc='",
        "cache-control": "no-store",
    }
    response = door.answer(statusCode=200, headers=sent, body="<p>grün</p>")
    assert {name: response.headers[name] for name in sent} == sent
    assert response.headers.get_all("Content-Type") == [sent["content-type"]]
    assert not [name for name in response.headers if name.lower().startswith("access-control-")]
    assert response.text == "<p>grün</p>"


def test_a_function_that_fails_says_nothing_of_its_error(door: Door) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html."""
    response = door.ask("GET", "/?answer=no-json")
    assert (response.status, json.loads(response.text)) == (500, {"message": "Internal Server Error"})


# ---- routes --------------------------------------------------------------------------------------------------


def test_an_open_route_gets_no_claims_whatever_is_sent(door: Door, stack: LocalStack) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html."""
    token = {"Authorization": f"Bearer {stack.token_for('data_lead')}"}
    assert "authorizer" not in door.event("GET", "/", headers=token)["requestContext"]
    claims = door.event("GET", "/api/runs", headers=token)["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["sub"] == "data_lead"


def test_a_cookie_opens_no_route_that_demands_a_token(door: Door, stack: LocalStack) -> None:
    for headers in ({}, {"Cookie": f"session={stack.token_for('data_lead')}"}):
        response = door.ask("GET", "/api/runs", headers=headers)
        assert (response.status, json.loads(response.text)) == (401, {"message": "Unauthorized"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("POST", "/"), ("HEAD", "/"), ("DELETE", "/sign-offs/r/1"), ("GET", "/sign-offs/r")],
)
def test_what_no_route_takes_is_not_found(door: Door, method: str, path: str) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html."""
    response = door.ask(method, path)
    assert response.status == 404
    assert response.text == ("" if method == "HEAD" else '{"message":"Not Found"}')
