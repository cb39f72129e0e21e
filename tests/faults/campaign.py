"""`make faults`: break every call of every step, one at a time, and see whether everything still holds.

`python -m tests.faults.campaign` records each path once, then goes along it again and branches off a process for every
case just before the invocation it is about: the world so far is shared, nothing is built twice. Exit code 1 on a miss.
"""

import argparse
import gc
import itertools
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults import cases as of_log
from tests.faults import report, turns
from tests.faults.branches import Children, Result, branched
from tests.faults.cases import Case
from tests.faults.planted import PLANTS
from tests.faults.scenarios import SCENARIOS, Scenario, World, again, opened, repeated_late
from tests.faults.stage import Invocation

#: Of so many cases one is followed by a second refresh where its run failed, or by every trigger once more.
_AGAIN, _LATE = 8, 12


def recorded(scenario: Scenario) -> list[Invocation]:
    """What a path invokes and calls when nothing goes wrong.

    Raises:
        SystemExit: it does not hold even then.
    """
    children = Children(1)
    if children.is_child(Case(scenario.name, "recording", "none", ())):
        world, begin = opened(scenario.before)
        run_id = scenario.act(world)
        log = [asdict(invocation) for invocation in world.stage.log[begin:]]
        wrong = [*repeated_late(world), *world.problems()]
        if world.state(run_id) != scenario.end:
            wrong.append(f"it ends {world.state(run_id)}")
        children.end({"log": log, "problems": wrong})
    (found,) = children.results()
    if found["problems"]:
        raise SystemExit(f"{scenario.name} without any fault: {found['problems']}")
    return [Invocation(entry["function"], tuple(entry["calls"])) for entry in found["log"]]


def play(scenario: Scenario, cases: Sequence[Case], workers: int, progress: Callable[[Case], None]) -> list[Result]:
    """Go along a path and branch off for each case."""
    return branched(scenario.name, lambda: _along(scenario, cases, workers, progress))


def _along(scenario: Scenario, cases: Sequence[Case], workers: int, progress: Callable[[Case], None]) -> list[Any]:
    branches = Children(workers)
    playing: list[tuple[Case, float]] = []
    world, begin = opened(scenario.before)

    def branch(function: str) -> None:
        number = len(world.stage.log) - begin
        for case in (case for case in cases if not playing and case.faults[0][0] == number):
            progress(case)
            if branches.is_child(case):
                playing.append((case, time.monotonic()))
                world.stage.plan = _plan(case, begin)

    world.stage.before = branch
    gc.collect()
    gc.freeze()
    try:
        run_id = scenario.act(world)
        if playing:
            branches.end(asdict(_judged(world, scenario, run_id, begin, *playing[0])))
    except BaseException as error:
        if not playing:
            raise
        case, begun = playing[0]
        why = f"{type(error).__name__}: {error} {traceback.format_exc(limit=-3)}"
        lost = Result(case.name, scenario.name, case.step, case.kind, "?", (), (why,), 0, time.monotonic() - begun)
        branches.end(asdict(lost))
    return branches.results()


def _plan(case: Case, begin: int) -> dict[int, Any]:
    faults = sorted((begin + number, fault) for number, fault in case.faults)
    return {n: tuple(fault for _, fault in found) for n, found in itertools.groupby(faults, key=lambda pair: pair[0])}


