"""`refresh.asl.json` run one state at a time, in this thread: what AWS documents of the states it uses, no more.

A state the file does not use is refused, so that nobody trusts a case that was not tried as it is deployed.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.faults.cloud import Execution

DEFINITION = Path(__file__).parents[2] / "statemachines" / "refresh.asl.json"
#: Error -> output, as a Lambda function hands it on.
Invoke = Callable[[str, dict[str, Any]], Any]
TIMED_OUT = "States.Timeout"
_SUBSTITUTED = re.compile(r"\$\{(\w+)\}")


class StateFailed(Exception):
    """A state ended with an error name and a cause."""

    def __init__(self, error: str, cause: str) -> None:
        self.error, self.cause = error, cause
        super().__init__(f"{error}: {cause}")


class Machine:
    """One execution of the definition."""

    def __init__(
        self,
        execution: Execution,
        *,
        invoke: Invoke,
        ask: Callable[[dict[str, Any]], None],
        sleep: Callable[[float], None],
        new_token: Callable[[], str],
    ) -> None:
        """Prepare it.

        Args:
            execution: who it is.
            invoke: run a function by its placeholder; raises StateFailed.
            ask: do the wait state's transaction; raises StateFailed.
            sleep: let time pass.
            new_token: the next task token.
        """
        self._execution, self._invoke, self._ask = execution, invoke, ask
        self._sleep, self._new_token = sleep, new_token
        self._states = json.loads(DEFINITION.read_text(encoding="utf-8"))
        self.path: list[str] = []
        self._steps = self._run()

    def advance(self) -> bool:
        """Go a state further; False while it waits for an answer and once it has ended."""
        waits = self._execution.token is not None and self._execution.answer is None
        if waits or self._execution.status != "RUNNING":
            return False
        next(self._steps, None)
        return True

    def _run(self) -> Iterator[None]:
        data, name = self._execution.input, self._states["StartAt"]
        while True:
            state = self._states["States"][name]
            self.path.append(name)
            if state["Type"] == "Succeed":
                self._execution.status = "SUCCEEDED"
                return
            if state["Type"] == "Fail":
                self._execution.fail(_at(data, state["ErrorPath"]), state["Cause"])
                return
            try:
                name, data = yield from self._enter(state, data)
            except StateFailed as failed:
                self._execution.token = None
                catcher = _catcher(state, failed.error)
                if catcher is None:
                    self._execution.fail(failed.error, failed.cause)
                    return
                data = _put(data, catcher["ResultPath"], {"Error": failed.error, "Cause": failed.cause})
                name = catcher["Next"]
            yield

    def _enter(self, state: dict[str, Any], data: dict[str, Any]) -> Iterator[Any]:
        if state["Type"] == "Choice":
            (choice,) = state["Choices"]
            is_met = _at(data, choice["Variable"]) is choice["BooleanEquals"]
            return choice["Next"] if is_met else state["Default"], data
        if state["Type"] == "Map":
            for item in _at(data, state["ItemsPath"]):
                given = _fill(state["ItemSelector"], data, {"$$.Map.Item.Value": item})
                (inner,) = state["ItemProcessor"]["States"].values()
                self._retried(inner, lambda inner=inner, given=given: self._call(inner, given))
                yield
            return state["Next"], data
        if state["Type"] != "Task":
            raise NotImplementedError(state["Type"])
        if state["Resource"].endswith(".waitForTaskToken"):
            yield from self._wait(state, data)
            return state["Next"], data
        result = self._retried(state, lambda: self._call(state, data))
        if "ResultSelector" in state:
            result = _fill(state["ResultSelector"], {"Payload": result}, {})
        return state["Next"], _put(data, state["ResultPath"], result)

    def _call(self, state: dict[str, Any], data: dict[str, Any]) -> Any:
        parameters = _fill(state["Parameters"], data, {})
        return self._invoke(str(_SUBSTITUTED.sub(r"\1", parameters["FunctionName"])), parameters["Payload"])

    def _wait(self, state: dict[str, Any], data: dict[str, Any]) -> Iterator[None]:
        def ask() -> None:
            # Each try of the task has a token of its own.
            self._execution.token, self._execution.answer = self._new_token(), None
            self._ask(_fill(state["Parameters"], data, {"$$.Task.Token": self._execution.token}))

        self._retried(state, ask)
        while (answer := self._execution.answer) is None:
            yield
        self._execution.token = None
        if "error" in answer:
            raise StateFailed(answer["error"], answer.get("cause", ""))

    def _retried(self, state: dict[str, Any], attempt: Callable[[], Any]) -> Any:
        used = [0] * len(state["Retry"])
        while True:
            try:
                return attempt()
            except StateFailed as failed:
                place = next((n for n, r in enumerate(state["Retry"]) if failed.error in r["ErrorEquals"]), None)
                if place is None or used[place] >= state["Retry"][place]["MaxAttempts"]:
                    raise
                retrier = state["Retry"][place]
                pause = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** used[place]
                self._sleep(min(pause, retrier.get("MaxDelaySeconds", pause)))
                used[place] += 1


def _catcher(state: dict[str, Any], error: str) -> dict[str, Any] | None:
    named = (c for c in state.get("Catch", ()) if error in c["ErrorEquals"] or "States.ALL" in c["ErrorEquals"])
    return next(named, None)


def _at(data: dict[str, Any], path: str) -> Any:
    found: Any = data
    for name in path.removeprefix("$").split(".")[1:]:
        found = found[name]
    return found


def _put(data: dict[str, Any], path: str | None, result: Any) -> dict[str, Any]:
    return data if path is None else {**data, path.removeprefix("$."): result}


def _fill(template: Any, data: dict[str, Any], context: dict[str, Any]) -> Any:
    """A payload template filled from the state's input and the context object."""
    if isinstance(template, list):
        return [_fill(each, data, context) for each in template]
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): _value(value, data, context) if key.endswith(".$") else _fill(value, data, context)
        for key, value in template.items()
    }


def _value(path: str, data: dict[str, Any], context: dict[str, Any]) -> Any:
    if path in context:
        return context[path]
    if formatted := re.fullmatch(r"States\.Format\('([^']*)', (\$[\w.]+)\)", path):
        return formatted[1].replace("{}", str(_at(data, formatted[2])))
    if not re.fullmatch(r"\$[\w.]*", path):
        raise NotImplementedError(path)
    return _at(data, path)
