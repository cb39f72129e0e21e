"""Sign-off by a person, and what they may read before: the use cases behind the API."""

import json
from typing import Any

from fivetier.app import keys
from fivetier.app.chaining import DECIDED
from fivetier.app.contracts import SignOffReceipt, SignOffRequest
from fivetier.app.looking_back import replaced_release
from fivetier.app.policy import policies
from fivetier.app.records import OpenAsk, Run
from fivetier.app.world import Occasion, Ports, utc_text
from fivetier.domain.errors import AskNotOpen, ReportNotFound
from fivetier.domain.runs import RunState
from fivetier.domain.signoff import Ask, Decision, Person, check_decision
from fivetier.domain.tiers import Lob


def sign_off(run_id: str, round_number: int, request: SignOffRequest, person: Person, ports: Ports) -> SignOffReceipt:
    """Record a decision of a person in a role on one digest.

    Every rule is checked here for a clear answer, and again as conditions of the one transaction that writes
    decision and audit event.

    Raises:
        RuleRefused: one of its subclasses says which rule; nothing was written.
        RunNotFound: there is no such run.
    """
    run, now = ports.runs.get_run(run_id), ports.clock.now()
    ask = _open_ask(run, ports)
    decision = Decision(
        run_id=run_id,
        round_number=round_number,
        role=request.role,
        login=person.login,
        verdict=request.decision,
        reason=request.reason.strip(),
        manifest_digest=request.manifest_digest,
        signed_at=utc_text(now),
        ticks=tuple(sorted(request.ticks.items())),
        name=person.name,
    )
    earlier = ports.runs.decisions(run_id, ask.round_number)
    required = policies()[Lob(run.lob)].signing_roles
    check_decision(
        decision,
        person=person,
        run_state=run.state,
        ask=ask_of(ask),
        earlier=earlier,
        findings=_report(run, ports)["findings"],
        now=now,
        required=required,
    )
    event = Occasion(run_id, run.lob, person.login).event(
        DECIDED,
        now,
        discriminator=f"{round_number}|{request.role}",
        name=person.name,
        role=decision.role,
        decision=decision.verdict,
        meaning=decision.meaning,
        reason=decision.reason,
        ticks=dict(decision.ticks),
        manifest_digest=decision.manifest_digest,
        round_number=round_number,
    )
    ports.runs.decide(decision, event)
    decided = {d.role for d in earlier} | {decision.role}
    return SignOffReceipt(
        run_id=run_id,
        round_number=round_number,
        role=decision.role,
        decision=decision.verdict,
        signed_at=decision.signed_at,
        meaning=decision.meaning,
        still_waiting_for=[role for role in required if role not in decided] if decision.verdict == "approve" else [],
    )


def ask_of(ask: OpenAsk) -> Ask:
    """The stored ask as the rules of sign-off know it."""
    return Ask(ask.run_id, ask.round_number, ask.manifest_digest, ask.expires_at, ask.requested_by)


def _open_ask(run: Run, ports: Ports) -> OpenAsk:
    ask = ports.runs.get_ask(run.run_id)
    if ask is None or run.state is not RunState.AWAITING_SIGN_OFF:
        raise AskNotOpen(run_id=run.run_id, state=run.state)
    return ask


def _report(run: Run, ports: Ports) -> dict[str, Any]:
    if run.manifest_digest is None:
        raise ReportNotFound(run_id=run.run_id, state=run.state)
    report: dict[str, Any] = json.loads(ports.staging.get_bytes(keys.report_key(run.run_id)))
    return report


def view_run(run_id: str, ports: Ports) -> dict[str, Any]:
    """A run as people see it: where it stands, who decided, who is waited for."""
    return _view(ports.runs.get_run(run_id), ports)


def view_runs(lob: str | None, ports: Ports) -> list[dict[str, Any]]:
    """Runs, newest first."""
    return [_view(run, ports) for run in ports.runs.list_runs(lob)]


def _view(run: Run, ports: Ports) -> dict[str, Any]:
    ask = ports.runs.get_ask(run.run_id) if run.manifest_digest is not None else None
    decisions = ports.runs.decisions(run.run_id, ask.round_number) if ask is not None else []
    state = run.state
    if state is RunState.AWAITING_SIGN_OFF and ask is None:
        state = RunState.RUNNING  # frozen, but the question is not written yet
    decided = {decision.role for decision in decisions}
    waits = state is RunState.AWAITING_SIGN_OFF
    return {
        **run.model_dump(mode="json"),
        "state": state.value,
        "round_number": None if ask is None else ask.round_number,
        "expires_at": None if ask is None else utc_text(ask.expires_at),
        "decisions": [
            {
                "role": d.role,
                "login": d.login,
                "name": d.name,
                "decision": d.verdict,
                "reason": d.reason,
                "signed_at": d.signed_at,
                "ticks": dict(d.ticks),
            }
            for d in decisions
        ],
        "waiting_for": [r for r in policies()[Lob(run.lob)].signing_roles if waits and r not in decided],
    }


def view_report(run_id: str, ports: Ports) -> dict[str, Any]:
    """The frozen report with what changes after freezing: state, digest, round, decisions.

    Raises:
        ReportNotFound: the run ended, or still works, before a report was frozen.
    """
    run = ports.runs.get_run(run_id)
    report, view = _report(run, ports), _view(run, ports)
    current = replaced_release(run, ports)
    now = None if current is None else current.release_id
    if run.place and current is None:
        now = report["base_snapshot"]  # the first of its month replaces nothing, so nothing can have moved
    live = {key: view[key] for key in ("state", "manifest_digest", "round_number", "expires_at", "decisions")}
    return {
        **report,
        **live,
        "waiting_for": view["waiting_for"],
        "requested_by": run.requested_by,
        "reason": run.reason,
        "current_release": now,
    }
