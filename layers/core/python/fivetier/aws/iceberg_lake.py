"""Production on Iceberg tables in Glue (port `Lake`)."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import pyarrow as pa
from botocore.exceptions import ClientError
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import And, BooleanExpression
from pyiceberg.table import Table as IcebergTable

from fivetier.app.records import Release
from fivetier.aws import iceberg_commit, iceberg_tables, s3_objects
from fivetier.aws.parquet import from_parquet, to_parquet
from fivetier.domain.errors import BaseMoved, FileDoesNotFit, ObjectChanged, ReleaseFilesDiffer
from fivetier.domain.manifest import Manifest, ManifestFile
from fivetier.domain.tables import PUBLICATIONS, RELEASE, RELEASE_MONTH, RELEASE_TABLES, Table

#: What another try of the same publication may say differently: it is told by its own clock, at its own moment.
_OF_THE_MOMENT = frozenset({"published_at", "audit_head"})


class IcebergLake:
    """Port `Lake`. Files are copied, verified, then added; the LOB's row in `release` is replaced last."""

    def __init__(self, catalog: Catalog, s3: Any, *, database: str, lake_bucket: str, staging_bucket: str) -> None:
        self._catalog, self._s3, self._database = catalog, s3, database
        self._bucket, self._staging_bucket = lake_bucket, staging_bucket

    def ensure_tables(self) -> None:
        """Make the tables that are missing. Deployment calls it; publishing makes what it needs anyway."""
        for table in (*RELEASE_TABLES, *PUBLICATIONS):
            self._ensure(table)

    def current_release(self, lob: str) -> Release | None:
        """The LOB's row of table `release`; None before its first publication."""
        table = self._load(RELEASE)
        return _one(_rows_of(table, RELEASE, iceberg_commit.equals("lob", lob))) if table is not None else None

    def month_releases(self, lob: str) -> dict[str, Release]:
        """The LOB's rows of table `release_month`, by month."""
        table = self._load(RELEASE_MONTH)
        rows = _rows_of(table, RELEASE_MONTH, iceberg_commit.equals("lob", lob)) if table is not None else []
        by_month = {row.sub_version: row for row in rows}
        if len(by_month) < len(rows):
            raise FileDoesNotFit(table=RELEASE_MONTH.name, key=lob, detail="several rows for one month")
        return by_month

    def find_release(self, release_id: str) -> bool:
        """Whether any file of this release was ever added.

        Tables are added one after the other, so True does not say that the release is whole: a release was
        published if its run says so.
        """
        loaded = (self._load(table) for table in RELEASE_TABLES)
        of_release = iceberg_commit.equals("release_id", release_id)
        return any(table is not None and iceberg_commit.files_of(table, of_release) for table in loaded)

    def read_release(self, lob: str, release_id: str) -> dict[str, pa.Table]:
        """All rows of one release by table name, in no promised order; empty tables where it has none."""
        return {table.name: self._read(table, _release_slice(lob, release_id)) for table in RELEASE_TABLES}

    def release_rows(self, lob: str) -> dict[str, Release | None]:
        """The row of each publication and lookback by run, as its own object holds it.

        None for one that cannot be read, or that has other versions than the one it was written as.
        """
        versions: dict[str, list[dict[str, Any]]] = {}
        for table in PUBLICATIONS:
            for version in s3_objects.list_versions(self._s3, self._bucket, f"lake/{table.name}/{lob}/"):
                versions.setdefault(version["Key"], []).append(version)
        return {
            key.rsplit("/", 1)[1].removesuffix(".parquet"): self._stored_row(key)
            if len(found) == 1 and found[0]["IsLatest"]
            else None
            for key, found in versions.items()
        }

    def release_files(self, lob: str, release_id: str) -> dict[str, str | None]:
        """SHA-256 of each file readers of a release get, by production key; None for one that is gone."""
        tables = [loaded for table in RELEASE_TABLES if (loaded := self._load(table)) is not None]
        paths = [f.file_path for t in tables for f in iceberg_commit.files_of(t, _release_slice(lob, release_id))]
        return {path.removeprefix(f"s3://{self._bucket}/"): self._hash(path) for path in paths}

    def schema_ids(self) -> dict[str, str]:
        """Schema id of each release table; a table not made yet will begin with 0."""
        loaded = {table.name: self._load(table) for table in RELEASE_TABLES}
        return {name: str(table.schema().schema_id if table else 0) for name, table in loaded.items()}

    def add_release_files(self, manifest: Manifest, *, properties: Mapping[str, str]) -> None:
        """Copy every staged file to its production key and add it to its table, one snapshot per table.

        A file without rows belongs to no partition and is left out; the manifest still lists it.

        Raises:
            ObjectChanged: a staged version is gone, or a copied object differs from the manifest.
            ReleaseFilesDiffer: a table already holds other files under this release id.
            FileDoesNotFit: columns, row count or partition of a file are not what they must be.
            LakeBusy: other commits won every time.
        """
        stated = {
            **properties,
            "run_id": manifest.run_id,
            "lob": manifest.lob,
            "release_id": manifest.run_id,
            "manifest_digest": manifest.digest,
        }
        for table in RELEASE_TABLES:
            files = [file for file in manifest.files if file.table == table.name and file.rows]
            self._add(table, manifest, files, stated)

    def set_current_release(self, release: Release) -> None:
        """The publication: replace the LOB's row in one snapshot. A rollback row has a run_id of its own.

        Called again for the row that is there it does nothing. The row's object is written once per run: a later
        try publishes what the first one wrote, so that the row and the snapshot never tell different times.

        Raises:
            BaseMoved: the current row is neither `release.base_release_id` nor this release, or this run was
                published before and has been replaced since.
            ObjectChanged: the row's object says something else than this release.
            LakeBusy: other commits won every time.
        """
        self._ensure(RELEASE_MONTH)  # views join it, and a query of them must not wait for the first lookback
        self._set(RELEASE, release)

    def set_month_release(self, release: Release) -> None:
        """The publication of a lookback: replace the row of its LOB and month in one snapshot, as `release` its LOB's.

        Raises:
            BaseMoved: the month's row is there and neither `release.base_release_id` nor this release, or this run was
                published before and has been replaced since.
            ObjectChanged: the row's object says something else than this release.
            LakeBusy: other commits won every time.
        """
        self._set(RELEASE_MONTH, release)

    def _set(self, kind: Table, release: Release) -> None:
        self._ensure(kind)
        iceberg_commit.commit_with_retries(kind.name, lambda: self._try_to_set(kind, release))

    # ---- adding files ------------------------------------------------------------------------------------

    def _add(
        self, table: Table, manifest: Manifest, files: Sequence[ManifestFile], properties: Mapping[str, str]
    ) -> None:
        loaded = self._ensure(table)
        paths = {self._production_path(table, manifest, file): file for file in files}
        if self._is_added(loaded, manifest, paths) or not paths:
            return
        partition = (manifest.lob, manifest.run_id)
        described = []
        for path, file in paths.items():
            self._copy(file, path)
            described.append(iceberg_commit.describe(loaded, path, rows=file.rows, partition=partition))

        def attempt() -> None:
            fresh = self._ensure(table)
            if not self._is_added(fresh, manifest, paths):
                iceberg_commit.append(fresh, described, properties)

        iceberg_commit.commit_with_retries(table.name, attempt)

    def _is_added(self, table: IcebergTable, manifest: Manifest, paths: Mapping[str, ManifestFile]) -> bool:
        """Whether the table holds this release; a snapshot adds all its files, so it holds all or none."""
        found = sorted(
            f.file_path for f in iceberg_commit.files_of(table, iceberg_commit.equals("release_id", manifest.run_id))
        )
        if found and found != sorted(paths):
            raise ReleaseFilesDiffer(run_id=manifest.run_id, table=table.name()[-1], listed=sorted(paths), found=found)
        return bool(found)

    def _production_path(self, table: Table, manifest: Manifest, file: ManifestFile) -> str:
        return f"s3://{self._bucket}/lake/{table.name}/{manifest.run_id}/{file.key.rsplit('/', 1)[1]}"

    def _copy(self, file: ManifestFile, path: str) -> None:
        """Copy the signed version inside S3 (up to 5 GB), then hash what arrived.

        Raises:
            ObjectChanged: the version is gone, or the copy hashes to something else.
        """
        key = path.removeprefix(f"s3://{self._bucket}/")
        staged = s3_objects.head(self._s3, self._staging_bucket, file.key, VersionId=file.version_id)
        try:
            self._s3.copy_object(
                Bucket=self._bucket,
                Key=key,
                CopySource={"Bucket": self._staging_bucket, "Key": file.key, "VersionId": file.version_id},
                CopySourceIfMatch=staged["ETag"],
            )
        except ClientError as error:
            if s3_objects.is_gone(error) or s3_objects.is_taken(error):
                raise ObjectChanged(key=file.key, expected=f"version {file.version_id}", found="another") from error
            raise
        found, _ = s3_objects.hash_version(self._s3, self._bucket, key, None)
        if found != file.sha256:
            raise ObjectChanged(key=file.key, expected=file.sha256, found=found)

    # ---- the rows of tables release and release_month ----------------------------------------------------

    def _try_to_set(self, kind: Table, release: Release) -> None:
        table, place = self._ensure(kind), _place(kind, release)
        current = _one(_rows_of(table, kind, place))
        if current and (current.release_id, current.run_id) == (release.release_id, release.run_id):
            return
        current_id = current.release_id if current else None
        # The first lookback of a month replaces nothing, whatever it was compared with.
        is_first_of_month = kind is RELEASE_MONTH and current is None
        has_moved = current_id != release.base_release_id and not is_first_of_month
        # After a rollback the base may be current again: a late repeat must not undo the rollback.
        if has_moved or iceberg_commit.has_snapshot_of(table, release.run_id):
            raise BaseMoved(run_id=release.run_id, base=release.base_release_id, current=current_id)
        path, stored = self._store_row(kind, release)
        old = iceberg_commit.files_of(table, place)
        partition = [getattr(release, name) for name in iceberg_tables.partition_names(kind)]
        new = iceberg_commit.describe(table, path, rows=1, partition=partition)
        iceberg_commit.replace(table, place, old, new, _row_properties(stored))

    def _store_row(self, kind: Table, release: Release) -> tuple[str, Release]:
        """Write the row's object unless a try before did, and return where it is and what it says."""
        key = f"lake/{kind.name}/{release.lob}/{release.run_id}.parquet"
        path, data = f"s3://{self._bucket}/{key}", to_parquet(_to_row(kind, release))
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
        except ClientError as error:
            if not s3_objects.is_taken(error):
                raise
        else:
            return path, release
        (stored,) = _from_rows(from_parquet(s3_objects.open_version(self._s3, self._bucket, key, None).read()))
        if stored.model_dump(exclude=set(_OF_THE_MOMENT)) != release.model_dump(exclude=set(_OF_THE_MOMENT)):
            raise ObjectChanged(key=key, expected=f"the row of {release.run_id}", found=f"the row of {stored.run_id}")
        return path, stored

    def _stored_row(self, key: str) -> Release | None:
        body = s3_objects.open_version(self._s3, self._bucket, key, None).read()
        try:
            return _one(_from_rows(from_parquet(body)))
        except (pa.ArrowException, ValueError, KeyError, FileDoesNotFit):
            return None

    def _hash(self, path: str) -> str | None:
        bucket, _, key = path.removeprefix("s3://").partition("/")
        try:
            return s3_objects.hash_version(self._s3, bucket, key, None)[0]
        except ObjectChanged:
            return None

    # ---- tables ------------------------------------------------------------------------------------------

    def _load(self, table: Table) -> IcebergTable | None:
        return iceberg_tables.load(self._catalog, self._database, table)

    def _ensure(self, table: Table) -> IcebergTable:
        return iceberg_tables.ensure(self._catalog, self._database, self._bucket, table)

    def _read(self, table: Table, slice_: BooleanExpression) -> pa.Table:
        loaded = self._load(table)
        return _scan(loaded, table, slice_) if loaded is not None else table.arrow_schema().empty_table()


