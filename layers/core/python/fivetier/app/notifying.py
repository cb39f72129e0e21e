"""Mail to people: that a round asks for their signature, that it still does, and what became of it.

A mail points to a page. It carries counts and ids: no record value, no reason somebody typed, no token, and nothing
that decides (RELIABILITY §1.5, §7). Facts are picked here one by one, so that what a template could show is closed.

Every mail is sent at least once, and normally once: what was sent is an audit event, which the next delivery finds.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fivetier.app import keys
from fivetier.app.chaining import superseded_by
from fivetier.app.links import execution_of, run_path, sign_off_path
from fivetier.app.policy import policies
from fivetier.app.records import Letter, Mail, OpenAsk, Run
from fivetier.app.scheduling import is_answered
from fivetier.app.watching import FEED_OVERDUE, REMINDER_DUE
from fivetier.app.world import Occasion, Ports
from fivetier.domain.audit import AuditEvent
from fivetier.domain.calendar import Due
from fivetier.domain.report import changed_units
from fivetier.domain.runs import RETRIED_FREELY, RunState
from fivetier.domain.signoff import Role
from fivetier.domain.tiers import Lob

ASKED, REMINDED, TOLD, ESCALATED = "people_asked", "people_reminded", "outcome_told", "absence_told"
#: The events that end a run (`close_run`) and the state they end it in. NO_CHANGE comes before anybody is asked.
OUTCOMES = {f"run_{state.lower()}": state for state in RunState if state.has_ended and state is not RunState.NO_CHANGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFacts:
    """What a mail may say about an open round."""

    run_id: str
    lob: str
    rollback_to: str | None
    lookback_of: str | None
    sub_version: str
    base_sub_version: str | None
    round_number: int
    recommendation: Mapping[str, Any]
    unit: str
    units: Mapping[str, int]
    events: int
    findings: Mapping[str, int]
    requested_by: str
    expires_at: datetime
    manifest_digest: str
    signing_roles: Sequence[str]
    link: str
    execution_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderFacts:
    """What a mail may say about a round that is still unanswered."""

    run_id: str
    lob: str
    rollback_to: str | None
    lookback_of: str | None
    sub_version: str
    round_number: int
    percent: int
    waiting_for: Sequence[str]
    expires_at: datetime
    link: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Who decided what in which role; why is for the page."""

    role: str
    login: str
    name: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFacts:
    """What a mail may say about a run that ended after people had been asked."""

    run_id: str
    lob: str
    rollback_to: str | None
    lookback_of: str | None
    sub_version: str
    round_number: int
    state: RunState
    signers: Sequence[Signer]
    error: str
    link: str
    newer_run: str
    newer_link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceFacts:
    """What a mail may say about files that were due and have not landed."""

    lob: str
    sub_version: str
    sources: Sequence[str]
    due_at: datetime
    told: Sequence[str]
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """How this deployment writes to people.

    Attributes:
        addresses: addresses of each role.
        front_door_url: where the pages begin.
        console_url: where the AWS console begins, if there is one.
        state_machines: ARN of each LOB's state machine.
        write_ask: words for an ask.
        write_reminder: words for a reminder.
        write_outcome: words for an outcome.
        write_absence: words for files that have not landed.
    """

    addresses: Mapping[str, Sequence[str]]
    front_door_url: str
    console_url: str | None
    state_machines: Mapping[str, str]
    write_ask: Callable[[AskFacts], Letter]
    write_reminder: Callable[[ReminderFacts], Letter]
    write_outcome: Callable[[OutcomeFacts], Letter]
    write_absence: Callable[[AbsenceFacts], Letter]


def ask_by_mail(ask: OpenAsk, ports: Ports, mailing: Mailing) -> None:
    """Tell the signing roles and Data Operations that a round is open; a round that closed meanwhile asks nobody."""
    run, now = ports.runs.get_run(ask.run_id), ports.clock.now()
    if run.state is not RunState.AWAITING_SIGN_OFF or now >= ask.expires_at:
        return
    roles = _everybody(run)
    _send_once(run, ask, ASKED, roles, ports, mailing, lambda: mailing.write_ask(_ask_facts(run, ask, ports, mailing)))


def tell_news(event: AuditEvent, ports: Ports, mailing: Mailing) -> None:
    """Tell whom it concerns: a round still unanswered, a run ended, a feed absent; other events say nothing."""
    if event.event_type == REMINDER_DUE:
        _remind(event, ports, mailing)
    elif event.event_type == FEED_OVERDUE:
        _escalate(event, ports, mailing)
    elif event.event_type in OUTCOMES:
        _tell_outcome(event, ports, mailing)


def _remind(event: AuditEvent, ports: Ports, mailing: Mailing) -> None:
    """Remind those who have not decided, and Data Operations; a round that closed meanwhile reminds nobody."""
    run, ask = ports.runs.get_run(event.run_id), ports.runs.get_ask(event.run_id)
    round_number, percent = int(event.details["round_number"]), int(event.details["percent"])
    is_open = run.state is RunState.AWAITING_SIGN_OFF and ask is not None and ask.round_number == round_number
    if ask is None or not is_open or ports.clock.now() >= ask.expires_at:
        return
    decided = {decision.role for decision in ports.runs.decisions(run.run_id, round_number)}
    waiting_for = [role for role in policies()[Lob(run.lob)].signing_roles if role not in decided]
    if not waiting_for:
        return
    facts = ReminderFacts(
        run_id=run.run_id,
        lob=run.lob,
        rollback_to=run.rollback_to,
        lookback_of=run.lookback_of,
        sub_version=run.sub_version,
        round_number=round_number,
        percent=percent,
        waiting_for=waiting_for,
        expires_at=ask.expires_at,
        link=f"{mailing.front_door_url}{sign_off_path(run.run_id, round_number)}",
    )
    roles = [*waiting_for, Role.DATA_OPS_REVIEWER]
    _send_once(
        run, ask, REMINDED, roles, ports, mailing, lambda: mailing.write_reminder(facts), discriminator=f"@{percent}"
    )


