"""An Athena view as CloudFormation can deploy it: a Glue table that holds Presto's own encoding of a view.

Athena has no resource type for views; `CREATE VIEW` writes exactly this table. The tables behind a view need not
exist yet: Athena looks at them when somebody queries it.
"""

import base64
import json
from collections.abc import Sequence

from aws_cdk import aws_glue as glue
from constructs import Construct
from fivetier.domain.tables import ColumnType

from infra.sql.catalog import View, ViewColumn

_PRESTO: dict[ColumnType, str] = {
    "text": "varchar",
    "int": "integer",
    "bigint": "bigint",
    "date": "date",
    "timestamp": "timestamp(3)",
    "bool": "boolean",
}
_HIVE: dict[ColumnType, str] = {
    "text": "string",
    "int": "int",
    "bigint": "bigint",
    "date": "date",
    "timestamp": "timestamp",
    "bool": "boolean",
}


def encode_view(sql: str, columns: Sequence[ViewColumn], *, database: str) -> str:
    """The text Athena keeps of a view: its SQL, the database unqualified names lie in, and its columns."""
    content = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": column.name, "type": _PRESTO[column.type]} for column in columns],
    }
    return f"/* Presto View: {base64.b64encode(json.dumps(content).encode()).decode()} */"


class AthenaView(Construct):
    """One view."""

    def __init__(self, scope: Construct, construct_id: str, *, view: View, database: str, account: str) -> None:
        """Create it in `database` of the account's catalog."""
        super().__init__(scope, construct_id)
        glue.CfnTable(
            self,
            "Table",
            catalog_id=account,
            database_name=database,
            table_input=glue.CfnTable.TableInputProperty(
                name=view.name,
                description=view.meaning,
                table_type="VIRTUAL_VIEW",
                parameters={"presto_view": "true", "comment": "Presto View"},
                partition_keys=[],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[
                        glue.CfnTable.ColumnProperty(name=each.name, type=_HIVE[each.type], comment=each.meaning)
                        for each in view.columns
                    ],
                    location="",
                    serde_info=glue.CfnTable.SerdeInfoProperty(),
                ),
                view_original_text=encode_view(view.sql, view.columns, database=database),
                view_expanded_text="/* Presto View */",
            ),
        )
