"""The campaigns catch planted defects: a reader that loses a row, crashes or rambles, a verifier that looks away."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fivetier.app import proving

from campaigns.bad_inputs import judging
from campaigns.bad_inputs.__main__ import FAMILIES, cases
from campaigns.bad_inputs.case import DIRECTORY, Case, sample_bytes
from campaigns.scoring import Score, finish
from campaigns.tamper.__main__ import judged
from campaigns.tamper.attacks import BEYOND, Attack, every_attack
from campaigns.tamper.scene import published_world

ROOT = Path(__file__).parents[3]
GOOD = Case("test", "good", DIRECTORY, lambda: sample_bytes(DIRECTORY), count=lambda _: 51, refused=False)


def judge_in_this_process(case: Case, folder: Path) -> list[str]:
    """What `judge` finds in its child, without one."""
    data = case.data()
    return list(judging._read(case, data, case.count(data) if case.count else None)["misses"])


def test_there_are_enough_files_and_a_seed_replays_them() -> None:
    one, two, other = cases(1), cases(1), cases(2)
    assert len(one) >= 400
    assert len({case.family for case in one}) == len(FAMILIES) >= 19
    assert len({(case.family, case.name) for case in one}) == len(one)
    damaged = [case.data() for case in one if case.family == "random damage"]
    assert damaged == [case.data() for case in two if case.family == "random damage"]
    assert damaged != [case.data() for case in other if case.family == "random damage"]


def test_a_file_is_judged_in_a_process_of_its_own(tmp_path: Path) -> None:
    """In a fresh interpreter, as the campaign runs: a child of this one inherits locks of threads it does not have."""
    script = (
        "import json, pathlib, sys; from campaigns.bad_inputs import judging; "
        "from campaigns.bad_inputs.case import DIRECTORY, Case, sample_bytes; "
        "good = Case('test', 'good', DIRECTORY, lambda: sample_bytes(DIRECTORY), count=lambda _: 51, refused=False); "
        "score = judging.judge(good, pathlib.Path(sys.argv[1])); "
        "print(json.dumps([score.outcome, score.misses, score.facts['ledger']]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    outcome, misses, ledger = json.loads(done.stdout)
    assert (outcome, misses) == ("read", [])
    assert ledger == {"landed": 51, "normalized": 50, "quarantined": 1, "suppressed": 0}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (ZeroDivisionError("boom"), "ZeroDivisionError: boom"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_another_exception_is_a_miss(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, planted: BaseException, found: str
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise planted

    monkeypatch.setattr(judging, "read_feed", crash)
    path = tmp_path / GOOD.file_name
    path.write_bytes(GOOD.data())
    judged_file = judging._judged(GOOD, path, tmp_path, 51)
    assert judged_file["outcome"] == "crashed"
    assert judged_file["misses"][0].startswith(found)


def test_a_lost_row_is_a_miss(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    honest = judging.read_feed

    def lossy(*given: Any, **named: Any) -> Any:
        batch = honest(*given, **named)
        object.__setattr__(batch, "rows", batch.rows.slice(1))
        return batch

    monkeypatch.setattr(judging, "read_feed", lossy)
    assert judge_in_this_process(GOOD, tmp_path) == ["51 landed = 49 + 1 + 0 does not tie"]


def test_a_row_the_reader_never_saw_is_a_miss(tmp_path: Path) -> None:
    wrong = Case("test", "one more", DIRECTORY, GOOD.data, count=lambda _: 52)
    assert judge_in_this_process(wrong, tmp_path) == ["51 rows landed, the file has 52"]


def test_a_row_that_went_two_ways_is_a_miss(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    honest = judging.read_feed

    def doubling(*given: Any, **named: Any) -> Any:
        batch = honest(*given, **named)
        rows = batch.rows
        object.__setattr__(batch, "rows", pa.concat_tables([rows.slice(1), rows.slice(1, 1)]))
        return batch

    monkeypatch.setattr(judging, "read_feed", doubling)
    assert judge_in_this_process(GOOD, tmp_path) == ["a row went two ways"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Traceback (most recent call last):", "a traceback was shown"),
        ("\x1b[31m", "control characters were shown"),
        ("a <script> b", "was shown as it is"),
    ],
)
def test_what_a_person_must_not_see_is_a_miss(text: str, found: str) -> None:
    (miss,) = judging.hidden_in(text, "<script>")
    assert found in miss


def test_a_long_or_nameless_refusal_is_a_miss() -> None:
    assert len(judging.unclear("x" * 3000, "a.csv")) == 2
    assert judging.unclear("a.csv: the file is empty.", "a.csv") == []


def test_a_miss_or_an_empty_campaign_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = Score("k", "a", "read"), Score("k", "b", "read", ("it was wrong",))
    assert finish("t", [good], tmp_path) == 0
    assert finish("t", [], tmp_path) == 1
    assert finish("t", [good, bad], tmp_path) == 1
    assert "MISS k / b: it was wrong" in capsys.readouterr().out
    assert "t: 1/2" in (tmp_path / "report.txt").read_text()


@pytest.fixture(scope="module")
def attacks() -> tuple[Any, list[Attack], str]:
    world = published_world().world
    return world, list(every_attack(world)), proving.prove(proving_evidence(world)).head or ""


def proving_evidence(world: Any) -> Any:
    from fivetier.app.evidence import gather

    return gather("medicare_advantage", world)  # type: ignore[arg-type]


def sampled(attacks: list[Attack]) -> list[Attack]:
    """One of each kind and mutation."""
    shuffled = random.Random(3).sample(attacks, len(attacks))
    return list({(attack.kind, attack.mutation): attack for attack in shuffled}.values())


def test_one_of_each_attack_is_detected_or_is_a_known_limit(attacks: tuple[Any, list[Attack], str]) -> None:
    world, every, head = attacks
    chosen = sampled(every)
    assert {attack.kind for attack in chosen} == {
        *("audit object", "manifest", "report", "staged file", "published file", "release row", "whole release")
    }
    missed = [score for attack in chosen if (score := judged(attack, world, head)).misses]
    assert missed == []
    assert [attack.mutation for attack in every if attack.limit == BEYOND] == ["append a forged one"]


@pytest.mark.parametrize(
    ("blind", "kind"),
    [("frozen", "manifest"), ("rows", "release row"), ("_lake", "published file"), ("_file", "staged file")],
)
def test_a_verifier_that_looks_away_is_a_miss(
    attacks: tuple[Any, list[Attack], str], monkeypatch: pytest.MonkeyPatch, blind: str, kind: str
) -> None:
    world, every, head = attacks
    ignore: Callable[..., None] = lambda *_: None  # noqa: E731
    monkeypatch.setattr(proving._Prover, blind, ignore)
    attack = next(a for a in every if a.kind == kind)
    assert judged(attack, world, head).misses
