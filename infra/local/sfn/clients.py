"""The boto3 clients state machines call AWS with: all of them reach the emulator."""

from __future__ import annotations

import enum
import functools
import importlib
import sys
import types
from typing import Any

import boto3
from botocore.config import Config

from infra.local import iam

# In an ARN the service is called sfn; boto3 calls it stepfunctions.
BOTO_NAMES = {"sfn": "stepfunctions"}
_LONGEST_CALL_SECONDS = 900
_SESSION_NAME = "states"
_INTERPRETER = "moto.stepfunctions.parser"


class ClientFactory:
    """Makes each client once: a client costs 60 ms, a call 8 ms."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url

    @functools.cache  # noqa: B019 - one factory lives as long as the emulator
    def client(self, service: str, region: str, role_arn: str) -> Any:
        """A client of the service on the emulator, which acts as a role."""
        given = iam.credentials_of(role_arn, _SESSION_NAME)
        return boto3.client(
            BOTO_NAMES.get(service, service),
            region_name=region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=given.access_key,
            aws_secret_access_key=given.secret_key,
            aws_session_token=given.session_token,
            config=Config(
                parameter_validation=False,
                inject_host_prefix=False,
                retries={"max_attempts": 0},
                read_timeout=_LONGEST_CALL_SECONDS,
                max_pool_connections=50,
                s3={"addressing_style": "path"},
            ),
        )

    def for_moto(self, region: str, service: str, state_credentials: Any) -> Any:
        """Stand-in for moto's `boto_client_for`, which would call moto's own server as nobody."""
        return self.client(service, region, state_credentials.role_arn)


def _import_interpreter() -> None:
    """Import all of moto's interpreter, without the EC2 emulation behind its Batch tasks.

    That costs a second of every start, and Batch is refused here anyway: one
    enumeration of `moto.batch.utils` is all the interpreter wants of it.
    """
    batch = types.ModuleType("moto.batch.utils")
    batch.JobStatus = enum.Enum("JobStatus", ["SUCCEEDED", "FAILED"])  # type: ignore[attr-defined]
    sys.modules.setdefault(batch.__name__, batch)
    importlib.import_module(f"{_INTERPRETER}.backend.execution_worker")


def install(endpoint_url: str) -> None:
    """Point every module of moto's interpreter at the emulator.

    moto binds `boto_client_for` by name in each module, so each is replaced.
    """
    _import_interpreter()
    factory = ClientFactory(endpoint_url)
    for name, module in list(sys.modules.items()):
        if name.startswith(_INTERPRETER) and hasattr(module, "boto_client_for"):
            module.boto_client_for = factory.for_moto