def _release_slice(lob: str, release_id: str) -> BooleanExpression:
    return And(iceberg_commit.equals("lob", lob), iceberg_commit.equals("release_id", release_id))


def _scan(loaded: IcebergTable, table: Table, slice_: BooleanExpression) -> pa.Table:
    """Rows of a slice in the types and order `domain.tables` states."""
    rows = loaded.scan(row_filter=slice_, selected_fields=table.column_names).to_arrow()
    return rows.select(list(table.column_names)).cast(table.arrow_schema())


def _row_properties(release: Release) -> dict[str, str]:
    """What the snapshot says about the publication: the audit chain's anchor outside the chain."""
    stated = release.model_dump(include={"lob", "release_id", "run_id", "kind", "signers", "manifest_digest"})
    return {**stated, "audit_head": release.audit_head}


def _place(kind: Table, release: Release) -> BooleanExpression:
    """What a row's publication replaces: the LOB's row, or that of its month."""
    of_lob = iceberg_commit.equals("lob", release.lob)
    return of_lob if kind is RELEASE else And(of_lob, iceberg_commit.equals("sub_version", release.sub_version))


def _to_row(kind: Table, release: Release) -> pa.Table:
    row = release.model_dump()
    row["published_at"] = release.published_at.astimezone(UTC).replace(tzinfo=None)
    return kind.from_rows([row])


def _rows_of(table: IcebergTable, kind: Table, place: BooleanExpression) -> list[Release]:
    return _from_rows(_scan(table, kind, place))


def _from_rows(rows: pa.Table) -> list[Release]:
    return [
        Release.model_validate({**row, "published_at": row["published_at"].replace(tzinfo=UTC)})
        for row in rows.to_pylist()
    ]


def _one(rows: Sequence[Release]) -> Release | None:
    """The one row of a place, if it has one.

    Raises:
        FileDoesNotFit: there are several, which no commit of ours makes.
    """
    if len(rows) > 1:
        raise FileDoesNotFit(table=RELEASE.name, key="release", detail=f"{len(rows)} rows for one place")
    return rows[0] if rows else None
