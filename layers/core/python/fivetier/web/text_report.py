"""The report as plain lines of text, for a terminal or a mail."""

from collections.abc import Iterator, Mapping
from typing import Any

from fivetier.web import banner
from fivetier.web.events import Entry, event_groups
from fivetier.web.highlights import advice, advice_reason, base, breached, highlights, title
from fivetier.web.ledger import (
    candidate_equation,
    completeness_equations,
    contract_equations,
    equations,
    landed_equation,
    published_equation,
)
from fivetier.web.words import count, printable

Report = Mapping[str, Any]

TOP_MOVES = 10


def summary_lines(report: Report) -> list[str]:
    """Banner, what changed, ledger, largest moves and findings. Control characters in data are made visible."""
    parts = (_banner(report), _changes(report), _ledger(report), _moves(report), _findings(report))
    return [printable(line) for part in parts for line in part]


def brief_lines(report: Report) -> list[str]:
    """The verdict and what changed: as much as fits where a link to the whole report stands."""
    return [printable(line) for line in (*_verdict(report), *highlights(report))]


def _verdict(report: Report) -> Iterator[str]:
    yield title(report)
    yield f"{advice(report).upper()}: {advice_reason(report)}"
    for found in breached(report):
        yield f"  {found['severity']} {found['code']} ({count(found['count'])}): {found['title']}"


def _banner(report: Report) -> Iterator[str]:
    yield from _verdict(report)
    yield f"Compared with: {base(report)}"
    for label, cell in banner.facts(report):
        yield f"{label}: {cell.text}"
    if state := banner.state(report):
        yield f"State: {state}"
    for decision in banner.decisions(report):
        yield f"{decision.verdict} by {decision.who} as {decision.role.lower()}: {decision.reason}"
    yield from filter(None, (banner.waiting(report), banner.moved(report)))


def _changes(report: Report) -> Iterator[str]:
    yield ""
    yield "What changed"
    for line in highlights(report):
        yield f"  {line}"


def _ledger(report: Report) -> Iterator[str]:
    yield ""
    yield "Ledger"
    ledger = report["ledger"]
    shown = (
        landed_equation(ledger, "landed rows"),
        published_equation(ledger, "nodes published", "published_nodes"),
        candidate_equation(ledger, "nodes in the candidate", "candidate_nodes"),
        *contract_equations(report),
        *completeness_equations(report),
    )
    for equation in shown:
        yield f"  {equation.text} ({equation.verdict})"
    every = equations(report)
    for equation in every:
        if not equation.ties and equation not in shown:
            yield f"  {equation.text} ({equation.verdict})"
    yield f"  {count(sum(equation.ties for equation in every))} of {count(len(every))} sums tie"


def _moves(report: Report) -> Iterator[str]:
    for group in event_groups(report):
        moves = [entry for entry in group.entries if entry.to is not None]
        if not moves:
            continue
        yield ""
        yield f"{group.title}: {group.size}"
        for entry in moves[:TOP_MOVES]:
            yield f"  {_move(entry)}"
        if group.count > TOP_MOVES:
            yield f"  and {count(group.count - len(moves[:TOP_MOVES]))} more"


def _move(entry: Entry) -> str:
    note = " (possible rename)" if entry.note else ""
    return f"{entry.name} -> {entry.to}: {entry.size}{note}"


def _findings(report: Report) -> Iterator[str]:
    yield ""
    yield "Findings"
    for found in report["findings"]:
        yield f"  {found['severity']} {found['code']} ({count(found['count'])}): {found['title']}"
    if not report["findings"]:
        yield "  None"
