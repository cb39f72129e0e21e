"""The test issuer: tokens that verify as those of a real one."""

from __future__ import annotations

import http.client
import json
import urllib.request

import jwt
import pytest

from infra.local.errors import LoginFailed
from infra.local.issuer import CLIENT_ID, LOGINS
from infra.local.stack import LocalStack


def discovery(stack: LocalStack) -> dict[str, str]:
    url = f"{stack.issuer_url}/.well-known/openid-configuration"
    with urllib.request.urlopen(url, timeout=5) as response:
        return json.load(response)


@pytest.mark.parametrize("login", LOGINS)
def test_each_login_has_its_role_and_a_signed_token(stack: LocalStack, login: str) -> None:
    """https://openid.net/specs/openid-connect-core-1_0.html#IDToken."""
    token = stack.token_for(login)
    keys = jwt.PyJWKClient(discovery(stack)["jwks_uri"])
    claims = jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=["RS256"],
        audience=CLIENT_ID,
        issuer=stack.issuer_url,
    )
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
