"""Families about text: encodings, line ends, delimiters, quotes, headers, rows, truncation."""

import csv
import random
from collections.abc import Callable, Iterator

from campaigns.bad_inputs import counting
from campaigns.bad_inputs.case import (
    AEQUALIS,
    DIRECTORY,
    MONTHLY,
    Case,
    Counter,
    Table,
    joined,
    lines,
    sample_bytes,
    sample_text,
)

ROWS = counting.text()


def _of(family: str, name: str, data: bytes, *, count: Counter | None = None, refused: bool | None = None) -> Case:
    return Case(family, name, DIRECTORY, lambda: data, count=count, refused=refused)


def encodings(_random: random.Random) -> Iterator[Case]:
    """Other encodings, marks, mixtures and damage."""
    text = sample_text()
    accented = text.encode("latin-1", "replace").decode("latin-1").replace("Medicare Advantage", "Médicare Advantage")
    for codec in ("utf-16", "utf-8-sig", "latin-1", "cp1252"):
        yield _of("encodings", codec, accented.encode(codec), count=counting.text(codec), refused=False)
    for codec in ("utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp500"):
        yield _of("encodings", f"{codec}, unmarked", accented.encode(codec))
    yield _of("encodings", "UTF-16 big-endian with mark", b"\xfe\xff" + text.encode("utf-16-be"), refused=False)
    yield _of("encodings", "two byte order marks", b"\xef\xbb\xbf" * 2 + text.encode(), count=ROWS)
    twice = accented.encode().decode("cp1252").encode()
    yield _of("encodings", "mojibake", twice, count=ROWS, refused=False)
    mixed = [line.encode("latin-1" if at % 2 else "utf-8") for at, line in enumerate(lines(accented))]
    yield _of("encodings", "mixed by line", b"".join(mixed), count=counting.text("latin-1"))
    yield _of("encodings", "bytes of no encoding", text.encode().replace(b"Medicare", b"\x81\x8d\xff\xfe"))
    yield _of("encodings", "overlong UTF-8", text.encode().replace(b"Medicare", b"\xc0\xaf\xe0\x80\xaf"))
    yield _of("encodings", "surrogates as UTF-8", text.encode().replace(b"Medicare", b"\xed\xa0\x80\xed\xb0\x80"))
    yield _of("encodings", "cut within a character", (text + "é").encode()[:-1])
    yield _of("encodings", "odd bytes of UTF-16", text.encode("utf-16")[:-1], refused=True)


def line_ends(_random: random.Random) -> Iterator[Case]:
    """Line ends of other systems, and what looks like one."""
    text = sample_text().replace("\r\n", "\n")
    for name, end in {"LF": "\n", "CR": "\r", "CRLF": "\r\n"}.items():
        yield _of("line ends", name, text.replace("\n", end).encode(), count=ROWS, refused=False)
    ends = ("\n", "\r\n", "\r")
    mixed = (line.rstrip("\n") + ends[at % 3] for at, line in enumerate(lines(text)))
    yield _of("line ends", "mixed", joined(mixed), count=ROWS, refused=False)
    yield _of("line ends", "CR CR LF", text.replace("\n", "\r\r\n").encode(), count=ROWS)
    yield _of("line ends", "none at the end", text.rstrip("\n").encode(), count=ROWS, refused=False)
    for name, char in {"NEL": "\x85", "line separator": "\u2028", "vertical tab": "\v", "form feed": "\f"}.items():
        yield _of("line ends", f"{name} in names", text.replace("Medicare", char).encode(), count=ROWS, refused=False)


def delimiters(_random: random.Random) -> Iterator[Case]:
    """Other delimiters."""
    table = Table.of()
    for name, mark in {"tab": "\t", "semicolon": ";", "pipe": "|"}.items():
        data, count = table.csv(delimiter=mark), counting.text(delimiter=mark)
        yield _of("delimiters", name, data, count=count, refused=False)
    for name, mark in {"colon": ":", "space": " ", "unit separator": "\x1f", "caret": "^"}.items():
        yield _of("delimiters", name, table.csv(delimiter=mark), refused=True)
    text = sample_text()
    header, *rest = lines(text)
    yield _of("delimiters", "header by semicolon, rows by comma", joined([header.replace(",", ";"), *rest]))
    halves = [line.replace(",", ";") if at % 2 else line for at, line in enumerate(lines(text))]
    yield _of("delimiters", "alternating", joined(halves))
    yield _of("delimiters", "all commas doubled", text.replace(",", ",,").encode())
    yield _of("delimiters", "no delimiter at all", text.replace(",", " ").encode(), refused=True)


