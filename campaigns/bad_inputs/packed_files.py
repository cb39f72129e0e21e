"""Families about other formats: workbooks, archives, XML attacks, JSON, Parquet, and sheer size."""

import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa

from campaigns.bad_inputs import counting
from campaigns.bad_inputs.case import AEQUALIS, DIRECTORY, MONTHLY, Case, Counter, Table, parquet, sample_bytes, saved

SHEET_ROWS = counting.workbook()


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return out.getvalue()


def _rezipped(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """The same archive, each part passed through `change`; None leaves it out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (part := change(name, old.read(name))) is not None:
                new.writestr(name, part)
    return out.getvalue()


def _spoiled(change: Callable[[Any, Any], object]) -> bytes:
    """The sample as a workbook, after `change(book, sheet)`."""
    book = openpyxl.load_workbook(io.BytesIO(Table.of().xlsx()))
    change(book, book.active)
    return saved(book)


def workbooks(_random: random.Random) -> Iterator[Case]:
    """Workbooks damaged, doubled, merged, calculated, misnamed."""
    good = Table.of().xlsx()

    def of(
        name: str, data: bytes, *, refused: bool | None = None, count: Counter | None = None, ext: str = "xlsx"
    ) -> Case:
        return Case("workbooks", name, DIRECTORY, lambda: data, ext, count, refused)

    yield of("good", good, refused=False, count=SHEET_ROWS)
    for percent in (10, 50, 90, 99):
        yield of(f"cut at {percent} %", good[: len(good) * percent // 100], refused=True)
    yield of("bytes changed", good[:2000] + bytes(200) + good[2200:])
    for part in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "[Content_Types].xml"):
        yield of(f"without {part}", _rezipped(good, lambda n, d, part=part: None if n == part else d))
        yield of(f"{part} is no XML", _rezipped(good, lambda n, d, part=part: b"<a><b>" if n == part else d))
    yield of("two equal sheets", _spoiled(lambda b, s: b.copy_worksheet(s)), refused=True)
    yield of(
        "a cover sheet first", _spoiled(lambda b, s: b.create_sheet("Cover", 0).append(["read me"])), refused=False
    )
    yield of("hidden", _spoiled(lambda b, s: (b.create_sheet("x"), setattr(s, "sheet_state", "hidden"))), refused=False)
    merged = _spoiled(lambda b, s: s.merge_cells("A5:C7"))
    yield of("merged cells", merged, refused=False, count=SHEET_ROWS)
    yield of("formulas never calculated", _spoiled(lambda b, s: s.__setitem__("C5", "=A1&B1")), count=SHEET_ROWS)
    errors = _spoiled(lambda b, s: [s.__setitem__(f"H{n}", "#REF!") for n in range(2, 9)])
    yield of("errors in cells", errors, refused=False, count=SHEET_ROWS)
    typed = {"C2": 90091, "C3": 90091.5, "C4": True, "F2": date(2025, 1, 1), "F3": timedelta(days=3), "F4": 45658}
    yield of("typed cells", _spoiled(lambda b, s: [s.__setitem__(k, v) for k, v in typed.items()]), count=SHEET_ROWS)
    far = _spoiled(lambda b, s: (s.__setitem__("XFD3", "far right"), s.__setitem__("A1048576", "far down")))
    yield of("a cell at the far end", far, refused=True)
    day = _rezipped(good, lambda n, d: d.replace(b"<v>3</v>", b"<v>99999999</v>", 1) if "sheet1" in n else d)
    yield of("a string that is not there", day)
    yield of("empty workbook", saved(openpyxl.Workbook()), refused=True)
    macros = _zip(**{"xl__workbook_DOT_xml": b"<workbook/>", "xl__vbaProject_DOT_bin": b"\xd0\xcf" * 100})
    yield of("macros and nothing else", macros, refused=True, ext="xlsm")
    yield of("CSV named xlsx", sample_bytes(DIRECTORY), refused=False, count=counting.text())
    yield of("workbook named csv", good, refused=False, count=SHEET_ROWS, ext="csv")
    yield of("old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), refused=True, ext="xls")
    yield of("OpenDocument", _zip(mimetype=b"application/vnd.oasis", content_DOT_xml=b"<x/>"), refused=True, ext="ods")
    titled = _spoiled(lambda b, s: (s.insert_rows(1, 2), s.__setitem__("A1", "June 2025"), s.append(["Total", "", ""])))
    yield of("title and total rows", titled, refused=False, count=counting.workbook(but=2))
    zeros = Table.of().with_cells("Contract Number", [90001.0, 7, 1e20, float("1e-7"), 10**30]).xlsx()
    yield of("numbers for ids", zeros, refused=False, count=SHEET_ROWS)


def xml_attacks(_random: random.Random) -> Iterator[Case]:
    """Entities and depth inside a workbook's parts."""
    good = Table.of().xlsx()
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'
    quadratic = f'<!DOCTYPE x [<!ENTITY q "{"q" * 100_000}">]>'
    outside = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    head = '<?xml version="1.0" encoding="{}"?>'
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml")}
    plans = {
        "a billion laughs": (bomb, "&l9;", "utf-8", ""),
        "a billion laughs in UTF-16": (bomb, "&l9;", "utf-16", ""),
        "a billion laughs behind a long comment": (bomb, "&l9;", "utf-8", f"<!--{'x' * 8192}-->"),
        "quadratic": (quadratic, "&q;" * 5000, "utf-8", ""),
        "a file from outside": (outside, "&e;", "utf-8", ""),
        "a file from outside in UTF-16": (outside, "&e;", "utf-16", ""),
    }
    words = {"xl/worksheets/sheet1.xml": "Local CCP", "xl/workbook.xml": "Sheet", "xl/styles.xml": "Calibri"}
    for part, word in words.items():
        for name, (declared, used, codec, before) in plans.items():
            body = re.sub(r"^<\?xml[^>]*>", "", parts[part])
            text = head.format(codec) + before + declared + body.replace(f">{word}<", f">{used}<")
            spoiled = text.encode(codec)
            data = _rezipped(good, lambda n, d, part=part, x=spoiled: x if n == part else d)
            yield Case("XML attacks", f"{name} in {part}", DIRECTORY, lambda d=data: d, "xlsx", refused=True)
    deep = b"<a>" * 200_000 + b"</a>" * 200_000
    nested = _rezipped(good, lambda n, d: deep if n == "xl/worksheets/sheet1.xml" else d)
    yield Case("XML attacks", "200,000 levels", DIRECTORY, lambda: nested, "xlsx", refused=True)


def archives(_random: random.Random) -> Iterator[Case]:
    """Zip and gzip: bombs, nesting, traversal, damage."""
    data, count = sample_bytes(DIRECTORY), counting.text()

    def of(
        name: str, packed: bytes | Callable[[], bytes], *, refused: bool | None = True, ext: str = "zip", **more: Any
    ) -> Case:
        make = packed if callable(packed) else lambda: packed
        return Case("archives", name, DIRECTORY, make, ext, refused=refused, **more)

    good = _zip(d_DOT_csv=data)
    yield of("good zip", good, refused=False, count=lambda _: count(data))
    yield of("good gzip", gzip.compress(data), refused=False, ext="csv.gz", count=lambda _: count(data))
    yield of("gzip in gzip", gzip.compress(gzip.compress(data)), refused=None, ext="csv.gz")
    yield of("gzip nested 20 times", lambda: _nested(data, 20), ext="csv.gz")
    yield of("zip in zip", _zip(a_DOT_zip=good))
    yield of("two tables", _zip(a_DOT_csv=data, b_DOT_csv=data))
    yield of("table and notes", _zip(d_DOT_csv=data, readme_DOT_txt=b"hello"), refused=False)
    yield of("outside its folder", _zip(**{"__etc__passwd": data, "_DOT__DOT___x": b"1"}), refused=None)
    yield of("empty zip", _zip())
    yield of("2,000 members", lambda: _zip(**{f"m{n}": b"x" for n in range(2000)}))
    yield of("zip bomb", lambda: _zip(d_DOT_csv=data + b"," * 300_000_000))
    yield of("gzip bomb", lambda: gzip.compress(data + b"," * 300_000_000), ext="csv.gz")
    yield of(
        "workbook bomb",
        lambda: _rezipped(Table.of().xlsx(), lambda n, d: d + b" " * 300_000_000 if "sheet1" in n else d),
        ext="xlsx",
    )
    for percent in (10, 50, 99):
        yield of(f"zip cut at {percent} %", good[: len(good) * percent // 100])
        packed = gzip.compress(data)
        yield of(f"gzip cut at {percent} %", packed[: len(packed) * percent // 100], ext="csv.gz")
    yield of("gzip with a wrong checksum", packed[:-8] + bytes(8), ext="csv.gz")
    yield of("gzip with rubbish behind", packed + b"rubbish", refused=None, ext="csv.gz")
    yield of(
        "zip with a wrong checksum",
        good.replace(zipfile.ZipFile(io.BytesIO(good)).infolist()[0].CRC.to_bytes(4, "little"), b"\1\2\3\4"),
    )
    lying = good.replace(len(data).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    yield of("zip that lies about its size", lying)


def _nested(data: bytes, depth: int) -> bytes:
    for _ in range(depth):
        data = gzip.compress(data)
    return data


def json_files(_random: random.Random) -> Iterator[Case]:
    """JSON nested, cut, typed, doubled, without end. The monthly report may come so."""
    table = Table.of(MONTHLY)
    records, good = table.records(), table.json()

    def of(name: str, data: bytes | Any, *, refused: bool | None = None, count: Counter | None = None) -> Case:
        packed = data if isinstance(data, bytes) else json.dumps(data).encode()
        return Case("JSON", name, MONTHLY, lambda: packed, "json", count, refused)

    def with_cell(value: Any) -> list[dict[str, Any]]:
        return [records[0] | {"Plan ID": value}, *records[1:]]

    yield of("good", good, refused=False, count=counting.objects)
    yield of("wrapped", {"data": records, "next": None}, refused=False, count=counting.objects)
    yield of("with byte order mark", b"\xef\xbb\xbf" + good, refused=False, count=counting.objects)
    for percent in (10, 50, 99):
        yield of(f"cut at {percent} %", good[: len(good) * percent // 100], refused=True)
    cells = {
        "a list": [1, 2], "an object": {"a": {"b": 1}}, "true": True, "null": None, "a huge integer": 10**400,
        "a huge float": 1e308, "negative zero": -0.0, "a lone surrogate": "\ud800", "a NUL": "a\0b", "empty": "",
    }  # fmt: skip
    for name, value in cells.items():
        yield of(f"{name} for an id", with_cell(value), refused=False, count=counting.objects)
    for name in ("NaN", "Infinity", "-Infinity", "1e999999", "9" * 5000):
        raw = json.dumps(with_cell("@")).replace('"@"', name).encode()
        yield of(f"{name[:9]} for an id", raw)
    yield of("a key twice", good.replace(b'"Plan ID":', b'"Plan ID": "7", "Plan ID":'), refused=True)
    yield of("items that are no objects", [*records, 7, "x", None, [1]], refused=False, count=counting.objects)
    yield of("two lists", {"a": records, "b": records}, refused=True)
    yield of("columns instead of rows", {name: [row[name] for row in records] for name in table.header}, refused=True)
    yield of("one object a line", b"\n".join(json.dumps(row).encode() for row in records))
    yield of("empty list", [], refused=True)
    yield of("a number", 7, refused=True)
    yield of("100,000 levels", b"[" * 100_000, refused=True)
    yield of("100,000 levels, closed", b"[" * 100_000 + b"]" * 100_000, refused=True)
    yield of("every object other keys", [{f"k{n}": n} for n in range(5000)], refused=True)
    yield of("comments", good.replace(b"[", b"[ // rows\n", 1), refused=True)
    yield of("single quotes", good.replace(b'"', b"'"), refused=True)


def parquet_files(_random: random.Random) -> Iterator[Case]:
    """Parquet cut, nested, of other types, and larger inside than out. Aequalis may come so."""
    table = Table.of(AEQUALIS)
    arrow, good = table.arrow(), table.parquet()

    def of(name: str, data: bytes, *, refused: bool | None = None, count: Counter | None = None) -> Case:
        return Case("Parquet", name, AEQUALIS, lambda: data, "parquet", count, refused)

    def with_column(name: str, values: pa.Array) -> bytes:
        return parquet(arrow.set_column(arrow.column_names.index(name), name, values))

    rows = arrow.num_rows
    yield of("good", good, refused=False, count=counting.parquet)
    for percent in (1, 50, 99):
        yield of(f"cut at {percent} %", good[: len(good) * percent // 100], refused=True)
    yield of("magic only", b"PAR1", refused=True)
    yield of("magic twice", b"PAR1" * 2, refused=True)
    yield of("bytes changed", good[:200] + bytes(60) + good[260:])
    yield of("footer changed", good[:-200] + bytes(60) + good[-140:])
    typed = {
        "integers": pa.array(range(rows)), "floats": pa.array([float("nan")] * rows), "nulls": pa.nulls(rows),
        "lists": pa.array([[1, 2]] * rows), "structs": pa.array([{"a": 1}] * rows),
        "bytes": pa.array([b"\xff\xfe"] * rows),
        "booleans": pa.array([True] * rows), "decimals": pa.array([Decimal("1.50")] * rows),
        "huge integers": pa.array([2**63 - 1] * rows), "durations": pa.array([timedelta(days=1)] * rows),
        "times beyond Python": pa.array([2**62] * rows).cast(pa.timestamp("us")),
        "dates beyond Python": pa.array([2**30] * rows, pa.int32()).cast(pa.date32()),
        "dictionary": pa.array(["x"] * rows).dictionary_encode(),
        "maps": pa.array([[("a", 1)]] * rows, pa.map_(pa.string(), pa.int64())),
    }  # fmt: skip
    for name, values in typed.items():
        for column in ("plan_id", "effective_date", "parent_name"):
            yield of(f"{name} for {column}", with_column(column, values))
    yield of("no columns", parquet(pa.table({})), refused=True)
    yield of("no rows", parquet(arrow.slice(0, 0)), refused=True)
    doubled = pa.table([*arrow.columns, arrow.column("plan_id")], names=[*arrow.column_names, "plan_id"])
    yield of("a column twice", parquet(doubled), refused=True)
    yield of("missing column", parquet(arrow.drop_columns(["plan_id"])), refused=True)
    many = pa.table({f"c{n}": pa.array(["x"] * 3) for n in range(2000)})
    yield of("2,000 columns", parquet(many), refused=True)
    yield Case("Parquet", "3 million rows in kilobytes", AEQUALIS, lambda: _long(arrow), "parquet", refused=True)
    yield of("encrypted", b"PARE" + good[4:-4] + b"PARE", refused=True)


def _long(arrow: pa.Table) -> bytes:
    return parquet(pa.table({name: pa.repeat(arrow.column(name)[0], 3_000_000) for name in arrow.column_names}))


def sizes(_random: random.Random) -> Iterator[Case]:
    """Too wide, too long, too much."""
    good, table = sample_bytes(DIRECTORY), Table.of()
    count = counting.text()

    def of(
        name: str,
        make: Callable[[], bytes],
        *,
        refused: bool | None = None,
        counter: Counter | None = None,
        ext: str = "csv",
    ) -> Case:
        return Case("sizes", name, DIRECTORY, make, ext, counter, refused)

    yield of("a row of 100,000 cells", lambda: good + b"x," * 100_000 + b"\r\n", counter=count)
    yield of(
        "a header of 100,000 columns",
        lambda: Table([*table.header, *[f"c{n}" for n in range(100_000)]], table.rows).csv(),
    )
    yield of(
        "100,000 columns and none of ours",
        lambda: Table([f"c{n}" for n in range(100_000)], table.rows).csv(),
        refused=True,
    )
    yield of("a cell of 5 MB", lambda: table.with_cells("Parent Organization", ["x" * 5_000_000]).csv())
    yield of("an id of 5 MB", lambda: table.with_cells("Contract Number", ["H" * 5_000_000]).csv())
    yield of("a cell of 100 KB", lambda: table.with_cells("Parent Organization", ["y" * 100_000]).csv(), counter=count)
    yield of("a million blank lines", lambda: good + b"\r\n" * 1_000_000, counter=count)
    yield of("a million lines of commas", lambda: good + b",,,\r\n" * 1_000_000, counter=count)
    yield of("20 MB in one line", lambda: b"x" * 20_000_000, refused=True)
    yield of("20 MB of quotes", lambda: b'"' * 20_000_000)
    yield of(
        "100,000 rows of one contract",
        lambda: Table(table.header, table.rows[:1] * 100_000).csv(),
        counter=count,
        refused=False,
    )
    yield of(
        "50,000 bad rows",
        lambda: Table(
            table.header, [[f"x{n}", *row[1:2], f"?{n}", *row[3:]] for n in range(50_000) for row in table.rows[:1]]
        ).csv(),
        counter=count,
        refused=False,
    )
    yield of("130 MB", lambda: good + b"\r\n" * 68_000_000)
    yield of(
        "a workbook of 60,000 rows",
        lambda: Table(table.header[:9], [row[:9] for row in table.rows] * 1_200).xlsx(),
        ext="xlsx",
    )


FAMILIES = (workbooks, xml_attacks, archives, json_files, parquet_files, sizes)
