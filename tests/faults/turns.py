"""Two runs of one line of business at once: threads that take turns at every call, in an order a seed picks.

One thread runs at a time, so a seed replays. The stream is delivered to two settlers at once, in small batches, and in
every other seed one process dies somewhere.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

from fivetier.aws import wiring

from tests.faults.branches import Children, Result, aside, to_result
from tests.faults.cases import Case
from tests.faults.cloud import MA
from tests.faults.scenarios import LEADS, SECOND, World, opened, publish, publish_first, repeated_late
from tests.faults.wire import Call, Crash

_THIRD = "2030_03"
_SECONDS = 500.0


class Turns:
    """Whose turn it is; a thread that is none of ours is let through."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self._alive: dict[threading.Thread, threading.Semaphore] = {}
        self._idle: set[threading.Thread] = set()
        self.failures: list[str] = []

    def add(self, name: str, work: Callable[[], None]) -> None:
        """One more who takes turns."""
        thread = threading.Thread(target=self._take_part, args=(name, work), name=name, daemon=True)
        self._alive[thread] = threading.Semaphore(0)

    def play(self) -> None:
        """Until all have done their part."""
        threads = list(self._alive)
        for thread in threads:
            thread.start()
        self._pass_on()
        for thread in threads:
            thread.join(_SECONDS)
        self.failures += [f"{thread.name} does not end" for thread in threads if thread.is_alive()]

    def switch(self, *, is_idle: bool = False) -> None:
        """Let somebody go on, perhaps oneself; who has nothing to do is seldom asked."""
        me = threading.current_thread()
        if me in self._alive:
            (self._idle.add if is_idle else self._idle.discard)(me)
            self._pass_on()
            self._alive[me].acquire()

    def _pass_on(self) -> None:
        busy = [thread for thread in self._alive if thread not in self._idle]
        if self._alive:
            chosen = self.dice.choice(busy if busy and self.dice.random() < 0.9 else list(self._alive))
            self._alive[chosen].release()

    def _take_part(self, name: str, work: Callable[[], None]) -> None:
        me = threading.current_thread()
        self._alive[me].acquire()
        try:
            work()
        except BaseException as error:  # noqa: BLE001  a thread's end would be silent
            self.failures.append(f"{name}: {type(error).__name__}: {error}")
        del self._alive[me]
        self._idle.discard(me)
        self._pass_on()


