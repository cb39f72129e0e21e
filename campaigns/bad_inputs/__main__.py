"""`make bad-inputs`: every family, or those named, judged file by file."""

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from campaigns.bad_inputs import cell_values, packed_files, text_files
from campaigns.bad_inputs.case import AEQUALIS, DIRECTORY, MONTHLY, NEW, OLD, Case, sample_path
from campaigns.bad_inputs.judging import EXITS, MAX_MB, MAX_SECONDS, hidden_in, judge
from campaigns.scoring import Score, finish, progress

FIVETIER = str(Path(sys.executable).with_name("fivetier"))
Family = Callable[[random.Random], Iterator[Case]]
FAMILIES: tuple[Family, ...] = (*text_files.FAMILIES, *cell_values.FAMILIES, *packed_files.FAMILIES)


def cases(seed: int) -> list[Case]:
    """Every case; a family's randomness depends on the seed and its own name only."""
    return [case for family in FAMILIES for case in family(random.Random(f"{seed} {family.__name__}"))]


def as_typed(case: Case, folder: Path) -> Score:
    """The command as somebody types it, in a process of its own."""
    path = folder / case.file_name
    path.write_bytes(case.data())
    sources = (DIRECTORY, MONTHLY, AEQUALIS)
    new = [str(path if source == case.source else sample_path(source, NEW)) for source in sources]
    command = [FIVETIER, "compare", *(str(sample_path(s, OLD)) for s in sources), *new]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120, check=False)
    path.unlink()
    misses = hidden_in(done.stdout + done.stderr)
    if done.returncode not in EXITS:
        misses.append(f"exit code {done.returncode}: {done.stderr[-300:]!r}")
    outcome = "read" if done.returncode == 0 else "refused"
    return Score("as typed", f"{case.family}: {case.name}", outcome, tuple(misses))


def run(chosen: Sequence[Case], typed: Sequence[Case]) -> list[Score]:
    """Judge them all, with a bar."""
    scores = []
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        task = bar.add_task("", total=len(chosen) + len(typed))
        for judges, of in ((judge, chosen), (as_typed, typed)):
            for case in of:
                bar.update(task, description=f"{case.family}: {case.name}"[:50])
                scores.append(judges(case, Path(folder)))
                bar.advance(task)
    return scores


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(prog="make bad-inputs", description=__doc__)
    parser.add_argument("--seed", type=int, default=20261122, help="replays the random families")
    parser.add_argument(
        "--only", action="append", default=[], help="families and cases whose name holds this text; repeatable"
    )
    parser.add_argument("--out", type=Path, default=Path("reports/bad-inputs"))
    asked = parser.parse_args(arguments)
    wanted = asked.only or [""]
    every = [c for c in cases(asked.seed) if any(text in f"{c.family}: {c.name}" for text in wanted)]
    one_each = {case.family: case for case in every}
    scores = run(every, list(one_each.values()))
    read = [score for score in scores if "ledger" in score.facts]
    return finish(
        "bad inputs",
        scores,
        asked.out,
        seed=asked.seed,
        files=len(every),
        families=len(one_each),
        counted_independently=sum(case.count is not None for case in every),
        ledgers=f"{len(read)} files read, {sum(s.facts['ledger']['landed'] for s in read):,} rows landed",
        slowest=f"{max((s.facts.get('seconds', 0) for s in scores), default=0)} s (limit {MAX_SECONDS})",
        largest=f"{max((s.facts.get('mb', 0) for s in scores), default=0)} MB (limit {MAX_MB})",
    )


if __name__ == "__main__":
    sys.exit(main())
