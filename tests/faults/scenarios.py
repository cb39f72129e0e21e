"""The paths a run can take, each told as people live it; who repeats what, and how the end is looked at."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from fivetier.aws import wiring

from tests.faults.checks import Reader, problems
from tests.faults.cloud import MA, Cloud
from tests.faults.stage import Stage
from tests.support.cms import directory, entries, monthly, plans_of

DIRECTORY, MONTHLY = "cms_ma_contract_directory", "cms_monthly_report_by_plan"
FIRST, SECOND = "2030_01", "2030_02"
STOPPED = "StoppedByHand"
LEADS = ("engineering_lead", "data_lead")
Act = Callable[["World"], str]


@dataclass
class World:
    """One emulated AWS with the pipeline on it, and a reader who looks all the while.

    Attributes:
        asked: runs whose question was open when people looked, so that a mail must have come.
        rejects: people reject what the path has them approve, so that it ends sooner ...
        is_cut_short: ... which they did.
        landed: how many contracts each landing of a month held.
    """

    cloud: Cloud = field(default_factory=Cloud)
    asked: set[str] = field(default_factory=set)
    rejects: bool = False
    is_cut_short: bool = False
    landed: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.cloud.open()
        self.stage, self.reader = Stage(self.cloud), Reader(self.cloud)
        self.cloud.looks.append(self.reader.look)

    def land(self, month: str, contracts: int, *, is_broken: bool = False) -> None:
        """Land both files of a month; two landings differ by their number of contracts."""
        rows = entries(contracts)
        self.landed.add((month, contracts))
        files = {DIRECTORY: directory(rows), MONTHLY: monthly(plans_of(rows))}
        if is_broken:
            files[DIRECTORY] = files[DIRECTORY].replace(b"Contract Number", b"Contract Nr", 1)

        def put() -> None:
            for source, data in files.items():
                wiring.landing().put(MA, source, month, f"{source}.csv", data)  # type: ignore[attr-defined]

        self.cloud.wire.quietly(put)

    def waits(self, run_id: str) -> bool:
        """Whether people can decide now."""
        execution = self.cloud.stepfunctions.executions[run_id]
        if execution.token is not None and execution.answer is None:
            self.asked.add(run_id)
            return True
        return False

    def refreshed(self, month: str) -> str:
        """Ask for a refresh and let it go as far as it goes; returns the run's id."""
        run_id = self.stage.request(month)
        self.stage.settle()
        return run_id

    def approved(self, run_id: str) -> str:
        """Both leads approve, if they are asked."""
        if self.rejects:
            self.is_cut_short = True
            return self.rejected(run_id)
        for role in LEADS:
            if self.waits(run_id):
                self.stage.sign(run_id, role)
                self.stage.settle()
        return run_id

    def rejected(self, run_id: str) -> str:
        """One lead says no, if they are asked."""
        if self.waits(run_id):
            self.stage.sign(run_id, "data_lead", "reject")
            self.stage.settle()
        return run_id

    def state(self, run_id: str) -> str:
        """The run's state."""
        found: str = self.cloud.wire.quietly(lambda: wiring.runs().get_run(run_id).state.value)
        return found

    def error(self, run_id: str) -> str | None:
        """The name of the error the run ended with."""
        found: str | None = self.cloud.wire.quietly(lambda: wiring.runs().get_run(run_id).error)
        return found

    def problems(self) -> list[str]:
        """What does not hold."""
        return problems(self.stage, self.reader, self.asked, self.landed)


def publish(world: World) -> str:
    """Land, refresh, sign twice, publish over what is there."""
    world.land(SECOND, 13)
    return world.approved(world.refreshed(SECOND))


def publish_first(world: World) -> str:
    """The first publication of all, asked for by the calendar: no table is there yet."""
    world.land(FIRST, 12)
    event = {"lob": MA.value, "scheduled_at": "2030-01-15T12:00:00Z"}
    run_id = str(world.stage.repeated("start_refresh", event)["run_id"])
    world.stage.settle()
    return world.approved(run_id)


def reject(world: World) -> str:
    """One lead says no."""
    world.land(SECOND, 13)
    return world.rejected(world.refreshed(SECOND))


def expire(world: World) -> str:
    """One lead signs, the other never does."""
    world.land(SECOND, 13)
    run_id = world.refreshed(SECOND)
    if world.waits(run_id):
        world.stage.sign(run_id, "data_lead")
        world.stage.settle()
        world.stage.expire(run_id)
        world.stage.settle()
    return run_id


def supersede(world: World) -> str:
    """New files come while people are asked about the old ones; returns the newer run.

    A newer run that fails replaces nothing: then people still have the older one before them, and reject it.
    """
    world.land(SECOND, 13)
    older = world.refreshed(SECOND)
    world.waits(older)
    world.land(SECOND, 14)
    newer = world.approved(world.refreshed(SECOND))
    return world.rejected(older) and newer


