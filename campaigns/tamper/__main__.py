"""`make tamper`: every object, every mutation, each export verified off line; then the same on the local stack."""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from fivetier.app.evidence import Evidence, gather
from fivetier.app.proving import prove

from campaigns.scoring import Score, finish, progress
from campaigns.tamper.attacks import BEYOND, NEEDS_ANCHOR, Attack, copied, every_attack
from campaigns.tamper.copies import every_spoiled_copy
from campaigns.tamper.scene import published_world
from fivetier_cli import evidence_folder
from tests.fakes.world import World
from tests.support.cli import Answer, run
from tests.support.rehearsal import MA


def verified(folder: Path, *anchors: str) -> Answer:
    """`fivetier audit verify` on an export; no stack, no store."""
    given = [part for anchor in anchors for part in ("--anchor", anchor)]
    return run("audit", "verify", "--from", str(folder), "--json", *given)


def exported(world: World, folder: Path) -> Evidence:
    """What `fivetier audit export` writes."""
    evidence = gather(MA, world)
    evidence_folder.write(evidence, folder)
    return evidence


def judged(attack: Attack, world: World, head: str) -> Score:
    """Apply an attack to a copy of the world, export it, and verify it twice: by itself, and with the head kept."""
    spoiled = copied(world)
    attack.apply(spoiled)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "evidence"
        exported(spoiled, folder)
        return _score(attack, verified(folder), verified(folder, head))


def _score(attack: Attack, alone: Answer, kept: Answer) -> Score:
    misses = [f"the verifier failed: {a.err[-300:]}" for a in (alone, kept) if a.exit_code not in (0, 2, 4)]
    by_itself, with_head = alone.exit_code != 0, kept.exit_code != 0
    outcome = "detected" if by_itself else "detected by the kept head" if with_head else "not detected"
    if attack.limit is None and not by_itself:
        misses.append(f"not detected without a kept head ({attack.target})")
    elif attack.limit == NEEDS_ANCHOR and not with_head:
        misses.append(f"not detected with a kept head ({attack.target})")
    elif attack.limit == BEYOND:
        outcome = f"{outcome} (limit)"
    said = alone if by_itself else kept
    first = next(iter(said.json["problems"]), "") if said.exit_code == 4 else said.err.strip()
    facts = {"mutation": attack.mutation, "limit": attack.limit, "said": first[:200]}
    return Score(attack.kind, f"{attack.mutation}: {attack.target}", outcome, tuple(misses), facts)


def on_copies(world: World, seed: int) -> Iterator[Score]:
    """The export itself spoiled, file by file and fact by fact."""
    with tempfile.TemporaryDirectory() as name:
        good = Path(name) / "good"
        head = str(prove(exported(world, good)).head)
        for attack, folder in every_spoiled_copy(good, Path(name) / "spoiled", random.Random(seed)):
            yield _score(attack, verified(folder), verified(folder, head))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(prog="make tamper", description=__doc__)
    parser.add_argument("--seed", type=int, default=20261122, help="replays the places of changed bytes")
    parser.add_argument("--no-stack", action="store_true", help="fakes and copies only; a minute less")
    parser.add_argument("--out", type=Path, default=Path("reports/tamper"))
    asked = parser.parse_args(arguments)
    world = published_world().world
    proof = prove(gather(MA, world))
    if proof.problems:
        raise SystemExit(f"the untouched world does not verify: {proof.problems}")
    attacks = list(every_attack(world))
    scores = []
    with progress() as bar:
        task = bar.add_task("stored objects", total=len(attacks))
        for attack in attacks:
            scores.append(judged(attack, world, str(proof.head)))
            bar.advance(task)
        bar.update(task, description="exported copies", total=None)
        scores += on_copies(world, asked.seed)
        if not asked.no_stack:
            from campaigns.tamper.stack import on_the_stack

            bar.update(task, description="the local stack")
            scores += on_the_stack(asked.seed)
    limits = Counter(
        (s.kind, s.facts["mutation"], s.outcome) for s in scores if s.facts["limit"] and s.outcome != "detected"
    )
    notes = ["", "Not shown by the evidence alone (ADR 15):"]
    notes += [f"  {kind}: {mutation}: {n} {outcome}" for (kind, mutation, outcome), n in limits.items()]
    expected = [score for score in scores if score.facts["limit"] != BEYOND]
    return finish(
        "tamper",
        expected,
        asked.out,
        notes=notes,
        seed=asked.seed,
        detected_by_the_evidence_alone=sum(score.outcome == "detected" for score in expected),
        detected_by_a_kept_head_only=sum(score.outcome == "detected by the kept head" for score in expected),
        beyond_off_line_proof=len(scores) - len(expected),
        by_mutation={
            f"{kind}: {mutation}": f"{sum(not s.misses for s in found)}/{len(found)}"
            for kind, mutation in dict.fromkeys((s.kind, s.facts["mutation"]) for s in expected)
            for found in [[s for s in expected if (s.kind, s.facts["mutation"]) == (kind, mutation)]]
        },
    )


if __name__ == "__main__":
    sys.exit(main())
