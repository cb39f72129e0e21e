"""The campaign's own machinery: it holds where the product does, and finds a defect that is planted.

Part of `make faults`, not of `make test`: each starts the campaign as a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.planted import PLANTS

ROOT = Path(__file__).parents[2]


def campaign(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: it emulates AWS for the rest of its life."""
    command = [sys.executable, "-m", "tests.faults.campaign", "--workers", "2", *arguments]
    # What else ran in this process may have pointed the SDK or the product somewhere else.
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FIVETIER_"))}
    return subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)


def test_cases_hold_and_are_counted_by_step_and_fault() -> None:
    done = campaign("--replay", "fail/2/0/crash_before", "--replay", "fail/2/0/throttle")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "held 2/2" in done.stdout


#: Every planted defect, a case that finds it, and what that case must say. The crash lies amid the publisher's calls,
#: between the first table it adds files to and the last, so that a few calls more or less move it nowhere else.
FOUND = {
    "lost_events": ("fail/2/0/throttle", "0 events"),
    "double_files": ("first/20/90/crash_after", "2 files in"),
    "row_first": ("first/21/0/throttle", "readers saw"),
    "no_signatures": ("first/21/0/throttle", "was published on the signatures of"),
}


def test_each_planted_defect_has_its_case() -> None:
    assert FOUND.keys() == PLANTS.keys()


@pytest.mark.parametrize("plant", FOUND)
def test_a_planted_defect_is_found_and_told_with_the_name_that_replays_it(plant: str) -> None:
    case, complaint = FOUND[plant]
    done = campaign("--plant", plant, "--replay", case)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"MISS {case}" in done.stdout
    assert complaint in done.stdout


@pytest.mark.parametrize("case", sorted({case for case, _ in FOUND.values()}))
def test_the_same_case_holds_without_the_defect(case: str) -> None:
    assert campaign("--replay", case).returncode == 0