def no_change(world: World) -> str:
    """The files of the next month are those already published."""
    world.land(SECOND, 12)
    return world.refreshed(SECOND)


def fail(world: World) -> str:
    """A column is missing."""
    world.land(SECOND, 13, is_broken=True)
    return world.refreshed(SECOND)


def stop(world: World) -> str:
    """Somebody stops the execution while people are asked, and says why."""
    world.land(SECOND, 13)
    run_id = world.refreshed(SECOND)
    if world.waits(run_id):
        world.cloud.stepfunctions.executions[run_id].fail(STOPPED, "stopped by hand")
        world.stage.settle()
    return run_id


def roll_back(world: World) -> str:
    """Back to the publication before the last one."""
    first = next(run_id for run_id, machine in world.stage.machines.items() if "Publish" in machine.path)
    run_id = world.stage.roll_back(first)
    world.stage.settle()
    return world.approved(run_id)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A path.

    Attributes:
        name: of the path.
        act: the path itself; returns the run it is about.
        end: the state the run ends in when nothing goes wrong.
        before: paths that lead to its beginning.
        error: the name its run keeps, where it fails by itself.
        own: which of its invocations, given by function, are tried here; the others are those of another path.
    """

    name: str
    act: Act
    end: str
    before: tuple[Act, ...] = (publish_first,)
    own: Callable[[list[str]], Iterable[int]] = lambda functions: range(len(functions))
    error: str = ""


def _from_last(function: str) -> Callable[[list[str]], Iterable[int]]:
    return lambda functions: range(len(functions) - 1 - functions[::-1].index(function), len(functions))


def _from_second(function: str) -> Callable[[list[str]], Iterable[int]]:
    return lambda functions: range([n for n, name in enumerate(functions) if name == function][1], len(functions))


def _only(*names: str) -> Callable[[list[str]], Iterable[int]]:
    return lambda functions: [n for n, name in enumerate(functions) if name in names]


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("publish", publish, "PUBLISHED"),
        Scenario(
            "first", publish_first, "PUBLISHED", (), _only("start_refresh", "freeze_candidate", "publish_release")
        ),
        Scenario("reject", reject, "REJECTED", own=_from_last("serve_api")),
        Scenario("expire", expire, "EXPIRED", own=_from_last("close_run")),
        Scenario("supersede", supersede, "PUBLISHED", own=_from_second("freeze_candidate")),
        Scenario("no_change", no_change, "NO_CHANGE", own=_from_last("discover_feeds")),
        Scenario("fail", fail, "FAILED", own=_from_last("normalize_feed"), error="MissingColumn"),
        Scenario("stop", stop, "ABANDONED", own=_from_last("close_run"), error=STOPPED),
        Scenario("rollback", roll_back, "PUBLISHED", (publish_first, publish)),
    )
}


def opened(before: Sequence[Act]) -> tuple[World, int]:
    """A world in which a path can begin, where nobody waits for time to pass; and how many invocations that took."""
    world = World()
    time.sleep = world.cloud.clock.sleep
    for act in before:
        act(world)
    return world, len(world.stage.log)


def again(world: World, run_id: str) -> str:
    """The next refresh of the same files, after a run of them failed; returns that run."""
    if world.state(run_id) not in ("FAILED", "ABANDONED"):
        return run_id
    newest = world.cloud.wire.quietly(lambda: wiring.runs().get_run(run_id))
    if newest.rollback_to is not None:
        return world.approved(_settled(world, world.stage.roll_back(newest.rollback_to)))
    return world.approved(world.refreshed(newest.sub_version))


def _settled(world: World, run_id: str) -> str:
    world.stage.settle()
    return run_id


def repeated_late(world: World) -> list[str]:
    """Deliver everything once more, in the wrong order, after the end; returns what that changed."""
    stage, cloud = world.stage, world.cloud
    before = _traces(world)
    late = list(reversed(cloud.records))
    for function in stage.cursors:
        for start, end in pairwise([*range(0, len(late), 25), len(late)]):
            stage.repeated(function, {"Records": late[start:end]}, 1)
    for run_id in list(stage.machines):
        for state in ("FAILED", "ABANDONED", "PUBLISHED"):
            stage.repeated("close_run", {"run_id": run_id, "lob": MA.value, "state": state}, 1)
    stage.settle()
    after = _traces(world)
    return [
        f"repeats changed {name}: {before[name]} -> {after[name]}" for name in before if before[name] != after[name]
    ]


def _traces(world: World) -> dict[str, object]:
    """What a repeat must leave as it is."""

    def look() -> dict[str, object]:
        return {
            "runs": sorted((run.run_id, run.state.value) for run in wiring.runs().list_runs(MA)),
            "chain": len(wiring.audit().read_from(MA, 0)),
            "mails": sorted(world.cloud.mailed()),
            "release": wiring.lake().current_release(MA),
        }

    found: dict[str, object] = world.cloud.wire.quietly(look)
    return found
