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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults import cases as of_log
from tests.faults import report, turns
from tests.faults.branches import Children, Result, aside, to_result
from tests.faults.cases import Case
from tests.faults.planted import PLANTS
from tests.faults.scenarios import SCENARIOS, Act, Scenario, World, again, opened, repeated_late
from tests.faults.stage import Invocation

#: Paths on which two faults are tried in one run.
_DOUBLED = ("publish", "rollback", "supersede")
#: Of so many cases one is followed by a second refresh where its run failed, or by every trigger once more.
_AGAIN, _LATE = 8, 12
#: Of so many cases that meet their fault before anybody signs, one goes on to the publication. The others are rejected:
#: what people are asked about is looked at all the same, and publishing is what most other cases are about.
_WHOLE = 4
#: Progress is told after so many cases.
_TOLD = 25


def recorded(scenarios: Sequence[Scenario], workers: int) -> dict[str, list[Invocation]]:
    """What each path invokes and calls when nothing goes wrong.

    Raises:
        SystemExit: one does not hold even then.
    """
    lines = [
        line
        for before, group in _by_beginning(scenarios).items()
        for line in aside("recording", partial(_record, before, group, workers))
    ]
    found = {entry["name"]: entry for entry in lines}
    if wrong := {name: entry["problems"] for name, entry in found.items() if entry["problems"]}:
        raise SystemExit(f"without any fault: {wrong}")
    return {
        scenario.name: [Invocation(each["function"], tuple(each["calls"])) for each in found[scenario.name]["log"]]
        for scenario in scenarios
    }


def _by_beginning(scenarios: Iterable[Scenario]) -> dict[tuple[Act, ...], list[Scenario]]:
    """Paths that begin in the same world share it."""
    groups: dict[tuple[Act, ...], list[Scenario]] = {}
    for scenario in scenarios:
        groups.setdefault(scenario.before, []).append(scenario)
    return groups


def _record(before: Sequence[Act], scenarios: Iterable[Scenario], workers: int) -> list[Any]:
    world, begin = opened(before)
    children = Children(workers)
    for scenario in scenarios:
        if children.is_child(Case(scenario.name, "recording", "none", ())):
            children.end(_recorded(scenario, world, begin))
    return children.results()


def _recorded(scenario: Scenario, world: World, begin: int) -> dict[str, Any]:
    run_id = scenario.act(world)
    log = [asdict(invocation) for invocation in world.stage.log[begin:]]
    wrong = [*repeated_late(world), *world.problems()]
    if world.state(run_id) != scenario.end:
        wrong.append(f"it ends {world.state(run_id)}")
    return {"name": scenario.name, "log": log, "problems": wrong}


def play(cases: Mapping[str, Sequence[Case]], workers: int) -> list[Result]:
    """Go along each path and branch off for each of its cases."""
    groups = _by_beginning(SCENARIOS[name] for name in cases)
    lines = [
        line
        for before, group in groups.items()
        for line in aside("paths", partial(_of_beginning, before, {each: cases[each.name] for each in group}, workers))
    ]
    return list(map(to_result, lines))


def _of_beginning(before: Sequence[Act], cases: Mapping[Scenario, Sequence[Case]], workers: int) -> list[Any]:
    world, begin = opened(before)
    gc.collect()
    gc.freeze()
    found: list[Any] = []
    for scenario, own in cases.items():
        found += aside(scenario.name, partial(_along, scenario, own, workers, world, begin))
        wrong = sum(bool(line["problems"]) for line in found)
        print(f"{scenario.name}: {len(own)} cases; {wrong} misses from here", file=sys.stderr, flush=True)  # noqa: T201
    return found


def _along(scenario: Scenario, cases: Sequence[Case], workers: int, world: World, begin: int) -> list[Any]:
    branches, progress = Children(workers), _Progress(scenario.name, len(cases))
    playing: list[tuple[Case, float]] = []

    def branch(function: str) -> None:
        number = len(world.stage.log) - begin
        for case in (case for case in cases if not playing and case.faults[0][0] == number):
            progress(case)
            if branches.is_child(case):
                playing.append((case, time.monotonic()))
                world.stage.plan = _plan(case, begin)
                world.rejects = len(case.faults) == 1 and _number(case) % _WHOLE != 0

    world.stage.before = branch
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


def _number(case: Case) -> int:
    """A number that is the same whenever the case is played."""
    return sum(map(ord, case.name))


