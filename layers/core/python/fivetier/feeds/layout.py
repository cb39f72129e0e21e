"""Lays nested JSON out as flat rows, as a mapping's `records` declares.

What is one source row: one object of the list, or, where lists in it are exploded, each combination of their elements
(plan x network, reporting plan x in-network file). An object whose exploded list is empty or absent is still one row,
without the list's columns. Rows are numbered from 1 in the order the file gives them, so the same bytes always give
the same numbers, and landed rows count these.
"""

from collections.abc import Iterator

from fivetier.domain.errors import AmbiguousContent, ExpandsTooFar, UnsupportedFormat
from fivetier.feeds.mapping import RecordLayout
from fivetier.feeds.records import MAX_CELLS, MAX_ROWS
from fivetier.feeds.spelling import header_key


class Pairs(list[tuple[str, object]]):
    """An object as its pairs: a repeated key must not silently win over the first."""


def rows_of(document: object, layout: RecordLayout, *, file: str) -> list[object]:
    """Give the rows of a document: flat objects, and whatever stands in the list that is no object.

    Raises:
        UnsupportedFormat: the JSON has no list of objects where one should be.
        AmbiguousContent: it has several.
        ExpandsTooFar: lists of lists give more rows than any source has.
    """
    items, kept = _list_at(document, layout, file=file) if layout.path else (_only_list(document, file=file), Pairs())
    explode = frozenset(header_key(name) for name in layout.explode)
    rows: list[object] = []
    cells = 0
    for item in items:
        laid_out = [Pairs([*kept, *row]) for row in _exploded(item, explode, "", file)] if _is_object(item) else [item]
        rows += laid_out
        cells += sum(len(row) for row in laid_out if isinstance(row, Pairs)) if explode else 0
        _check_size(len(rows), cells, file)
    return rows


def _is_object(value: object) -> bool:
    return isinstance(value, Pairs)


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and not isinstance(value, Pairs) and any(_is_object(item) for item in value)


def _only_list(document: object, *, file: str) -> list[object]:
    if isinstance(document, Pairs):
        lists = [(key, value) for key, value in document if _is_rows(value)]
        if len(lists) > 1:
            raise AmbiguousContent(file=file, what="lists", candidates=[key for key, _ in lists])
        document = lists[0][1] if lists else None
    if isinstance(document, list) and (_is_rows(document) or not document):
        return list(document)
    raise UnsupportedFormat(file=file, found="JSON without a list of objects", accepted=["json"])


def _list_at(document: object, layout: RecordLayout, *, file: str) -> tuple[list[object], Pairs]:
    path = layout.path or ""
    pairs = document if isinstance(document, Pairs) else Pairs()
    lists = [value for key, value in pairs if header_key(key) == header_key(path)]
    if len(lists) > 1:
        raise AmbiguousContent(file=file, what="lists", candidates=[path] * len(lists))
    if not lists or not isinstance(lists[0], list) or not (_is_rows(lists[0]) or not lists[0]) or _is_object(lists[0]):
        raise UnsupportedFormat(file=file, found=f"JSON without a list of objects at {path!r}", accepted=["json"])
    keep = {header_key(name) for name in layout.keep}
    return list(lists[0]), Pairs(pair for pair in pairs if header_key(pair[0]) in keep)


def _exploded(item: object, explode: frozenset[str], prefix: str, file: str) -> list[Pairs]:
    """One object as rows: its own values in each, combined with every element of every exploded list."""
    if not isinstance(item, Pairs):
        return [Pairs([(prefix.removesuffix("."), item)])]
    rows = [Pairs((f"{prefix}{key}", value) for key, value in item if header_key(prefix + key) not in explode)]
    for key, value in item:
        if header_key(prefix + key) not in explode:
            continue
        parts = [part for each in _elements(value) for part in _exploded(each, explode, f"{prefix}{key}.", file)]
        parts = parts or [Pairs()]
        count = len(rows) * len(parts)
        _check_size(count, count * (len(rows[0]) + len(parts[0])), file)
        rows = [Pairs([*row, *part]) for row in rows for part in parts]
    return rows


def _elements(value: object) -> Iterator[object]:
    """The elements of a list; publishers also write a single element without its list."""
    if isinstance(value, list) and not isinstance(value, Pairs):
        yield from value
    elif value is not None:
        yield value


def _check_size(rows: int, cells: int, file: str) -> None:
    if rows > MAX_ROWS or cells > MAX_CELLS:
        raise ExpandsTooFar(file=file, limit=f"{MAX_ROWS:,} rows or {MAX_CELLS:,} cells")
