"""An OIDC issuer on loopback with real keys: whatever a test tells it to state, it signs."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fivetier.aws.oidc import OidcIssuer, OidcVerifier
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(65537, 2048)
AUDIENCE = "fivetier"


@dataclass
class Issuer:
    """What it publishes, what it was asked, and the codes it gave out."""

    url: str
    document: dict[str, Any] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: What the token endpoint answers instead, when a test says so.
    token_answer: tuple[int, bytes] | None = None

    def token(self, key: Any = RSA_KEY, kid: str = "rsa", algorithm: str = "RS256", **claims: Any) -> str:
        """An Authorization header; a claim given as None is left out."""
        now = int(time.time())
        stated = {"iss": self.url, "aud": AUDIENCE, "sub": "s-1", "iat": now, "exp": now + 300, **claims}
        stated = {name: value for name, value in stated.items() if value is not None}
        return "Bearer " + jwt.encode(stated, key, algorithm=algorithm, headers={"kid": kid})

    def verifier(self) -> OidcVerifier:
        return OidcVerifier(OidcIssuer(self.url, AUDIENCE))

    def sign_in(self, authorize_url: str, login: str, *roles: str, **claims: Any) -> dict[str, str]:
        """Somebody signs in where the browser was sent; returns the query of the redirect back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(authorize_url).query).items()}
        code = f"code-{len(self.codes)}"
        stated = {"sub": login, "groups": list(roles or (login,)), "nonce": asked["nonce"], **claims}
        self.codes[code] = {"asked": asked, "claims": stated}
        return {"code": code, "state": asked["state"]}

    def redeem(self, form: dict[str, str]) -> tuple[int, bytes]:
        """The token endpoint: one use per code, by who holds the verifier (RFC 7636)."""
        if self.token_answer:
            return self.token_answer
        given = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        expected = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        asked = given["asked"] if given else {}
        same = all(asked.get(name) == form.get(name) for name in ("client_id", "redirect_uri"))
        if given is None or not same or asked["code_challenge"] != expected:
            return 400, b'{"error": "invalid_grant"}'
        token = self.token(**given["claims"]).removeprefix("Bearer ")
        return 200, json.dumps({"id_token": token, "access_token": "unused"}).encode()


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """An issuer that answers until the block ends."""
    keys = [
        {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa", "use": "sig", "alg": "RS256"},
        {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "ec", "use": "sig", "alg": "ES256"},
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.requests.append(self.path)
            answers = {"/keys": {"keys": keys}, "/no-keys": {"keys": []}}
            body = json.dumps(answers.get(self.path, made.document)).encode() if self.path != "/no-json" else b"<html>"
            self._answer(200, body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(*made.redeem({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"http://127.0.0.1:{server.server_port}")
    made.document = {
        "issuer": made.url,
        "jwks_uri": f"{made.url}/keys",
        "authorization_endpoint": f"{made.url}/authorize",
        "token_endpoint": f"{made.url}/token",
    }
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
