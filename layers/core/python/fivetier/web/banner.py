"""The top of the page: what the checks recommend, what run this is, who decided and who is waited for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fivetier.domain.runs import OPEN
from fivetier.web.grids import Cell, code, number, text
from fivetier.web.words import STATES, VERDICTS, humanized, instant, listed, role

Report = Mapping[str, Any]
Fact = tuple[str, Cell]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What one person decided in one role."""

    role: str
    who: str
    verdict: str
    signed_at: str
    reason: str
    is_approval: bool


def facts(report: Report) -> tuple[Fact, ...]:
    """What identifies the run; what a frozen report alone does not hold is left out."""
    return (*_frozen_facts(report), *_live_facts(report))


def _frozen_facts(report: Report) -> Iterator[Fact]:
    yield "Run", code(report["run_id"])
    if report.get("rollback_to"):
        yield "Restores", code(report["rollback_to"])
    if report["base_snapshot"] is not None:
        yield "Base", code(report["base_snapshot"])
    yield "Report made", text(instant(report["created_at"]))


def _live_facts(report: Report) -> Iterator[Fact]:
    if report.get("manifest_digest"):
        yield "Manifest digest", code(report["manifest_digest"])
    if report.get("requested_by"):
        yield "Requested by", text(report["requested_by"])
    if report.get("reason"):
        yield "Reason", text(report["reason"])
    if report.get("round_number") is not None:
        yield "Round", number(report["round_number"])
    if report.get("expires_at"):
        yield "Open until", text(instant(report["expires_at"]))


def state(report: Report) -> str:
    """Where the run stands; empty for a report that is not of a run that people can sign."""
    value = report.get("state") or ""
    return STATES.get(value, humanized(value))


def waiting(report: Report) -> str:
    """Who still has to decide."""
    roles = [role(name) for name in report.get("waiting_for", ())]
    return f"Still to decide: {listed(roles)}" if roles else ""


def decisions(report: Report) -> tuple[DecisionView, ...]:
    """Decisions of this round, as they came."""
    return tuple(
        DecisionView(
            role(decision["role"]),
            who(decision),
            VERDICTS.get(decision["decision"], humanized(decision["decision"])),
            instant(decision["signed_at"]),
            decision["reason"],
            decision["decision"] == "approve",
        )
        for decision in report.get("decisions", ())
    )


def who(decision: Mapping[str, Any]) -> str:
    """A person by name and login; some issuers' logins are numbers."""
    name, login = decision.get("name", ""), decision["login"]
    return f"{name} ({login})" if name and name != login else str(login)


def moved(report: Report) -> str:
    """Whether production is no longer what a report still open was compared with."""
    current = report.get("current_release", report["base_snapshot"])
    wanted = report.get("rollback_to") or report["run_id"]
    if report.get("state") not in OPEN or current in (report["base_snapshot"], wanted):
        return ""
    return f"Production has moved since this report was made: {current or 'nothing'} is live now."
