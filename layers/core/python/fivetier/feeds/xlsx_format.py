"""Workbooks: read-only, values instead of formulas, the sheet on which the header is found."""

import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import IO, Final
from xml.parsers import expat

import openpyxl

from fivetier.domain.errors import AmbiguousContent, ExpandsTooFar, InputError, TruncatedFile, UnsupportedFormat
from fivetier.feeds.records import HEADER_DEPTH, MAX_COLUMNS, MAX_ROWS, Grid, Record, as_text

#: A workbook's cell costs twenty times what one of a text file does; the largest source has 80,000.
_MAX_CELLS: Final = 1_000_000

#: What openpyxl and the zip and XML readers below it raise on damaged workbooks.
_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    SyntaxError,  # of ElementTree, or of lxml where openpyxl finds it
    expat.ExpatError,
    EOFError,
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RuntimeError,
    AssertionError,
)


def read_xlsx(data: bytes, *, file: str, score: Callable[[Sequence[Record]], int]) -> Grid:
    """Read the sheet whose first rows fit best.

    Raises:
        AmbiguousContent: two sheets fit equally well.
        TruncatedFile: the workbook is damaged.
    """
    with warnings.catch_warnings():
        # openpyxl warns about styles and extensions that do not touch values.
        warnings.simplefilter("ignore")
        try:
            _refuse_entities(data, file=file)
            return _read(data, file=file, score=score)
        except InputError:
            raise
        except _FAULTS as broken:
            detail = f"the workbook is damaged ({type(broken).__name__}: {broken})"
            raise TruncatedFile(file=file, row=None, detail=detail) from broken


def _read(data: bytes, *, file: str, score: Callable[[Sequence[Record]], int]) -> Grid:
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        fits: dict[str, int] = {}
        for sheet in book.worksheets:
            sheet.reset_dimensions()
            fits[sheet.title] = score(list(islice(_records(sheet, file=file), HEADER_DEPTH)))
        best = [title for title, fit in fits.items() if fit == max(fits.values())]
        if len(best) > 1 and fits[best[0]] > 1:
            raise AmbiguousContent(file=file, what="sheets", candidates=best)
        if not best:
            raise UnsupportedFormat(file=file, found="a workbook without sheets", accepted=["xlsx"])
        records = list(_records(book[best[0]], file=file))
    finally:
        book.close()
    while records and not records[-1].filled:
        records.pop()
    return Grid(records)


def _records(sheet: "openpyxl.worksheet._read_only.ReadOnlyWorksheet", *, file: str) -> Iterator[Record]:
    cells = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells += len(row)
        if number > MAX_ROWS or len(row) > MAX_COLUMNS or cells > _MAX_CELLS:
            raise ExpandsTooFar(file=file, limit=f"{MAX_ROWS:,} rows, {MAX_COLUMNS:,} columns or {_MAX_CELLS:,} cells")
        yield Record(number, tuple(as_text(value) for value in row))


def _refuse_entities(data: bytes, *, file: str) -> None:
    """A workbook never declares XML entities; a document type in one is an attack or damage."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.filename.endswith((".xml", ".rels")):
                with archive.open(info) as part:
                    if _declares_a_type(part):
                        found = "a workbook that declares XML entities"
                        raise UnsupportedFormat(file=file, found=found, accepted=["xlsx"])


class _Decided(Exception):
    """The first element or the document type was reached."""

    def __init__(self, is_declared: bool) -> None:
        self.is_declared = is_declared


def _declares_a_type(part: IO[bytes]) -> bool:
    """Whether a document type stands before the first element, in whatever encoding and however far in."""

    def decide(is_declared: bool) -> Callable[..., None]:
        def handle(*_: object) -> None:
            raise _Decided(is_declared)

        return handle

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler, parser.StartElementHandler = decide(True), decide(False)
    try:
        parser.ParseFile(part)
    except _Decided as decided:
        return decided.is_declared
    return False
