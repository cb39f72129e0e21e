"""The test issuer: tokens that verify as those of a real one, and the sign-in a browser goes through."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from infra.local.errors import LoginFailed
from infra.local.issuer import CLIENT_ID, COMMAND_LINE_CALLBACK, LOGINS, SCOPES, challenge_of
from infra.local.stack import LocalStack

VERIFIER = secrets.token_urlsafe(48)


def discovery(stack: LocalStack) -> dict[str, str]:
    url = f"{stack.issuer_url}/.well-known/openid-configuration"
    with urllib.request.urlopen(url, timeout=5) as response:
        return json.load(response)


def claims_of(stack: LocalStack, token: str) -> dict[str, object]:
    keys = jwt.PyJWKClient(discovery(stack)["jwks_uri"])
    key = keys.get_signing_key_from_jwt(token).key
    return jwt.decode(token, key, algorithms=["RS256"], audience=CLIENT_ID, issuer=stack.issuer_url)


@pytest.mark.parametrize("login", LOGINS)
def test_each_login_has_its_role_and_a_signed_token(stack: LocalStack, login: str) -> None:
    """https://openid.net/specs/openid-connect-core-1_0.html#IDToken."""
    claims = claims_of(stack, stack.token_for(login))
    assert (claims["sub"], claims["groups"]) == (login, [login])
    assert claims["email"] == f"{login}@example.test"


def test_an_unknown_login_is_refused(stack: LocalStack) -> None:
    with pytest.raises(LoginFailed, match="data_lead"):
        stack.token_for("somebody")


def test_discovery_names_the_issuer(stack: LocalStack) -> None:
    """https://openid.net/specs/openid-connect-discovery-1_0.html."""
    assert discovery(stack)["issuer"] == stack.issuer_url


def test_a_foreign_host_is_refused(stack: LocalStack) -> None:
    connection = http.client.HTTPConnection(stack.issuer_url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/jwks", headers={"Host": "evil.example"})
        assert connection.getresponse().status == 400
    finally:
        connection.close()


# ---- in a browser --------------------------------------------------------------------------------------------


class Browser:
    """What a browser does at the issuer; redirects are looked at, not followed."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack, self._endpoints = stack, discovery(stack)

    def ask(self, **changed: str | None) -> str:
        """The query of an authorization request; what is None is left out."""
        asked = {
            "client_id": CLIENT_ID,
            "redirect_uri": f"{self._stack.front_door_url}/callback",
            "response_type": "code",
            "scope": SCOPES,
            "state": "the-state",
            "nonce": "the-nonce",
            "prompt": "login",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **changed,
        }
        return urlencode({name: value for name, value in asked.items() if value is not None})

    def open(self, query: str) -> tuple[int, str]:
        """The page the sign-in starts with."""
        status, _, body = self._send("GET", "authorization_endpoint", query)
        return status, body

    def click(self, query: str, login: str) -> str:
        """Where the click on a login leads."""
        status, location, _ = self._send("POST", "authorization_endpoint", query, {"sub": login})
        assert status == 302
        return location

    def code(self, login: str = "engineering_lead", **changed: str | None) -> str:
        return parse_qs(urlsplit(self.click(self.ask(**changed), login)).query)["code"][0]

    def redeem(self, code: str, **changed: str | None) -> tuple[int, dict[str, str]]:
        """What the token endpoint answers to a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"{self._stack.front_door_url}/callback",
            "client_id": CLIENT_ID,
            "code_verifier": VERIFIER,
            **changed,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        status, _, body = self._send("POST", "token_endpoint", "", sent)
        return status, json.loads(body)

    def _send(self, method: str, endpoint: str, query: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        url = urlsplit(self._endpoints[endpoint])
        connection = http.client.HTTPConnection(url.netloc, timeout=5)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            body = urlencode(form) if form else None
            connection.request(method, f"{url.path}?{query}", body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers.get("Location", ""), response.read().decode()
        finally:
            connection.close()


@pytest.fixture
def browser(stack: LocalStack) -> Browser:
    return Browser(stack)


def test_a_login_is_picked_by_a_click_on_a_page_that_loads_nothing_from_elsewhere(browser: Browser) -> None:
    status, page = browser.open(browser.ask())
    assert status == 200
    assert re.findall(r'<button[^>]*name="sub" value="(\w+)"', page) == list(LOGINS)
    assert not re.findall(r'(?:src|href)="|@import|url\(', page)


def test_a_click_leads_back_with_code_state_nonce_and_name(stack: LocalStack, browser: Browser) -> None:
    """https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth; PKCE: RFC 7636."""
    location = urlsplit(browser.click(browser.ask(), "engineering_lead"))
    assert f"{location.scheme}://{location.netloc}{location.path}" == f"{stack.front_door_url}/callback"
    query = parse_qs(location.query)
    assert query["state"] == ["the-state"]
    status, answer = browser.redeem(query["code"][0])
    assert status == 200
    claims = claims_of(stack, answer["id_token"])
    assert (claims["nonce"], claims["sub"]) == ("the-nonce", "engineering_lead")
    assert claims["name"] == "Engineering lead (test login)"


def test_a_code_is_good_once(browser: Browser) -> None:
    code = browser.code()
    assert browser.redeem(code)[0] == 200
    assert browser.redeem(code) == (400, {"error": "invalid_grant", "error_description": "Invalid 'code' in request."})


def test_who_cannot_prove_to_have_asked_gets_no_token(browser: Browser) -> None:
    """RFC 7636 §4.6."""
    status, answer = browser.redeem(browser.code(), code_verifier=secrets.token_urlsafe(48))
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, answer = browser.redeem(browser.code(), code_verifier=None)
    assert (status, answer["error"]) == (400, "invalid_request")
    status, answer = browser.redeem(browser.code(), code_verifier=challenge_of(VERIFIER))
    assert (status, answer["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "http://localhost/callback"},
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"redirect_uri": "http://evil.example/callback"},
        {"client_id": "another"},
    ],
)
def test_no_code_goes_to_another_address_or_client(browser: Browser, changed: dict[str, str]) -> None:
    status, page = browser.open(browser.ask(**changed))
    assert status == 400
    assert "<form" not in page


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
    ],
)
def test_without_a_challenge_there_is_no_sign_in(browser: Browser, changed: dict[str, str | None]) -> None:
    """RFC 7636 §4.4.1: the front door is told by `error`, and gets no code."""
    query = parse_qs(urlsplit(browser.click(browser.ask(**changed), "data_lead")).query)
    assert (query["error"], query["state"]) == (["invalid_request"], ["the-state"])
    assert "code" not in query


def test_a_code_belongs_to_the_address_it_was_asked_for(browser: Browser) -> None:
    status, answer = browser.redeem(browser.code(redirect_uri=COMMAND_LINE_CALLBACK))
    assert (status, answer["error"]) == (400, "invalid_grant")


def test_the_client_has_no_secret(browser: Browser) -> None:
    status, answer = browser.redeem(browser.code(), client_secret="guessed")
    assert (status, answer["error"]) == (400, "invalid_client")
