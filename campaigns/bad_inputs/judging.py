"""Judges one bad file in a process of its own: what the reader makes of it, and what a person gets to see.

The child reads the file as its slot's source, checks the ledger row by row, and then runs the real `fivetier compare`
with it. Time (of the processor: others may be at work beside us) and memory are the child's, for both together.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import unicodedata
import warnings
from pathlib import Path
from typing import Any

from fivetier.aws.parquet import to_parquet
from fivetier.domain.errors import InputError
from fivetier.domain.tiers import Lob
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.reader import FeedBatch, read_feed
from fivetier.web.report_page import render_report

from campaigns.bad_inputs.case import AEQUALIS, DIRECTORY, MONTHLY, NEW, OLD, Case, sample_path
from campaigns.scoring import Score
from fivetier_cli import main

LOB = Lob.MEDICARE_ADVANTAGE
MAX_SECONDS, MAX_MB, MAX_MESSAGE = 30, 1024, 2_000
EXITS = (0, 2, 3)
#: Hard stops, so that a runaway file ends its own trial and not the campaign.
_STOP_SECONDS, _STOP_BYTES = 4 * MAX_SECONDS, 3 * 1024**3


def judge(case: Case, folder: Path) -> Score:
    """Write the file, judge it in a child, and score what came of it."""
    path = folder / case.file_name
    expected = _made(case, path)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        found, usage, seconds = _in_child(case, path, Path(own), expected)
    path.unlink()
    cpu = usage.ru_utime + usage.ru_stime
    misses = [*found.pop("misses"), *_cost(cpu, usage.ru_maxrss // 1024)]
    outcome = found.pop("outcome")
    if case.refused is not None and outcome in ("read", "refused") and (outcome == "refused") != case.refused:
        misses.append(f"it was {outcome}")
    facts = found | {"seconds": round(cpu, 2), "wall": round(seconds, 2), "mb": usage.ru_maxrss // 1024}
    return Score(case.family, case.name, outcome, tuple(misses), facts)


def _cost(seconds: float, megabytes: int) -> list[str]:
    misses = [f"it took {seconds:.0f} s of the processor"] if seconds > MAX_SECONDS else []
    return misses + ([f"it took {megabytes:,} MB"] if megabytes > MAX_MB else [])


def _fork() -> int:
    """Fork, which later Pythons warn of when a library has threads: the child starts its own and uses none of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _made(case: Case, path: Path) -> int | None:
    """Make the file, and count it, in a child: a large one must not count for those after it."""
    counted = path.with_suffix(".count")
    child = _fork()
    if child == 0:
        data = case.data()
        path.write_bytes(data)
        if case.count is not None:
            counted.write_text(str(case.count(data)))
        os._exit(0)
    os.waitpid(child, 0)
    if case.count is None:
        return None
    expected = int(counted.read_text())
    counted.unlink()
    return expected


def _in_child(
    case: Case, path: Path, own: Path, expected: int | None
) -> tuple[dict[str, Any], resource.struct_rusage, float]:
    answer, started = own / "answer.json", time.monotonic()
    child = _fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (_STOP_BYTES, _STOP_BYTES))
        signal.alarm(_STOP_SECONDS)
        answer.write_text(json.dumps(_judged(case, path, own, expected)), encoding="utf-8")
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - started
    if answer.exists():
        return json.loads(answer.read_text(encoding="utf-8")), usage, seconds
    ended = f"the process ended by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "the process ended"
    return {"outcome": "crashed", "misses": [ended]}, usage, seconds


def _judged(case: Case, path: Path, own: Path, expected: int | None) -> dict[str, Any]:
    data = path.read_bytes()
    try:
        found = _read(case, data, expected)
    except BaseException as error:  # noqa: BLE001 - whatever else comes is the miss this campaign looks for
        return {"outcome": "crashed", "misses": [f"{type(error).__name__}: {error}"[:300]], "trace": _trace(error)}
    found["misses"] += shown(case, path, own)
    return found


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-3000:]


# ---- the reader ------------------------------------------------------------------------------------------


