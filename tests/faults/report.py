"""The one report of a campaign: step by fault with n/n, and every miss with the name that replays it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.wire import KINDS


def text(results: Sequence[Any], *, scope: str, seed: int, seconds: float) -> str:
    """The report for people.

    Args:
        results: of every case.
        scope: what was tried of what there is.
        seed: what picked.
        seconds: how long it took.
    """
    tried = Counter((r.step, r.kind) for r in results)
    held = Counter((r.step, r.kind) for r in results if not r.problems)
    steps = list(dict.fromkeys(r.step for r in results))
    kinds = [kind for kind in (*KINDS, "double", "turns") if any(r.kind == kind for r in results)]
    width = max(map(len, [*steps, "step"]), default=4)
    lines = [" ".join([f"{'step':<{width}}", *(f"{kind:>14}" for kind in kinds)])]
    for step in steps:
        cells = [f"{held[step, kind]}/{tried[step, kind]}" if tried[step, kind] else "." for kind in kinds]
        lines.append(" ".join([f"{step:<{width}}", *(f"{cell:>14}" for cell in cells)]))
    misses = [result for result in results if result.problems]
    states = Counter(result.state for result in results)
    doubles, matches = (sum(result.kind == kind for result in results) for kind in ("double", "turns"))
    looks = sum(result.looks for result in results)
    lines += [
        "",
        f"held {len(results) - len(misses)}/{len(results)} in {seconds:.0f} s, seed {seed}",
        f"tried: {scope}, {doubles} double faults, {matches} seeds of two runs at once",
        f"readers looked {looks} times",
        f"ended: {', '.join(f'{state} {count}' for state, count in states.most_common())}",
    ]
    lines.append(
        'again: make faults ARGS="--seed N", one case: ARGS="--replay CASE", every distinct one: ARGS=--distinct'
    )
    for miss in misses:
        lines += ["", f"MISS {miss.name} ({miss.step}): {miss.state}; replay with --replay {miss.name}"]
        lines += [f"  {problem}" for problem in miss.problems]
    return "\n".join(lines)


def write(folder: Path, results: Sequence[Any], shown: str, *, scope: str, seed: int, seconds: float) -> None:
    """Write `faults.txt` and `faults.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.txt").write_text(shown + "\n", encoding="utf-8")
    facts = {"scope": scope, "seed": seed, "seconds": round(seconds), "cases": [asdict(result) for result in results]}
    (folder / "faults.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
