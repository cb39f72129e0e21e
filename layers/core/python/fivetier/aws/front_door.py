"""Login and sessions of the pages: OIDC authorization code with PKCE, and the cookies a browser keeps.

There is no session store. The session cookie is the issuer's own ID token, checked on every request as the API
checks a bearer token, so it ends when the issuer says. It is HttpOnly and SameSite=Strict: no script reads it, no
other site's link or form sends it. A form is bound to session, run, round and digest by an HMAC keyed with that
cookie's value, which nobody knows who could forge a form (OWASP CSRF Prevention: HMAC-based token).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from fivetier.aws.oidc import TIMEOUT_SECONDS, OidcIssuer, person_of, require_safe
from fivetier.domain.errors import NotAuthenticated
from fivetier.domain.signoff import Person

LOGIN_SECONDS = 600
#: Only our own pages may be gone back to after a login.
_OWN_PATH = re.compile(r"/|/(?:runs|sign-offs)/[A-Za-z0-9_/-]{1,120}")


@dataclass(frozen=True, slots=True)
class Session:
    """A person signed in by this browser."""

    person: Person
    token: str

    def csrf(self, *parts: object) -> str:
        """The value a form of these parts must carry (run, round, digest)."""
        message = "\x1f".join(["fivetier form", *map(str, parts)])
        return hmac.new(self.token.encode(), message.encode(), hashlib.sha256).hexdigest()

    def is_own_form(self, sent: str, *parts: object) -> bool:
        """Whether a form was drawn for this session and these parts."""
        return hmac.compare_digest(sent.encode(), self.csrf(*parts).encode())


@dataclass(frozen=True, slots=True)
class Login:
    """A login that came to its end."""

    session: Session
    cookies: list[Cookie]
    next_path: str


class FrontDoor:
    """Login and sessions on one address of ours."""

    def __init__(self, issuer: OidcIssuer, url: str) -> None:
        require_safe(url)
        self._issuer, self._url = issuer, url.rstrip("/")
        self._is_https = url.startswith("https:")
        # The prefix makes browsers hold the cookie to this very host over https; plain http is the local stack's.
        prefix = "__Host-" if self._is_https else ""
        self._session_cookie, self._login_cookie = f"{prefix}fivetier", f"{prefix}fivetier-login"

    @property
    def is_https(self) -> bool:
        """Whether browsers may be told to use https only."""
        return self._is_https

    def session(self, cookies: Mapping[str, str]) -> Session:
        """The session of a request.

        Raises:
            NotAuthenticated: there is none, or it has ended.
        """
        token = cookies.get(self._session_cookie, "")
        if not token:
            raise NotAuthenticated("nobody is signed in")
        return Session(person_of(self._issuer.claims(token)), token)

    def begin_login(self, next_path: str, *, ask_again: bool) -> tuple[str, Cookie]:
        """Where to send the browser, and what it must bring back.

        Args:
            next_path: page to show after the login; anything but a page of ours becomes the list of runs.
            ask_again: let the issuer ask who it is, even if it remembers somebody.
        """
        attempt = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        query = {
            "response_type": "code",
            "client_id": self._issuer.audience,
            "redirect_uri": self._callback,
            "scope": "openid profile email",
            "state": attempt["state"],
            "nonce": attempt["nonce"],
            "code_challenge": _challenge(attempt["verifier"]),
            "code_challenge_method": "S256",
        }
        if ask_again:
            query["prompt"] = "login"
        url = f"{self._issuer.endpoint('authorization_endpoint')}?{urllib.parse.urlencode(query)}"
        kept = json.dumps({**attempt, "next": own_path(next_path)})
        value = base64.urlsafe_b64encode(kept.encode()).decode()
        # The issuer sends the browser back from another site, so this one cookie cannot be Strict.
        return url, self._cookie(self._login_cookie, value, LOGIN_SECONDS, SameSite.LAX_MODE)

    def finish_login(self, query: Mapping[str, str], cookies: Mapping[str, str]) -> Login:
        """Turn the issuer's answer into a session.

        Raises:
            NotAuthenticated: the answer is not to this browser's own login, or the issuer refused.
        """
        attempt = _attempt(cookies.get(self._login_cookie, ""))
        if not hmac.compare_digest(attempt["state"].encode(), query.get("state", "").encode()):
            raise NotAuthenticated("this login was not begun in this browser, or it is too long ago")
        if "code" not in query:
            raise NotAuthenticated("the issuer did not sign anybody in")
        token = self._redeem(query["code"], attempt["verifier"])
        claims = self._issuer.claims(token)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), attempt["nonce"].encode()):
            raise NotAuthenticated("the issuer answered another login")
        lifetime = max(1, int(claims["exp"]) - int(time.time()))
        kept = self._cookie(self._session_cookie, token, lifetime, SameSite.STRICT_MODE)
        done = self._cookie(self._login_cookie, "", 0, SameSite.LAX_MODE)
        return Login(Session(person_of(claims), token), [kept, done], attempt["next"])

    def logout_cookies(self) -> list[Cookie]:
        """Make the browser forget the session."""
        return [self._cookie(self._session_cookie, "", 0, SameSite.STRICT_MODE)]

    def is_own_origin(self, origin: str | None) -> bool:
        """Whether a form was sent from a page of ours; browsers name the origin of every POST."""
        return origin == self._url

    @property
    def _callback(self) -> str:
        return f"{self._url}/callback"

    def _cookie(self, name: str, value: str, seconds: int, same_site: SameSite) -> Cookie:
        return Cookie(
            name, value, path="/", secure=self._is_https, http_only=True, max_age=seconds, same_site=same_site
        )

    def _redeem(self, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "client_id": self._issuer.audience,
            "code_verifier": verifier,
        }
        request = urllib.request.Request(
            self._issuer.endpoint("token_endpoint"), urllib.parse.urlencode(form).encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                tokens: Any = json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            raise NotAuthenticated("the issuer did not accept this login; sign in again") from None
        except (OSError, ValueError):
            raise NotAuthenticated("the issuer cannot be reached now; try again") from None
        if not isinstance(tokens, dict) or not isinstance(tokens.get("id_token"), str):
            raise NotAuthenticated("the issuer sent no ID token")
        return str(tokens["id_token"])


def own_path(path: str) -> str:
    """A path of ours, or the list of runs instead of anything else."""
    return path if _OWN_PATH.fullmatch(path) else "/"


def read_cookies(headers: Sequence[str]) -> dict[str, str]:
    """Cookies by name, from `name=value` as API Gateway lists them; the first of a name counts, as browsers send."""
    cookies: dict[str, str] = {}
    for header in headers:
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            cookies.setdefault(name, value)
    return cookies


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _attempt(value: str) -> dict[str, str]:
    try:
        kept = json.loads(base64.urlsafe_b64decode(value))
        return {name: str(kept[name]) for name in ("state", "nonce", "verifier")} | {"next": own_path(kept["next"])}
    except (ValueError, KeyError, TypeError):
        raise NotAuthenticated("this login was not begun in this browser, or it is too long ago") from None
