"""The library behind the test issuer, made as strict as an account's issuer.

`oidc-provider-mock` takes any client, any secret and any redirect, and does
not look at PKCE. Here one client is registered; authlib, on which the library
stands, has the rest and only needs to be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import flask
import jinja2
import oidc_provider_mock
import oidc_provider_mock._app as provider
import werkzeug.debug
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7636 import CodeChallenge
from oidc_provider_mock._storage import Client, storage

#: The library's pages take their looks from the network; these take them from here.
_PAGES: Final = {
    "_base.html": """<!doctype html>
<html lang="en">
  <title>Test sign-in</title>
  <style>
    main { max-width: 40rem; margin: 2rem auto; font: 1rem/1.5 system-ui, sans-serif; }
    button, input { font: inherit; padding: .4rem .8rem; margin: .2rem 0; }
  </style>
  <main>{% block content %}{% endblock %}</main>
</html>""",
    "error.html": """{% extends "_base.html" %}
{% block content %}<h1>Error: {{ name }}</h1><p>{{ description }}</p>{% endblock %}""",
}


def app(
    users: Sequence[oidc_provider_mock.User], *, client_id: str, callbacks: Sequence[str], scopes: Sequence[str]
) -> flask.Flask:
    """The provider's WSGI app.

    Args:
        users: who can be picked by a click.
        client_id: the one client; it has no secret.
        callbacks: where codes may be sent, letter by letter.
        scopes: what the client may ask for.
    """
    # The library looks its parts up by name when it makes an app.
    provider.OpenIDCode = _NamingItsKey
    provider.AuthorizationCodeGrant = _PublicClientGrant
    made = oidc_provider_mock.app(user_claims=users, issue_refresh_token=False, require_client_registration=True)
    # The library wraps itself in a debugger that shows code; take it off.
    made.debug = False
    if isinstance(made.wsgi_app, werkzeug.debug.DebuggedApplication):
        made.wsgi_app = made.wsgi_app.app
    made.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    made.jinja_loader = jinja2.ChoiceLoader([jinja2.DictLoader(_PAGES), made.jinja_loader])
    with made.test_request_context():
        made.preprocess_request()
        storage.store_client(
            Client(
                id=client_id,
                secret="",
                redirect_uris=callbacks,
                allowed_scopes=scopes,
                token_endpoint_auth_method="none",
            )
        )
    return made


class _NamingItsKey(provider.OpenIDCode):
    """The library's token maker, with the key id in the header.

    Every real issuer names the key there, and verifiers look it up by that.
    """

    def get_jwt_config(self, *args: object, **kwargs: object) -> dict[str, Any]:
        """How ID tokens are signed."""
        config: dict[str, Any] = super().get_jwt_config(*args, **kwargs)
        return {**config, "kid": config["key"]["kid"]}


class _S256(CodeChallenge):
    """PKCE (RFC 7636) that nobody may leave out, or weaken to `plain`."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def __init__(self) -> None:
        super().__init__(required=True)
        self._challenges: dict[str, str] = {}

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a sign-in without challenge."""
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge_method must be S256")
        super().validate_code_challenge(grant, redirect_uri)

    def remember(self, code: str, challenge: str) -> None:
        """Keep the challenge a code was issued for; the library's record has no room for it."""
        self._challenges[code] = challenge

    def get_authorization_code_challenge(self, authorization_code: Any) -> str | None:
        """The challenge of a code."""
        return self._challenges.get(authorization_code.code)

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str:
        """The only one there is."""
        return "S256"


_PROOF: Final = _S256()


class _PublicClientGrant(provider.AuthorizationCodeGrant):
    """The library's grant for a client that has no secret and proves itself by PKCE."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _PROOF(self)

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Store a code together with its challenge."""
        super().save_authorization_code(code, request)
        _PROOF.remember(code, request.payload.data["code_challenge"])
