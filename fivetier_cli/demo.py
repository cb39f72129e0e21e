"""`fivetier demo`: from nothing to a question that waits for two signatures, and on to the answer in SQL."""

import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from fivetier.web.text_report import brief_lines
from rich.console import Console

from fivetier_cli.console import Exit, UsageError, err, out, print_json
from fivetier_cli.pipeline import decide, follow, land_file, outcome
from fivetier_cli.querying import print_rows, run_query
from fivetier_cli.stack import DEFAULT_STATE, AsJson, Deployed, start
from fivetier_cli.vintages import LOB, SAMPLE, Vintage, find_vintages
from infra.local.errors import ForeignProcess, LocalStackError, StackNotRunning
from infra.local.stack import LocalStack

STATE = DEFAULT_STATE / "demo"
REQUESTER = "data_ops_reviewer"
REASON = "demo: signed by the demo itself, nobody reviewed this"
OPEN = ("AWAITING_SIGN_OFF", "PUBLISHING")
POLL_SECONDS = 1.0
ENDING_SECONDS = 30.0
SHOWN_CONTRACTS = 3

#: Only a folder with this file is ever removed: a stack somebody works on has a `stack.json` too.
MARKER = "made-by-fivetier-demo"

WHO_OWNS = """\
SELECT day.day, contract.contract_id, subsidiary.name AS subsidiary, subsidiary.parent_name AS parent_payer
FROM (VALUES DATE '{before}', DATE '{after}') AS day (day)
INNER JOIN contract
    ON contract.valid_from <= day.day AND (contract.valid_to IS NULL OR day.day < contract.valid_to)
INNER JOIN v_release ON v_release.release_id = contract.release_id
INNER JOIN v_hierarchy_history AS line
    ON line.node_id = contract.lob_node_id
    AND line.valid_from <= day.day AND (line.valid_to IS NULL OR day.day < line.valid_to)
INNER JOIN v_hierarchy_history AS subsidiary
    ON subsidiary.node_id = line.parent_node_id
    AND subsidiary.valid_from <= day.day AND (subsidiary.valid_to IS NULL OR day.day < subsidiary.valid_to)
WHERE contract.contract_id IN ({contracts})
ORDER BY contract.contract_id, day.day"""

Run = Mapping[str, Any]


def demo(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with CMS's own files of two months or more.", exists=True, file_okay=False),
    ] = None,
    months: Annotated[
        tuple[str, str] | None, typer.Option(metavar="OLD NEW", help="Which two, as YYYY_MM; else first and last.")
    ] = None,
    auto_sign: Annotated[
        bool, typer.Option("--auto-sign", help="Let the demo sign the second month too, show the answer, and stop.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the emulator; 0 takes a free one.")] = 0,
    state: Annotated[
        Path, typer.Option("--state-dir", help="State of the demo's own stack; made anew.", file_okay=False)
    ] = STATE,
    as_json: AsJson = False,
) -> None:
    """Show it all: start a stack, publish one month, refresh the next, and wait for your two signatures."""
    clock = _Clock()
    old, new = find_vintages(data or _sample(), months)
    _make_room(state)
    _end_cleanly_on_signals()
    with clock.step("started the local stack and deployed the template"):
        deployed, _ = start(state, port=port, detach=False, sign_off_seconds=None)
    try:
        _play(_Demo(deployed, clock, old, new, err if as_json else out), state, auto_sign=auto_sign, as_json=as_json)
    finally:
        with err.status("stopping", spinner="dots"):
            deployed.stack.stop()
        err.print(f"The demo is stopped; `{_command()} up --state-dir {state}` shows what it left.", markup=False)


