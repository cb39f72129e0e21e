"""One snapshot per change: adding files, and replacing a LOB's row (ARCHITECTURE §4, EXPERIMENTS B).

`Table.overwrite` makes two snapshots, so that a reader in between sees an empty slice; these make one. The producers
are private classes of pyiceberg, pinned to 0.12.0 for that reason.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.io.pyarrow import parquet_file_to_data_file, pyarrow_to_schema
from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles, _OverwriteFiles

from fivetier.domain.errors import FileDoesNotFit, LakeBusy

#: Waits between tries; 4 LOBs that publish at once need at most 4.
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


class _Replace(_OverwriteFiles):
    def _existing_manifests(self) -> list[ManifestFile]:
        """Drop manifests that list deleted files only; otherwise each publication carries one more of them."""
        return [kept for kept in super()._existing_manifests() if kept.has_added_files() or kept.has_existing_files()]


def commit_with_retries(name: str, attempt: Callable[[], None]) -> None:
    """Run `attempt` until its commit wins; it must load the table and look at it again each time.

    Raises:
        LakeBusy: other commits won every time.
    """
    for pause in (*_PAUSES, None):
        try:
            return attempt()
        except CommitFailedException as error:
            if pause is None:
                raise LakeBusy(table=name, tries=len(_PAUSES) + 1) from error
            time.sleep(pause * random.uniform(0.5, 1.5))


def equals(column: str, value: str) -> BooleanExpression:
    """Rows with one value in a column."""
    return EqualTo(term=Reference(column), value=literal(value))


def files_of(table: Table, slice_: BooleanExpression) -> list[DataFile]:
    """Data files of a slice.

    Raises:
        FileDoesNotFit: a file holds rows of other slices too, so it cannot be taken as a whole.
    """
    tasks = list(table.scan(row_filter=slice_).plan_files()) if table.current_snapshot() else []
    for task in tasks:
        if task.residual != AlwaysTrue() or task.delete_files:
            raise FileDoesNotFit(table=_name(table), key=task.file.file_path, detail="it holds rows of other slices")
    return [task.file for task in tasks]


def describe(table: Table, path: str, *, rows: int, partition: Sequence[str]) -> DataFile:
    """What Iceberg keeps about a file that is to be added, after checking that the file fits.

    Raises:
        FileDoesNotFit: its columns, its row count or its partition are not what they must be.
    """
    _check_columns(table, path)
    try:
        file = parquet_file_to_data_file(table.io, table.metadata, path)
    except ValueError as error:  # types or nullability differ, or the rows span several partitions
        raise FileDoesNotFit(table=_name(table), key=path, detail=str(error)) from error
    if file.record_count != rows:
        raise FileDoesNotFit(table=_name(table), key=path, detail=f"it holds {file.record_count} rows, not {rows}")
    found = [file.partition[place] for place in range(len(partition))]
    if found != list(partition):
        raise FileDoesNotFit(table=_name(table), key=path, detail=f"its rows belong to {found}, not {list(partition)}")
    return file


def append(table: Table, files: Sequence[DataFile], properties: Mapping[str, str]) -> None:
    """Add files in one snapshot."""
    with (
        table.transaction() as transaction,
        _FastAppendFiles(**_producer(table, transaction, Operation.APPEND, properties)) as to,
    ):
        for file in files:
            to.append_data_file(file)


def replace(
    table: Table, slice_: BooleanExpression, old: Sequence[DataFile], new: DataFile, properties: Mapping[str, str]
) -> None:
    """Put one file in the place of a slice's files, in one snapshot.

    The predicate tells pyiceberg which slice this is about: its own conflict check, off as long as its retries are
    (`iceberg_tables`), would otherwise take every other LOB's publication for a conflict.
    """
    producer = _producer(table, transaction := table.transaction(), Operation.OVERWRITE, properties)
    with transaction, _Replace(**producer) as to:
        to.delete_by_predicate(slice_)
        for file in old:
            to.delete_data_file(file)
        to.append_data_file(new)


def has_snapshot_of(table: Table, run_id: str) -> bool:
    """Whether a run ever committed to the table, as far as its snapshots are kept."""
    return any(
        s.summary is not None and s.summary.additional_properties.get("run_id") == run_id for s in table.snapshots()
    )


def _producer(table: Table, transaction: Any, operation: Operation, properties: Mapping[str, str]) -> dict[str, Any]:
    return {
        "operation": operation,
        "transaction": transaction,
        "io": table.io,
        "snapshot_properties": dict(properties),
    }


def _check_columns(table: Table, path: str) -> None:
    """Demand the table's own field ids under the same names: a reader goes by ids and would take the wrong column."""
    with table.io.new_input(path).open() as stream:
        written = pq.read_schema(stream)
    try:
        found = [(field.field_id, field.name) for field in pyarrow_to_schema(written).fields]
    except ValueError as error:  # no ids at all
        raise FileDoesNotFit(table=_name(table), key=path, detail=str(error)) from error
    expected = [(field.field_id, field.name) for field in table.schema().fields]
    if found != expected:
        raise FileDoesNotFit(table=_name(table), key=path, detail=f"its columns are {found}, not {expected}")


def _name(table: Table) -> str:
    return table.name()[-1]
