"""An AWS in this process: moto's S3, DynamoDB, Glue and SES, and what moto lacks or must not do in threads.

Step Functions keeps executions and tokens here, the table's stream is read off the requests, Glue checks versions.
"""

import base64
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fivetier.domain.tiers import Lob
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.glue.responses import GlueResponse
from moto.ses.models import ses_backends
from pyiceberg.utils.concurrent import ExecutorFactory

from tests.contract.sides import moto
from tests.faults.wire import Call, Wire, refusal

MA = Lob.MEDICARE_ADVANTAGE
MACHINE = f"arn:aws:states:{moto.REGION}:{DEFAULT_ACCOUNT_ID}:stateMachine:refresh"
SENDER = "fivetier@example.test"
ROLES = ("engineering_lead", "data_lead", "data_ops_reviewer")
_BUCKETS = ("landing", "staging", "lake", "audit")
_LINK = re.compile(r"//pages\.example\.test/(runs|sign-offs)/([\w-]+)")
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": moto.REGION,
    "AWS_REGION": moto.REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "LOG_LEVEL": "CRITICAL",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "FIVETIER_OPS_TABLE": "ops",
    "FIVETIER_LAKE_DATABASE": "production",
    "FIVETIER_STAGING_DATABASE": "staged",
    **{f"FIVETIER_{name.upper()}_BUCKET": name for name in _BUCKETS},
    "FIVETIER_STATE_MACHINES": json.dumps({MA.value: MACHINE}),
    "FIVETIER_MAIL_FROM": SENDER,
    "FIVETIER_MAIL_TO": json.dumps({role: [f"{role}@example.test"] for role in ROLES}),
    "FIVETIER_FRONT_DOOR_URL": "https://pages.example.test",
    "FIVETIER_IS_CALENDAR_ON": "true",
    "POWERTOOLS_METRICS_NAMESPACE": "fivetier-prod",
}


