"""Parquet: columns by name, values as text, rows counted from 1."""

from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from fivetier.domain.errors import ExpandsTooFar, TruncatedFile
from fivetier.feeds.content import MAX_EXPANDED
from fivetier.feeds.records import MAX_CELLS, MAX_ROWS, Grid, Record, as_text

_FAULTS: Final = (pa.ArrowException, OSError, ValueError, OverflowError, LookupError)


def read_parquet(data: bytes, *, file: str) -> Grid:
    """Read every column as text.

    Raises:
        TruncatedFile: the file is damaged.
        ExpandsTooFar: it declares more than we read: run-length coding can hold a billion rows in a kilobyte.
    """
    try:
        opened = pq.ParquetFile(pa.BufferReader(data))
        footer = opened.metadata
        size = sum(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups))
        if footer.num_rows > MAX_ROWS or footer.num_rows * footer.num_columns > MAX_CELLS or size > MAX_EXPANDED:
            raise ExpandsTooFar(
                file=file, limit=f"{MAX_ROWS:,} rows, {MAX_CELLS:,} cells or {MAX_EXPANDED // 1024 // 1024} MiB"
            )
        table = opened.read(use_threads=False)
        table.validate(full=True)
        columns = [[as_text(value) for value in column.to_pylist()] for column in table.columns]
    except _FAULTS as broken:
        raise TruncatedFile(file=file, row=None, detail=f"the Parquet file is damaged ({broken})") from broken
    rows = zip(*columns, strict=True) if columns else iter(())
    records = [Record(number, tuple(cells)) for number, cells in enumerate(rows, start=1)]
    return Grid(records, header=tuple(table.column_names))
