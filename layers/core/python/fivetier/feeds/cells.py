"""Applies a mapping to rows: text in, canonical values out, and for every row that cannot be read the reason."""

from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb
import ftfy

from fivetier.domain.errors import InvalidId
from fivetier.feeds import sql
from fivetier.feeds.mapping import FieldMapping, Mapping
from fivetier.feeds.transforms import REGISTRY
from fivetier.feeds.values import CellUnreadable, Value

#: What a workbook shows for a formula that failed. It is never a name.
_EXCEL_ERRORS: Final = frozenset({"#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!", "#getting_data"})
_INVISIBLE: Final = str.maketrans({"\u200b": None, "\u200c": None, "\u200d": None, "\ufeff": None, "\0": " "})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is quarantined; `field` is None where no single column is at fault."""

    reason_code: str
    field: str | None
    value: str | None
    message: str


@dataclass(slots=True)
class Evaluated:
    """Values by field, one per row, and the first refusal of each refused row.

    `unknown` are values that stop the run, with the rule that says so.
    """

    values: dict[str, list[Value]] = field(default_factory=dict)
    refusals: dict[int, Refusal] = field(default_factory=dict)
    unknown: list[tuple[int, str, Refusal]] = field(default_factory=list)
    repaired: int = 0

    def texts(self, name: str) -> list[str | None]:
        """A field's values as text, dates in ISO form."""
        return [None if value is None else str(value) for value in self.values[name]]


def clean(cell: str | None, null_values: frozenset[str]) -> str | None:
    """Trim, put every run of white space (line breaks and NBSP too) to one space, and see blanks as null."""
    text = " ".join((cell or "").translate(_INVISIBLE).split())
    return None if not text or text.casefold() in null_values or text.casefold() in _EXCEL_ERRORS else text


def evaluate(
    connection: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    columns: ReadOnly[str, Sequence[str | None]],
    *,
    rows: int,
    plan_year: int | None = None,
) -> Evaluated:
    """Read every field of every row; `plan_year` is the file's, for fields that take it.

    A later field is still read when an earlier one failed: suppression and the subject id need what is readable.
    """
    done = Evaluated()
    failed: dict[str, set[int]] = {}
    nulls = frozenset(value.casefold() for value in mapping.null_values)
    mended: set[tuple[int, int]] = set()
    for spec in mapping.fields:
        raw = columns.get(spec.canonical_field, [None] * rows)
        texts = [clean(cell, nulls) for cell in raw]
        for index, text in enumerate(texts):
            if text is not None and not text.isascii() and (repaired := ftfy.fix_encoding(text)) != text:
                texts[index] = repaired
                # A column that feeds two fields is one cell.
                mended.add((index, id(raw)))
        fallback = spec.default if spec.null_rule != "period" or plan_year is None else str(plan_year)
        texts = [fallback if text is None else text for text in texts]
        outcome = _read_field(connection, mapping, spec, texts, done, failed)
        failed[spec.canonical_field] = set(outcome)
        for index, refusal in outcome.items():
            done.refusals.setdefault(index, refusal)
            if spec.unknown_stops is not None and refusal.field == spec.canonical_field and refusal.value is not None:
                done.unknown.append((index, spec.unknown_stops, refusal))
    done.repaired = len(mended)
    return done


def _read_field(
    connection: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    spec: FieldMapping,
    texts: list[str | None],
    done: Evaluated,
    failed: ReadOnly[str, set[int]],
) -> dict[int, Refusal]:
    """Fill `done.values` with one field; give the rows it refuses."""
    name = spec.canonical_field
    refusals = {
        index: Refusal(spec.missing_code, name, None, f"{name} is blank, and a row without it cannot be placed")
        for index, text in enumerate(texts)
        if text is None and spec.null_rule == "required"
    }
    blocked = set().union(*(failed[other] for other in spec.transform.with_))
    todo = [index for index, text in enumerate(texts) if text is not None and index not in blocked]
    values: list[Value] = [None] * len(texts)
    context = {other: done.texts(other) for other in spec.transform.with_}
    arguments = {"value": [texts[index] for index in todo]}
    arguments |= {other: [column[index] for index in todo] for other, column in context.items()}
    by_sql = spec.transform.lang == "sql"
    found = _by_sql(connection, mapping, spec, arguments) if by_sql else _by_name(spec, arguments)
    for index, value in zip(todo, found, strict=True):
        if isinstance(value, Refusal):
            refusals[index] = value
        else:
            values[index] = value
    done.values[name] = values
    # A row blocked by an earlier field already has its refusal there; here it only counts as failed.
    return refusals | {index: done.refusals[index] for index in blocked}


def _by_sql(
    connection: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    spec: FieldMapping,
    arguments: ReadOnly[str, Sequence[str | None]],
) -> list[Value | Refusal]:
    if spec.transform.expr == "value" and spec.sql_type == "VARCHAR":
        return list(arguments["value"])
    found = sql.evaluate(connection, spec.transform.expr, spec.sql_type, arguments, mapping=mapping.name)
    return [
        _unreadable(spec, text, f"{text!r} is not what {spec.canonical_field} may hold") if value is None else value
        for text, value in zip(arguments["value"], found, strict=True)
    ]


def _by_name(spec: FieldMapping, arguments: ReadOnly[str, Sequence[str | None]]) -> list[Value | Refusal]:
    transform = REGISTRY[spec.transform.expr]
    found: list[Value | Refusal] = []
    for cells in zip(*arguments.values(), strict=True):
        try:
            found.append(transform(*cells))
        except CellUnreadable as refused:
            found.append(_unreadable(spec, cells[0], str(refused), refused.reason_code))
        except InvalidId as refused:
            found.append(_unreadable(spec, cells[0], str(refused)))
    return found


def subject_of(mapping: Mapping, cells: ReadOnly[str, str | None]) -> str | None:
    """Read the id a broken row speaks of, where it stands in its place and its form is certain by itself.

    A plan number is not: it needs its contract, and any shifted digits look like one.
    """
    for spec in (mapping.field(name) for name in mapping.subject):
        text = clean(cells.get(spec.canonical_field), frozenset())
        if text is None or spec.transform.lang != "python" or spec.transform.with_:
            continue
        found = _by_name(spec, {"value": [text]})[0]
        if not isinstance(found, Refusal):
            return str(found)
    return None


def _unreadable(spec: FieldMapping, text: str | None, message: str, reason_code: str | None = None) -> Refusal:
    return Refusal(reason_code or spec.reason_code, spec.canonical_field, text, message)