def _judged(world: World, scenario: Scenario, run_id: str, begin: int, case: Case, begun: float) -> Result:
    """See the case to its end and look at what is left."""
    log = world.stage.log[begin:]
    fired = tuple(name for invocation in log for name in invocation.fired)
    number, end = _number(case), "REJECTED" if world.is_cut_short else scenario.end
    # A function that dies between SES and its note sends again (ADR 13), and so does an SDK that hears no answer.
    met = any(log[n].function == "send_mail" for n, _ in case.faults if n < len(log))
    world.cloud.most_mails = 6 if met and "lost_out" in case.name else 2 if met else 1
    state, wrong = world.state(run_id), []
    if len(case.faults) == 1 and not fired:
        wrong.append("the fault was never reached")
    is_for_good = any(fault.kind == "refused" for _, fault in case.faults)
    # What no repeat mends fails the run; if it hits the closing itself, the rule on the execution closes it.
    if state not in ({end, "FAILED", "ABANDONED"} if is_for_good else {end}):
        wrong.append(f"it ends {state} ({world.error(run_id)})")
    errors = {invocation.error for invocation in log} - {""}
    is_step_refused = is_for_good and case.step != "close_run"
    if scenario.error and world.error(run_id) not in ({scenario.error} | (errors if is_step_refused else set())):
        wrong.append(f"its error is {world.error(run_id)}")
    if number % _AGAIN == 0 and state in ("FAILED", "ABANDONED") and scenario.end != "FAILED":
        world.rejects = False
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
        results, scope = turns.play([int(name.split("/")[1]) for name in options.replay], options.workers), "replayed"
    elif options.replay:
        results, scope = _replayed(options.replay, options.workers), "replayed"
    else:
        results, scope = _all(options)
    seconds = time.monotonic() - begun
    text = report.text(results, scope=scope, seed=options.seed, seconds=seconds)
    print(text)  # noqa: T201  what the command is for
    if options.report:
        report.write(options.report, results, text, scope=scope, seed=options.seed, seconds=seconds)
    return 1 if any(result.problems for result in results) or not results else 0


def _all(options: argparse.Namespace) -> tuple[list[Result], str]:
    """Everything the options ask for, and how much that is of what there is."""
    scenarios = [SCENARIOS[name] for name in options.only or SCENARIOS]
    logs = recorded(scenarios, options.workers)
    universe = _universe(scenarios, logs, options)
    picked = universe
    if not (options.all or options.distinct):
        picked = of_log.chosen(universe, seed=options.seed, count=options.cases)
    cases = {name: [case for case in picked if case.name.startswith(f"{name}/")] for name in logs}
    for name in _DOUBLED:
        if name in logs:
            cases[name] += of_log.doubles(name, logs[name], seed=options.seed, count=options.doubles)
    scope = f"{len(picked)} of {len(universe)} {'possible' if options.all else 'distinct'} single faults"
    print(scope, file=sys.stderr, flush=True)  # noqa: T201
    results = play(cases, options.workers)
    results += turns.play(range(options.seed, options.seed + options.turns), options.workers)
    return results, scope


def _universe(
    scenarios: Iterable[Scenario], logs: dict[str, list[Invocation]], options: argparse.Namespace
) -> list[Case]:
    """Every single fault there is to try, path by path."""
    tried, found = None if options.all else of_log.Tried(), list[Case]()
    for scenario in scenarios:
        log = logs[scenario.name]
        own = scenario.own([invocation.function for invocation in log])
        wanted = [n for n in own if not options.step or log[n].function in options.step]
        found += of_log.singles(scenario.name, log, wanted, tried)
    return found


def _replayed(names: Iterable[str], workers: int) -> list[Result]:
    cases: dict[str, list[Case]] = {}
    for scenario, case in map(of_log.parse, names):
        cases.setdefault(scenario, []).append(case)
    return play(cases, workers)


class _Progress:
    def __init__(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0

    def __call__(self, case: Case) -> None:
        self._done += 1
        if self._done % _TOLD == 0:
            print(f"{self._name} {self._done}/{self._total} {case.step}", file=sys.stderr, flush=True)  # noqa: T201


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="picks double faults and the order of turns")
    parser.add_argument("--cases", type=int, default=460, help="single faults the seed picks, or more")
    parser.add_argument("--distinct", action="store_true", help="every distinct single fault")
    parser.add_argument("--all", action="store_true", help="every kind of fault at every call")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), default=[], help="this path")
    parser.add_argument("--step", action="append", default=[], help="this function")
    parser.add_argument("--doubles", type=int, default=8, help="double faults per path")
    parser.add_argument("--turns", type=int, default=9, help="seeds of two runs at once")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--replay", action="append", default=[], help="a case by its name")
    parser.add_argument("--plant", action="append", choices=list(PLANTS), default=[], help="a defect to be found")
    parser.add_argument("--report", type=Path, help="folder for faults.json and faults.txt")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
