"""Delimited text: the delimiter is the one under which the header is found."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from fivetier.domain.errors import ExpandsTooFar, TruncatedFile
from fivetier.feeds.records import HEADER_DEPTH, MAX_CELLS, MAX_ROWS, Grid, Record

_DELIMITERS: Final = (",", ";", "\t", "|")
#: Read behind the text: if it does not come back as a record of its own, a quote was never closed.
_SENTINEL: Final = "\0end"
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
#: Most cells of a file repeat others; this many different ones are kept once each.
_SHARED: Final = 500_000


def read_csv(text: str, *, file: str, score: Callable[[Sequence[Record]], int], max_cells: int | None = None) -> Grid:
    """Split text into records; `max_cells` where the source may have more than others.

    Raises:
        ExpandsTooFar: it is longer than we read.
        TruncatedFile: the text ends inside a quote, or a stray quote swallows it.
    """
    limit = max_cells or MAX_CELLS
    delimiter = max(_DELIMITERS, key=lambda candidate: _fit(text, candidate, score))
    records: list[Record] = []
    try:
        cells = 0
        for record in _records(text, delimiter):
            records.append(record)
            cells += len(record.cells)
            if len(records) > MAX_ROWS or cells > limit:
                raise ExpandsTooFar(file=file, limit=f"{MAX_ROWS:,} lines or {limit:,} cells")
    except csv.Error as broken:
        detail = f"a cell does not end, as if a quote were never closed ({broken})"
        raise TruncatedFile(file=file, row=len(records) + 1, detail=detail) from broken
    if records.pop().cells != (_SENTINEL,):
        raise TruncatedFile(file=file, row=len(records) + 1, detail="a quote is opened and never closed")
    return Grid(
        records, delimiter=delimiter, ends_with_newline=text.endswith(("\n", "\r")), sound=_sound(text, delimiter)
    )


def _sound(text: str, delimiter: str) -> int:
    """Count the first records up to one with a stray quote: such a record may hold the next line too."""
    count = 0
    try:
        for _ in islice(_records(text, delimiter, strict=True), HEADER_DEPTH):
            count += 1
    except csv.Error:
        return count
    return HEADER_DEPTH


def _records(text: str, delimiter: str, *, strict: bool = False) -> Iterator[Record]:
    lines = chain((match[0] for match in _LINE.finditer(text)), [_SENTINEL])
    shared: dict[str, str] = {}
    for number, cells in enumerate(csv.reader(lines, delimiter=delimiter, strict=strict), start=1):
        keep = shared.setdefault if len(shared) < _SHARED else shared.get
        yield Record(number, tuple(keep(cell, cell) for cell in cells))


def _fit(text: str, delimiter: str, score: Callable[[Sequence[Record]], int]) -> tuple[int, int]:
    try:
        head = list(islice(_records(text, delimiter), HEADER_DEPTH))
    except csv.Error:
        return 0, 0
    return score(head), max(len(record.cells) for record in head)
