"""Families about cells: ids, dates, names; and files of the right form in the wrong place."""

import json
import random
from collections.abc import Iterator, Mapping
from functools import partial

from campaigns.bad_inputs import counting
from campaigns.bad_inputs.case import AEQUALIS, DIRECTORY, MONTHLY, OLD, Case, Table, sample_bytes, sample_text

ROWS = counting.text()

CONTRACT_IDS: Mapping[str, str] = {
    "bad form": "ZZZZ",
    "too short": "H1",
    "too long": "H12345678",
    "lower case": "h9601",
    "inner space": "H 9601",
    "outer space": "  H9601\t",
    "no-break space": "H9601\u00a0",
    "full-width digits": "H\uff19\uff16\uff10\uff11",
    "Arabic digits": "H\u0669\u0666\u0660\u0661",
    "Cyrillic H": "\u041d9601",
    "zero-width space": "H9\u200b601",
    "zero lost": "H601",
    "scientific": "9.0091E+04",
    "as decimal": "90091.0",
    "negative": "-9601",
    "SQL": "H9601'; DROP TABLE contract; --",
    "path": "../../H9601",
    "formula": "=H9601",
    "very long": "H" + "9" * 100_000,
    "superscript": "H96\u00b2\u00b9",
}
PLAN_IDS: Mapping[str, str] = {
    "zero": "0",
    "negative": "-1",
    "decimal": "1.0",
    "fraction": "1.5",
    "scientific": "1E+02",
    "four digits": "1234",
    "full-width": "\uff10\uff10\uff11",
    "letters": "abc",
    "dash": "001-000",
    "huge": "9" * 400,
    "blank": "",
}
DATES: Mapping[str, str] = {
    "31 February": "02/31/2025",
    "29 February of no leap year": "02/29/2023",
    "day first": "31/01/2025",
    "serial": "45658",
    "serial with fraction": "45658.5",
    "year 0001": "01/01/0001",
    "year 9999": "12/31/9999",
    "year 10000": "01/01/10000",
    "two-digit year": "01/01/25",
    "words": "January 1st, 2025",
    "German": "01.01.2025",
    "ISO with zone": "2025-01-01T00:00:00+14:00",
    "ISO week": "2025-W01-1",
    "zeros": "00/00/0000",
    "Arabic digits": "\u0660\u0661/\u0660\u0661/\u0662\u0660\u0662\u0665",
    "negative": "-1/-1/-2025",
    "tomorrow": "tomorrow",
    "huge": "1/1/" + "2" * 5000,
}
NAMES: Mapping[str, str] = {
    "script": "<script>alert('x')</script>",
    "image": "<img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)',
    "formula": "=cmd|' /C calc'!A0",
    "formula of plus": "+1+1",
    "formula of at": "@SUM(1+1)",
    "formula of tab": "\t=1+1",
    "template": "{{ 7 * 7 }}{% raw %}",
    "terminal": "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "control": "".join(map(chr, range(1, 32))),
    "C1 control": "\x9b31m\x85\x90",
    "right to left": "\u202eevil\u202c\u2066x\u2069",
    "markup": "[bold red]x[/bold red][/]",
    "emoji": "\U0001f3e5\U0001f468\u200d\u2695\ufe0f Health \U0001f1fa\U0001f1f8",
    "long": "x" * 100_000,
    "one letter": "x",
    "marks only": "\u0301\u0301\u0301",
    "punctuation only": "--- ... !!!",
    "invisible only": "\u200b\u200c\ufeff",
    "null words": "NULL",
    "not a number": "NaN",
    "spreadsheet error": "#REF!",
    "path": "../../../etc/passwd",
    "outside the basic plane": "\U0010ffff\ue000",
    "line breaks": "a\r\nb\nc",
    "percent and braces": "%s %n {0} {name} ${x}",
    "noncharacter": "\ufffe\uffff",
}


def _all(
    family: str, source: str, column: str, cells: Mapping[str, str], *, encoding: str = "utf-8", first: int = 0
) -> Iterator[Case]:
    table = Table.of(source)
    for name, cell in cells.items():
        data = table.with_cells(column, [cell], first=first).csv(encoding)
        planted = cell if family == "names" and any(mark in cell for mark in "<\x1b\u202e") else None
        yield Case(family, name, source, lambda data=data: data, count=ROWS, refused=False, planted=planted)
    every = table.with_cells(column, list(cells.values())).csv(encoding)
    yield Case(family, f"all of them in {column}", source, lambda: every, count=ROWS, refused=False)


def contract_ids(_random: random.Random) -> Iterator[Case]:
    """Contract numbers as people, spreadsheets and attackers write them."""
    return _all("contract ids", DIRECTORY, "Contract Number", CONTRACT_IDS)


