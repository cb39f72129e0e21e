"""The pages behind the login: one round to sign, one run, all runs, and short messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fivetier.app.desk import Desk, RunFolder
from fivetier.app.links import Execution, run_path, sign_off_path
from fivetier.app.records import Run
from fivetier.app.world import utc_text
from fivetier.domain.runs import RETRIED_FREELY, RunState
from fivetier.domain.signoff import Person
from fivetier.web import banner
from fivetier.web.environment import render
from fivetier.web.grids import Cell, Grid, Head, code, number, text
from fivetier.web.report_page import report_view
from fivetier.web.standing import Link, ended_line, may_switch, standing_line, way_on
from fivetier.web.words import STATES, VERDICTS, count, humanized, instant, listed, lob_label, month, role


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person had typed when their decision was refused, so that it is not lost."""

    reason: str = ""
    ticks: Mapping[str, str] = field(default_factory=dict)


def render_desk(desk: Desk, *, csrf: str, execution: Execution, typed: Typed | None = None, problem: str = "") -> str:
    """Draw the report of one round with what this person may do about it."""
    report = desk.report
    view = {
        "roles": [{"value": name, "label": role(name)} for name in desk.standing.roles],
        "is_blocked": bool(report["recommendation"]["blocking"]),
        "standing": standing_line(desk),
        "follow": way_on(desk),
        "may_switch": may_switch(desk),
        "action": sign_off_path(report["run_id"], desk.round_number),
        "csrf": csrf,
        "digest": report["manifest_digest"],
        "typed": typed or Typed(),
        "problem": problem,
        "steps": _steps(_progress_of(desk)),
        "history": _runs_grid("runs", "Runs of this line of business, newest first", desk.history),
        "execution": execution,
    }
    is_pending = desk.is_decided or report["state"] == RunState.PUBLISHING
    shell = {"visitor": _visitor(desk.person), "desk": view, "is_pending": is_pending}
    return render("report.html.j2", {**report_view(report), **shell})


def _progress_of(desk: Desk) -> Mapping[str, Any]:
    return next((run.progress for run in desk.history if run.run_id == desk.report["run_id"]), {})


def render_run(folder: RunFolder, person: Person, execution: Execution) -> str:
    """Draw one run: where it stands, who decided, what it read, what each step counted."""
    run = folder.run
    state = str(run["state"])
    waiting = [role(name).lower() for name in run["waiting_for"]]
    view = {
        "kind": humanized(run["kind"]),
        "title": f"{lob_label(run['lob'])}, {month(run['sub_version'])}",
        "state": STATES.get(state, humanized(state)),
        "waiting_line": f"Still to decide: {listed(waiting)}." if waiting else _line(run),
        "failure": f"{run['error']}: {run['cause']}" if state in RETRIED_FREELY and run["error"] else "",
        "review": _review_link(run),
        "facts": tuple(_facts(run)),
        "decisions": _decisions(run["decisions"]),
        "inputs": _inputs(run["objects"]),
    }
    desk = {
        "steps": _steps(run["progress"]),
        "history": _runs_grid("runs", "Runs of this line of business, newest first", folder.history),
        "execution": execution,
    }
    is_pending = state in (RunState.RUNNING, RunState.PUBLISHING)
    return render("run.html.j2", {**view, "desk": desk, "visitor": _visitor(person), "is_pending": is_pending})


def _line(run: Mapping[str, Any]) -> str:
    return "" if run["state"] in (RunState.RUNNING, RunState.AWAITING_SIGN_OFF) else ended_line(run)


def _review_link(run: Mapping[str, Any]) -> Link | None:
    if run["round_number"] is None:
        return None
    label = "Read the report and decide" if run["state"] == RunState.AWAITING_SIGN_OFF else "Read the report"
    return Link(sign_off_path(run["run_id"], run["round_number"]), label)


def _facts(run: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    facts = [
        ("Run", code(run["run_id"])),
        ("Requested by", text(run["requested_by"])),
        ("Started", text(instant(run["started_at"]))),
    ]
    later = (
        ("Why", run["reason"], text),
        ("Open until", run["expires_at"] and instant(run["expires_at"]), text),
        ("Ended", run["ended_at"] and instant(run["ended_at"]), text),
        ("Base", run["base_snapshot"], code),
        ("Manifest digest", run["manifest_digest"], code),
    )
    return facts + [(label, cell(value)) for label, value, cell in later if value]


def _decisions(decisions: Sequence[Mapping[str, Any]]) -> Grid:
    heads = tuple(Head(label) for label in ("Decision", "By", "Role", "When", "Why"))
    rows = tuple(
        (
            text(VERDICTS.get(d["decision"], humanized(d["decision"]))),
            text(banner.who(d)),
            text(role(d["role"])),
            text(instant(d["signed_at"])),
            text(d["reason"]),
        )
        for d in decisions
    )
    return Grid("decided", "Decisions of the newest round", heads, rows)


def _inputs(objects: Sequence[Mapping[str, Any]]) -> Grid:
    heads = (Head("Source"), Head("File"), Head("Bytes", True), Head("SHA-256"))
    rows = tuple(
        (code(obj["source"]), code(obj["file_name"]), number(obj["size"]), code(obj["sha256"])) for obj in objects
    )
    return Grid("landed", "Files this run was started with, by version and digest", heads, rows)


def _steps(progress: Mapping[str, Any]) -> Grid:
    rows = tuple(
        (text(humanized(step)), text(", ".join(f"{humanized(name).lower()} {count(n)}" for name, n in counts.items())))
        for step, counts in progress.items()
    )
    return Grid("steps", "What each step counted", (Head("Step"), Head("Counts")), rows)


def _runs_grid(anchor: str, caption: str, runs: Sequence[Run]) -> Grid:
    heads = tuple(Head(label) for label in ("Month", "State", "Requested by", "Started", "Run"))
    return Grid(anchor, caption, heads, tuple(_run_row(run) for run in runs))


def _run_row(run: Run) -> tuple[Cell, ...]:
    return (
        Cell(f"{lob_label(run.lob)}, {month(run.sub_version)}", href=run_path(run.run_id)),
        text(STATES[run.state]),
        text(run.requested_by),
        text(instant(utc_text(run.started_at))),
        code(run.run_id),
    )


def render_home(runs: Sequence[Run], person: Person) -> str:
    """Draw the list of runs, those that wait for people first."""
    waiting = [run for run in runs if run.state is RunState.AWAITING_SIGN_OFF]
    view = {
        "waiting": _runs_grid("waiting", "Open a run to read its report and to decide", waiting),
        "runs": _runs_grid("runs", "Newest first", runs),
    }
    return render("home.html.j2", {**view, "visitor": _visitor(person)})


def render_message(
    heading: str, *lines: str, link: Link | None = None, forward: str = "", person: Person | None = None
) -> str:
    """Draw a short message; `forward` sends the browser on at once."""
    visitor = _visitor(person) if person else {"login": ""}
    return render(
        "message.html.j2", {"heading": heading, "lines": lines, "link": link, "forward": forward, "visitor": visitor}
    )


def _visitor(person: Person) -> dict[str, str]:
    roles = listed([role(name) for name in sorted(person.roles)]) or "no role"
    return {"login": person.login, "name": person.name or person.login, "roles": roles}
