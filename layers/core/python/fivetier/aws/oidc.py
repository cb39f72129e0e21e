"""Who a bearer token speaks for (port `TokenVerifier`). No message ever repeats a token or a part of one."""

from __future__ import annotations

import json
import urllib.request
from functools import cached_property
from typing import Any
from urllib.parse import urlparse

import jwt

from fivetier.domain.errors import NotAuthenticated
from fivetier.domain.signoff import Person

#: Signatures with a public key only: with HS256 whoever knows the public key could sign.
_ALGORITHMS = ["RS256", "ES256"]
_REQUIRED = ["aud", "exp", "iat", "iss", "sub"]
_LEEWAY_SECONDS = 30
TIMEOUT_SECONDS = 5
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: For display only: people can edit these at many issuers, so only `sub` says who signs.
_NAME_CLAIMS = ("name", "preferred_username", "cognito:username", "email")
_GROUP_CLAIMS = ("groups", "cognito:groups")

_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidAudienceError: "the token was issued for another application",
    jwt.InvalidIssuerError: "the token comes from another issuer",
    jwt.InvalidAlgorithmError: "the token is signed in a way that is not accepted",
    jwt.InvalidSignatureError: "the token's signature does not verify",
    jwt.PyJWKClientConnectionError: "the issuer's keys cannot be fetched now; try again",
    jwt.PyJWKClientError: "the token is signed with a key the issuer does not publish",
}


class OidcIssuer:
    """One issuer and what it says of itself; its keys are fetched once and again after 5 minutes or on a new key id.

    Both the bearer tokens of the API and the logins of the pages are checked here.
    """

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer, self.audience = issuer.rstrip("/"), audience

    def claims(self, token: str) -> dict[str, Any]:
        """What a token states, once signature, issuer, audience and time hold.

        Raises:
            NotAuthenticated: they do not, or the issuer cannot be reached.
        """
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            return jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self.audience,
                issuer=str(self.discovery["issuer"]),
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED, "verify_iat": True},
            )
        except jwt.MissingRequiredClaimError as error:
            raise NotAuthenticated(f"the token lacks the claim {error.claim}") from None
        except jwt.PyJWTError as error:
            raise NotAuthenticated(_reason(error)) from None
        except ValueError:  # what the issuer publishes as keys is no JSON
            raise NotAuthenticated(_REASONS[jwt.PyJWKClientConnectionError]) from None

    def endpoint(self, name: str) -> str:
        """An address the issuer names, for example `token_endpoint`.

        Raises:
            NotAuthenticated: it names none, or none that is safe to use.
        """
        url = str(self.discovery.get(name, ""))
        require_safe(url)
        return url

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        return jwt.PyJWKClient(str(self.discovery["jwks_uri"]), timeout=TIMEOUT_SECONDS)

    @cached_property
    def discovery(self) -> dict[str, Any]:
        """The issuer's own description; it must name itself as the issuer that was configured."""
        require_safe(self._issuer)
        try:
            with urllib.request.urlopen(
                f"{self._issuer}/.well-known/openid-configuration", timeout=TIMEOUT_SECONDS
            ) as answer:
                document: Any = json.load(answer)
        except (OSError, ValueError) as error:
            raise NotAuthenticated("the issuer cannot be reached now; try again") from error
        if not isinstance(document, dict) or str(document.get("issuer", "")).rstrip("/") != self._issuer:
            raise NotAuthenticated("the configured issuer calls itself something else")
        require_safe(str(document.get("jwks_uri", "")))
        return document


class OidcVerifier:
    """Port `TokenVerifier` on one issuer."""

    def __init__(self, issuer: OidcIssuer) -> None:
        self._issuer = issuer

    def verify(self, authorization: str | None) -> Person:
        """Check signature, issuer, audience and time; map groups to roles.

        Raises:
            NotAuthenticated: anything is wrong with it, or the issuer cannot be reached.
        """
        return person_of(self._issuer.claims(_bearer(authorization)))


def person_of(claims: dict[str, Any]) -> Person:
    """Who a verified token speaks for.

    Raises:
        NotAuthenticated: its groups are no list.
    """
    name = next((str(claims[claim]) for claim in _NAME_CLAIMS if claims.get(claim)), "")
    return Person(login=str(claims["sub"]), roles=_roles(claims), name=name)


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("no bearer token was sent")
    return token.strip()


def _roles(claims: dict[str, Any]) -> frozenset[str]:
    groups: Any = next((claims[name] for name in _GROUP_CLAIMS if name in claims), [])
    if not isinstance(groups, list):
        raise NotAuthenticated("the token's groups are no list")
    return frozenset(str(group) for group in groups)


def _reason(error: jwt.PyJWTError) -> str:
    return next((text for kind, text in _REASONS.items() if isinstance(error, kind)), "the token is malformed")


def require_safe(url: str) -> None:
    """Only https, or plain http on this machine (the local stack's issuer); urllib would read `file:` as well.

    Raises:
        NotAuthenticated: the address is neither.
    """
    parsed = urlparse(url)
    if parsed.scheme != "https" and (parsed.scheme, parsed.hostname in _LOOPBACK) != ("http", True):
        raise NotAuthenticated("the issuer's address is not https")
