"""JSON: objects laid out as a table (`layout.py` says which). Bare NaN is read as blank."""

import json
from collections.abc import Sequence

from fivetier.domain.errors import ExpandsTooFar, TruncatedFile, UnsupportedFormat
from fivetier.feeds.layout import Pairs, rows_of
from fivetier.feeds.mapping import RecordLayout
from fivetier.feeds.records import MAX_COLUMNS, Grid, Record, as_text
from fivetier.feeds.spelling import header_key


def read_json(text: str, *, file: str, layout: RecordLayout) -> Grid:
    """Lay the objects out as a table whose header is the union of their keys; rows count from 1.

    Raises:
        TruncatedFile: the text is no complete JSON.
        UnsupportedFormat: the JSON holds no list of objects.
        ExpandsTooFar: nearly every object has keys of its own, or nested lists multiply without measure.
        AmbiguousContent: it holds several lists.
    """
    try:
        document = json.loads(text.lstrip("\ufeff"), object_pairs_hook=Pairs)
        rows = rows_of(document, layout, file=file)
    except RecursionError as deep:
        raise UnsupportedFormat(file=file, found="JSON nested without end", accepted=["json"]) from deep
    except json.JSONDecodeError as broken:
        raise TruncatedFile(file=file, row=None, detail=f"no complete JSON ({broken})") from broken
    except ValueError as broken:
        raise UnsupportedFormat(file=file, found=f"JSON out of range ({broken})", accepted=["json"]) from broken
    return _grid(rows, file=file)


def _grid(rows: Sequence[object], *, file: str) -> Grid:
    position: dict[tuple[str, int], int] = {}
    header: list[str] = []
    laid_out: list[dict[int, str | None] | None] = []
    for row in rows:
        laid_out.append(_lay_out(row, position, header) if isinstance(row, Pairs) else None)
        if len(header) > MAX_COLUMNS:
            raise ExpandsTooFar(file=file, limit=f"{MAX_COLUMNS} different keys")
    records = [
        Record(number, (), misfit=type(row).__name__)
        if cells is None
        else Record(number, tuple(cells.get(index) for index in range(len(header))))
        for number, (row, cells) in enumerate(zip(rows, laid_out, strict=True), start=1)
    ]
    return Grid(records, header=tuple(header))


def _lay_out(row: Pairs, position: dict[tuple[str, int], int], header: list[str]) -> dict[int, str | None]:
    """Place an object's values; a key that repeats within the object gets a column of its own."""
    seen: dict[str, int] = {}
    cells: dict[int, str | None] = {}
    for key, value in row:
        repeat = seen.get(header_key(key), 0)
        seen[header_key(key)] = repeat + 1
        index = position.setdefault((header_key(key), repeat), len(header))
        if index == len(header):
            header.append(key)
        cells[index] = _cell(value)
    return cells


def _cell(value: object) -> str | None:
    """A value as text; a list of plain values as JSON, which a transform reads again (`texts`)."""
    if isinstance(value, Pairs):
        return "[object]"
    if isinstance(value, list) and all(isinstance(each, str | int | float | None) for each in value):
        return json.dumps([text for each in value if (text := as_text(each)) is not None], ensure_ascii=False)
    return as_text(value)
