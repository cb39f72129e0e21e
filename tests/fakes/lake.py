"""Production in memory: files per table and release, and one row per LOB."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
from fivetier.app.records import Release
from fivetier.aws.parquet import from_parquet, to_parquet
from fivetier.domain.errors import BaseMoved, FileDoesNotFit, ObjectChanged, ReleaseFilesDiffer
from fivetier.domain.manifest import Manifest, ManifestFile, sha256_hex
from fivetier.domain.tables import RELEASE_TABLES, Table

from tests.fakes.stores import FakeStaging


class FakeLake:
    """Port `Lake`; `publications` lists every row readers ever saw, oldest first."""

    def __init__(self, staging: FakeStaging) -> None:
        self._staging = staging
        self.publications: list[Release] = []
        self.histories: list[Release] = []
        self.added: dict[tuple[str, str], dict[str, pa.Table]] = {}
        self.properties: dict[tuple[str, str], dict[str, str]] = {}

    def current_release(self, lob: str) -> Release | None:
        return next((row for row in reversed(self.publications) if row.lob == lob), None)

    def find_release(self, release_id: str) -> bool:
        return any(release == release_id for _, release in self.added)

    def read_release(self, lob: str, release_id: str) -> dict[str, pa.Table]:
        return {table.name: self._rows(table, lob, release_id) for table in RELEASE_TABLES}

    def release_rows(self, lob: str) -> dict[str, Release | None]:
        return {row.run_id: row for row in reversed([*self.publications, *self.histories]) if row.lob == lob}

    def month_releases(self, lob: str) -> dict[str, Release]:
        return {row.sub_version: row for row in self.histories if row.lob == lob}

    def release_files(self, lob: str, release_id: str) -> dict[str, str | None]:
        return {
            key: sha256_hex(to_parquet(rows))
            for (_, release), files in self.added.items()
            for key, rows in files.items()
            if release == release_id and set(rows["lob"].to_pylist()) == {lob}
        }

    def schema_ids(self) -> dict[str, str]:
        return {table.name: "0" for table in RELEASE_TABLES}

    def add_release_files(self, manifest: Manifest, *, properties: Mapping[str, str]) -> None:
        for table in RELEASE_TABLES:
            files = {
                f"lake/{table.name}/{manifest.run_id}/{file.key.rsplit('/', 1)[1]}": file
                for file in manifest.files
                if file.table == table.name and file.rows
            }
            place = (table.name, manifest.run_id)
            if place in self.added and sorted(self.added[place]) != sorted(files):
                raise ReleaseFilesDiffer(
                    run_id=manifest.run_id, table=table.name, listed=sorted(files), found=sorted(self.added[place])
                )
            if place not in self.added and files:
                self.added[place] = {key: self._copy(table, manifest, file) for key, file in files.items()}
                self.properties[place] = dict(properties)

    def set_current_release(self, release: Release) -> None:
        current = self.current_release(release.lob)
        if current and (current.release_id, current.run_id) == (release.release_id, release.run_id):
            return
        current_id = current.release_id if current else None
        was_published = any(row.run_id == release.run_id for row in self.publications)
        if current_id != release.base_release_id or was_published:
            raise BaseMoved(run_id=release.run_id, base=release.base_release_id, current=current_id)
        self.publications.append(release)

    def set_month_release(self, release: Release) -> None:
        current = self.month_releases(release.lob).get(release.sub_version)
        if current and current.run_id == release.run_id:
            return
        was_published = any(row.run_id == release.run_id for row in self.histories)
        if was_published or (current and current.release_id != release.base_release_id):
            now = current.release_id if current else None
            raise BaseMoved(run_id=release.run_id, base=release.base_release_id, current=now)
        self.histories.append(release)

    def _copy(self, table: Table, manifest: Manifest, file: ManifestFile) -> pa.Table:
        data = self._staging.get_bytes(file.key, file.version_id)
        if (found := sha256_hex(data)) != file.sha256:
            raise ObjectChanged(key=file.key, expected=file.sha256, found=found)
        rows = from_parquet(data)
        if rows.schema != table.arrow_schema():
            raise FileDoesNotFit(table=table.name, key=file.key, detail="its columns are others")
        if rows.num_rows != file.rows:
            raise FileDoesNotFit(table=table.name, key=file.key, detail=f"it holds {rows.num_rows} rows")
        slices = set(zip(rows["lob"].to_pylist(), rows["release_id"].to_pylist(), strict=True))
        if slices != {(manifest.lob, manifest.run_id)}:
            raise FileDoesNotFit(table=table.name, key=file.key, detail=f"its rows belong to {sorted(slices)}")
        return rows

    def _rows(self, table: Table, lob: str, release_id: str) -> pa.Table:
        files = self.added.get((table.name, release_id), {})
        rows = pa.concat_tables([files[key] for key in sorted(files)] or [table.arrow_schema().empty_table()])
        return rows.filter(pc.equal(rows["lob"], lob))
