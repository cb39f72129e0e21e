"""The OIDC test issuer: one login per role, signed ID tokens, on loopback.

Built on `oidc-provider-mock`, so discovery, keys and the authorization-code
flow are real and the API under test verifies tokens as it does in AWS. There
are no passwords: whoever can run the local stack may be anybody in it.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from infra.local.errors import LoginFailed

CLIENT_ID: Final = "fivetier"
LOGINS: Final = ("data_ops_reviewer", "engineering_lead", "data_lead")
_REDIRECT_URI: Final = "http://127.0.0.1/callback"
_TIMEOUT_SECONDS: Final = 10


@contextmanager
def run(port: int) -> Iterator[str]:
    """Serve the issuer on a thread; yields its URL, which is also its `iss`."""
    # The library refuses plain http otherwise; loopback is all it ever serves.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    import oidc_provider_mock
    import oidc_provider_mock._app as provider
    import werkzeug.debug
    import werkzeug.serving

    provider.OpenIDCode = _naming_its_key(provider.OpenIDCode)
    users = [
        oidc_provider_mock.User(sub=login, claims={"groups": [login], "email": f"{login}@example.test"})
        for login in LOGINS
    ]
    app = oidc_provider_mock.app(user_claims=users, issue_refresh_token=False)
    # The library wraps itself in a debugger that shows code; take it off.
    app.debug = False
    if isinstance(app.wsgi_app, werkzeug.debug.DebuggedApplication):
        app.wsgi_app = app.wsgi_app.app
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    server = werkzeug.serving.make_server("127.0.0.1", port, app, threaded=True, request_handler=_quiet_handler())
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def token_for(login: str, *, issuer_url: str) -> str:
    """Log in by the authorization-code flow and return the signed ID token.

    Raises:
        LoginFailed: the login is unknown or the issuer refused a step.
    """
    if login not in LOGINS:
        raise LoginFailed(login=login, issuer_url=issuer_url, reason=f"logins are {', '.join(LOGINS)}")
    try:
        discovery = _read_json(f"{issuer_url}/.well-known/openid-configuration")
        code = _authorize(login, discovery["authorization_endpoint"])
        answer = _read_json(
            discovery["token_endpoint"],
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": _REDIRECT_URI,
                "client_id": CLIENT_ID,
                "client_secret": "unused",
            },
        )
        return answer["id_token"]
    except (OSError, KeyError, ValueError) as error:
        raise LoginFailed(login=login, issuer_url=issuer_url, reason=repr(error)) from error


def _naming_its_key(base: type[Any]) -> type[Any]:
    """The library's token maker, with the key id in the header.

    Every real issuer names the key there, and verifiers look it up by that.
    """

    class NamingItsKey(base):
        def get_jwt_config(self, *args: object, **kwargs: object) -> dict[str, Any]:
            """How ID tokens are signed."""
            config: dict[str, Any] = super().get_jwt_config(*args, **kwargs)
            return {**config, "kid": config["key"]["kid"]}

    return NamingItsKey


def _quiet_handler() -> type:
    """Werkzeug's handler without a log line per request."""
    from werkzeug.serving import WSGIRequestHandler

    class QuietHandler(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Stay silent."""

    return QuietHandler


class _KeepRedirect(urllib.request.HTTPRedirectHandler):
    """Stops at the redirect: its address carries the code, nobody listens there."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow no redirect."""
        return None


def _authorize(login: str, endpoint: str) -> str:
    query = urllib.parse.urlencode(
        {
            "client_id": CLIENT_ID,
            "redirect_uri": _REDIRECT_URI,
            "response_type": "code",
            "scope": "openid email",
            "state": secrets.token_urlsafe(8),
        }
    )
    form = urllib.parse.urlencode({"sub": login}).encode()
    opener = urllib.request.build_opener(_KeepRedirect)
    try:
        with opener.open(f"{endpoint}?{query}", form, timeout=_TIMEOUT_SECONDS) as response:
            raise ValueError(f"no redirect with a code, but status {response.status}")
    except urllib.error.HTTPError as redirect:
        with redirect:
            location = urllib.parse.urlparse(redirect.headers.get("Location", ""))
        return urllib.parse.parse_qs(location.query)["code"][0]


def _read_json(url: str, form: dict[str, str] | None = None) -> dict[str, str]:
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=_TIMEOUT_SECONDS) as response:
        return json.load(response)
