"""Which faults are tried where: made from what the recording pass saw, so that a new call is covered by itself.

A crash before a call leaves the same AWS as one after the call before it, and one around a read the same as none at
all: each different AWS a dying process can leave behind is tried once. So is each way a call can fail for good; which
of the three (throttled, broken, silent) turns with the place. `--all` tries every kind at every call instead.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.stage import ASK, Invocation
from tests.faults.wire import KINDS, Fault

_READS = re.compile(r"\.(Get|List|Head|Query|Describe|BatchGet)")
_FOR_GOOD = ("throttle_out", "error_500_out", "timeout_out")
_IN_PASSING = ("throttle", "error_500", "timeout")


@dataclass(frozen=True, slots=True)
class Case:
    """Faults of one run of a path: (invocation, fault) pairs, and the name a person replays it by."""

    name: str
    step: str
    kind: str
    faults: tuple[tuple[int, Fault], ...]


@dataclass
class Tried:
    """What earlier cases showed already.

    Attributes:
        passing: (function, call, kind) of faults that pass by themselves: the SDK repeats them, so the function sees
            the same at every call.
        invocations: functions with the calls they made; where they make them again only the writes are tried again,
            since what they meet differs.
    """

    passing: set[tuple[str, str, str]] = field(default_factory=set)
    invocations: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)


def singles(scenario: str, log: Sequence[Invocation], own: Iterable[int], tried: Tried | None) -> Iterator[Case]:
    """One fault per case: every kind at every call, or with `tried` what was not tried before."""
    for number in own:
        invocation = log[number]
        for place, name in enumerate(invocation.calls):
            for kind in _all(invocation, name) if tried is None else _distinct(invocation, place, number, tried):
                label = f"{scenario}/{number}/{place}/{kind}"
                yield Case(label, invocation.function, kind, ((number, Fault(place, kind)),))
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
    for kind in _IN_PASSING:
        if (function, call, kind) not in tried.passing:
            tried.passing.add((function, call, kind))
            yield kind
