"""Which faults are tried where: made from what the recording pass saw, so that a new call is covered by itself.

A crash before a call leaves the same AWS as one after the call before it, and one around a read the same as none at
all: each different AWS a dying process can leave behind is one case. So is each call that fails until the SDK gives
up; which of the three ways (throttled, broken, silent) turns with the place. These are the distinct cases; a seed picks
as many of them as there is time for (`chosen`), `--distinct` takes them all, `--all` every kind at every call.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.stage import ASK, Invocation
from tests.faults.wire import KINDS, Fault

_READS = re.compile(r"\.(Get|List|Head|Query|Describe|BatchGet)")
#: A path of fewer cases is tried whole.
SHORT = 60
CRASHES = ("crash_before", "crash_after")
_FOR_GOOD = ("throttle_out", "error_500_out", "timeout_out")
_IN_PASSING = ("throttle", "error_500", "timeout")
#: Once per function and call.
_ONCE = (*_IN_PASSING, "refused")


@dataclass(frozen=True, slots=True)
class Case:
    """Faults of one run of a path: (invocation, fault) pairs, and the name a person replays it by."""

    name: str
    step: str
    kind: str
    faults: tuple[tuple[int, Fault], ...]
    call: str = ""


@dataclass
class Tried:
    """What earlier cases showed already.

    Attributes:
        once: (function, call, kind) of faults the function sees alike at every call: those that pass by themselves,
            which the SDK repeats, and refusals.
        invocations: functions with the calls they made; where they make them again only the writes are tried again,
            since what they meet differs.
    """

    once: set[tuple[str, str, str]] = field(default_factory=set)
    invocations: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)


def singles(scenario: str, log: Sequence[Invocation], own: Iterable[int], tried: Tried | None) -> Iterator[Case]:
    """One fault per case: every kind at every call, or with `tried` what was not tried before."""
    for number in own:
        invocation = log[number]
        for place, name in enumerate(invocation.calls):
            for kind in _all(invocation, name) if tried is None else _distinct(invocation, place, number, tried):
                label = f"{scenario}/{number}/{place}/{kind}"
                yield Case(label, invocation.function, kind, ((number, Fault(place, kind)),), name)
        if tried is not None:
            tried.invocations.add((invocation.function, invocation.calls))


def doubles(scenario: str, log: Sequence[Invocation], *, seed: int, count: int) -> Iterator[Case]:
    """Two faults in one run, at places and of kinds a seed picks."""
    dice = random.Random(f"{scenario} {seed}")
    for _ in range(count):
        faults, label = [], []
        for number in sorted(dice.sample(range(len(log)), 2)):
            place = dice.randrange(len(log[number].calls))
            kind = dice.choice(list(_all(log[number], log[number].calls[place])))
            faults.append((number, Fault(place, kind)))
            label.append(f"{number}/{place}/{kind}")
        yield Case(f"{scenario}/{'+'.join(label)}", "two faults", "double", tuple(faults))


def chosen(universe: Sequence[Case], *, seed: int, count: int) -> list[Case]:
    """As many of the cases as asked for, or more where it takes more to try each kind of stratum once.

    First all of each short path, and every crash of the first one; then one case of each stratum; then others. Which
    ones, the seed says.
    """
    dice = random.Random(f"chosen {seed}")
    mixed = dice.sample(universe, len(universe))
    sizes = Counter(_path(case) for case in universe)
    first = _path(universe[0]) if universe else ""
    kept = {
        case.name: case
        for case in universe
        if sizes[_path(case)] < SHORT or (case.kind in CRASHES and _path(case) == first)
    }
    seen = {stratum(case) for case in kept.values()}
    for case in mixed:
        if stratum(case) not in seen:
            seen.add(stratum(case))
            kept[case.name] = case
    for case in mixed:
        if len(kept) < count:
            kept.setdefault(case.name, case)
    return [case for case in universe if case.name in kept]


def _path(case: Case) -> str:
    return case.name.partition("/")[0]


def stratum(case: Case) -> tuple[str, str, str]:
    """What a case stands for among others: function, call and kind of fault.

    Throttled, broken or silent is one kind where the SDK gives up, as the function meets them alike, and another one
    where they pass with the next attempt, as it does not meet them at all.
    """
    kinds = {**dict.fromkeys(_FOR_GOOD, "gives up"), **dict.fromkeys(_IN_PASSING, "passes")}
    return case.step, case.call, kinds.get(case.kind, case.kind)


def parse(name: str) -> tuple[str, Case]:
    """The path and the case a name stands for.

    Raises:
        ValueError: it is no name of a case.
    """
    scenario, _, rest = name.partition("/")
    faults = []
    for part in rest.split("+"):
        number, place, kind = part.split("/")
        faults.append((int(number), Fault(int(place), kind)))
    return scenario, Case(name, "replayed", faults[0][1].kind, tuple(faults))


def _all(invocation: Invocation, call: str) -> Iterator[str]:
    for kind in KINDS:
        is_possible = not (kind == "conflict" and not call.endswith("TransactWriteItems"))
        # Step Functions itself does not crash.
        if is_possible and not (kind.startswith("crash") and invocation.function == ASK):
            yield kind


def _distinct(invocation: Invocation, place: int, number: int, tried: Tried) -> Iterator[str]:
    call, function = invocation.calls[place], invocation.function
    possible = set(_all(invocation, call))
    is_write, is_known = not _READS.search(call), (function, invocation.calls) in tried.invocations
    if is_write:
        yield from sorted(possible & {"crash_after", "lost_out"})
    if is_known:
        return
    if place == 0:
        yield from sorted(possible & {"crash_before"})
    if is_write:
        yield from sorted(possible & {"conflict", "lost"})
    yield _FOR_GOOD[(place + number) % len(_FOR_GOOD)]
    for kind in _ONCE:
        if (function, call, kind) not in tried.once:
            tried.once.add((function, call, kind))
            yield kind
