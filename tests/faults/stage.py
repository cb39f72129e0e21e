"""Everything around the functions: who invokes them, who repeats what failed, and what people do.

Each invocation has a number; a plan says which faults meet it. A function that crashed comes back as a new process.
"""

import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from fivetier.aws import clients, runtime, wiring
from fivetier.domain.errors import NotAuthenticated
from fivetier.domain.signoff import Person

from tests.faults.cloud import MA, Cloud, Execution, token_of
from tests.faults.machine import Machine, StateFailed
from tests.faults.wire import Crash, Fault

FUNCTIONS = Path(__file__).parents[2] / "functions"
ASK = "RequestSignOff"
#: How often each trigger of ours is repeated: asynchronous invocations twice, a person after an error page as often.
_REPEATS = 3
#: The outbox's event source mapping: ten repeats, then the record is set aside.
_DELIVERIES = 11
_BATCH = 25

Plan = Mapping[int, tuple[Fault, ...]]


class GaveUp(Exception):
    """Somebody repeated something as often as they do, and it never worked."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation as it went."""

    function: str
    calls: tuple[str, ...]
    fired: tuple[str, ...] = ()
    error: str = ""


class _Verifier:
    """The bearer token is a login; the login is the role."""

    def verify(self, authorization: str | None) -> Person:
        if not authorization:
            raise NotAuthenticated("no token")
        return Person(authorization, frozenset({authorization}))