def _play(demo: "_Demo", state: Path, *, auto_sign: bool, as_json: bool) -> None:
    demo.publish_baseline()
    run = demo.ask(demo.new)
    facts = demo.facts(run)
    demo.show_question(run, facts)
    if auto_sign:
        demo.sign(run)
        answer = demo.show_answer(run)
        if as_json:
            print_json({**facts, "state": "PUBLISHED", "answer": answer})
        return
    if as_json:
        print_json(facts)
    demo.show_what_next(run, state)
    try:
        _wait_for_people(demo, run)
        while _is_running(state):
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        err.print("")
        return
    except (OSError, LocalStackError):
        if not _has_ended(state):
            raise
    err.print("Somebody else stopped the stack.")


def _wait_for_people(demo: "_Demo", run: Run) -> None:
    """Say who signs, and then what became of it."""
    said: set[str] = set()
    while True:
        seen = demo.look(run)
        for decision in seen["decisions"]:
            if decision["role"] not in said:
                said.add(decision["role"])
                demo.say(f"{decision['login']} as {decision['role']}: {decision['decision']} ({decision['reason']})")
        if seen["state"] not in OPEN:
            break
        time.sleep(POLL_SECONDS)
    demo.say(f"{seen['run_id']} is {seen['state']}")
    if seen["state"] == "PUBLISHED":
        demo.show_answer(run)
    elif seen["error"]:
        demo.say(f"{seen['error']}: {seen['cause']}")
    demo.say("The stack stays up until Ctrl-C.")


