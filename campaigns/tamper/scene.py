"""A published world on fakes: two refreshes, a rejection, a rollback, an open question."""

from fivetier.domain.runs import RunState

from tests.support.cms import directory, entries, monthly, plans_of
from tests.support.rehearsal import MONTHLY, Rehearsal


def published_world() -> Rehearsal:
    """Build it; the same bytes each time."""
    rehearsal = Rehearsal()
    base = entries()
    moved = [*base[:-1], base[-1].moved("Harbor Mutual")]
    first = rehearsal.published("2025_01", directory(base), **{MONTHLY: monthly(plans_of(base))})
    rehearsal.land("2025_02", directory(base[:-1]))
    rejected = rehearsal.start("2025_02").run_id
    rehearsal.to_sign_off(rejected)
    rehearsal.sign(rejected, "engineering_lead", "reject")
    rehearsal.close(rejected, RunState.REJECTED)
    rehearsal.published("2025_03", directory(moved), **{MONTHLY: monthly(plans_of(moved))})
    rehearsal.rolled_back(first)
    rehearsal.land("2025_04", directory(entries(15)))
    rehearsal.to_sign_off(rehearsal.start("2025_04").run_id)
    rehearsal.settle()
    return rehearsal