def _judged(world: World, scenario: Scenario, run_id: str, begin: int, case: Case, begun: float) -> Result:
    """See the case to its end and look at what is left."""
    log = world.stage.log[begin:]
    fired = tuple(name for invocation in log for name in invocation.fired)
    number = sum(map(ord, case.name))
    # A function that dies between SES and its note sends again (ADR 13), and so does an SDK that hears no answer.
    met = any(log[n].function == "send_mail" for n, _ in case.faults if n < len(log))
    world.cloud.most_mails = 6 if met and "lost_out" in case.name else 2 if met else 1
    state, wrong = world.state(run_id), []
    if len(case.faults) == 1 and not fired:
        wrong.append("the fault was never reached")
    is_for_good = case.kind.endswith(("_out", "double"))
    # A call that fails for good fails the run; if it hits the closing itself, the rule on the execution closes it.
    if state not in ({scenario.end, "FAILED", "ABANDONED"} if is_for_good else {scenario.end}):
        wrong.append(f"it ends {state}")
    if number % _AGAIN == 0 and state in ("FAILED", "ABANDONED") and scenario.end != "FAILED":
        later = world.state(again(world, run_id))
        state = f"{state}, then {later}"
        if later not in (scenario.end, "PUBLISHED"):
            wrong.append(f"the next refresh ends {later}")
    if number % _LATE == 0:
        wrong += repeated_late(world)
    wrong += world.problems()
    looks, seconds = len(world.reader.seen), time.monotonic() - begun
    return Result(case.name, scenario.name, case.step, case.kind, state, fired, tuple(wrong), looks, round(seconds, 2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign, or replay a case."""
    options = _options(arguments)
    begun = time.monotonic()
    for name in options.plant:
        PLANTS[name]()
    if options.replay and options.replay[0].startswith("turns/"):
        results = turns.play([int(name.split("/")[1]) for name in options.replay], options.workers)
    elif options.replay:
        results = _replayed(options.replay, options.workers)
    else:
        results = _all(options)
    seconds = time.monotonic() - begun
    text = report.text(results, seed=options.seed, seconds=seconds)
    print(text)  # noqa: T201  what the command is for
    if options.report:
        report.write(options.report, results, text, seed=options.seed, seconds=seconds)
    return 1 if any(result.problems for result in results) or not results else 0


def _all(options: argparse.Namespace) -> list[Result]:
    results: list[Result] = []
    tried = of_log.Tried()
    for scenario in (SCENARIOS[name] for name in options.only or SCENARIOS):
        log = recorded(scenario)
        own = [
            n for n in scenario.own([i.function for i in log]) if not options.step or log[n].function in options.step
        ]
        cases = list(of_log.singles(scenario.name, log, own, None if options.all else tried))
        if scenario.name in ("publish", "rollback", "supersede"):
            cases += of_log.doubles(scenario.name, log, seed=options.seed, count=options.doubles)
        results += play(scenario, cases, options.workers, _Progress(scenario.name, len(cases)))
        wrong = sum(bool(result.problems) for result in results)
        print(f"{scenario.name}: {len(cases)} cases, {wrong} misses so far", file=sys.stderr)  # noqa: T201
    return results + turns.play(range(options.seed, options.seed + options.turns), options.workers)


def _replayed(names: Iterable[str], workers: int) -> list[Result]:
    parsed = [of_log.parse(name) for name in names]
    found: list[Result] = []
    for scenario in dict.fromkeys(name for name, _ in parsed):
        cases = [case for name, case in parsed if name == scenario]
        found += play(SCENARIOS[scenario], cases, workers, lambda case: None)
    return found


class _Progress:
    def __init__(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0

    def __call__(self, case: Case) -> None:
        self._done += 1
        if sys.stderr.isatty():
            print(f"\r{self._name} {self._done}/{self._total} {case.step:<20}", end="", file=sys.stderr)  # noqa: T201


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="picks double faults and the order of turns")
    parser.add_argument("--all", action="store_true", help="every kind of fault at every call")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), default=[], help="this path")
    parser.add_argument("--step", action="append", default=[], help="this function")
    parser.add_argument("--doubles", type=int, default=20, help="double faults per path")
    parser.add_argument("--turns", type=int, default=20, help="seeds of two runs at once")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--replay", action="append", default=[], help="a case by its name")
    parser.add_argument("--plant", action="append", choices=list(PLANTS), default=[], help="a defect to be found")
    parser.add_argument("--report", type=Path, help="folder for faults.json and faults.txt")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
