"""The OIDC test issuer: one login per role, signed ID tokens, on loopback.

Built on `oidc-provider-mock`, so discovery, keys and the authorization-code
flow are real and the code under test verifies tokens as it does in AWS. There
are no passwords: whoever can run the local stack may be anybody in it. All
else is as strict as the issuer of an account: one client without a secret,
PKCE, and no redirect but to the front door and to the command line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from infra.local.errors import LoginFailed

CLIENT_ID: Final = "fivetier"
LOGINS: Final = ("data_ops_reviewer", "engineering_lead", "data_lead")
SCOPES: Final = "openid profile email"
#: Nobody listens there: the command line reads the code out of the redirect.
COMMAND_LINE_CALLBACK: Final = "http://127.0.0.1/callback"
_TIMEOUT_SECONDS: Final = 10


@contextmanager
def run(port: int, *, front_door_url: str) -> Iterator[str]:
    """Serve the issuer on a thread; yields its URL, which is also its `iss`."""
    # The library refuses plain http otherwise; loopback is all it ever serves.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    import oidc_provider_mock
    import werkzeug.serving

    from infra.local import issuer_provider

    users = [oidc_provider_mock.User(sub=login, claims=_claims(login)) for login in LOGINS]
    callbacks = [f"{front_door_url}/callback", COMMAND_LINE_CALLBACK]
    app = issuer_provider.app(users, client_id=CLIENT_ID, callbacks=callbacks, scopes=SCOPES.split())
    server = werkzeug.serving.make_server("127.0.0.1", port, app, threaded=True, request_handler=_quiet_handler())
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _claims(login: str) -> dict[str, object]:
    name = f"{login.replace('_', ' ').capitalize()} (test login)"
    return {"name": name, "email": f"{login}@example.test", "groups": [login]}


def token_for(login: str, *, issuer_url: str) -> str:
    """Log in by the authorization-code flow and return the signed ID token.

    Raises:
        LoginFailed: the login is unknown or the issuer refused a step.
    """
    if login not in LOGINS:
        raise LoginFailed(login=login, issuer_url=issuer_url, reason=f"logins are {', '.join(LOGINS)}")
    verifier = secrets.token_urlsafe(48)
    try:
        discovery = _read_json(f"{issuer_url}/.well-known/openid-configuration")
        code = _authorize(login, discovery["authorization_endpoint"], verifier)
        answer = _read_json(
            discovery["token_endpoint"],
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": COMMAND_LINE_CALLBACK,
                "client_id": CLIENT_ID,
                "code_verifier": verifier,
            },
        )
        return answer["id_token"]
    except (OSError, KeyError, ValueError) as error:
        raise LoginFailed(login=login, issuer_url=issuer_url, reason=repr(error)) from error


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


def _authorize(login: str, endpoint: str, verifier: str) -> str:
    query = urllib.parse.urlencode(
        {
            "client_id": CLIENT_ID,
            "redirect_uri": COMMAND_LINE_CALLBACK,
            "response_type": "code",
            "scope": SCOPES,
            "state": secrets.token_urlsafe(8),
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
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


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _read_json(url: str, form: dict[str, str] | None = None) -> dict[str, str]:
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=_TIMEOUT_SECONDS) as response:
        return json.load(response)
