"""What mails say: plain text and the same as HTML, in the words of the pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fivetier.app.notifying import AbsenceFacts, AskFacts, OutcomeFacts, ReminderFacts
from fivetier.app.records import Letter
from fivetier.domain.runs import RunState
from fivetier.web.banner import who
from fivetier.web.environment import render
from fivetier.web.highlights import advice, advice_reason, base, title
from fivetier.web.standing import Link, ended_line
from fivetier.web.words import (
    STATES,
    VERDICTS,
    count,
    humanized,
    instant,
    listed,
    lob_label,
    many,
    market_instant,
    printable,
    role,
)

Fact = tuple[str, str]

_POINTERS_ONLY = "Opening a link decides nothing: people decide on the page, signed in as themselves."


@dataclass(frozen=True, slots=True)
class _View:
    """A letter before it is drawn; the first link is what it is about."""

    subject: str
    heading: str
    lines: Sequence[str]
    links: Sequence[Link]
    facts: Sequence[Fact]


def ask_letter(ask: AskFacts) -> Letter:
    """Tell a signer within a screen whether to look now, and where."""
    report = {
        **_report(ask),
        "recommendation": ask.recommendation,
        "base_sub_version": ask.base_sub_version,
    }
    asked = "Sign-off asked" if ask.round_number == 1 else f"Sign-off asked again (round {ask.round_number})"
    links = [Link(ask.link, "Read the report and decide")]
    if ask.execution_url:
        links.append(Link(ask.execution_url, "The execution in Step Functions (read only; needs your AWS login)"))
    return _drawn(
        _View(
            subject=f"{asked}: {_what(ask)} ({_advice_in_short(ask.recommendation)})",
            heading=f"{asked}: {title(report)}",
            lines=[f"The checks recommend: {advice(report)}. {advice_reason(report)}"],
            links=links,
            facts=list(_ask_facts(ask, base(report))),
        )
    )


def _ask_facts(ask: AskFacts, compared_with: str) -> Iterator[Fact]:
    units, findings = ask.units, ask.findings
    yield "Compared with", compared_with
    yield (
        {"contract": "Contracts", "plan": "Plans", "subsidiary": "Subsidiaries"}[ask.unit],
        f"{count(units['kept'])} kept, {count(units['changed'])} of them changed; "
        f"{count(units['removed'])} removed; {count(units['added'])} added",
    )
    yield "Events", count(ask.events)
    yield (
        "Findings",
        f"{count(findings['P0'])} blocking (P0), {count(findings['P1'])} to tick (P1), "
        f"{count(findings['P2'])} for information (P2)",
    )
    signers = listed([role(name).lower() for name in ask.signing_roles])
    yield "Who must sign", f"{signers}; not the one who requested it, and nobody twice"
    yield "Requested by", ask.requested_by
    yield "Open until", f"{instant(ask.expires_at.isoformat())}, which is {market_instant(ask.expires_at)}"
    yield "Run", ask.run_id
    yield "Round", str(ask.round_number)
    yield "Manifest digest begins", ask.manifest_digest[:12]


def reminder_letter(reminder: ReminderFacts) -> Letter:
    """Tell who has not decided yet how much time is left."""
    signers = listed([role(name).lower() for name in reminder.waiting_for])
    until = f"{instant(reminder.expires_at.isoformat())}, which is {market_instant(reminder.expires_at)}"
    return _drawn(
        _View(
            subject=f"Still waiting for you ({reminder.percent} % of the time is gone): {_what(reminder)}",
            heading=f"Still waiting for sign-off: {title(_report(reminder))}",
            lines=[f"{reminder.percent} % of the time to sign is gone. A run nobody decides expires unpublished."],
            links=[Link(reminder.link, "Read the report and decide")],
            facts=[
                ("Still to decide", signers),
                ("Open until", until),
                ("Run", reminder.run_id),
                ("Round", str(reminder.round_number)),
            ],
        )
    )


def outcome_letter(outcome: OutcomeFacts) -> Letter:
    """Tell everybody who was asked what became of it."""
    state = STATES.get(outcome.state, humanized(outcome.state))
    lines = [ended_line({"state": outcome.state})]
    if outcome.state is RunState.REJECTED:
        lines.append("The reason is on the page.")
    if outcome.error:
        lines.append(f"It ended with {outcome.error}; the cause is on the page.")
    links = [Link(outcome.link, "Open the run")]
    if outcome.newer_link:
        links.append(Link(outcome.newer_link, f"Open the newer run {outcome.newer_run}"))
    error = f" ({outcome.error})" if outcome.error else ""
    decisions = [
        (role(s.role), f"{VERDICTS.get(s.verdict, humanized(s.verdict))} by {who({'login': s.login, 'name': s.name})}")
        for s in outcome.signers
    ]
    return _drawn(
        _View(
            subject=f"{state}: {_what(outcome)}{error}",
            heading=f"{state}: {title(_report(outcome))}",
            lines=lines,
            links=links,
            facts=[*decisions, ("Run", outcome.run_id), ("Round", str(outcome.round_number))],
        )
    )


def absence_letter(absence: AbsenceFacts) -> Letter:
    """Tell who looks after the feeds which files are late, and that landing them is all there is to do."""
    what = f"{lob_label(absence.lob)} {absence.sub_version}"
    due = f"{instant(absence.due_at.isoformat())}, which is {market_instant(absence.due_at)}"
    return _drawn(
        _View(
            subject=f"Files have not landed: {what}",
            heading=f"Files that were due have not landed: {what}",
            lines=[
                "The refresh cannot begin. Ask who delivers them; readers keep what is published.",
                "Once they land, the refresh starts by itself within the hour.",
            ],
            links=[Link(absence.link, "Open the front page")],
            facts=[
                ("Line of business", lob_label(absence.lob)),
                ("Missing", listed(list(absence.sources))),
                ("Were due", due),
                ("Told", listed([role(name).lower() for name in absence.told])),
            ],
        )
    )


def _what(facts: AskFacts | ReminderFacts | OutcomeFacts) -> str:
    """What a run is about, short enough for a subject."""
    what = ", roll back to" if facts.rollback_to else ", lookback at" if facts.lookback_of else ""
    return f"{lob_label(facts.lob)}{what} {facts.sub_version}"


def _report(facts: AskFacts | ReminderFacts | OutcomeFacts) -> dict[str, Any]:
    """What the words of the report need of it."""
    lookback = {"lookback_of": facts.lookback_of} if facts.lookback_of else None
    facts_of_run = {"lob": facts.lob, "sub_version": facts.sub_version, "rollback_to": facts.rollback_to}
    return {**facts_of_run, "lookback": lookback}


def _advice_in_short(recommendation: Mapping[str, Any]) -> str:
    blocking, ticks = len(recommendation["blocking"]), len(recommendation["needs_tick"])
    if blocking:
        return f"reject: {many(blocking, 'finding')} {'blocks' if blocking == 1 else 'block'}"
    if ticks:
        return f"review: {many(ticks, 'finding')} to tick"
    return "approve: nothing stands in the way"


def _drawn(view: _View) -> Letter:
    subject = printable(view.subject)
    shown = {
        "subject": subject,
        "heading": printable(view.heading),
        "lines": [printable(line) for line in view.lines],
        "links": view.links,
        "facts": [(label, printable(text)) for label, text in view.facts],
        "note": _POINTERS_ONLY,
    }
    return Letter(subject=subject, text=render("mail.txt.j2", shown), html=render("mail.html.j2", shown))
