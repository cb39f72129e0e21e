"""The tables Glue knows, as something DuckDB can scan."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import boto3
import pyarrow as pa
import pyarrow.dataset as pds
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog

from infra.local.athena.types import arrow_of_hive, hive_name
from infra.local.errors import UnsupportedSql

_REGION = "us-east-1"
_KEY = "test"
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_PARQUET_STORAGE = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": _PARQUET_SERDE},
}
GlueTable = Mapping[str, Any]


class Relation(Protocol):
    """A table with its columns; opened for the columns a query names."""

    columns: Mapping[str, pa.DataType | None]

    def open(self, columns: Sequence[str]) -> pa.Table | pds.Dataset:
        """The data of these columns."""


class ParquetRelation:
    """An external table: Parquet files, by registered partition if it has partitions."""

    def __init__(self, table: GlueTable, files: pafs.FileSystem, partitions: Iterable[GlueTable]) -> None:
        self._files = files
        keys = table.get("PartitionKeys", [])
        self._keys = [each["Name"] for each in keys]
        # As in Athena, files that no partition names are not seen.
        self._locations = [
            (each["StorageDescriptor"]["Location"], each.get("Values", []))
            for each in (partitions if keys else [table])
        ]
        listed = [*table["StorageDescriptor"]["Columns"], *keys]
        self.columns = {each["Name"]: arrow_of_hive(each["Type"]) for each in listed}

    def open(self, columns: Sequence[str]) -> pds.Dataset:
        """A dataset that reads what is asked, when it is asked."""
        schema = pa.schema([(name, self.columns[name]) for name in columns])
        parquet = pds.ParquetFileFormat()
        fragments = [
            parquet.make_fragment(path, self._files, partition_expression=self._condition(values))
            for location, values in self._locations
            for path in self._paths(location)
        ]
        for fragment in fragments:
            _refuse_other_case(fragment, columns)
        return pds.FileSystemDataset(fragments, schema, parquet, self._files)

    def _paths(self, location: str) -> list[str]:
        selector = pafs.FileSelector(object_path(location), recursive=True, allow_not_found=True)
        found = [each for each in self._files.get_file_info(selector) if each.type == pafs.FileType.File]
        visible = [each for each in found if each.size and not each.base_name.startswith(("_", "."))]
        return sorted(each.path for each in visible)

    def _condition(self, values: Sequence[str]) -> pds.Expression:
        """What holds for every row of a partition."""
        equalities = []
        for name, value in zip(self._keys, values, strict=True):
            if value == _NULL_PARTITION:
                raise UnsupportedSql(feature=f"the null partition of {name}")
            equalities.append(pds.field(name) == pa.scalar(value, pa.string()).cast(self.columns[name]))
        return functools.reduce(operator.and_, equalities, pds.scalar(True))


class IcebergRelation:
    """An Iceberg table at its current snapshot."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.columns = {each.name: each.type for each in table.schema().as_arrow()}

    def open(self, columns: Sequence[str]) -> pa.Table:
        """The rows of the snapshot that was current when the query started."""
        return self._table.scan(selected_fields=tuple(columns)).to_arrow().select(list(columns))


class Lake:
    """Glue and S3 of the emulator."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url

    @functools.cached_property
    def glue(self) -> Any:
        """The Glue client."""
        return boto3.client(
            "glue",
            endpoint_url=self._endpoint_url,
            region_name=_REGION,
            aws_access_key_id=_KEY,
            aws_secret_access_key=_KEY,
        )

    @functools.cached_property
    def _files(self) -> pafs.S3FileSystem:
        return pafs.S3FileSystem(access_key=_KEY, secret_key=_KEY, endpoint_override=self._endpoint_url, region=_REGION)

    @functools.cached_property
    def _iceberg(self) -> Catalog:
        options = {"type": "glue", "glue.endpoint": self._endpoint_url, "s3.endpoint": self._endpoint_url}
        for service in ("glue", "s3"):
            options[f"{service}.region"] = _REGION
            options[f"{service}.access-key-id"] = _KEY
            options[f"{service}.secret-access-key"] = _KEY
        return load_catalog("local", **options)

    def find(self, database: str, name: str) -> GlueTable | None:
        """A table or view of the catalog."""
        try:
            table: GlueTable = self.glue.get_table(DatabaseName=database, Name=name)["Table"]
        except self.glue.exceptions.EntityNotFoundException:
            return None
        return table

    def names(self, database: str) -> list[str]:
        """Every table and view of a database, sorted."""
        pages = self.glue.get_paginator("get_tables").paginate(DatabaseName=database)
        return sorted(table["Name"] for page in pages for table in page["TableList"])

    def relation(self, table: GlueTable) -> Relation:
        """The data behind a catalog table.

        Raises:
            UnsupportedSql: its format is not read here.
        """
        parameters = table.get("Parameters", {})
        name = f"{table['DatabaseName']}.{table['Name']}"
        if parameters.get("table_type", "").upper() == "ICEBERG":
            return IcebergRelation(self._iceberg.load_table((table["DatabaseName"], table["Name"])))
        serde = table["StorageDescriptor"].get("SerdeInfo", {}).get("SerializationLibrary", "")
        if serde != _PARQUET_SERDE:
            raise UnsupportedSql(feature=f"the format of table {name} ({serde or 'no serde'})")
        if parameters.get("projection.enabled", "").lower() == "true":
            raise UnsupportedSql(feature=f"partition projection of table {name}")
        return ParquetRelation(table, self._files, self._partitions(table))

    def write_parquet_table(self, database: str, name: str, location: str, rows: pa.Table) -> None:
        """Store rows as a new external table, as CREATE TABLE AS does."""
        columns = [{"Name": each.name, "Type": hive_name(each.type)} for each in rows.schema]
        self.glue.create_table(
            DatabaseName=database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
                "PartitionKeys": [],
                "StorageDescriptor": {
                    **_PARQUET_STORAGE,
                    "Columns": columns,
                    "Location": location.rstrip("/") + "/",
                },
            },
        )
        pq.write_table(rows, f"{object_path(location)}/part-00000.parquet", filesystem=self._files)

    def has_files(self, location: str) -> bool:
        """Whether anything lies below the location."""
        selector = pafs.FileSelector(object_path(location), recursive=True, allow_not_found=True)
        return bool(self._files.get_file_info(selector))

    def _partitions(self, table: GlueTable) -> list[GlueTable]:
        if not table.get("PartitionKeys"):
            return []
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=table["DatabaseName"], TableName=table["Name"]
        )
        return [partition for page in pages for partition in page["Partitions"]]


def object_path(location: str) -> str:
    """`s3://bucket/key/` as Arrow wants it: `bucket/key`."""
    return location.split("://", 1)[1].rstrip("/")


def _refuse_other_case(fragment: pds.Fragment, columns: Sequence[str]) -> None:
    """Athena matches names whatever their case; Arrow would read nulls instead."""
    for name in fragment.physical_schema.names:
        if name not in columns and name.lower() in columns:
            raise UnsupportedSql(feature=f"the column {name} of {fragment.path}", advice="write it in lower case")