def quotes(_random: random.Random) -> Iterator[Case]:
    """Quotes opened, closed and escaped in wrong places."""
    table, text = Table.of(), sample_text()
    body = lines(text)
    for name, at in {"first": 1, "middle": len(body) // 2, "last": len(body) - 1}.items():
        unclosed = [f'"{line}' if n == at else line for n, line in enumerate(body)]
        yield _of("quotes", f"unclosed in the {name} row", joined(unclosed))
        stray = [line.replace(",", ',"', 2) if n == at else line for n, line in enumerate(body)]
        yield _of("quotes", f"stray in the {name} row", joined(stray))
    yield _of("quotes", "unclosed in the header", joined([f'"{body[0]}', *body[1:]]), refused=True)
    yield _of("quotes", "everything quoted", table.csv(quoting=csv.QUOTE_ALL), count=ROWS, refused=False)
    broken = table.with_cells(
        "Organization Marketing Name", ["two\nlines", "three\r\nmore\r\nlines", 'a "quoted" word']
    )
    yield _of("quotes", "line breaks and quotes inside", broken.csv(), count=ROWS, refused=False)
    yield _of("quotes", "backslash escapes", broken.csv(doublequote=False, escapechar="\\"))
    yield _of("quotes", "single quotes", table.csv(quotechar="'", quoting=csv.QUOTE_ALL))
    yield _of("quotes", "curly quotes", text.replace('"', "\u201d").encode())
    yield _of("quotes", "a quote after every comma", text.replace(",", ',"').encode())
    yield _of("quotes", "only quotes", b'"' * 1001)
    swallowing = [*body[:3], '"', *body[3:], '"']
    yield _of("quotes", "half the file in one cell", joined(swallowing))


def headers(_random: random.Random) -> Iterator[Case]:
    """Columns missing, doubled, moved, renamed, hostile; headers twice or not at all."""
    table, text = Table.of(), sample_text()
    number = table.at("Contract Number")

    def renamed(**names: str) -> bytes:
        header = [names.get(name.replace(" ", "_"), name) for name in table.header]
        return Table(header, table.rows).csv()

    def cut(at: int) -> bytes:
        drop = [[cell for n, cell in enumerate(row) if n != at] for row in (table.header, *table.rows)]
        return Table(drop[0], drop[1:]).csv()

    for column in ("Contract Number", "Parent Organization", "Legal Entity Name"):
        yield _of("headers", f"without {column}", cut(table.at(column)), refused=True)
    yield _of("headers", "without an optional one", cut(table.at("Organization Marketing Name")), count=ROWS)
    doubled = Table([*table.header, "Contract Number"], [[*row, row[number]] for row in table.rows])
    yield _of("headers", "doubled", doubled.csv(), refused=True)
    yield _of("headers", "two spellings of one", renamed(Tax_Status="contract_id"), refused=True)
    backwards = Table(table.header[::-1], [row[::-1] for row in table.rows])
    yield _of("headers", "reordered", backwards.csv(), count=ROWS, refused=False)
    yield _of("headers", "renamed", renamed(Parent_Organization="Ultimate Holding"), refused=True)
    yield _of("headers", "renamed by one letter", renamed(Parent_Organization="Parent Organisation"), refused=True)
    yield _of("headers", "blank", renamed(Parent_Organization=""), refused=True)
    yield _of("headers", "an unread one blank", renamed(Tax_Status="  "), count=ROWS)
    yield _of("headers", "capitals and line breaks", renamed(Contract_Number="CONTRACT\r\nNUMBER"), count=ROWS)
    extra = Table([*table.header, "Mood", "SSN"], [[*row, "fine", "000-00-0000"] for row in table.rows])
    yield _of("headers", "extra columns", extra.csv(), count=ROWS, refused=False)
    body = lines(text)
    yield _of("headers", "twice", joined([body[0], *body]), count=counting.text(but=1), refused=False)
    middle = joined([*body[:20], body[0], *body[20:]])
    yield _of("headers", "again in the middle", middle, count=counting.text(but=1), refused=False)
    yield _of("headers", "none", joined(body[1:]))
    titled = joined(["Directory of June 2025\r\n", "\r\n", *body])
    yield _of("headers", "under title rows", titled, count=counting.text(but=1), refused=False)
    yield _of("headers", "under 40 title rows", joined([*["about\r\n"] * 40, *body]))
    hostile = "\x1b[2J<script>alert(1)</script>"
    yield Case(
        "headers", "hostile", DIRECTORY, lambda: renamed(Parent_Organization=hostile), refused=True, planted=hostile
    )
    yield _of("headers", "of 5,000 letters", renamed(Parent_Organization="x" * 5000), refused=True)


def rows(rng: random.Random) -> Iterator[Case]:
    """Rows short, long, blank, total, repeated, contradicting."""
    table = Table.of()

    def changed(change: Callable[[list[list[str]]], object], **also: object) -> bytes:
        spoiled = [list(row) for row in table.rows]
        change(spoiled)
        return Table(table.header, spoiled).csv()

    yield _of("rows", "one cell short", changed(lambda r: r[5].pop()), count=ROWS)
    yield _of("rows", "cut to three cells", changed(lambda r: r.__setitem__(5, r[5][:3])), count=ROWS, refused=False)
    yield _of("rows", "two cells long", changed(lambda r: r[5].extend(["x", "y"])), count=ROWS, refused=False)
    yield _of("rows", "all short", changed(lambda r: [row.pop() for row in r[:-1]]), count=ROWS)
    yield _of("rows", "blank between", changed(lambda r: [r.insert(n, []) for n in (3, 9, 9, 20)]), count=ROWS)
    yield _of("rows", "of commas", changed(lambda r: r.insert(7, [""] * len(table.header))), count=ROWS, refused=False)
    total = changed(lambda r: r.append(["Total", *[""] * 8, "2,000,000", *[""] * 19]))
    yield _of("rows", "total row", total, count=counting.text(but=1), refused=False)
    yield _of("rows", "footnote", changed(lambda r: r.append(["* fewer than 11"])), count=counting.text(but=1))
    company = table.with_cells("Legal Entity Name", ["Total Care, Inc.", "Source: Health, LLC", "Notes Insurance"])
    yield _of("rows", "companies named like totals", company.csv(), count=ROWS, refused=False)
    yield _of("rows", "repeated", changed(lambda r: r.extend([r[0]] * 3)), count=ROWS, refused=False)
    yield _of("rows", "every row twice", changed(lambda r: r.extend(list(r))), count=ROWS, refused=False)
    parent = table.at("Parent Organization")
    other = [*table.rows[4][:parent], "Somebody Else", *table.rows[4][parent + 1 :]]
    yield _of("rows", "disagreeing", changed(lambda r: r.append(other)), count=ROWS, refused=False)
    yield _of("rows", "shuffled", changed(rng.shuffle), count=ROWS, refused=False)
    yield _of("rows", "every name blank", table.with_cells("Parent Organization", [""] * 99).csv(), count=ROWS)
    yield _of("rows", "every id blank", table.with_cells("Contract Number", [""] * 99).csv(), count=ROWS)


def truncation(_random: random.Random) -> Iterator[Case]:
    """Files cut anywhere, emptied, padded."""
    for source in (DIRECTORY, MONTHLY, AEQUALIS):
        data = sample_bytes(source)
        for percent in (1, 5, 33, 66, 90, 99):
            end = len(data) * percent // 100
            yield Case("truncation", f"{source} at {percent} %", source, lambda cut=data[:end]: cut)
    data = sample_bytes(DIRECTORY)
    header = lines(sample_text())[0].encode()
    for name, spoiled in {
        "zero bytes": b"",
        "one byte": b"L",
        "white space": b" \r\n\t\r\n" * 50,
        "header only": header,
        "header without line end": header.rstrip(),
        "half a header": header[:40],
        "NUL bytes only": bytes(4096),
        "a NUL within": data.replace(b"Medicare", b"Medi\0care", 1),
        "NUL padding": data + bytes(4096),
        "first half NUL": bytes(len(data) // 2) + data[len(data) // 2 :],
        "Ctrl-Z at the end": data + b"\x1a",
    }.items():
        keeps = name == "Ctrl-Z at the end"
        yield _of("truncation", name, spoiled, refused=None if keeps else True)


FAMILIES = (encodings, line_ends, delimiters, quotes, headers, rows, truncation)
