"""Who may decide what, when: the rules of sign-off, checked before and again inside the transaction.

Two roles, two persons, neither the requester, one digest (DECISIONS, Sign-off; RELIABILITY §1.5).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from fivetier.domain import errors, lobs
from fivetier.domain.runs import RunState


class Role(StrEnum):
    """What a person may act as; the values are the issuer's group names."""

    DATA_OPS_REVIEWER = "data_ops_reviewer"
    ENGINEERING_LEAD = "engineering_lead"
    DATA_LEAD = "data_lead"


REQUIRED_ROLES = tuple(Role(name) for name in lobs.REQUIRED_ROLES)


class Verdict(StrEnum):
    """A decision."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone the issuer vouches for."""

    login: str
    roles: frozenset[str]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """An open question to the signers: one round of one run."""

    run_id: str
    round_number: int
    manifest_digest: str
    expires_at: datetime
    requested_by: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided in one role, on one digest."""

    run_id: str
    round_number: int
    role: str
    login: str
    verdict: str
    reason: str
    manifest_digest: str
    signed_at: str
    ticks: tuple[tuple[str, str], ...] = ()
    name: str = ""

    @property
    def meaning(self) -> str:
        """What the signature says in words (after 21 CFR 11.50)."""
        if self.verdict == Verdict.APPROVE:
            return "I reviewed this report and approve its publication."
        return "I reviewed this report and reject its publication."


def check_decision(
    decision: Decision,
    *,
    person: Person,
    run_state: RunState,
    ask: Ask,
    earlier: Sequence[Decision],
    findings: Sequence[Mapping[str, Any]],
    now: datetime,
    required: Collection[str] = REQUIRED_ROLES,
) -> None:
    """Refuse a decision that breaks a rule; return quietly otherwise.

    Args:
        decision: what the person wants to state.
        person: who the token says they are.
        run_state: where the run stands.
        ask: the round being asked now.
        earlier: decisions already made in this round.
        findings: the report's findings (code, severity).
        now: aware UTC.
        required: roles that sign this LOB.

    Raises:
        RuleRefused: one of its subclasses, saying which rule.
    """
    _check_open(ask, decision.round_number, run_state, now)
    _check_person(decision.role, person, ask, earlier, required)
    if decision.manifest_digest != ask.manifest_digest:
        raise errors.DigestMismatch(run_id=ask.run_id, signed=decision.manifest_digest, frozen=ask.manifest_digest)
    if not decision.reason.strip():
        raise errors.ReasonMissing(decision=decision.verdict)
    if decision.verdict == Verdict.APPROVE:
        _check_findings(decision, findings)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person may do about a question now: decide in one of `roles`, or the rule that says why not."""

    roles: tuple[str, ...] = ()
    refused: errors.RuleRefused | None = None


def standing_of(
    person: Person,
    *,
    round_number: int,
    run_state: RunState,
    ask: Ask,
    earlier: Sequence[Decision],
    now: datetime,
    required: Collection[str] = REQUIRED_ROLES,
) -> Standing:
    """In which roles a person may decide a round now, by the rules of `check_decision`."""
    try:
        _check_open(ask, round_number, run_state, now)
    except errors.RuleRefused as refused:
        return Standing(refused=refused)
    roles, why = [], None
    for role in required:
        try:
            _check_person(role, person, ask, earlier, required)
        except errors.RuleRefused as refused:
            # What bars a person from a role they hold says more than that they lack another one.
            why = refused if why is None or isinstance(why, errors.RoleNotHeld) else why
        else:
            roles.append(role)
    return Standing(tuple(roles), None if roles else why)


def _check_open(ask: Ask, round_number: int, run_state: RunState, now: datetime) -> None:
    if run_state is not RunState.AWAITING_SIGN_OFF:
        raise errors.AskNotOpen(run_id=ask.run_id, state=run_state)
    if round_number != ask.round_number:
        raise errors.AskReplaced(run_id=ask.run_id, round_number=round_number, current=ask.round_number)
    if now >= ask.expires_at:
        raise errors.AskExpired(run_id=ask.run_id, expired_at=ask.expires_at.isoformat(timespec="seconds"))


def _check_person(role: str, person: Person, ask: Ask, earlier: Sequence[Decision], required: Collection[str]) -> None:
    if role not in person.roles or role not in required:
        held = sorted(person.roles & set(required))
        raise errors.RoleNotHeld(person=person.login, role=role, held=held)
    if _same_login(person.login, ask.requested_by):
        raise errors.RequesterCannotSign(person=person.login, run_id=ask.run_id)
    for other in earlier:
        if other.role == role:
            raise errors.AlreadyDecided(run_id=ask.run_id, role=other.role, person=other.login)
        if _same_login(other.login, person.login):
            raise errors.SamePersonTwice(person=person.login, role=role, signed_as=other.role)


def _same_login(one: str, other: str) -> bool:
    """Whether two logins are one person's; case does not make two persons."""
    return one.casefold() == other.casefold()


def _check_findings(decision: Decision, findings: Sequence[Mapping[str, Any]]) -> None:
    p0 = [str(f["code"]) for f in findings if f["severity"] == "P0"]
    if p0:
        raise errors.FindingBlocks(run_id=decision.run_id, codes=p0)
    ticked = {code for code, reason in decision.ticks if reason.strip()}
    missing = [str(f["code"]) for f in findings if f["severity"] == "P1" and f["code"] not in ticked]
    if missing:
        raise errors.TickMissing(run_id=decision.run_id, codes=missing)


def outcome(decisions: Sequence[Decision], required: Collection[str] = REQUIRED_ROLES) -> Verdict | None:
    """What the decisions of a round amount to: one rejection ends it, every required role approves it."""
    if any(d.verdict == Verdict.REJECT for d in decisions):
        return Verdict.REJECT
    approved = {d.role for d in decisions if d.verdict == Verdict.APPROVE}
    return Verdict.APPROVE if approved >= {str(role) for role in required} else None
