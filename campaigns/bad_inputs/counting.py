"""Counts data rows without a line of the product: what `landed` must be where that is well-defined."""

import csv
import io
import json
import sys

import openpyxl
import pyarrow.parquet as pq

from campaigns.bad_inputs.case import Counter


def text(encoding: str = "utf-8-sig", delimiter: str = ",", *, but: int = 0) -> Counter:
    """Records under the first one that are not blank, less `but` that are titles, totals or headers."""

    def count(data: bytes) -> int:
        csv.field_size_limit(sys.maxsize)
        records = csv.reader(io.StringIO(data.decode(encoding), newline=""), delimiter=delimiter)
        return sum(any(cell.strip() for cell in record) for record in records) - 1 - but

    return count


def workbook(sheet: str | None = None, *, but: int = 0) -> Counter:
    """Rows of a sheet that are not blank, less the header and `but` others."""

    def count(data: bytes) -> int:
        book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
        found = book[sheet] if sheet else book.worksheets[0]
        filled = (
            any(str(cell).strip() for cell in row if cell is not None) for row in found.iter_rows(values_only=True)
        )
        return sum(filled) - 1 - but

    return count


def objects(data: bytes) -> int:
    """Items of a JSON list, or of the one list an object holds."""
    document = json.loads(data.decode("utf-8-sig"))
    return len(document if isinstance(document, list) else next(v for v in document.values() if isinstance(v, list)))


def parquet(data: bytes) -> int:
    """Rows a Parquet file's footer states."""
    return int(pq.ParquetFile(io.BytesIO(data)).metadata.num_rows)
