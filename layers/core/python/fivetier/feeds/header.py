"""Finds the header of a table and binds its columns to the fields of a mapping."""

import difflib
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass

from fivetier.domain.errors import DuplicateColumn, MissingColumn, WrongFileInSlot
from fivetier.feeds.mapping import Mapping
from fivetier.feeds.records import HEADER_DEPTH, Record
from fivetier.feeds.spelling import header_key, header_keys, spelled_for


@dataclass(frozen=True, slots=True)
class Binding:
    """Which column feeds which field. `names` are the headers on one line, repeats numbered.

    `contact` columns are dropped at the door. `shown` columns are the ones the mapping knows to be harmless: only
    their cells may be kept in quarantine, for a renamed contact column must not slip through. `plan_year` is the year
    the bound headers carry, where they carry one.
    """

    names: tuple[str, ...]
    column_of: ReadOnly[str, int]
    contact: frozenset[int]
    shown: frozenset[int]
    plan_year: int | None = None

    @property
    def width(self) -> int:
        """Columns up to the last one with a name: a row may leave out what stands behind."""
        return max((index for index, name in enumerate(self.names, start=1) if name), default=0)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Headers no field reads."""
        mapped = set(self.column_of.values())
        return tuple(name for index, name in enumerate(self.names) if name and index not in mapped)

    def header_of(self, field: str) -> str:
        """The field's header as the file spells it; the field's own name where the file lacks it."""
        return self.names[self.column_of[field]] if field in self.column_of else field


def fit(names: Iterable[str | None], mapping: Mapping) -> int:
    """Count the fields of a mapping that a record, read as a header, would feed."""
    present = [name for name in names if name]
    return max(_fit_in(present, mapping, year) for year in mapping.plan_years(present))


def _fit_in(names: Sequence[str], mapping: Mapping, plan_year: int | None) -> int:
    keys = {header_key(name) for name in names}
    return sum(not keys.isdisjoint(field.keys(plan_year)) for field in mapping.fields)


def find_header(records: Sequence[Record], mappings: Iterable[Mapping]) -> tuple[int, int]:
    """Find the record that reads best as a header of any mapping: its index, and how many fields it feeds."""
    candidates = list(mappings)
    fits = [max(fit(record.cells, mapping) for mapping in candidates) for record in records[:HEADER_DEPTH]]
    best = max(fits, default=0)
    return (fits.index(best) if fits else 0), best


def bind(header: Sequence[str | None], mapping: Mapping, known: Iterable[Mapping], *, file: str) -> Binding:
    """Bind the columns of a header to the mapping's fields.

    Raises:
        WrongFileInSlot: a required column is missing, and another source's are all here.
        MissingColumn: a required column is missing.
        DuplicateColumn: two columns could feed one field.
    """
    shown = [" ".join((name or "").split()) for name in header]
    year = _plan_year(shown, mapping)
    feeding = {field.canonical_field: _columns(shown, field.keys(year)) for field in mapping.fields}
    missing = [field for field in mapping.fields if field.required and not feeding[field.canonical_field]]
    if missing:
        for other in known:
            if other.name != mapping.name and _is_complete(shown, other):
                raise WrongFileInSlot(file=file, slot=mapping.name, looks_like=other.name)
        wanted = list(dict.fromkeys(spelled_for(field.source_path[0], year) for field in missing))
        taken = {index for columns in feeding.values() for index in columns}
        free = [name for index, name in enumerate(shown) if name and index not in taken]
        raise MissingColumn(
            file=file, columns=wanted, found=[name for name in shown if name], near=_near_misses(wanted, free)
        )
    for columns in feeding.values():
        if len(columns) > 1:
            raise DuplicateColumn(file=file, column=shown[columns[0]], positions=[index + 1 for index in columns])
    column_of = {field: columns[0] for field, columns in feeding.items() if columns}
    evidence = _columns(shown, header_keys(mapping.evidence_columns, year))
    return Binding(
        names=_numbered(shown),
        column_of=column_of,
        contact=frozenset(index for index, name in enumerate(shown) if mapping.is_contact(name)),
        shown=frozenset(column_of.values()) | frozenset(evidence),
        plan_year=year,
    )


def _columns(names: Sequence[str], keys: frozenset[str]) -> list[int]:
    return [index for index, name in enumerate(names) if name and header_key(name) in keys]


def _plan_year(names: Sequence[str], mapping: Mapping) -> int | None:
    """The newest plan year under which the headers feed the most fields: a file may stack the pairs of two years."""
    return max(mapping.plan_years(names), key=lambda year: (_fit_in(names, mapping, year), year or 0))


def _is_complete(names: Sequence[str], mapping: Mapping) -> bool:
    year = _plan_year(names, mapping)
    return all(_columns(names, field.keys(year)) for field in mapping.fields if field.required)


def _near_misses(wanted: Iterable[str], free: Sequence[str]) -> dict[str, str]:
    by_key = {header_key(name): name for name in free}
    close = {name: difflib.get_close_matches(header_key(name), by_key, n=1) for name in wanted}
    return {name: by_key[found[0]] for name, found in close.items() if found}


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Number repeated headers, so that a row can be written as header -> text without losing a cell."""
    seen: dict[str, int] = {}
    for_each: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        for_each.append(name if not name or seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(for_each)
