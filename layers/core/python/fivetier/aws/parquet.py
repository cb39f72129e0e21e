"""Arrow tables to Parquet bytes and back; equal tables give equal bytes."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_FIELD_ID = b"PARQUET:field_id"
_ROWS_PER_GROUP = 1_048_576


def to_parquet(table: pa.Table) -> bytes:
    """Write one Parquet file that an Iceberg table made from the same columns can take as it is.

    Column n carries field id n, which is how Iceberg numbers a new table. Files without ids would need the
    table's name mapping, and several engines then read nulls without an error (duckdb-iceberg#242). The
    publisher refuses a file whose ids and names are not the table's (`iceberg_commit.describe`).

    Metadata is left out, the Arrow schema too: Parquet's own types say all that our columns need. How the table is
    chunked makes no difference to the writer.
    """
    schema = pa.schema(
        [pa.field(f.name, f.type, f.nullable, {_FIELD_ID: str(n).encode()}) for n, f in enumerate(table.schema, 1)]
    )
    plain = pa.Table.from_arrays(table.columns, schema=schema)
    sink = io.BytesIO()
    pq.write_table(
        plain,
        sink,
        version="2.6",
        compression="zstd",
        compression_level=3,
        row_group_size=_ROWS_PER_GROUP,
        store_schema=False,
    )
    return sink.getvalue()


def from_parquet(data: bytes) -> pa.Table:
    """Read one Parquet file; field ids are dropped again, so that schemas compare equal."""
    table: Any = pq.ParquetFile(pa.BufferReader(data)).read()
    return table.cast(pa.schema([field.remove_metadata() for field in table.schema]))