def _read(case: Case, data: bytes, expected: int | None) -> dict[str, Any]:
    try:
        batch = read_feed(data, file_name=case.file_name, mapping=mapping_of(case.source), run_id="campaign", lob=LOB)
    except InputError as refusal:
        return {"outcome": "refused", "error": refusal.code, "misses": unclear(str(refusal), case.file_name)}
    misses = unaccounted(batch)
    if expected is not None and expected != batch.landed_rows:
        misses.append(f"{batch.landed_rows} rows landed, the file has {expected}")
    ledger = {
        "landed": batch.landed_rows,
        "normalized": batch.rows.num_rows,
        "quarantined": batch.quarantined.num_rows,
        "suppressed": batch.suppressed.num_rows,
    }
    return {"outcome": "read", "ledger": ledger, "misses": misses}


def unclear(message: str, file_name: str) -> list[str]:
    """What is wrong with a refusal as a person reads it."""
    misses = [] if file_name in message else [f"the refusal does not name the file: {message[:100]!r}"]
    if len(message) > MAX_MESSAGE:
        misses.append(f"the refusal is {len(message):,} letters long")
    return misses


def unaccounted(batch: FeedBatch) -> list[str]:
    """Rows that are in no table, in two, or in quarantine without saying why."""
    tables = (batch.rows, batch.quarantined, batch.suppressed)
    numbers = [number for table in tables for number in table.column("row_number").to_pylist()]
    misses = []
    if len(numbers) != batch.landed_rows:
        misses.append(f"{batch.landed_rows} landed = {' + '.join(str(t.num_rows) for t in tables)} does not tie")
    if len(set(numbers)) != len(numbers):
        misses.append("a row went two ways")
    for row in batch.quarantined.to_pylist():
        if not (row["reason_code"] and row["message"] and row["row_number"] and row["source_object"]):
            misses.append(f"row {row['row_number']} is quarantined without file, reason or message")
            break
    for table in tables:
        to_parquet(table)  # what a run stages must be writable
    return misses


# ---- the person ------------------------------------------------------------------------------------------


def shown(case: Case, path: Path, own: Path) -> list[str]:
    """Run `fivetier compare` on the sample with this file in its place; say what is wrong with what it shows."""
    files = [str(sample_path(source, OLD)) for source in (DIRECTORY, MONTHLY, AEQUALIS)]
    files += [
        str(path if source == case.source else sample_path(source, NEW)) for source in (DIRECTORY, MONTHLY, AEQUALIS)
    ]
    page = own / "page.html"
    code, output = _run(["compare", *files, "--html", str(page)], own)
    misses = hidden_in(output)
    if code not in EXITS:
        misses.append(f"fivetier compare ended with {code}: {output[-300:]!r}")
    if code == 0 and "DOES NOT TIE" in output:
        misses.append("the report does not tie")
    if page.exists():
        misses += [f"page: {miss}" for miss in hidden_in(page.read_text(encoding="utf-8"), case.planted)]
    return misses


def hidden_in(text: str, planted: str | None = None) -> list[str]:
    """A trace of our code, a planted attack on a page, or a character that acts on a terminal."""
    misses = ["a traceback was shown"] if "Traceback (most recent call last)" in text else []
    if planted is not None and planted in text:
        misses.append(f"{planted!r} was shown as it is")
    if acting := {char for char in text if unicodedata.category(char) == "Cc" and char not in "\n\t"}:
        misses.append(f"control characters were shown: {sorted(acting)}")
    return misses


def _run(arguments: list[str], own: Path) -> tuple[int, str]:
    """The command as the shell runs it, in this child: its exit code and all it says."""
    said = own / "said.txt"
    with said.open("wb") as sink:
        for stream in (1, 2):
            os.dup2(sink.fileno(), stream)
    sys.argv = ["fivetier", *arguments]
    code = 0
    try:
        main.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the interpreter would print it just so
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code, said.read_text(encoding="utf-8", errors="replace")


#: Imported once in the parent, so that every child has them.
WARM = (render_report,)
