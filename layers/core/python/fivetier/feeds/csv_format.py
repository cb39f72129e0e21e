"""Delimited text: the delimiter is the one under which the header is found."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from fivetier.domain.errors import ExpandsTooFar, TruncatedFile
from fivetier.feeds.records import HEADER_DEPTH, MAX_CELLS, MAX_ROWS, Grid, Record

_DELIMITERS: Final = (",", ";", "\t", "|")
#: Read behind the text: if it does not come back as a record of its own, a quote was never closed.
_SENTINEL: Final = "\0end"


def read_csv(text: str, *, file: str, score: Callable[[Sequence[Record]], int]) -> Grid:
    """Split text into records.

    Raises:
        ExpandsTooFar: it is longer than we read.
        TruncatedFile: the text ends inside a quote, or a stray quote swallows it.
    """
    delimiter = max(_DELIMITERS, key=lambda candidate: _fit(text, candidate, score))
    records: list[Record] = []
    try:
        cells = 0
        for record in _records(text, delimiter):
            records.append(record)
            cells += len(record.cells)
            if len(records) > MAX_ROWS or cells > MAX_CELLS:
                raise ExpandsTooFar(file=file, limit=f"{MAX_ROWS:,} lines or {MAX_CELLS:,} cells")
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
    gap = "" if text.endswith(("\n", "\r")) else "\n"
    source = io.StringIO(f"{text}{gap}{_SENTINEL}", newline="")
    for number, cells in enumerate(csv.reader(source, delimiter=delimiter, strict=strict), start=1):
        yield Record(number, tuple(cells))


def _fit(text: str, delimiter: str, score: Callable[[Sequence[Record]], int]) -> tuple[int, int]:
    try:
        head = list(islice(_records(text, delimiter), HEADER_DEPTH))
    except csv.Error:
        return 0, 0
    return score(head), max(len(record.cells) for record in head)
