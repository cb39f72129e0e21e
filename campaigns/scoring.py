"""What every campaign leaves behind: progress while it runs, then a JSON and a text report, and an exit code."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@dataclass(frozen=True)
class Score:
    """One trial: what kind it was, what came of it, and why it is a miss if it is one."""

    kind: str
    name: str
    outcome: str
    misses: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def progress() -> Progress:
    """A bar on standard error, which stays out of piped output."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True)


def finish(title: str, scores: Sequence[Score], folder: Path, *, notes: Sequence[str] = (), **facts: Any) -> int:
    """Write `report.json` and `report.txt`, print the latter, and return the exit code: 1 on any miss, or no trial."""
    missed = [score for score in scores if score.misses]
    good = len(scores) - len(missed)
    lines = [f"{title}: {good}/{len(scores)}", *(f"  {name}: {value}" for name, value in facts.items()), ""]
    outcomes = sorted({score.outcome for score in scores})
    for kind in dict.fromkeys(score.kind for score in scores):
        of_kind = [score for score in scores if score.kind == kind]
        held = sum(not score.misses for score in of_kind)
        counts = Counter(score.outcome for score in of_kind)
        shown = ", ".join(f"{counts[outcome]} {outcome}" for outcome in outcomes if counts[outcome])
        lines.append(f"  {kind:<28} {held:>4}/{len(of_kind):<4} {shown}")
    lines += [""] + [f"MISS {score.kind} / {score.name}: {'; '.join(score.misses)}" for score in missed]
    lines += list(notes)
    text = "\n".join(lines).rstrip() + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.txt").write_text(text, encoding="utf-8")
    document = {
        "title": title,
        "good": good,
        "of": len(scores),
        **facts,
        "notes": list(notes),
        "trials": [asdict(score) for score in scores],
    }
    (folder / "report.json").write_text(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n", "utf-8")
    sys.stdout.write(f"{text}\n{folder / 'report.json'}\n")
    return 1 if missed or not scores else 0
