"""JSON: an array of objects, or an object that wraps one such array. Bare NaN is read as blank."""

import json
from collections.abc import Sequence

from fivetier.domain.errors import AmbiguousContent, ExpandsTooFar, TruncatedFile, UnsupportedFormat
from fivetier.feeds.mapping import Format
from fivetier.feeds.records import MAX_COLUMNS, Grid, Record, as_text
from fivetier.feeds.spelling import header_key


class _Pairs(list[tuple[str, object]]):
    """An object as its pairs: a repeated key must not silently win over the first."""


def read_json(text: str, *, file: str, formats: Sequence[Format]) -> Grid:
    """Lay the objects out as a table whose header is the union of their keys; rows count from 1.

    Raises:
        TruncatedFile: the text is no complete JSON.
        UnsupportedFormat: the JSON holds no list of objects.
        ExpandsTooFar: nearly every object has keys of its own.
        AmbiguousContent: it holds several.
    """
    try:
        document = json.loads(text.lstrip("\ufeff"), object_pairs_hook=_Pairs)
    except RecursionError as deep:
        raise UnsupportedFormat(file=file, found="JSON nested without end", accepted=formats) from deep
    except json.JSONDecodeError as broken:
        raise TruncatedFile(file=file, row=None, detail=f"no complete JSON ({broken})") from broken
    except ValueError as broken:
        raise UnsupportedFormat(file=file, found=f"JSON out of range ({broken})", accepted=formats) from broken
    return _grid(_rows(document, file=file, formats=formats), file=file)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and not isinstance(value, _Pairs) and any(isinstance(item, _Pairs) for item in value)


def _rows(document: object, *, file: str, formats: Sequence[Format]) -> list[object]:
    if isinstance(document, _Pairs):
        lists = [(key, value) for key, value in document if _is_rows(value)]
        if len(lists) > 1:
            raise AmbiguousContent(file=file, what="lists", candidates=[key for key, _ in lists])
        document = lists[0][1] if lists else None
    if isinstance(document, list) and (_is_rows(document) or not document):
        return list(document)
    raise UnsupportedFormat(file=file, found="JSON without a list of objects", accepted=formats)


def _grid(rows: Sequence[object], *, file: str) -> Grid:
    position: dict[tuple[str, int], int] = {}
    header: list[str] = []
    laid_out: list[dict[int, str | None] | None] = []
    for row in rows:
        laid_out.append(_lay_out(row, position, header) if isinstance(row, _Pairs) else None)
        if len(header) > MAX_COLUMNS:
            raise ExpandsTooFar(file=file, limit=f"{MAX_COLUMNS} different keys")
    records = [
        Record(number, (), misfit=type(row).__name__)
        if cells is None
        else Record(number, tuple(cells.get(index) for index in range(len(header))))
        for number, (row, cells) in enumerate(zip(rows, laid_out, strict=True), start=1)
    ]
    return Grid(records, header=tuple(header))


def _lay_out(row: _Pairs, position: dict[tuple[str, int], int], header: list[str]) -> dict[int, str | None]:
    """Place an object's values; a key that repeats within the object gets a column of its own."""
    seen: dict[str, int] = {}
    cells: dict[int, str | None] = {}
    for key, value in row:
        repeat = seen.get(header_key(key), 0)
        seen[header_key(key)] = repeat + 1
        index = position.setdefault((header_key(key), repeat), len(header))
        if index == len(header):
            header.append(key)
        cells[index] = "[object]" if isinstance(value, _Pairs) else as_text(value)
    return cells
