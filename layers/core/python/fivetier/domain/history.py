"""How rows of a slice change from one publication to the next: kept, ended, replaced, begun."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from fivetier.domain.names import equality_key
from fivetier.domain.slice import Contract, Node, Row

ABSENT = "absent_from_source"
CHANGED = "changed"


def _ended(row: Row, day: date, reason: str) -> Row:
    if isinstance(row, Node | Contract):
        return replace(row, valid_to=day, end_reason=reason)
    return replace(row, valid_to=day)


def evolve(
    published: Sequence[Row],
    desired: Mapping[str, Row],
    *,
    key: Callable[[Row], str],
    same: Callable[[Row, Row], bool],
    day: date,
    reasons: Mapping[str, str] | None = None,
) -> tuple[Row, ...]:
    """Carry published rows forward to what is desired from `day` on.

    An equal row is kept as it was published, spelling and all. A row that began on or after `day` (the same month
    again, or a plan year still to come) is replaced or dropped: it never held a day that this run still grants it.
    Where an earlier issue of the month ended a row as changed, the next one follows without a gap, or it is absent.

    Args:
        published: all rows, live and ended; ended ones are history and stay.
        desired: what is to be live, by key.
        key: the identity of a row.
        same: whether two rows say the same.
        day: first day of the run's month, or of the plan year its files are of.
        reasons: by key, why a row that is no longer wanted ended, where a crosswalk or a review says so.
    """
    why = reasons or {}
    rows: list[Row] = []
    kept: set[str] = set()
    continued = {key(row) for row in published if row.valid_to == day and getattr(row, "end_reason", None) == CHANGED}
    desired = {k: replace(row, valid_from=day) if k in continued else row for k, row in desired.items()}
    for row in published:
        wanted = desired.get(key(row))
        if row.valid_to is not None:
            rows.append(_ended(row, day, why.get(key(row), ABSENT)) if wanted is None and row.valid_to == day else row)
            continue
        begins_as_wanted = wanted is not None and (row.valid_from < day or row.valid_from == wanted.valid_from)
        if wanted is not None and begins_as_wanted and same(row, wanted):
            rows.append(row)
            kept.add(key(row))
        elif row.valid_from < day:
            rows.append(_ended(row, day, why.get(key(row), ABSENT) if wanted is None else CHANGED))
            if wanted is not None:
                rows.append(replace(wanted, valid_from=day))
                kept.add(key(row))
    rows.extend(row for row_key, row in desired.items() if row_key not in kept)
    return tuple(rows)


def same_node(old: Node, new: Node) -> bool:
    """Whether two rows of a node say the same; spelling, origin and dates do not count."""
    return (
        old.parent_node_id == new.parent_node_id
        and equality_key(old.name) == equality_key(new.name)
        and equality_key(old.plan_type or "") == equality_key(new.plan_type or "")
        and (old.tier, old.state, old.plan_year) == (new.tier, new.state, new.plan_year)
        and equality_key(old.program or "") == equality_key(new.program or "")
        and old.service_area_id == new.service_area_id
    )


def same_contract(old: Contract, new: Contract) -> bool:
    """Whether two rows of a contract say the same; spelling of names, origin and dates of the row do not count."""
    return (
        old.lob_node_id == new.lob_node_id
        and equality_key(old.marketing_name or "") == equality_key(new.marketing_name or "")
        and (old.program, old.effective_date) == (new.program, new.effective_date)
        and equality_key(old.organization_type) == equality_key(new.organization_type)
        and equality_key(old.plan_type) == equality_key(new.plan_type)
    )