@dataclass
class Stage:
    """The deployed pipeline on an emulated AWS.

    Attributes:
        plan: invocation number -> its faults.
        before: called before each invocation, with its function; where a campaign branches off.
        cursors: how far each reader of the stream is.
    """

    cloud: Cloud
    plan: Plan = field(default_factory=dict)
    before: Callable[[str], None] = lambda function: None
    log: list[Invocation] = field(default_factory=list)
    machines: dict[str, Machine] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=lambda: {"settle_outbox": 0, "send_mail": 0})
    _handlers: dict[str, Any] = field(default_factory=dict)
    _tokens: int = 0
    _closed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        wiring.clock = lambda: self.cloud.clock  # type: ignore[assignment]
        wiring.verifier = _Verifier  # type: ignore[assignment]
        for path in sorted(FUNCTIONS.glob("*/handler.py")):
            self._handlers[path.parent.name] = _load(path)

    # ---- functions ---------------------------------------------------------------------------------------

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Run a function once.

        Raises:
            StateFailed: with the error's name and text, as Lambda hands it on.
        """
        return self._run(function, lambda: self._handlers[function](event, SimpleNamespace(aws_request_id="request")))

    def repeated(self, function: str, event: Mapping[str, Any], times: int = _REPEATS) -> Any:
        """Run a function until it works, as often as its trigger does.

        Raises:
            GaveUp: it never worked.
        """
        for _ in range(times):
            try:
                return self.invoke(function, event)
            except StateFailed as failed:
                last = str(failed)
        raise GaveUp(f"{function}: {last}")

    def _run(self, function: str, work: Callable[[], Any]) -> Any:
        self.before(function)
        wire = self.cloud.wire
        wire.begin(self.plan.get(len(self.log), ()))
        answer, error, text, is_crash = None, "", "", False
        try:
            answer = work()
        except Crash:
            error, text, is_crash = "Runtime.ExitError", "signal: killed", True
        except Exception as raised:  # noqa: BLE001  Lambda's own edge
            error, text = type(raised).__name__, str(raised)
            if function == ASK:
                error = _sdk_error(raised)
        self.log.append(Invocation(function, tuple(wire.calls), tuple(wire.fired), error))
        wire.fired.clear()
        if is_crash:
            wire.bury()
            _forget()
        if error:
            raise StateFailed(error, text)
        return answer

    # ---- state machines ----------------------------------------------------------------------------------

    def go_on(self) -> bool:
        """Let every execution go one state further; what the stream holds is delivered when all of them wait."""
        moved = False
        for execution in list(self.cloud.stepfunctions.executions.values()):
            moved |= self.machine(execution).advance()
            moved |= self.close_if_failed(execution.name)
        return moved or self.follow()

    def settle(self) -> None:
        """Until nothing moves any more."""
        while self.go_on():
            pass

    def expire(self, run_id: str) -> None:
        """The wait's time is over."""
        self.cloud.stepfunctions.executions[run_id].answer = {"error": "States.Timeout", "cause": ""}

    def machine(self, execution: Execution) -> Machine:
        """The execution's own run of the definition."""
        return self.machines.setdefault(execution.name, self._new_machine(execution))

    def _new_machine(self, execution: Execution) -> Machine:
        return Machine(
            execution,
            invoke=lambda placeholder, event: self.invoke(_folder(placeholder), event),
            ask=self._ask,
            sleep=self.cloud.clock.sleep,
            new_token=self._new_token,
        )

    def _new_token(self) -> str:
        self._tokens += 1
        return token_of(self._tokens)

    def _ask(self, parameters: dict[str, Any]) -> None:
        named = json.loads(json.dumps(parameters).replace("${OpsTable}", "ops"))
        self._run(ASK, lambda: clients.client("dynamodb").transact_write_items(**named))

    def close_if_failed(self, run_id: str) -> bool:
        """EventBridge's rule: an execution that ended other than by itself closes its run as ABANDONED."""
        if self.cloud.stepfunctions.executions[run_id].status != "FAILED" or run_id in self._closed:
            return False
        self._closed.add(run_id)
        self.repeated("close_run", {"run_id": run_id, "lob": MA.value, "state": "ABANDONED"})
        return True

    # ---- the table's stream ------------------------------------------------------------------------------

    def follow(self) -> bool:
        """Deliver the next batch to each reader of the stream."""
        return any([self.deliver(function) for function in self.cursors])

    def deliver(self, reader: str, size: int = _BATCH) -> bool:
        """Deliver the next batch to one reader: a function, or `function#2` for another delivery of the same."""
        start, function = self.cursors[reader], reader.partition("#")[0]
        batch = self.cloud.records[start : start + size]
        if not batch:
            return False
        self.cursors[reader] = start + len(batch)
        wanted = [record for record in batch if _is_for(function, record)]
        if wanted:
            self.repeated(function, {"Records": wanted}, _DELIVERIES)
        return True

    # ---- people ------------------------------------------------------------------------------------------

    def request(self, month: str, reason: str = "") -> str:
        """Data Operations asks for a refresh; returns the run's id."""
        body = {"lob": MA.value, "sub_version": month, "reason": reason}
        return str(self._post("/api/runs", "data_ops_reviewer", body)["run_id"])

    def look_back(self, months: list[str]) -> list[str]:
        """Data Operations asks for several months; returns the ids of their runs."""
        answer = self._post("/api/lookbacks", "data_ops_reviewer", {"lob": MA.value, "sub_versions": months})
        return [str(child["run_id"]) for child in answer["children"]]

    def roll_back(self, to: str) -> str:
        """Data Operations asks for a rollback; returns the run's id."""
        body = {"lob": MA.value, "to": to, "reason": "it names wrong parents"}
        return str(self._post("/api/rollbacks", "data_ops_reviewer", body)["run_id"])

    def sign(self, run_id: str, role: str, decision: str = "approve") -> None:
        """Decide as the person of a role, with every tick the report asks for; nobody decides twice."""
        ask, report = self.cloud.wire.quietly(lambda: (wiring.runs().get_ask(run_id), _report(run_id)))
        body = {
            "role": role,
            "decision": decision,
            "reason": "looked at the report",
            "manifest_digest": ask.manifest_digest,
            "ticks": {f["code"]: "looked at it" for f in report["findings"] if f["severity"] == "P1"},
        }
        answer = self._post(f"/api/sign-offs/{run_id}/{ask.round_number}", role, body)
        if answer.get("error") not in (None, "AlreadyDecided", "AskNotOpen"):
            raise GaveUp(f"{role} of {run_id}: {answer}")

    def _post(self, path: str, login: str, body: Mapping[str, Any]) -> dict[str, Any]:
        event = {
            "version": "2.0",
            "routeKey": f"POST {path}",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"authorization": login, "content-type": "application/json"},
            "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default", "requestId": "r"},
            "body": json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = self.repeated("serve_api", event)
        found: dict[str, Any] = json.loads(answer["body"])
        return found


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"faults_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def _folder(placeholder: str) -> str:
    """`OpenRunFn` -> `open_run`."""
    name = placeholder.removesuffix("Fn")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")


def _is_for(function: str, record: Mapping[str, Any]) -> bool:
    """The event source mappings' filters (`infra/stacks/pipeline.py`)."""
    keys = record["dynamodb"]["Keys"]
    is_event = record["eventName"] == "INSERT" and keys["pk"]["S"].startswith("OUTBOX#")
    is_ask = record["eventName"] in ("INSERT", "MODIFY") and keys["sk"]["S"] == "ASK"
    return is_event or (is_ask and function == "send_mail")


def _report(run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(wiring.staging().get_bytes(f"staging/{run_id}/report.json"))
    return found


def _sdk_error(raised: Exception) -> str:
    """The name Step Functions gives to an error of its own call to DynamoDB."""
    if isinstance(raised, ClientError):
        code = str(raised.response["Error"]["Code"])
        return f"DynamoDb.{code if code.endswith('Exception') else code + 'Exception'}"
    if isinstance(raised, BotoCoreError):
        return "DynamoDb.SdkClientException"
    raise raised


def _forget() -> None:
    """What a new process does not know; clients hold nothing, and making one takes longer than a case."""
    runtime.ports.cache_clear()
    for factory in vars(wiring).values():
        if hasattr(factory, "cache_clear"):
            factory.cache_clear()
