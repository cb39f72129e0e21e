"""The token verifier against an issuer on loopback with real keys."""

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from fivetier.aws.oidc import OidcIssuer, OidcVerifier
from fivetier.domain.errors import NotAuthenticated

from tests.support.oidc_issuer import EC_KEY, STRANGER, Issuer, running_issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as made:
        yield made


def refusal(issuer: Issuer, header: str | None) -> str:
    with pytest.raises(NotAuthenticated) as refused:
        issuer.verifier().verify(header)
    if header and len(header) > 20:
        token = header.removeprefix("Bearer ")
        assert all(part not in str(refused.value) for part in token.split(".") if len(part) > 8)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.detail


def test_a_person_is_who_the_token_says_with_the_groups_as_roles(issuer: Issuer) -> None:
    header = issuer.token(preferred_username="emil", groups=["engineering_lead", "staff"], name="Emil E.")
    person = issuer.verifier().verify(header)
    assert (person.login, person.name) == ("s-1", "Emil E.")
    assert person.roles == {"engineering_lead", "staff"}


def test_cognito_claims_and_elliptic_curves_are_understood(issuer: Issuer) -> None:
    claims = {"cognito:username": "dora", "cognito:groups": ["data_lead"]}
    person = issuer.verifier().verify(issuer.token(EC_KEY, "ec", "ES256", **claims))
    assert (person.login, person.roles, person.name) == ("s-1", frozenset({"data_lead"}), "dora")


def test_an_id_token_of_a_user_pool_gives_name_and_roles(issuer: Issuer) -> None:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html."""
    claims = {
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "cognito:username": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "cognito:groups": ["engineering_lead"],
        "name": "Emil E.",
        "email": "emil@example.test",
        "email_verified": True,
        "token_use": "id",
        "auth_time": 1,
        "origin_jti": "x",
        "nonce": "n",
    }
    person = issuer.verifier().verify(issuer.token(**claims))
    assert (person.login, person.name, person.roles) == (claims["sub"], "Emil E.", frozenset({"engineering_lead"}))


def test_an_access_token_of_a_user_pool_signs_nobody_in(issuer: Issuer) -> None:
    """It names its client in `client_id`, and API Gateway lets it pass; it was never meant to say who somebody is."""
    claims = {"aud": None, "client_id": "fivetier", "token_use": "access", "cognito:groups": ["engineering_lead"]}
    assert "lacks the claim aud" in refusal(issuer, issuer.token(**claims))


def test_a_token_without_names_or_groups_gives_its_subject_and_no_role(issuer: Issuer) -> None:
    person = issuer.verifier().verify(issuer.token())
    assert (person.login, person.roles) == ("s-1", frozenset())


def test_the_scheme_may_be_spelled_in_any_case(issuer: Issuer) -> None:
    assert issuer.verifier().verify(issuer.token().replace("Bearer", "bearer")).login == "s-1"


def test_clocks_may_differ_by_half_a_minute(issuer: Issuer) -> None:
    now = int(time.time())
    verifier = issuer.verifier()
    verifier.verify(issuer.token(exp=now - 15))
    verifier.verify(issuer.token(iat=now + 15))


def test_keys_are_fetched_once(issuer: Issuer) -> None:
    verifier = issuer.verifier()
    for _ in range(3):
        verifier.verify(issuer.token())
    assert issuer.requests == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "token"])
def test_no_bearer_token_is_no_sign_in(issuer: Issuer, header: str | None) -> None:
    assert "no bearer token" in refusal(issuer, header)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "expired"),
        ({"iat": int(time.time()) + 900}, "not valid yet"),
        ({"nbf": int(time.time()) + 900}, "not valid yet"),
        ({"aud": "another"}, "another application"),
        ({"iss": "https://elsewhere.example"}, "another issuer"),
        ({"sub": None}, "lacks the claim sub"),
        ({"aud": None}, "lacks the claim aud"),
        ({"exp": None}, "lacks the claim exp"),
        ({"iat": None}, "lacks the claim iat"),
        ({"iss": None}, "lacks the claim iss"),
        ({"groups": "engineering_lead"}, "groups are no list"),
    ],
)
def test_a_wrong_claim_is_refused_with_its_reason(issuer: Issuer, claims: dict[str, Any], reason: str) -> None:
    assert reason in refusal(issuer, issuer.token(**claims))


def test_a_signature_by_another_key_is_refused(issuer: Issuer) -> None:
    assert "does not verify" in refusal(issuer, issuer.token(STRANGER))


def test_a_key_the_issuer_does_not_publish_is_refused(issuer: Issuer) -> None:
    assert "does not publish" in refusal(issuer, issuer.token(STRANGER, "unknown"))


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(issuer: Issuer) -> None:
    header = issuer.token("x" * 32, "rsa", "HS256")
    assert "not accepted" in refusal(issuer, header)


def test_an_unsigned_token_is_refused(issuer: Issuer) -> None:
    claims = {"iss": issuer.url, "aud": "fivetier", "sub": "s-1", "iat": 1, "exp": int(time.time()) + 300}
    header = "Bearer " + jwt.encode(claims, "", algorithm="none", headers={"kid": "rsa"})
    assert "not accepted" in refusal(issuer, header)


@pytest.mark.parametrize("token", ["abcdefghijk", "aaaaaaaaaaaa.bbbbbbbbbbbb.cccccccccccc", "ü.ä.ö"])
def test_nonsense_is_refused_and_not_repeated(issuer: Issuer, token: str) -> None:
    assert "malformed" in refusal(issuer, f"Bearer {token}")


def test_an_issuer_that_calls_itself_something_else_is_refused(issuer: Issuer) -> None:
    issuer.document["issuer"] = "https://elsewhere.example"
    assert "calls itself something else" in refusal(issuer, issuer.token())


def test_keys_elsewhere_than_https_or_loopback_are_not_fetched(issuer: Issuer) -> None:
    for address in ("http://192.0.2.1/keys", "file:///etc/hosts", ""):
        issuer.document["jwks_uri"] = address
        assert "not https" in refusal(issuer, issuer.token())


@pytest.mark.parametrize("document", [[], "text", None, {"issuer": 1}, {}])
def test_an_issuer_that_answers_nonsense_is_refused(issuer: Issuer, document: Any) -> None:
    issuer.document = document
    assert "calls itself something else" in refusal(issuer, issuer.token())


@pytest.mark.parametrize("path", ["/no-keys", "/no-json"])
def test_an_issuer_without_readable_keys_is_refused(issuer: Issuer, path: str) -> None:
    issuer.document["jwks_uri"] = f"{issuer.url}{path}"
    assert refusal(issuer, issuer.token())


def test_an_issuer_that_does_not_answer_is_told(issuer: Issuer) -> None:
    unreachable = OidcVerifier(OidcIssuer("http://127.0.0.1:9", "fivetier"))
    with pytest.raises(NotAuthenticated, match="cannot be reached"):
        unreachable.verify(issuer.token())
