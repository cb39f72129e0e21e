"""Views, stored in Glue the way Athena stores them, so that AWS tools read them too."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from infra.local.athena.types import athena_name, hive_name
from infra.local.errors import QueryFailed

_STORED = re.compile(r"/\* Presto View: (\S+) \*/")


def is_view(table: Mapping[str, Any]) -> bool:
    """Whether a catalog entry is a view."""
    return table.get("TableType") == "VIRTUAL_VIEW"


def stored_query(table: Mapping[str, Any]) -> tuple[str, str]:
    """The SQL of a view and the database its names refer to.

    Raises:
        QueryFailed: the view was not written by Athena.
    """
    match = _STORED.search(table.get("ViewOriginalText", ""))
    if match is None:
        raise QueryFailed(code="INVALID_VIEW", reason=f"{table['Name']} is not an Athena view")
    stored = json.loads(base64.b64decode(match[1]))
    return stored["originalSql"], stored.get("schema") or table["DatabaseName"]


def table_input(database: str, name: str, sql: str, columns: pa.Schema) -> dict[str, Any]:
    """The Glue entry of a new view."""
    stored = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": each.name, "type": athena_name(each.type)} for each in columns],
    }
    encoded = base64.b64encode(json.dumps(stored).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {
            "Columns": [{"Name": each.name, "Type": hive_name(each.type)} for each in columns],
            "Location": "",
            "SerdeInfo": {},
        },
    }
