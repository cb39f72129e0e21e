"""Delimited text: the delimiter is the one under which the header is found."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from fivetier.domain.errors import TruncatedFile
from fivetier.feeds.records import HEADER_DEPTH, Grid, Record

_DELIMITERS: Final = (",", ";", "\t", "|")
#: Read behind the text: if it does not come back as a record of its own, a quote was never closed.
_SENTINEL: Final = "\0end"


def read_csv(text: str, *, file: str, score: Callable[[Sequence[Record]], int]) -> Grid:
    """Split text into records.

    Raises:
        TruncatedFile: the text ends inside a quote, or a stray quote swallows it.
    """
    delimiter = max(_DELIMITERS, key=lambda candidate: _fit(text, candidate, score))
    records: list[Record] = []
    try:
        records.extend(_records(text, delimiter))
    except csv.Error as broken:
        raise TruncatedFile(file=file, row=len(records) + 1, detail=f"a quote is never closed ({broken})") from broken
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
