"""Staged tables in Glue, for reviewers who query a candidate before they sign (port `StagedCatalog`).

A month's table is one for all lines of business, each a partition at its own candidate's folder (ADR 21). So four may
be staged at once, and the table's name stays the one DECISIONS gives it.
"""

from typing import Any

from fivetier.domain.errors import ServiceUnavailable
from fivetier.domain.tables import Table

_PARTITION = "lob"
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


class GlueStagedCatalog:
    """Port `StagedCatalog`, on a Glue client."""

    def __init__(self, glue: Any, *, database: str, staging_bucket: str) -> None:
        self._glue, self._database, self._bucket = glue, database, staging_bucket

    def register(self, table: Table, *, lob: str, sub_version: str, key: str) -> str:
        """Show the folder of a staged Parquet file as the LOB's part of the table, and return the table's name.

        The name holds the month and no run, so the newest candidate of a LOB's month is the one that shows. Two lines
        of business may register at once: each writes its own partition, and who is second to make the table finds it.
        """
        name = f"tmp_{table.name}_{sub_version}"
        columns = [column for column in table.glue_columns() if column["Name"] != _PARTITION]
        self._ensure(table, name, columns)
        storage = self._storage(columns, f"s3://{self._bucket}/{key.rsplit('/', 1)[0]}/")
        place = {"DatabaseName": self._database, "TableName": name}
        partition = {"Values": [lob], "StorageDescriptor": storage}
        try:
            self._glue.create_partition(**place, PartitionInput=partition)
        except self._glue.exceptions.AlreadyExistsException:
            entry = {"PartitionValueList": [lob], "PartitionInput": partition}
            answer = self._glue.batch_update_partition(**place, Entries=[entry])
            if answer.get("Errors"):
                raise ServiceUnavailable(detail=f"Glue, {name}: {answer['Errors']}") from None
        return name

    def _ensure(self, table: Table, name: str, columns: list[dict[str, str]]) -> None:
        """Make the month's table. One that is there keeps its columns; a new one is seen from the next month on."""
        keys = [column for column in table.glue_columns() if column["Name"] == _PARTITION]
        stated = {
            "Name": name,
            "Description": table.meaning,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
            "PartitionKeys": keys,
            # No file lies here: those of a partition lie in the folder of its run.
            "StorageDescriptor": self._storage(columns, f"s3://{self._bucket}/staging/{name}/"),
        }
        try:
            self._glue.create_table(DatabaseName=self._database, TableInput=stated)
        except self._glue.exceptions.AlreadyExistsException:
            return

    @staticmethod
    def _storage(columns: list[dict[str, str]], location: str) -> dict[str, Any]:
        return {**_PARQUET, "Columns": columns, "Location": location}
