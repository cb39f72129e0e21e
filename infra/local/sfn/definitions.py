"""Which state machine definitions are accepted.

moto's parser checks the grammar only. AWS also follows the transitions, and
refuses targets that do not exist and states nobody reaches. On top of that,
what the local stack does not emulate is refused by name when a machine is
created, never skipped when it runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
)

from infra.local.errors import InvalidDefinition, UnsupportedDefinition
from infra.local.sfn.integrations import is_supported_resource

_MAX_DEFINITION_BYTES: Final = 1024 * 1024
_TERMINAL_TYPES: Final = ("Succeed", "Fail", "Choice")
_UNSUPPORTED_MAP_FIELDS: Final = ("ItemBatcher", "ResultWriter")
_READER_INPUT_TYPES: Final = ("JSON", "CSV")

Machine = Mapping[str, Any]
State = Mapping[str, Any]


def check_definition(text: str) -> None:
    """Accept a definition, or say why not.

    Raises:
        InvalidDefinition: AWS would refuse it.
        UnsupportedDefinition: AWS would run it, the local stack cannot.
    """
    definition = _parse(text)
    if "States" not in definition or not isinstance(definition["States"], dict):
        raise InvalidDefinition(code="SCHEMA_VALIDATION_FAILED", reason="States is missing", location="/")
    for machine, location in _machines(definition, ""):
        _check_query_language(machine, location)
        for name, state in machine["States"].items():
            _check_support(state, f"{location}/States/{name}")
        _check_transitions(machine, location)
    _check_grammar(prepare(text))


def prepare(text: str) -> str:
    """The definition in the words moto's grammar knows.

    It reads ToleratedFailurePercentage as a float and rejects a plain 5.
    """
    definition = json.loads(text)
    for machine, _ in _machines(definition, ""):
        for state in machine["States"].values():
            percentage = state.get("ToleratedFailurePercentage")
            if isinstance(percentage, int):
                state["ToleratedFailurePercentage"] = float(percentage)
    return json.dumps(definition)


def _parse(text: str) -> Machine:
    if len(text.encode()) > _MAX_DEFINITION_BYTES:
        raise InvalidDefinition(code="INVALID_DEFINITION", reason="longer than 1 MiB", location="/")
    try:
        definition = json.loads(text)
    except ValueError as error:
        raise InvalidDefinition(code="INVALID_JSON_DESCRIPTION", reason=str(error), location="/") from error
    if not isinstance(definition, dict):
        raise InvalidDefinition(code="INVALID_JSON_DESCRIPTION", reason="not a JSON object", location="/")
    return definition


def _machines(machine: Machine, location: str) -> Iterator[tuple[Machine, str]]:
    """The machine and every machine inside its Map and Parallel states."""
    yield machine, location
    for name, state in machine["States"].items():
        here = f"{location}/States/{name}"
        for number, branch in enumerate(state.get("Branches", [])):
            yield from _machines(branch, f"{here}/Branches[{number}]")
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                yield from _machines(state[field], f"{here}/{field}")


def _check_query_language(machine: Machine, location: str) -> None:
    parts = [("", machine), *((f"/States/{name}", state) for name, state in machine["States"].items())]
    for suffix, part in parts:
        if part.get("QueryLanguage", "JSONPath") != "JSONPath":
            raise UnsupportedDefinition(
                feature=f"QueryLanguage {part['QueryLanguage']}", location=f"{location}{suffix}"
            )


def _check_support(state: State, location: str) -> None:
    for field in _UNSUPPORTED_MAP_FIELDS:
        if field in state:
            raise UnsupportedDefinition(feature=field, location=f"{location}/{field}")
    reader = state.get("ItemReader", {}).get("ReaderConfig", {})
    input_type = reader.get("InputType", "JSON")
    if input_type not in _READER_INPUT_TYPES:
        raise UnsupportedDefinition(feature=f"ItemReader InputType {input_type}", location=f"{location}/ItemReader")
    resource = state.get("Resource")
    if isinstance(resource, str) and not is_supported_resource(resource):
        raise UnsupportedDefinition(feature=f"the integration {resource}", location=f"{location}/Resource")


def _targets(state: State) -> Iterator[tuple[str, str]]:
    """Every state this one can go to, with the field that says so."""
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Choices", "Catch"):
        for number, rule in enumerate(state.get(field, [])):
            if "Next" in rule:
                yield f"{field}[{number}]/Next", rule["Next"]


def _check_transitions(machine: Machine, location: str) -> None:
    states = machine["States"]
    start = machine.get("StartAt")
    if start not in states:
        raise InvalidDefinition(
            code="MISSING_TRANSITION_TARGET",
            reason=f"Missing 'StartAt' target: {start}",
            location=f"{location}/StartAt",
        )
    for name, state in states.items():
        _check_state_transitions(states, state, f"{location}/States/{name}")
    unreachable = sorted(set(states) - _reachable(states, start))
    if unreachable:
        raise InvalidDefinition(
            code="MISSING_TRANSITION_TARGET",
            reason=f'State "{unreachable[0]}" is not reachable',
            location=f"{location}/States/{unreachable[0]}",
        )


def _check_state_transitions(states: Mapping[str, State], state: State, location: str) -> None:
    for field, target in _targets(state):
        if target not in states:
            raise InvalidDefinition(
                code="MISSING_TRANSITION_TARGET",
                reason=f"Missing 'Next' target: {target}",
                location=f"{location}/{field}",
            )
    for field in ("Catch", "Retry"):
        rules = state.get(field, [])
        for number, rule in enumerate(rules[:-1]):
            if "States.ALL" in rule.get("ErrorEquals", []):
                raise InvalidDefinition(
                    code="SCHEMA_VALIDATION_FAILED",
                    reason="States.ALL must be the last rule: those behind it are never reached",
                    location=f"{location}/{field}[{number}]",
                )
    ends = ("Next" in state) + bool(state.get("End"))
    if state.get("Type") not in _TERMINAL_TYPES and ends != 1:
        raise InvalidDefinition(
            code="SCHEMA_VALIDATION_FAILED",
            reason="a state needs exactly one of Next and End",
            location=location,
        )


def _reachable(states: Mapping[str, State], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(target for _, target in _targets(states[name]))
    return seen


def _check_grammar(prepared: str) -> None:
    try:
        AmazonStateLanguageParser.parse(prepared)
    except ASLParserException as error:
        raise InvalidDefinition(
            code="SCHEMA_VALIDATION_FAILED", reason="; ".join(error.errors), location="/"
        ) from error
    # moto's tree builder raises whatever it trips over: ValueError, RuntimeError,
    # KeyError, RecognitionException. Each means that the definition is not valid.
    except Exception as error:
        raise InvalidDefinition(
            code="SCHEMA_VALIDATION_FAILED",
            reason=f"{type(error).__name__}: {error}",
            location="/",
        ) from error
