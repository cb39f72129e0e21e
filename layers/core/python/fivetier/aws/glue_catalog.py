"""Staged tables in Glue, for reviewers who query a candidate before they sign (port `StagedCatalog`)."""

import awswrangler as wr
import boto3

from fivetier.domain.tables import Table


class GlueStagedCatalog:
    """Port `StagedCatalog`, through awswrangler."""

    def __init__(self, session: boto3.Session, *, database: str, staging_bucket: str) -> None:
        self._session, self._database, self._bucket = session, database, staging_bucket

    def register(self, table: Table, *, sub_version: str, key: str) -> str:
        """Register the folder of a staged Parquet file and return the table's name.

        The name holds the month and no LOB or run, so the newest candidate of a month is the one that shows.
        """
        name = f"tmp_{table.name}_{sub_version}"
        columns = table.glue_columns()
        wr.catalog.create_parquet_table(
            database=self._database,
            table=name,
            path=f"s3://{self._bucket}/{key.rsplit('/', 1)[0]}/",
            columns_types={column["Name"]: column["Type"] for column in columns},
            columns_comments={column["Name"]: column["Comment"] for column in columns},
            description=table.meaning,
            mode="overwrite",
            boto3_session=self._session,
        )
        return name