class Match:
    """One seed: who starts what, and everybody else until all is quiet."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.stage, self.turns = world, world.stage, Turns(seed)
        self.known = set(self.stage.machines)
        self._starting, self._driven = 0, set(self.known)
        self._crash_at = self.turns.dice.randrange(20, 600) if seed % 2 else None
        self._calls = 0
        self._closing = 0

    def starts(self, name: str, work: Callable[[], object]) -> None:
        """Somebody asks for a run."""
        self._starting += 1

        def start() -> None:
            try:
                work()
            finally:
                self._starting -= 1

        self.turns.add(name, start)

    def play(self) -> None:
        """Let them all play."""
        for number in (1, 2):
            self.turns.add(f"state machine {number}", self._drive)
        self.stage.cursors["settle_outbox#2"] = self.stage.cursors["settle_outbox"]
        for reader in self.stage.cursors:
            self.turns.add(reader, lambda reader=reader: self._follow(reader))
        self.turns.add("people", self._decide)
        self.world.cloud.wire.gate = self._gate
        time.sleep = self._sleep
        self.turns.play()
        if self.turns.failures:
            return
        self.world.cloud.wire.gate = lambda call: None
        del self.stage.cursors["settle_outbox#2"]
        time.sleep = self.world.cloud.clock.sleep
        self.stage.settle()

    def _gate(self, call: Call) -> None:
        self.turns.switch()
        self._calls += 1
        if self._calls == self._crash_at:
            self.world.cloud.wire.die()
            raise Crash

    def _sleep(self, seconds: float) -> None:
        self.world.cloud.clock.sleep(seconds)
        self.turns.switch()

    def _is_over(self) -> bool:
        if self.turns.failures:
            return True
        stage = self.stage
        running = any(e.status == "RUNNING" for e in stage.cloud.stepfunctions.executions.values())
        behind = any(place < len(stage.cloud.records) for place in stage.cursors.values())
        return not (self._starting or self._closing or running or behind)

    def _drive(self) -> None:
        while not self._is_over():
            mine = next(
                (e for e in self.stage.cloud.stepfunctions.executions.values() if e.name not in self._driven), None
            )
            if mine is None:
                self.turns.switch(is_idle=True)
                continue
            self._driven.add(mine.name)
            self._closing += 1  # what ends an execution is followed by what closes its run, and by its events
            machine = self.stage.machine(mine)
            while mine.status == "RUNNING" and not self.turns.failures:
                if not machine.advance():
                    self.turns.switch(is_idle=True)
            self.stage.close_if_failed(mine.name)
            self._closing -= 1

    def _follow(self, reader: str) -> None:
        while not self._is_over():
            if not self.stage.deliver(reader, self.turns.dice.randrange(1, 26)):
                self.turns.switch(is_idle=True)

    def _decide(self) -> None:
        signed: set[str] = set()
        while not self._is_over():
            waiting = [e for e in self.stage.cloud.stepfunctions.executions.values() if e.name not in signed]
            for execution in waiting:
                if execution.token is not None and execution.answer is None and self._is_asked(execution.name):
                    signed.add(execution.name)
                    for role in LEADS:
                        self.stage.sign(execution.name, role)
            self.turns.switch(is_idle=True)

    def _is_asked(self, run_id: str) -> bool:
        return bool(self.world.cloud.wire.quietly(lambda: wiring.runs().get_ask(run_id)))


def _same(match: Match) -> None:
    """The calendar and a person ask for the same files at once."""
    match.world.land(SECOND, 13)
    event = {"lob": MA.value, "scheduled_at": "2030-02-15T12:00:00Z"}
    match.starts("calendar", lambda: match.stage.repeated("start_refresh", event))
    match.starts("person", lambda: match.stage.request(SECOND))


def _rivals(match: Match) -> None:
    """Files of a month are asked for, and so is what is landed over them a moment later."""

    def later() -> None:
        match.world.land(SECOND, 14)
        match.stage.request(SECOND)

    match.world.land(SECOND, 13)
    match.starts("first", lambda: match.stage.request(SECOND))
    match.starts("second", later)


def _refresh_and_rollback(match: Match) -> None:
    """Some want to go on while others want to go back."""
    first = min(match.known)
    match.world.land(_THIRD, 15)
    match.starts("refresh", lambda: match.stage.request(_THIRD))
    match.starts("rollback", lambda: match.stage.roll_back(first))


MATCHES = {0: ("same", _same, 1), 1: ("rivals", _rivals, 2), 2: ("refresh and rollback", _refresh_and_rollback, 2)}


def play(seeds: Iterable[int], workers: int) -> list[Result]:
    """Play every seed; the kind of match turns with it."""
    wanted, results = list(seeds), []
    for kind, (name, _, _) in MATCHES.items():
        mine = [seed for seed in wanted if seed % len(MATCHES) == kind]
        if mine:
            results += map(to_result, aside(name, partial(_played, kind, mine, workers)))
    return results


def _played(kind: int, seeds: list[int], workers: int) -> list[Any]:
    world, _ = opened((publish_first, publish) if kind == 2 else (publish_first,))
    branches = Children(workers)
    for seed in seeds:
        case = Case(f"turns/{seed}", f"two at once: {MATCHES[kind][0]}", "turns", ())
        if branches.is_child(case):
            branches.end(asdict(_one(world, kind, seed, case)))
    return branches.results()


def _one(world: World, kind: int, seed: int, case: Case) -> Result:
    begun = time.monotonic()
    name, prepare, most = MATCHES[kind]
    match = Match(world, seed)
    prepare(match)
    match.play()
    wrong = list(match.turns.failures)
    if not wrong:
        runs = {run_id: world.state(run_id) for run_id in world.stage.machines if run_id not in match.known}
        if not 1 <= len(runs) <= most or "PUBLISHED" not in runs.values():
            wrong.append(f"{name}: {runs}")
        world.cloud.most_mails = 2 if seed % 2 else 1
        wrong += [*repeated_late(world), *world.problems()]
    states = ", ".join(sorted(world.state(run) for run in world.stage.machines if run not in match.known))
    seconds = round(time.monotonic() - begun, 2)
    return Result(case.name, "turns", case.step, case.kind, states, (), tuple(wrong), len(world.reader.seen), seconds)
