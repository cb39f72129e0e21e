"""Production tables as Iceberg defines them, made from `domain.tables`."""

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError, TableAlreadyExistsError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import TableProperties
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    IntegerType,
    LongType,
    NestedField,
    PrimitiveType,
    StringType,
    TimestampType,
)

from fivetier.domain.tables import RELEASE, RELEASE_MONTH, ColumnType, Table

_TYPES: dict[ColumnType, PrimitiveType] = {
    "text": StringType(),
    "int": IntegerType(),
    "bigint": LongType(),
    "date": DateType(),
    "timestamp": TimestampType(),
    "bool": BooleanType(),
}
_FIRST_PARTITION_FIELD = 1000
_PARTITIONS = {RELEASE.name: ("lob",), RELEASE_MONTH.name: ("lob", "sub_version")}
#: pyiceberg's own retry would append a second time what another publisher of the same release just added; ours looks
#: at the table again before each try (`iceberg_commit.commit_with_retries`).
_PROPERTIES = {TableProperties.FORMAT_VERSION: "2", TableProperties.COMMIT_NUM_RETRIES: "0"}


def schema_of(table: Table) -> Schema:
    """Column n is field n: the numbers staged files carry (`parquet.to_parquet`)."""
    fields = [
        NestedField(number, column.name, _TYPES[column.type], required=not column.nullable, doc=column.meaning)
        for number, column in enumerate(table.columns, 1)
    ]
    return Schema(*fields)


def partition_names(table: Table) -> tuple[str, ...]:
    """A release's rows are one partition; the release table has one per LOB, that of history one per LOB and month."""
    return _PARTITIONS.get(table.name, ("lob", "release_id"))


def load(catalog: Catalog, database: str, table: Table) -> IcebergTable | None:
    """The table as it is now; None before the first deployment made it."""
    try:
        return catalog.load_table((database, table.name))
    except NoSuchTableError:
        return None


def ensure(catalog: Catalog, database: str, bucket: str, table: Table) -> IcebergTable:
    """The table, made if it is missing; of two that make it at once one loses and loads the other's."""
    if (existing := load(catalog, database, table)) is not None:
        return existing
    schema = schema_of(table)
    partitions = [
        PartitionField(schema.find_field(name).field_id, _FIRST_PARTITION_FIELD + place, IdentityTransform(), name)
        for place, name in enumerate(partition_names(table))
    ]
    try:
        return catalog.create_table(
            (database, table.name),
            schema=schema,
            location=f"s3://{bucket}/lake/{table.name}",
            partition_spec=PartitionSpec(*partitions),
            properties={**_PROPERTIES, "comment": table.meaning},
        )
    except TableAlreadyExistsError:
        return catalog.load_table((database, table.name))
