"""What `fivetier demo` refuses before it starts anything."""

import json
from pathlib import Path

import pytest

from fivetier_cli import demo
from tests.support.cli import run


@pytest.fixture(autouse=True)
def no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("a stack would have been started")

    monkeypatch.setattr(demo, "start", start)


ENDED_STACK = {"instance": "i", "pid": 2**22 + 1, "endpoint_url": "", "issuer_url": "", "started_at": ""}


def test_a_folder_somebody_works_in_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text(json.dumps(ENDED_STACK))
    (tmp_path / "work").write_text("mine")
    answer = run("demo", "--state-dir", str(tmp_path))
    assert (answer.exit_code, "was not made by a demo" in answer.err) == (2, True)
    assert (tmp_path / "work").read_text() == "mine"


def test_without_files_of_two_months_nothing_starts(tmp_path: Path) -> None:
    state = tmp_path / "state"
    answer = run("demo", "--data", str(tmp_path), "--state-dir", str(state))
    assert (answer.exit_code, "two months of MA_Contract_directory" in answer.err) == (2, True)
    assert not state.exists()


def test_an_installation_without_the_sample_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SAMPLE", tmp_path / "gone")
    answer = run("demo", "--state-dir", str(tmp_path / "state"))
    assert (answer.exit_code, "from a clone, or give --data" in answer.err) == (2, True)