@dataclass
class _Clock:
    """Says on standard error what took how long."""

    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return round(time.monotonic() - self.began, 1)

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Time one step; a line says so when it is done."""
        began = self.seconds
        with err.status(label, spinner="dots"):
            yield
        err.print(f"{self.seconds:6.1f} s  {label} ({self.seconds - began:.1f} s)", markup=False)


@dataclass(frozen=True)
class _Demo:
    """The demo's stack and its two months."""

    deployed: Deployed
    clock: _Clock
    old: Vintage
    new: Vintage
    console: Console

    def publish_baseline(self) -> None:
        """Publish the older month."""
        self.sign(self.ask(self.old))

    def ask(self, vintage: Vintage) -> Run:
        """Land a month and refresh it until people are asked."""
        month = vintage.month
        with self.clock.step(f"landed {len(vintage.files)} files of {month}"):
            for source, path in vintage.files.items():
                land_file(path, LOB, source, month)
        with self.clock.step(f"refreshed {month}: two signatures are asked for"):
            body = {"lob": LOB.value, "sub_version": str(month)}
            run_id = self.deployed.call("POST", "/runs", login=REQUESTER, body=body)["run_id"]
            run = follow(self.deployed, run_id, REQUESTER, quiet=True)
            if run["state"] != "AWAITING_SIGN_OFF":
                _fail(run)
        return run

    def sign(self, run: Run) -> None:
        """Sign for everybody who is waited for, and tick what must be ticked; every reason says who really signs."""
        with self.clock.step(f"published {run['sub_version']}, signed by the demo itself"):
            ticks = dict.fromkeys(self.report(run)["recommendation"]["needs_tick"], REASON)
            body = {"decision": "approve", "reason": REASON, "ticks": ticks}
            for role in run["waiting_for"]:  # the local stack has a login of that name
                decide(self.deployed, run, {"role": role, **body}, login=role)
            if outcome(self.deployed, run["run_id"], REQUESTER) != "PUBLISHED":
                _fail(self.look(run))

    def look(self, run: Run) -> Run:
        """The run as it is now."""
        found: Run = self.deployed.call("GET", f"/runs/{run['run_id']}", login=REQUESTER)
        return found

    def report(self, run: Run) -> Mapping[str, Any]:
        """The frozen report of a run."""
        found: Mapping[str, Any] = self.deployed.call("GET", f"/runs/{run['run_id']}/report", login=REQUESTER)
        return found

    def facts(self, run: Run) -> dict[str, Any]:
        """What somebody needs to sign."""
        return {
            "run_id": run["run_id"],
            "state": run["state"],
            "link": f"{self.deployed.front_door_url}/sign-offs/{run['run_id']}/{run['round_number']}",
            "logins": run["waiting_for"],
            "seconds": self.clock.seconds,
        }

    def say(self, *lines: str) -> None:
        """Print for people."""
        for line in lines:
            self.console.print(line, markup=False)

    def show_question(self, run: Run, facts: Mapping[str, Any]) -> None:
        """What changed, and where to sign."""
        self.say("", *brief_lines(self.report(run)), "")
        self.say(f"Ready to sign after {facts['seconds']:.0f} s: {facts['link']}")

    def show_what_next(self, run: Run, state: Path) -> None:
        """How to sign, for whoever has never seen it."""
        needed = self.report(run)["recommendation"]["needs_tick"]
        ticks = "".join(f" --tick {code}=WHY" for code in needed)
        first = run["waiting_for"][0]
        self.say(
            f"Log in there as {' and then as '.join(run['waiting_for'])}; the test issuer asks for no password.",
            "",
            "In another terminal:",
            f"  export FIVETIER_HOME={state}",
            f"  {_command()} mail    # what was sent to them",
            f"  {_command()} sign {run['run_id']} --role {first} --as {first} --decision approve --reason WHY{ticks}",
            "",
            "Waiting for the signatures; Ctrl-C stops the demo.",
        )

    def show_answer(self, run: Run) -> list[dict[str, str | None]]:
        """Ask in SQL who owns some contracts of the largest change, before and after."""
        events = self.report(run)["events"]
        contracts: list[str] = next((event["contracts"] for event in events if event["contracts"]), [])
        few = contracts[:: max(1, len(contracts) // SHOWN_CONTRACTS)][:SHOWN_CONTRACTS]
        statement = WHO_OWNS.format(
            before=self.old.month.first_day,
            after=self.new.month.first_day,
            contracts=", ".join(f"'{contract}'" for contract in few) or "''",
        )
        columns, rows = run_query(statement, self.deployed)
        self.say("", "Who owns these contracts, before and after?", "", statement, "")
        print_rows(columns, rows, self.console)
        self.say("", f'Go on: {_command()} sql "SELECT * FROM v_release", {_command()} audit verify')
        return [dict(zip(columns, row, strict=True)) for row in rows]


def _fail(run: Run) -> NoReturn:
    err.print(f"{run['run_id']} is {run['state']}. {run.get('error')}: {run.get('cause')}", markup=False)
    raise typer.Exit(Exit.RUN_FAILED)


def _command() -> str:
    """How to call us from the same folder: `make demo` runs without an activated environment."""
    return "fivetier" if shutil.which("fivetier") else sys.argv[0]


def _sample() -> Path:
    if not SAMPLE.is_dir():
        raise UsageError(f"the bundled sample is not at {SAMPLE}: run the demo from a clone, or give --data FOLDER")
    return SAMPLE


def _make_room(state: Path) -> None:
    """An empty folder with our mark; of what stood there only an earlier demo that has ended is removed.

    Raises:
        UsageError: a demo runs there, or the folder is not a demo's.
    """
    state = state.resolve()
    if _is_running(state):
        raise UsageError(
            f"a stack still runs in {state}: end it with Ctrl-C where it was started, or with "
            f"`{_command()} down --state-dir {state}`; or give this one another --state-dir"
        )
    if state.exists():
        if any(state.iterdir()) and not (state / MARKER).exists():
            raise UsageError(f"{state} was not made by a demo, so it was left alone; give another --state-dir")
        shutil.rmtree(state)
    state.mkdir(parents=True)
    (state / MARKER).write_text("The next `fivetier demo` removes this folder.\n", encoding="utf-8")


def _has_ended(state: Path) -> bool:
    """Whether the stack ends by itself: one that was told to stop closes its port first."""
    deadline = time.monotonic() + ENDING_SECONDS
    while _is_running(state):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _is_running(state: Path) -> bool:
    try:
        LocalStack.attach(state)
    except StackNotRunning:
        return False
    except ForeignProcess:
        return True
    return True


def _end_cleanly_on_signals() -> None:
    """SIGTERM is Ctrl-C; both work in a background job too, where the shell has SIGINT ignored."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