class _AtOnce(Executor):
    """What pyiceberg hands to threads is done here and now: calls have one order, and a crash ends all of them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it; what it raises comes out of the result, as from a thread."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  handed on
            done.set_exception(error)
        return done


class VirtualClock:
    """Time that passes when somebody sleeps or looks; nobody waits for it."""

    def __init__(self) -> None:
        # moto keeps locked objects until a real time, so the clock must not stand in the past.
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        """Aware UTC, never the same twice."""
        self._now += timedelta(milliseconds=1)
        return self._now

    def sleep(self, seconds: float) -> None:
        """`time.sleep` without waiting."""
        self._now += timedelta(seconds=max(seconds, 0))


@dataclass
class Execution:
    """What Step Functions knows of an execution."""

    name: str
    input: dict[str, Any]
    status: str = "RUNNING"
    token: str | None = None
    answer: dict[str, Any] | None = None
    told: dict[str, str] = field(default_factory=dict)

    def fail(self, error: str, cause: str) -> None:
        """It is over, and says why."""
        self.status, self.told = "FAILED", {"error": error, "cause": cause}


@dataclass
class StepFunctions:
    """The calls the product makes: start, describe, send success or failure."""

    executions: dict[str, Execution] = field(default_factory=dict)

    def __call__(self, call: Call) -> tuple[int, bytes]:
        """Answer one call."""
        body = json.loads(call.request.body)
        if call.operation == "StartExecution":
            return self._start(body)
        if call.operation == "DescribeExecution":
            return self._describe(body["executionArn"].rsplit(":", 1)[1])
        if call.operation in ("SendTaskSuccess", "SendTaskFailure"):
            return self._send(body)
        raise NotImplementedError(call.operation)

    def _start(self, body: dict[str, Any]) -> tuple[int, bytes]:
        name, given = body["name"], json.loads(body["input"])
        known = self.executions.setdefault(name, Execution(name, given))
        if known.status != "RUNNING" or known.input != given:
            return 400, refusal("ExecutionAlreadyExists", name)
        arn = MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"
        return 200, json.dumps({"executionArn": arn, "startDate": 0}).encode()

    def _describe(self, name: str) -> tuple[int, bytes]:
        if name not in self.executions:
            return 400, refusal("ExecutionDoesNotExist", name)
        found = self.executions[name]
        known = {"executionArn": name, "stateMachineArn": MACHINE, "status": found.status, **found.told}
        return 200, json.dumps(known).encode()

    def _send(self, body: dict[str, Any]) -> tuple[int, bytes]:
        waiting = next((e for e in self.executions.values() if e.token == body["taskToken"]), None)
        if waiting is None or waiting.status != "RUNNING" or waiting.answer is not None:
            return 400, refusal("TaskTimedOut", "the task is gone")
        waiting.answer = {key: value for key, value in body.items() if key != "taskToken"}
        return 200, b"{}"


@dataclass
class Cloud:
    """The whole of it.

    Attributes:
        records: stream records of the operations table in order; keys only.
        looks: called whenever what readers see may have changed.
        most_mails: how often one mail may come: twice where a fault hits the function that sends it.
    """

    wire: Wire = field(default_factory=Wire)
    clock: VirtualClock = field(default_factory=VirtualClock)
    stepfunctions: StepFunctions = field(default_factory=StepFunctions)
    records: list[dict[str, Any]] = field(default_factory=list)
    looks: list[Callable[[], None]] = field(default_factory=list)
    most_mails: int = 1

    def open(self) -> None:
        """Mock AWS for the rest of this process."""
        os.environ.update(_ENVIRONMENT)
        mock_aws().start()
        _deploy()
        GlueResponse.update_table = moto.update_table_as_glue_does  # type: ignore[method-assign]
        ExecutorFactory.get_or_create = staticmethod(_AtOnce)  # type: ignore[method-assign]
        self.wire.services["sfn"] = self.stepfunctions
        self.wire.observers += [self._stream, self._look]
        self.wire.attach()

    def mailed(self) -> list[tuple[str, str]]:
        """Run and kind (ask, outcome) of each mail SES took."""
        sent = ses_backends[DEFAULT_ACCOUNT_ID][moto.REGION].sent_messages
        links = [_LINK.search(message.body) for message in sent]
        return [(link[2], {"runs": "outcome", "sign-offs": "ask"}[link[1]]) for link in links if link]

    def _stream(self, call: Call, status: int) -> None:
        """What the table's stream says about a transaction: keys only (ADR 3)."""
        if call.operation != "TransactWriteItems" or status != 200:
            return
        for action in json.loads(call.request.body)["TransactItems"]:
            ((kind, written),) = action.items()
            name = {"Put": "INSERT", "Update": "MODIFY", "Delete": "REMOVE"}.get(kind)
            if name is not None:
                item = written.get("Item") or written["Key"]
                keys = {key: item[key] for key in ("pk", "sk")}
                self.records.append({"eventName": name, "dynamodb": {"Keys": keys, "StreamViewType": "KEYS_ONLY"}})

    def _look(self, call: Call, status: int) -> None:
        """Let readers look whenever what they see may have changed: a table moved, or an object of the lake."""
        is_table = call.operation in ("UpdateTable", "CreateTable") and b"production" in call.request.body
        if status < 300 and (is_table or self.wire.quietly(lambda: _overwrites(call))):
            for look in self.looks:
                look()


def _overwrites(call: Call) -> bool:
    """Whether the call wrote to an object of the lake; new objects are seen by nobody until a table names them."""
    is_write = call.service == "s3" and call.request.method in ("PUT", "POST", "DELETE")
    if not is_write or not re.match(r"https://(lake\.s3|s3[^/]*/lake/)", call.request.url):
        return False
    key = call.request.url.split("/", 3)[3].partition("?")[0].removeprefix("lake/lake/").removeprefix("lake/")
    versions = moto.client("s3").list_object_versions(Bucket="lake", Prefix=f"lake/{key}").get("Versions", [])
    return len({version["ETag"] for version in versions}) > 1


def _deploy() -> None:
    for name in _BUCKETS[:-1]:
        moto.bucket(name)
    moto.bucket("audit", ObjectLockEnabledForBucket=True)
    moto.ops_table("ops")
    for name in ("production", "staged"):
        moto.client("glue").create_database(DatabaseInput={"Name": name})
    moto.client("sesv2").create_email_identity(EmailIdentity=SENDER)


def token_of(number: int) -> str:
    """A task token as Step Functions makes them: nothing in it to understand."""
    return base64.b64encode(f"task {number}".encode()).decode()
