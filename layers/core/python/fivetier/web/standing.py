"""What a page tells a person about what they may do, in words and with the way on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fivetier.app.desk import Desk
from fivetier.app.links import run_path, sign_off_path
from fivetier.domain import errors
from fivetier.domain.runs import RunState
from fivetier.web.words import humanized, instant, listed, role


@dataclass(frozen=True, slots=True)
class Link:
    """A way on."""

    href: str
    label: str


def standing_line(desk: Desk) -> str:
    """Whether the person may decide, and else why not."""
    if desk.standing.roles:
        return f"You may decide as {listed([role(name).lower() for name in desk.standing.roles])}."
    refused = desk.standing.refused
    if desk.is_decided and not isinstance(refused, errors.AskReplaced):
        return "Everybody has decided; the run goes on by itself. This page follows it."
    if isinstance(refused, errors.AskReplaced):
        return _replaced(refused)
    if isinstance(refused, errors.AskExpired):
        return f"Nobody can sign any more: the time to decide ended on {instant(desk.report['expires_at'])}."
    if isinstance(refused, errors.AskNotOpen):
        return ended_line(desk.report)
    return _personal(refused, desk)


def _replaced(refused: errors.AskReplaced) -> str:
    if refused.round_number > refused.current:
        return f"There is no round {refused.round_number} of this run; round {refused.current} is the newest."
    return (
        f"This link is of round {refused.round_number}, which was replaced: round {refused.current} asks now. "
        f"Decisions of the earlier round no longer count."
    )


_ENDED = {
    RunState.RUNNING: "The question is not open yet. Reload in a moment.",
    RunState.PUBLISHING: "Both signed; it is being published.",
    RunState.PUBLISHED: "It is published. There is nothing left to sign.",
    RunState.NO_CHANGE: "Nothing had changed, so nobody was asked.",
    RunState.EXPIRED: (
        "The time to decide ended before everybody had signed, so nothing was published. "
        "Data Operations can ask again with a reason."
    ),
    RunState.SUPERSEDED: "A newer run replaced this one before everybody had signed. Nothing of it was published.",
    RunState.REJECTED: "It was rejected, so nothing was published. Data Operations can ask again with a reason.",
    RunState.FAILED: "The run failed after it was asked about. Nothing of it was published.",
    RunState.ABANDONED: "The run stopped without closing itself. Nothing of it was published.",
}


def ended_line(run: Mapping[str, Any]) -> str:
    """Why there is nothing to sign."""
    state = str(run["state"])
    return _ENDED[RunState(state)] if state in set(_ENDED) else f"The run is {humanized(state).lower()}."


def _personal(refused: errors.RuleRefused | None, desk: Desk) -> str:
    if isinstance(refused, errors.RequesterCannotSign):
        return "You requested this run, so two other persons sign it."
    if isinstance(refused, errors.SamePersonTwice):
        return f"You decided as {role(refused.signed_as).lower()}. The other signature is another person's."
    if isinstance(refused, errors.AlreadyDecided):
        if refused.person.casefold() == desk.person.login.casefold():
            return f"You decided as {role(refused.role).lower()}. A decision is never changed."
        return f"Your role has decided already ({role(refused.role).lower()}). A decision is never changed."
    held = listed([role(name).lower() for name in sorted(desk.person.roles)]) or "no role"
    return f"Your login holds {held}, which does not sign this run. You can read it."


def way_on(desk: Desk) -> Link | None:
    """Where to go from a round that cannot be signed any more."""
    refused, run_id = desk.standing.refused, str(desk.report["run_id"])
    if isinstance(refused, errors.AskReplaced):
        return Link(sign_off_path(run_id, refused.current), f"Open round {refused.current}")
    if desk.newer_run:
        return Link(run_path(desk.newer_run), f"Open the newer run {desk.newer_run}")
    return None


def may_switch(desk: Desk) -> bool:
    """Whether another login could help: the question is open, only this person may not answer it."""
    refused = desk.standing.refused
    closed = errors.AskNotOpen | errors.AskReplaced | errors.AskExpired
    return refused is not None and not isinstance(refused, closed) and not desk.is_decided
