"""Plans per parent payer and state, CMS against Aequalis: totals, a strip of all states, and the worst differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fivetier.domain.states import STATES
from fivetier.web.grids import Cell, Grid, Head, number, text
from fivetier.web.ledger import Equation, completeness_equations
from fivetier.web.words import count, many

Report = Mapping[str, Any]

SHOWN = 25  # parents and states in the table
_STEPS = (0.0, 0.02, 0.10, 0.30)  # share of a state's plans that one of the two lacks
_NUMBERS = ("cms", "aequalis", "both", "only_cms", "only_aequalis")
_HEADS = ("CMS", "Aequalis", "Both", "Only CMS", "Only Aequalis")


@dataclass(frozen=True, slots=True)
class StateTile:
    """One state of the strip: its code, how large the gap is, and the numbers in words."""

    state: str
    shade: str
    text: str


@dataclass(frozen=True, slots=True)
class CompletenessView:
    """What the section shows."""

    equations: tuple[Equation, ...]
    tiles: tuple[StateTile, ...]
    worst: Grid | None
    rest: str


def completeness(report: Report) -> CompletenessView | None:
    """The section; nothing where one of the two lists did not land."""
    found = report.get("completeness")
    if not found:
        return None
    cells = found["parents_by_state"]
    gaps = [cell for cell in cells if cell["only_cms"] or cell["only_aequalis"]]
    rows = tuple(_row(cell) for cell in gaps[:SHOWN])
    heads = (Head("Parent payer"), Head("State"), *(Head(head, True) for head in _HEADS))
    caption = f"Parent payers and states that differ, the largest difference first: {_of(len(rows), len(gaps))}"
    worst = Grid("completeness-worst", caption, heads, rows) if rows else None
    same = len(cells) - len(gaps)
    rest = f"{count(same)} of {many(len(cells), 'pair')} of parent payer and state agree in full."
    return CompletenessView(
        completeness_equations(report), tuple(_tile(state) for state in found["states"]), worst, rest
    )


def _of(shown: int, total: int) -> str:
    return f"all {count(total)}" if shown == total else f"{count(shown)} of {count(total)}"


def _row(cell: Mapping[str, Any]) -> tuple[Cell, ...]:
    state = Cell(cell["state"], "code") if cell["state"] else Cell("(not stated)", "blank")
    return (text(cell["parent"]), state, *(number(cell[name]) for name in _NUMBERS))


def _tile(state: Mapping[str, Any]) -> StateTile:
    code = state["state"]
    name = STATES.get(code, code) or "State not stated"
    every = state["both"] + state["only_cms"] + state["only_aequalis"]
    if not every:
        return StateTile(code or "?", "none", f"{name}: no plans")
    if not state["covered"]:
        return StateTile(code or "?", "beyond", f"{name}: {count(state['aequalis'])} by Aequalis; CMS's file has none")
    gap = (every - state["both"]) / every
    shade = f"gap{max(step for step, least in enumerate(_STEPS) if gap >= least)}" if gap else "same"
    return StateTile(
        code or "?",
        shade,
        f"{name}: {count(state['both'])} by both, {count(state['only_cms'])} by CMS only, "
        f"{count(state['only_aequalis'])} by Aequalis only",
    )