def plan_ids(_random: random.Random) -> Iterator[Case]:
    """Plan numbers, alike."""
    yield from _all("plan ids", MONTHLY, "Plan ID", PLAN_IDS, first=5)
    wrong = {"no contract": "-001", "other system": "12345IL1234567", "lower": "h9601-001", "spaces": "H9601 - 001"}
    yield from _all("plan ids", AEQUALIS, "plan_id", wrong)


def dates(_random: random.Random) -> Iterator[Case]:
    """Days that are none, or are written otherwise."""
    yield from _all("dates", DIRECTORY, "Contract Effective Date", DATES)
    wrong = {"month 13": "2025-13", "other month": "2025-05", "blank": "", "a month in words": "June"}
    yield from _all("dates", AEQUALIS, "period", wrong)


def names(_random: random.Random) -> Iterator[Case]:
    """Names that attack a page, a terminal or a spreadsheet, or are hardly names."""
    return _all("names", DIRECTORY, "Parent Organization", NAMES)


def wrong_files(_random: random.Random) -> Iterator[Case]:
    """Good files in the wrong slot, of the wrong month, or of another kind."""

    def of(name: str, source: str, data: bytes, *, refused: bool | None = True, extension: str = "csv") -> Case:
        return Case("wrong files", name, source, lambda: data, refused=refused, extension=extension)

    yield of("monthly report as directory", DIRECTORY, sample_bytes(MONTHLY))
    yield of("Aequalis as directory", DIRECTORY, sample_bytes(AEQUALIS))
    yield of("directory as Aequalis", AEQUALIS, sample_bytes(DIRECTORY))
    yield of("Aequalis as monthly report", MONTHLY, sample_bytes(AEQUALIS))
    # A directory has no plan ids, so it cannot be the monthly report.
    yield of("directory as monthly report", MONTHLY, sample_bytes(DIRECTORY))
    yield of("two files in one", DIRECTORY, sample_bytes(DIRECTORY) + sample_bytes(MONTHLY), refused=None)
    yield of("the earlier month's file", DIRECTORY, sample_bytes(DIRECTORY, OLD), refused=False)
    yield of("Aequalis of the earlier month", AEQUALIS, sample_bytes(AEQUALIS, OLD), refused=False)
    old = sample_text(AEQUALIS).replace("1.0.0,", "2.0.0,").encode()
    yield of("Aequalis of another version", AEQUALIS, old)
    other = sample_text(AEQUALIS).replace(",medicare_advantage,", ",medicaid,").encode()
    yield of("Aequalis of another line of business", AEQUALIS, other, refused=False)
    yield of("HTML error page", DIRECTORY, b"<!DOCTYPE html><html><body>503</body></html>")
    yield of("JSON error", DIRECTORY, b'{"error": "not found"}')
    yield of("PDF", DIRECTORY, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)))
    yield of("image", DIRECTORY, b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    yield of("prose", DIRECTORY, b"Dear team, please find the file attached. Kind regards\n")
    yield of("report of ours", DIRECTORY, json.dumps({"findings": [{"code": "GAP", "count": 1}]}).encode())
    yield of(
        "e-mail around the file",
        DIRECTORY,
        b"From: a@example.test\r\nSubject: x\r\n\r\n" + sample_bytes(DIRECTORY),
        refused=None,
    )
    yield of("SQL dump", DIRECTORY, b"INSERT INTO contract VALUES ('H9601','x');\n" * 40)


def random_damage(rng: random.Random) -> Iterator[Case]:
    """Seeded damage: bytes flipped, lines moved, cells swapped, pieces cut and repeated."""
    for source in (DIRECTORY, MONTHLY, AEQUALIS):
        for n in range(8):
            yield Case("random damage", f"{source} bytes {n}", source, partial(bytes, _flipped(source, rng)))
        for n in range(4):
            yield Case("random damage", f"{source} pieces {n}", source, partial(bytes, _torn(source, rng)))
    table = Table.of()
    for n in range(6):
        rows = [list(row) for row in table.rows]
        for row in rng.sample(rows, 10):
            one, two = rng.sample(range(len(row)), 2)
            row[one], row[two] = row[two], row[one]
        data = Table(table.header, rows).csv()
        yield Case("random damage", f"cells {n}", DIRECTORY, lambda data=data: data, count=ROWS)


def _flipped(source: str, rng: random.Random) -> bytes:
    data = bytearray(sample_bytes(source))
    for _ in range(rng.choice((1, 5, 50, 500))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _torn(source: str, rng: random.Random) -> bytes:
    data = sample_bytes(source)
    start, end = sorted(rng.sample(range(len(data)), 2))
    return rng.choice((data[:start] + data[end:], data + data[start:end], data[:end] + data[start:], data[start:]))


FAMILIES = (contract_ids, plan_ids, dates, names, wrong_files, random_damage)
