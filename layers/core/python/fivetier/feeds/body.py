"""Tells rows from what is no row: titles, blank lines, repeated headers, totals, footnotes, broken records."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fivetier.domain.errors import TruncatedFile
from fivetier.feeds.header import Binding
from fivetier.feeds.mapping import Mapping
from fivetier.feeds.records import Grid, Record, as_json
from fivetier.feeds.spelling import header_key

_MARKER: Final = re.compile(r"\s*(?:(?:(?:grand|sub)[ -]?)?totals?\b|(?:foot)?notes?\b|sources?:|[*†‡])", re.IGNORECASE)
#: A cell that is nothing else, where the id or name should stand: the total of one state.
_TOTAL: Final = re.compile(r"\s*(?:(?:grand|sub|state)[ -]?)?totals?:?\s*", re.IGNORECASE)
_BROKEN: Final = "[withheld: the row is broken and this may be contact data]"
_UNKNOWN: Final = "[withheld: the mapping does not know this column]"


@dataclass(slots=True)
class Body:
    """The records under the header, sorted."""

    rows: list[Record] = field(default_factory=list)
    misfits: list[tuple[Record, str, str]] = field(default_factory=list)
    non_data: int = 0


class BodyReader:
    """Sorts the records of one table."""

    def __init__(self, grid: Grid, binding: Binding, mapping: Mapping, *, file: str) -> None:
        self._grid, self._binding, self._file = grid, binding, file
        self._subject = [binding.column_of[name] for name in mapping.subject if name in binding.column_of]
        self._header_keys = [header_key(name) for name in binding.names]

    def read(self, records: Sequence[Record]) -> Body:
        """Sort records.

        Raises:
            TruncatedFile: the last record is cut off.
        """
        body = Body()
        last = max((record.number for record in records if record.filled), default=0)
        for record in records:
            if record.misfit is not None:
                message = f"item {record.number} of the list is a {record.misfit}, not an object"
                body.misfits.append((record, "ROW_NOT_AN_OBJECT", message))
            elif self._grid.header is None and self._is_no_row(record, is_last=record.number == last):
                body.non_data += 1
            elif fault := self._fault(record):
                if record.number == last and len(record.cells) < self._binding.width:
                    raise TruncatedFile(file=self._file, row=record.number, detail=fault)
                body.misfits.append((record, "FIELD_COUNT", fault))
            else:
                body.rows.append(record)
        return body

    def _is_no_row(self, record: Record, *, is_last: bool) -> bool:
        filled = record.filled
        if not filled or self._repeats_header(record):
            return True
        is_marked = _MARKER.match(filled[0]) is not None
        subjects = [cell for index in self._subject if (cell := _cell(record, index))]
        if subjects:
            # "Total Longterm Care, Inc." is a company: a marker counts only where the id should stand.
            return (is_marked and filled[0] in subjects) or any(_TOTAL.fullmatch(cell) for cell in subjects)
        if is_marked:
            return len(filled) <= max(2, self._binding.width // 2)
        return len(filled) <= 2 and not (is_last and self._may_be_cut(record))

    def _may_be_cut(self, record: Record) -> bool:
        """A short last record without line end is a row cut off in its first cells, not a footnote."""
        return not self._grid.ends_with_newline and len(record.cells) < self._binding.width

    def _repeats_header(self, record: Record) -> bool:
        mapped = self._binding.column_of.values()
        return all(header_key(_cell(record, index)) == self._header_keys[index] for index in mapped)

    def _fault(self, record: Record) -> str | None:
        if self._grid.delimiter is None:
            return None
        expected, found = len(self._binding.names), len(record.cells)
        if found < self._binding.width or any(cell and cell.strip() for cell in record.cells[expected:]):
            return f"{found} cells where the header has {expected}: a delimiter or a quote is missing or too much"
        if any(self._is_runaway(cell) for cell in record.cells):
            return "one cell holds whole lines of the file: a quote is opened too early or closed too late"
        return None

    def _is_runaway(self, cell: str | None) -> bool:
        delimiter = self._grid.delimiter
        if cell is None or delimiter is None or ("\n" not in cell and "\r" not in cell):
            return False
        return cell.count(delimiter) >= max(2, self._binding.width // 2)

    def raw(self, record: Record) -> str:
        """Write an intact row, header -> text: contact columns left out, cells of unknown columns withheld."""
        binding = self._binding
        kept = [index for index in range(len(binding.names)) if index not in binding.contact]
        names = {index: binding.names[index] or f"column {index + 1}" for index in kept}
        cells = dict(enumerate(record.cells))
        return as_json({names[i]: cells.get(i) if i in binding.shown else _UNKNOWN for i in kept})

    def raw_misfit(self, record: Record) -> str:
        """Write a broken record by cell position; in a file with contact or unknown columns without its cells.

        Where a delimiter or quote is wrong, nobody knows which cell is the contact's. The landed file has the row, at
        the row number quarantine gives.
        """
        width = len(self._binding.names)
        if len(self._binding.shown) < width or len(record.cells) > width:
            return as_json({f"{len(record.cells)} cells": _BROKEN})
        return as_json({str(index): cell for index, cell in enumerate(record.cells, start=1)})


def _cell(record: Record, index: int) -> str:
    return (record.cells[index] or "").strip() if index < len(record.cells) else ""
