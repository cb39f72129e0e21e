"""A bad file, and the good table of the bundled sample it is made from."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

DIRECTORY, MONTHLY, AEQUALIS = "cms_ma_contract_directory", "cms_monthly_report_by_plan", "aequalis"
FOLDER = Path(__file__).parents[2] / "sample" / "medicare_advantage"
STEMS = {DIRECTORY: "MA_Contract_directory", MONTHLY: "Monthly_Report_By_Plan", AEQUALIS: "payer_insights"}
OLD, NEW = "2024_08", "2025_06"

Cell = Any
Row = list[Cell]
Counter = Callable[[bytes], int]


@dataclass(frozen=True)
class Case:
    """One bad file.

    Attributes:
        family: what is wrong with it, in one word.
        name: which case of the family.
        source: the slot it is put into.
        data: its bytes, made when wanted.
        extension: how its name ends.
        count: counts its data rows in a few lines of its own; None where no count is well-defined.
        refused: True where it must be refused, False where it must be read, None where either is right.
        planted: text that must not reach a person's screen or page as it is.
    """

    family: str
    name: str
    source: str
    data: Callable[[], bytes]
    extension: str = "csv"
    count: Counter | None = None
    refused: bool | None = None
    planted: str | None = None

    @property
    def file_name(self) -> str:
        """The publisher's name of such a file."""
        return f"{STEMS[self.source]}_{NEW}.{self.extension}"


def sample_path(source: str, month: str = NEW) -> Path:
    """A file of the bundled sample."""
    return FOLDER / month / f"{STEMS[source]}_{month}.csv"


def sample_bytes(source: str, month: str = NEW) -> bytes:
    """Its bytes."""
    return sample_path(source, month).read_bytes()


def sample_text(source: str = DIRECTORY) -> str:
    """Its text."""
    return sample_bytes(source).decode("cp1252" if source == MONTHLY else "utf-8")


@dataclass(frozen=True)
class Table:
    """A header and rows, to be spoiled and written."""

    header: Row
    rows: list[Row]

    @classmethod
    def of(cls, source: str = DIRECTORY) -> "Table":
        """The sample's newer month."""
        header, *rows = csv.reader(io.StringIO(sample_text(source), newline=""))
        return cls(list(header), [list(row) for row in rows])

    def at(self, column: str) -> int:
        """Where a column stands."""
        return self.header.index(column)

    def with_cells(self, column: str, values: Sequence[Cell], *, first: int = 0) -> "Table":
        """The same table with other cells in a column, from row `first` on."""
        rows, place = [list(row) for row in self.rows], self.at(column)
        for row, value in zip(rows[first:], values, strict=False):
            row[place] = value
        return Table(self.header, rows)

    def csv(self, encoding: str = "utf-8", **dialect: Any) -> bytes:
        """As delimited text."""
        out = io.StringIO(newline="")
        csv.writer(out, **({"lineterminator": "\r\n"} | dialect)).writerows([self.header, *self.rows])
        return out.getvalue().encode(encoding, "surrogatepass")

    def xlsx(self) -> bytes:
        """As a workbook of one sheet."""
        book = openpyxl.Workbook()
        for row in (self.header, *self.rows):
            book.active.append(row)
        return saved(book)

    def records(self) -> list[dict[str, Cell]]:
        """As JSON objects."""
        return [dict(zip(self.header, row, strict=False)) for row in self.rows]

    def json(self) -> bytes:
        """As a JSON array."""
        return json.dumps(self.records()).encode()

    def arrow(self) -> pa.Table:
        """As an Arrow table of text."""
        columns: list[list[Cell]] = [[row[at] or None for row in self.rows] for at in range(len(self.header))]
        return pa.table([pa.array(column, pa.string()) for column in columns], names=self.header)

    def parquet(self, **options: Any) -> bytes:
        """As Parquet."""
        return parquet(self.arrow(), **options)


def saved(book: openpyxl.Workbook) -> bytes:
    """A workbook's bytes."""
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A Parquet file's bytes."""
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def lines(text: str) -> list[str]:
    """Lines with their ends."""
    return text.splitlines(keepends=True)


def joined(parts: Iterable[str]) -> bytes:
    """Lines as UTF-8."""
    return "".join(parts).encode()