def _tell_outcome(event: AuditEvent, ports: Ports, mailing: Mailing) -> None:
    """Tell everybody who was asked how the run ended; a run nobody was asked about says nothing."""
    ask = ports.runs.get_ask(event.run_id)
    if ask is None:
        return
    run, state = ports.runs.get_run(event.run_id), OUTCOMES[event.event_type]
    _send_once(
        run,
        ask,
        TOLD,
        _everybody(run),
        ports,
        mailing,
        lambda: mailing.write_outcome(_outcome_facts(run, ask, state, ports, mailing)),
    )


def _escalate(event: AuditEvent, ports: Ports, mailing: Mailing) -> None:
    """Tell Data Operations, and at the second stage the leads, that a feed is absent; not once its refresh began."""
    lob, facts = Lob(event.lob), event.details
    due_at, stage = datetime.fromisoformat(facts["due_at"]), int(facts["stage"])
    occasion, discriminator = Occasion("", event.lob), f"{event.lob}@{facts['due_at']}@{stage}"
    was_told = ports.runs.find_event(occasion.event_id(ESCALATED, discriminator)) is not None
    if was_told or is_answered(Due(lob, due_at, (), "files"), ports):
        return
    roles = [Role.DATA_OPS_REVIEWER, *(policies()[lob].signing_roles if stage > 1 else ())]
    letter = mailing.write_absence(
        AbsenceFacts(
            lob=event.lob,
            sub_version=facts["sub_version"],
            sources=facts["sources"],
            due_at=due_at,
            told=roles,
            link=f"{mailing.front_door_url}/",
        )
    )
    ports.mailer.send(Mail(to=_addresses(roles, mailing), **letter.model_dump()))
    ports.runs.record_event(
        occasion.event(
            ESCALATED, ports.clock.now(), discriminator=discriminator, due_at=facts["due_at"], stage=stage, roles=roles
        )
    )


def _addresses(roles: Sequence[str], mailing: Mailing) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for role in roles for address in mailing.addresses.get(role, ())))


def _everybody(run: Run) -> list[str]:
    return [*policies()[Lob(run.lob)].signing_roles, Role.DATA_OPS_REVIEWER]


def _send_once(
    run: Run,
    ask: OpenAsk,
    event_type: str,
    roles: Sequence[str],
    ports: Ports,
    mailing: Mailing,
    write: Callable[[], Letter],
    *,
    discriminator: str = "",
) -> None:
    """Send one mail per round and kind: to find it recorded is the only reason not to send it."""
    occasion, discriminator = Occasion(run.run_id, run.lob), f"{ask.round_number}{discriminator}"
    if ports.runs.find_event(occasion.event_id(event_type, discriminator)) is not None:
        return
    ports.mailer.send(Mail(to=_addresses(roles, mailing), **write().model_dump()))
    now = ports.clock.now()
    ports.runs.record_event(
        occasion.event(event_type, now, discriminator=discriminator, round_number=ask.round_number, roles=list(roles))
    )


def _ask_facts(run: Run, ask: OpenAsk, ports: Ports, mailing: Mailing) -> AskFacts:
    report = json.loads(ports.staging.get_bytes(keys.report_key(run.run_id)))
    severities = [finding["severity"] for finding in report["findings"]]
    machine, (unit, units) = mailing.state_machines[run.lob], changed_units(report)
    return AskFacts(
        run_id=run.run_id,
        lob=run.lob,
        rollback_to=run.rollback_to,
        lookback_of=run.lookback_of,
        sub_version=run.sub_version,
        base_sub_version=report["base_sub_version"],
        round_number=ask.round_number,
        recommendation={key: report["recommendation"][key] for key in ("advice", "blocking", "needs_tick")},
        unit=unit,
        units=units,
        events=sum(report["event_counts"].values()),
        findings={severity: severities.count(severity) for severity in ("P0", "P1", "P2")},
        requested_by=ask.requested_by,
        expires_at=ask.expires_at,
        manifest_digest=ask.manifest_digest,
        signing_roles=policies()[Lob(run.lob)].signing_roles,
        link=f"{mailing.front_door_url}{sign_off_path(run.run_id, ask.round_number)}",
        execution_url=execution_of(machine, run.run_id, console_url=mailing.console_url).url,
    )


def _outcome_facts(run: Run, ask: OpenAsk, state: RunState, ports: Ports, mailing: Mailing) -> OutcomeFacts:
    newer_run = superseded_by(run, ports.runs) if state is RunState.SUPERSEDED else ""
    return OutcomeFacts(
        run_id=run.run_id,
        lob=run.lob,
        rollback_to=run.rollback_to,
        lookback_of=run.lookback_of,
        sub_version=run.sub_version,
        round_number=ask.round_number,
        state=state,
        signers=[
            Signer(decision.role, decision.login, decision.name, decision.verdict)
            for decision in ports.runs.decisions(run.run_id, ask.round_number)
        ],
        error=run.error or "" if state in RETRIED_FREELY else "",
        link=f"{mailing.front_door_url}{run_path(run.run_id)}",
        newer_run=newer_run,
        newer_link=f"{mailing.front_door_url}{run_path(newer_run)}" if newer_run else "",
    )
