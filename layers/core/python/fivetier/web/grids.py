"""Small tables of text: what a template needs to draw one with caption, scopes and the right kind of cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fivetier.web.words import COLUMNS, TAKEN_BY, count, humanized, lob_label, plan_id

Kind = Literal["text", "number", "code", "blank", "good", "bad"]

#: Sample fields that may hold ids of plans.
_IDS = frozenset({"id", "plan", "plan_id", "contracts"})
#: Sample fields that hold ids, files or periods and read better in monospace.
_CODES = frozenset({"key", "nodes", "contracts", "plans", "parent_node_id", "file", "period", "run", "source"})


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `fold` is long text that stands folded below a summary, `href` a page of ours."""

    text: str
    kind: Kind = "text"
    fold: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A column's heading."""

    label: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the first cell of each row heads it. `foot` is the row of totals."""

    anchor: str
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[Cell, ...] = ()


def number(value: int) -> Cell:
    """A count."""
    return Cell(count(value), "number")


def text(value: object) -> Cell:
    """A value from data as text; nothing is shown as blank, so that it can be seen."""
    shown = "" if value is None else str(value)
    return Cell(shown) if shown.strip() else Cell("(blank)", "blank")


def code(value: object) -> Cell:
    """An id, a file name, a digest."""
    cell = text(value)
    return cell if cell.kind == "blank" else Cell(cell.text, "code")


def tie(ties: bool, verdict: str) -> Cell:
    """Whether a sum ties."""
    return Cell(verdict, "good" if ties else "bad")


def sample_grid(
    anchor: str, caption: str, samples: Sequence[Mapping[str, Any]], *, unit: str = "contract"
) -> Grid | None:
    """Samples as a table: a column for each field any of them has, node ids last.

    A field that is blank in all is left out, and so is a value before that is the value now in all. `unit` is what
    samples list: contracts, or plans where there are none.
    """
    found = dict.fromkeys(key for sample in samples for key, value in sample.items() if _has_value(value))
    fields = sorted((field for field in found if not _repeats(field, samples)), key=_is_node_id)
    if not fields:
        return None
    rows = tuple(
        tuple((code if _is_code(field) else text)(_said(field, sample.get(field))) for field in fields)
        for sample in samples
    )
    heads = {**COLUMNS, "contracts": f"{unit.capitalize()}s"}
    return Grid(anchor, caption, tuple(Head(heads.get(field) or humanized(field)) for field in fields), rows)


def _said(field: str, value: object) -> object:
    """A value in words where the sample has a code."""
    if not isinstance(value, str):
        return value
    if field == "lob":
        return lob_label(value)
    if field == "how":
        return TAKEN_BY.get(value, value)
    return plan_id(value) if field in _IDS else value


def _repeats(field: str, samples: Sequence[Mapping[str, Any]]) -> bool:
    now = field.removesuffix("_before")
    return now != field and all(sample.get(field) == sample.get(now) for sample in samples)


def _is_node_id(field: str) -> bool:
    return field == "nodes" or field.endswith("node_id")


def _has_value(value: object) -> bool:
    return value is not None and str(value).strip() != ""


def _is_code(field: str) -> bool:
    return field in _CODES or field.endswith(("_id", "_ids"))
