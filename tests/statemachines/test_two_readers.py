"""Every definition is read twice, by readers who know nothing of each other; together they see what one misses.

Linters never see ASL that is deployed as an asset, and CloudFormation reads it only in an account.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from infra.settings import ROOT
from tests.statemachines.readers import PACKAGE, filled, local_complaint, npm_complaint

DEFINITIONS = sorted((ROOT / "statemachines").glob("*.asl.json"))
States = dict[str, Any]
BOTH, LOCAL, NPM = {"local", "npm"}, {"local"}, {"npm"}


@dataclass(frozen=True)
class Fault:
    """A mistake somebody may make in `refresh.asl.json`, and which readers see it."""

    plant: Callable[[States, States], object]
    seen_by: set[str]


def _rename(state: States, old: str, new: str) -> None:
    state[new] = state.pop(old)


#: `plant` gets the whole definition and its states.
FAULTS: dict[str, Fault] = {
    "dangling Next": Fault(lambda _, s: s["Resolve"].update(Next="Nowhere"), BOTH),
    "no StartAt": Fault(lambda d, _: d.pop("StartAt"), BOTH),
    "unreachable state": Fault(lambda _, s: s.update(Island={"Type": "Pass", "Next": "Done"}), BOTH),
    "unknown Choice operator": Fault(
        lambda _, s: _rename(s["HasAnythingChanged"]["Choices"][0], "BooleanEquals", "BooleanEqual"), BOTH
    ),
    "States.ALL caught before the rest": Fault(lambda _, s: s["RequestSignOff"]["Catch"].reverse(), LOCAL),
    "ARN of no integration": Fault(lambda _, s: s["OpenRun"].update(Resource="arn:aws:states:::lambda:invok"), LOCAL),
    "End beside Next": Fault(lambda _, s: s["Resolve"].update(End=True), BOTH),
    "Task without Resource": Fault(lambda _, s: s["Resolve"].pop("Resource"), BOTH),
    "Retry that comes sooner each time": Fault(lambda _, s: s["Resolve"]["Retry"][0].update(BackoffRate=0.5), LOCAL),
    "path that does not end": Fault(lambda _, s: s["Resolve"].update(ResultPath="$.a["), NPM),
    "unknown field": Fault(lambda _, s: s["Resolve"].update(TimeoutSecond=5), BOTH),
}


@pytest.fixture(scope="module")
def definition() -> States:
    return filled((ROOT / "statemachines" / "refresh.asl.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def npm() -> None:
    if not PACKAGE.is_dir():
        pytest.skip("the second reader is not installed: run make asl-reader")


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_neither_reader_says_anything_against_what_is_deployed(path: Any, npm: None) -> None:
    deployed = filled(path.read_text(encoding="utf-8"))
    assert (local_complaint(deployed), npm_complaint(deployed)) == ("", "")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen(name: str, definition: States, npm: None) -> None:
    fault, planted = FAULTS[name], copy.deepcopy(definition)
    fault.plant(planted, planted["States"])
    assert planted != definition
    said = {"local": local_complaint(planted), "npm": npm_complaint(planted)}
    assert {reader for reader, complaint in said.items() if complaint} == fault.seen_by, said


def test_eleven_faults_need_both_readers() -> None:
    assert len(FAULTS) == 11
    seen = [fault.seen_by for fault in FAULTS.values()]
    assert all(seen)
    assert LOCAL in seen
    assert NPM in seen
