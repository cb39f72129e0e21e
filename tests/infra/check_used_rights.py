"""Granted is used: what the functions may do in the template, against what they do on every path (`tests/rights`).

Minutes long, so `make iam` runs it and `make test` does not.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.stacks.function_table import FUNCTIONS
from tests.infra.assembly import Assembly
from tests.rights import compare
from tests.rights.compare import Use, missing, stale, unused

ROOT = Path(__file__).parents[2]
#: The state machine's own transaction; its role is compared on the local stack, in `tests/e2e/test_roles.py`.
OF_THE_MACHINE = "RequestSignOff"


@pytest.fixture(scope="module")
def granted(assembly: Assembly) -> list[Use]:
    return [use for spec in FUNCTIONS for use in compare.granted(spec.name, assembly.rights_of_function(spec.name))]


@pytest.fixture(scope="module")
def observed() -> list[Use]:
    """In a process of its own: it emulates AWS for the rest of its life."""
    command = [sys.executable, "-m", "tests.rights.observe"]
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FIVETIER_"))}
    done = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [
        (f, action, resource) for f, action, resource in json.loads(done.stdout.splitlines()[-1]) if f != OF_THE_MACHINE
    ]


def test_every_function_was_seen_at_work(observed: list[Use]) -> None:
    assert {function for function, _, _ in observed} == {spec.name for spec in FUNCTIONS}


def test_nothing_is_granted_that_nothing_uses(granted: list[Use], observed: list[Use]) -> None:
    assert unused(granted, observed) == []


def test_nothing_is_used_that_is_not_granted(granted: list[Use], observed: list[Use]) -> None:
    assert missing(granted, observed) == []


def test_no_exception_outlives_its_reason(granted: list[Use], observed: list[Use]) -> None:
    assert stale(granted, observed) == []


def test_an_exception_without_its_right_and_one_that_is_used_are_stale(granted: list[Use], observed: list[Use]) -> None:
    first, second, *_ = sorted(compare.KEPT)
    assert stale([right for right in granted if right != first], [*observed, second]) == [first, second]


def test_a_right_too_many_and_one_too_few_are_found(granted: list[Use], observed: list[Use]) -> None:
    spare = ("open_run", "s3:GetObject", "s3:audit/audit/*")
    assert unused([*granted, spare], observed) == [spare]
    other = ("close_run", "dynamodb:LeadingKeys", "dynamodb:ops/LOB#")
    assert unused([*granted, other], observed) == [other]
    less = [right for right in granted if right[:2] != ("send_mail", "ses:SendEmail")]
    assert missing(less, observed) == [("send_mail", "ses:SendEmail", "ses:identity")]
