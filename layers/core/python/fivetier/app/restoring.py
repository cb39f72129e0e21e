"""What a rollback restores: a release that was signed before, and is still what was signed (ADR 10).

The manifest of a rollback lists the files the release's own signers signed, so what is signed now is what was signed
then. Before the report, and again before the publication, the lake must hold exactly the rows of those files.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from fivetier.app import keys
from fivetier.app.records import Release, Run
from fivetier.app.world import Ports
from fivetier.domain.errors import BaseMoved, ObjectChanged
from fivetier.domain.ids import SubVersion
from fivetier.domain.manifest import ManifestFile, read_manifest
from fivetier.domain.runs import make_run_id, rollback_digest
from fivetier.domain.tables import RELEASE_TABLES, Table
from fivetier.domain.tiers import Lob


def rollback_run_id(release_id: str, sub_version: str, current: Release, *, attempt: int) -> str:
    """Name the run that restores a release: after the release, and after the publication it undoes."""
    digest = rollback_digest(release_id, current.run_id)
    return make_run_id(Lob(current.lob), SubVersion.parse(sub_version), digest, attempt)


def require_undone(run: Run, current: Release | None) -> None:
    """Check that readers still see the publication the run was asked to undo; its name says which one that is.

    Raises:
        BaseMoved: another release was published since it was asked for.
    """
    if current is None or run.run_id != rollback_run_id(run.release_id, run.sub_version, current, attempt=run.attempt):
        now = None if current is None else current.run_id
        raise BaseMoved(run_id=run.run_id, base=run.base_snapshot, current=now)


def signed_files(run: Run, ports: Ports) -> tuple[ManifestFile, ...]:
    """The files of the release a run restores, as its own signers signed them.

    Raises:
        ManifestMismatch, ObjectChanged: the evidence of that signature is gone, or no longer what it was.
    """
    release = ports.runs.get_run(run.release_id)
    data = ports.staging.get_bytes(keys.manifest_key(release.run_id))
    manifest = read_manifest(data, run_id=release.run_id, signed=release.manifest_digest or "")
    for file in manifest.files:
        ports.staging.verify(file.key, file.version_id, file.sha256)
    return manifest.files


def require_signed_rows(lob: str, release_id: str, files: Sequence[ManifestFile], ports: Ports) -> dict[str, pa.Table]:
    """The rows of a release as readers get them, after checking that they are those of its signed files.

    Raises:
        ObjectChanged: the lake holds others.
    """
    held = ports.lake.read_release(lob, release_id)
    for table in RELEASE_TABLES:
        signed = _rows(table, (file for file in files if file.table == table.name), ports)
        if not _in_order(held[table.name]).equals(_in_order(signed)):
            found = f"{held[table.name].num_rows} rows that are not those"
            raise ObjectChanged(
                key=f"{table.name} of {release_id}", expected=f"{signed.num_rows} rows as signed", found=found
            )
    return held


def _rows(table: Table, files: Iterable[ManifestFile], ports: Ports) -> pa.Table:
    parts = [ports.staging.get_table(file.key) for file in files]
    return pa.concat_tables(parts or [table.arrow_schema().empty_table()])


def _in_order(rows: pa.Table) -> pa.Table:
    """Rows in one order, whatever order they were read in."""
    return rows.sort_by([(name, "ascending") for name in rows.column_names])
