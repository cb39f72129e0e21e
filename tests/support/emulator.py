"""The emulated AWS in few words, for tests."""

from __future__ import annotations

import io
import itertools
import json
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local.stack import LocalStack

#: A role that may do everything: most tests here are about something else.
ROLE = "arn:aws:iam::000000000000:role/any"
_NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder that use a stack."""
    for item in items:
        if Path(__file__).parent in item.path.parents and {"stack", "state_dir"} & set(item.fixturenames):
            item.add_marker(pytest.mark.local_stack)


def unique(name: str) -> str:
    """A name no other test uses."""
    return f"{name}-{os.getpid()}-{next(_NUMBERS)}"


def zipped(files: Mapping[str, str]) -> bytes:
    """A zip of text files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


def eventually(look: Callable[[], Any], *, seconds: float = 10) -> Any:
    """What `look` returns once it is true, within the time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def make_role(iam: Any, name: str, *statements: dict[str, Any]) -> str:
    """Create a role of Lambda, Step Functions and Scheduler that may do what the statements say; returns its ARN."""
    services = [f"{service}.amazonaws.com" for service in ("lambda", "states", "scheduler")]
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=_policy(*statements))
    arn: str = created["Role"]["Arn"]
    return arn


def make_role_any(iam: Any) -> None:
    """Create `ROLE` where it is not there yet."""
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        make_role(iam, ROLE.rpartition("/")[2], {"Effect": "Allow", "Action": "*", "Resource": "*"})


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Aws:
    """The emulated AWS, in the words of the tests."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self._clients: dict[str, Any] = {}
        make_role_any(self.client("iam"))

    def client(self, service: str) -> Any:
        """A client of the service; made once."""
        if service not in self._clients:
            config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, inject_host_prefix=False)
            self._clients[service] = boto3.client(service, config=config)
        return self._clients[service]

    def role(self, *statements: dict[str, Any]) -> str:
        """Create a role that may do what the statements say; returns its ARN."""
        return make_role(self.client("iam"), unique("role"), *statements)

    def function(
        self, code: str, *, timeout: int = 10, layers: tuple[str, ...] = (), role: str = ROLE, **env: str
    ) -> str:
        """Create a function whose handler is `h.handler`; returns its name."""
        name = unique("function")
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="h.handler",
            Timeout=timeout,
            Code={"ZipFile": zipped({"h.py": code})},
            Layers=list(layers),
            Environment={"Variables": env},
        )
        return name

    def invoke(self, name: str, payload: object = None) -> tuple[str | None, Any]:
        """The function error, if any, and the payload."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
        return answer.get("FunctionError"), json.load(answer["Payload"])

    def machine(self, definition: Mapping[str, Any], *, role: str = ROLE) -> str:
        """Create a state machine; returns its ARN."""
        created = self.client("stepfunctions").create_state_machine(
            name=unique("machine"), definition=json.dumps(definition), roleArn=role
        )
        return created["stateMachineArn"]

    def start(self, machine: str, payload: object = None) -> str:
        """Start an execution; returns its ARN."""
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(payload if payload is not None else {})
        )
        return answer["executionArn"]

    def ended(self, execution: str) -> dict[str, Any]:
        """The description of an execution once it has ended."""

        def look() -> dict[str, Any] | None:
            found = self.client("stepfunctions").describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return eventually(look, seconds=15)

    def run(self, definition: Mapping[str, Any], payload: object = None) -> dict[str, Any]:
        """Run a definition to its end."""
        return self.ended(self.start(self.machine(definition), payload))

    def output(self, definition: Mapping[str, Any], payload: object = None) -> Any:
        """The output of a definition that succeeds."""
        ended = self.run(definition, payload)
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])

    def events(self, execution: str) -> list[dict[str, Any]]:
        """The history of an execution."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=execution) for event in page["events"]]

    def bucket(self, **settings: Any) -> str:
        """Create a bucket."""
        name = unique("bucket")
        self.client("s3").create_bucket(Bucket=name, **settings)
        return name

    def http_api(self, name: str, function: str, *route_keys: str) -> str:
        """Create an HTTP API whose routes, without authorizer, lead to a function; returns its id."""
        client = self.client("apigatewayv2")
        api: str = client.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
        integration = client.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
            PayloadFormatVersion="2.0",
        )["IntegrationId"]
        for key in route_keys:
            client.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration}")
        client.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        return api

    def table(self, **settings: Any) -> str:
        """Create a DynamoDB table with the string key `pk`."""
        name = unique("table")
        attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
        self.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            **{"AttributeDefinitions": attributes, **settings},
        )
        return name


class Sql:
    """Athena, by one statement at a time."""

    def __init__(self, aws: Aws, database: str, bucket: str) -> None:
        self._athena = aws.client("athena")
        self._database, self._results = database, f"s3://{bucket}/results/"

    def execute(self, sql: str, **request: Any) -> dict[str, Any]:
        """The description of a query once it has ended."""
        query_id = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self._database},
            ResultConfiguration={"OutputLocation": self._results},
            **request,
        )["QueryExecutionId"]

        def look() -> dict[str, Any] | None:
            found = self._athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            return found if found["Status"]["State"] not in ("QUEUED", "RUNNING") else None

        return eventually(look, seconds=20)

    def rows(self, sql: str, **request: Any) -> list[tuple[str | None, ...]]:
        """The rows of a query that succeeds, as texts."""
        ended = self.execute(sql, **request)
        assert ended["Status"]["State"] == "SUCCEEDED", ended["Status"]
        results = self._athena.get_query_results(QueryExecutionId=ended["QueryExecutionId"])
        rows = results["ResultSet"]["Rows"]
        header = 1 if ended["StatementType"] == "DML" else 0
        return [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in rows[header:]]

    def failure(self, sql: str, **request: Any) -> str:
        """Why a query fails."""
        ended = self.execute(sql, **request)
        assert ended["Status"]["State"] == "FAILED", ended["Status"]
        return ended["Status"]["StateChangeReason"]
