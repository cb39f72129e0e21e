"""The deployment a check looks at: settings, stack outputs, AWS clients, and plain HTTP."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from infra.settings import StageSettings

STACKS = ("data", "pipeline", "query")
_SECONDS = 15


class Failed(Exception):
    """A check does not hold; the message says what was found."""


class Account:
    """One deployed stage, reached with the caller's credentials."""

    def __init__(self, settings: StageSettings, *, mail_to: str | None = None) -> None:
        self.settings, self.mail_to = settings, mail_to
        self._session = boto3.Session(region_name=settings.region)

    def client(self, service: str) -> Any:
        """A client of one service; `AWS_ENDPOINT_URL` leads it to the local stack."""
        style = {"addressing_style": "path"} if self.settings.is_local else {}
        return self._session.client(
            service, config=Config(connect_timeout=_SECONDS, read_timeout=60, retries={"max_attempts": 3}, s3=style)
        )

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """Outputs of the three stacks.

        Raises:
            Failed: a stack is not completely deployed.
        """
        found: dict[str, str] = {}
        cloudformation = self.client("cloudformation")
        for kind in STACKS:
            name = f"{self.settings.prefix}-{kind}"
            stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
                raise Failed(f"stack {name} is {stack['StackStatus']}")
            found |= {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        return found

    @property
    def issuer(self) -> str:
        """Who says who people are."""
        if self.settings.makes_user_pool:
            return f"https://cognito-idp.{self._session.region_name}.amazonaws.com/{self.outputs['UserPool']}"
        return self.settings.oidc_issuer

    def name_of(self, folder: str) -> str:
        """Physical name of a function."""
        return self.outputs[f"{''.join(map(str.capitalize, folder.split('_')))}Function"]

    def role_of(self, folder: str) -> str:
        """ARN of the role a function runs as."""
        role: str = self.client("lambda").get_function_configuration(FunctionName=self.name_of(folder))["Role"]
        return role


def status_of(url: str) -> tuple[int, str]:
    """Status of a GET and where it redirects to, without following."""
    handlers: list[Any] = [_StaysHere(), urllib.request.ProxyHandler({})] if _is_local(url) else [_StaysHere()]
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=_SECONDS) as answer:
            return int(answer.status), ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", "")


def _is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "http://localhost:"))


class _StaysHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
