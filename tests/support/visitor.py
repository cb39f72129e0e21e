"""A browser without a screen: keeps cookies, follows our pages' forms, and asks the pages in this process."""

import base64
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fivetier.aws import pages

from tests.support.oidc_issuer import Issuer


@dataclass
class Answer:
    """What a page answered."""

    status: int
    body: str
    headers: dict[str, str]
    cookies: list[str]

    @property
    def form(self) -> dict[str, str]:
        """Fields of the decision form as they stand on the page, hidden ones among them."""
        return _Form.fields_of(self.body)


@dataclass
class Visitor:
    """One browser at one front door."""

    door_url: str
    jar: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **query: str) -> Answer:
        return self.send("GET", path, query=query)

    def post(self, path: str, form: dict[str, str], *, origin: str | None = "own") -> Answer:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if origin is not None:
            headers["origin"] = self.door_url if origin == "own" else origin
        return self.send("POST", path, body=urlencode(form), headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request as API Gateway hands it over (payload 2.0)."""
        parts = urlsplit(path)
        query = {**{name: values[0] for name, values in parse_qs(parts.query, True).items()}, **(query or {})}
        event: dict[str, Any] = {
            "version": "2.0",
            "rawPath": parts.path,
            "rawQueryString": urlencode(query),
            "cookies": [f"{name}={value}" for name, value in self.jar.items()],
            "headers": headers or {},
            "queryStringParameters": query,
            "requestContext": {"http": {"method": method, "path": parts.path}, "stage": "$default"},
            "body": base64.b64encode(body.encode()).decode(),
            "isBase64Encoded": True,
        }
        answer: dict[str, Any] = pages.app.resolve(event, SimpleNamespace())  # type: ignore[arg-type]
        cookies = [str(cookie) for cookie in answer.get("cookies", [])]
        self._keep(cookies)
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return Answer(answer["statusCode"], answer["body"], headers, cookies)

    def sign_in(self, issuer: Issuer, login: str, *roles: str, next_path: str = "/", **claims: Any) -> Answer:
        """Go through the login as a browser does."""
        sent = self.get("/login", next=next_path, again="")
        assert sent.status == 303, sent.body
        return self.get("/callback", **issuer.sign_in(sent.headers["location"], login, *roles, **claims))

    def _keep(self, cookies: list[str]) -> None:
        for cookie in cookies:
            name, _, rest = cookie.partition("=")
            value = rest.split(";")[0]
            if "Max-Age=0" in cookie:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value


class _Form(HTMLParser):
    """Inputs of the form named `decide`, wherever they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._inside = False

    @classmethod
    def fields_of(cls, html: str) -> dict[str, str]:
        parser = cls()
        parser.feed(html)
        return parser.fields

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._inside = found.get("id") == "decide" if tag == "form" else self._inside
        is_field = tag in ("input", "textarea") and (self._inside or found.get("form") == "decide")
        is_off = found.get("type") in ("checkbox", "radio") and "checked" not in found
        if is_field and not is_off:
            self.fields[str(found["name"])] = found.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"
