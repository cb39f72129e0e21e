"""What only the Iceberg lake can show: snapshots, rivals for one commit, lost answers, the files themselves."""

from collections.abc import Callable
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest
from fivetier.aws import iceberg_commit
from fivetier.aws.iceberg_io import S3File, S3FileIO
from fivetier.aws.iceberg_lake import IcebergLake
from fivetier.aws.iceberg_tables import ensure, load, schema_of
from fivetier.domain.errors import BaseMoved, FileDoesNotFit, LakeBusy, ObjectChanged
from fivetier.domain.tables import HIERARCHY_NODE, RELEASE, RELEASE_MONTH, RELEASE_TABLES
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.table import Table

from tests.contract.sides import moto
from tests.contract.sides.scenes import LOB, LakeScene
from tests.contract.suites.rows import node, release_row, staged_manifest

SAID = {"run_id": "r1"}


@pytest.fixture
def scene(aws: None, monkeypatch: pytest.MonkeyPatch) -> LakeScene:
    monkeypatch.setattr(iceberg_commit, "_PAUSES", (0.0,) * 6)
    return moto.lake(monkeypatch)


@pytest.fixture
def rival(scene: LakeScene) -> IcebergLake:
    """Another publisher, in another process as it were: its calls do not pass our client's hooks."""
    return moto.open_lake(boto3.client("glue"))


def table_of(name: str) -> Table:
    return GlueCatalog("glue", client=moto.client("glue"), **moto.FILE_IO).load_table(("production", name))


def operations(name: str) -> list[str]:
    return [str(s.summary.operation.value) for s in table_of(name).snapshots() if s.summary]


class Hook:
    """Runs an action around calls of our Glue client, as often as asked."""

    def __init__(self, event: str, action: Callable[[], Any], times: int = 1) -> None:
        self._action, self._left = action, times
        self._event, self._events = f"{event}.glue.UpdateTable", moto.client("glue").meta.events
        self._events.register(self._event, self._run)

    def _run(self, **_: Any) -> None:
        if self._left:
            self._left -= 1
            self._action()

    def __enter__(self) -> "Hook":
        return self

    def __exit__(self, *_: object) -> None:
        self._events.unregister(self._event, self._run)
        assert not self._left, "the hook ran less often than asked"


def lose_answer() -> None:
    raise ConnectionResetError("the answer got lost")


# ---- snapshots -------------------------------------------------------------------------------------------


def test_a_release_is_one_append_per_table_that_says_who_and_what(scene: LakeScene) -> None:
    manifest = staged_manifest(scene.staging, "r1")
    scene.lake.add_release_files(manifest, properties={"signers": "data_lead=dora", "audit_head": "a"})
    for table in RELEASE_TABLES:
        assert operations(table.name) == ["append"]
        snapshot = table_of(table.name).current_snapshot()
        assert snapshot is not None
        assert snapshot.summary is not None
        said = snapshot.summary.additional_properties
        expected = {"run_id": "r1", "release_id": "r1", "lob": LOB, "manifest_digest": manifest.digest}
        assert expected.items() <= said.items()
        assert (said["signers"], said["audit_head"]) == ("data_lead=dora", "a")


def test_a_publication_is_one_snapshot_whatever_it_replaces(scene: LakeScene) -> None:
    scene.lake.set_current_release(release_row("r1", base=None))
    scene.lake.set_current_release(release_row("r2", base="r1"))
    scene.lake.set_current_release(release_row("r1", base="r2", run_id="r3"))
    assert operations("release") == ["overwrite"] * 3
    last = table_of("release").current_snapshot()
    assert last is not None
    assert last.summary is not None
    said = last.summary.additional_properties
    assert said["signers"] == "data_lead=dora engineering_lead=emil"
    assert (said["run_id"], said["release_id"], said["audit_head"]) == ("r3", "r1", "a" * 64)
    assert (said["kind"], said["manifest_digest"]) == ("rollback", "d" * 64)


def test_manifests_of_deleted_rows_do_not_pile_up(scene: LakeScene) -> None:
    for number in range(6):
        base = f"r{number - 1}" if number else None
        scene.lake.set_current_release(release_row(f"r{number}", base=base))
    table = table_of("release")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    # One with the new row, one that says which row it replaced.
    assert len(snapshot.manifests(table.io)) == 2


def test_tables_are_partitioned_by_lob_and_release_and_lie_in_the_lake(scene: LakeScene) -> None:
    assert isinstance(scene.lake, IcebergLake)
    scene.lake.ensure_tables()
    for table in (*RELEASE_TABLES, RELEASE, RELEASE_MONTH):
        made = table_of(table.name)
        names = [field.name for field in made.spec().fields]
        special = {RELEASE: ["lob"], RELEASE_MONTH: ["lob", "sub_version"]}
        assert names == special.get(table, ["lob", "release_id"])
        assert made.location() == f"s3://lake/lake/{table.name}"
        assert made.schema().as_struct() == schema_of(table).as_struct()
        assert made.format_version == 2


def test_published_files_carry_the_tables_field_ids(scene: LakeScene) -> None:
    scene.lake.add_release_files(staged_manifest(scene.staging, "r1"), properties=SAID)
    with S3File("s3://lake/lake/contract/r1/part-00000.parquet").open() as stream:
        written = pq.read_schema(stream)
    ids = {field.name: int(field.metadata[b"PARQUET:field_id"]) for field in written}
    assert ids == {field.name: field.field_id for field in table_of("contract").schema().fields}


def test_a_file_without_field_ids_is_refused(scene: LakeScene) -> None:
    manifest = staged_manifest(scene.staging, "r1")
    rows = scene.staging.get_table(manifest.files[0].key)
    with S3File("s3://staging/plain.parquet").create() as stream:
        pq.write_table(rows, stream)
    data = scene.staging.get_bytes("plain.parquet")
    staged = scene.staging.put_bytes(manifest.files[0].key, data)
    pinned = staged.model_dump(include={"version_id", "sha256"})
    files = (manifest.files[0].model_copy(update=pinned), *manifest.files[1:])
    with pytest.raises(FileDoesNotFit):
        scene.lake.add_release_files(manifest.model_copy(update={"files": files}), properties=SAID)


def test_the_copy_is_of_the_signed_version_and_on_its_etag(scene: LakeScene) -> None:
    sent: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        sent.append(dict(params))

    events = moto.client("s3").meta.events
    events.register("provide-client-params.s3.CopyObject", note)
    try:
        manifest = staged_manifest(scene.staging, "r1")
        scene.lake.add_release_files(manifest, properties=SAID)
    finally:
        events.unregister("provide-client-params.s3.CopyObject", note)
    assert [call["CopySource"]["VersionId"] for call in sent] == [file.version_id for file in manifest.files]
    assert all(call["CopySourceIfMatch"] for call in sent)


# ---- rivals ----------------------------------------------------------------------------------------------


def test_two_lobs_that_publish_at_once_both_succeed(scene: LakeScene, rival: IcebergLake) -> None:
    assert isinstance(scene.lake, IcebergLake)
    scene.lake.ensure_tables()
    theirs = release_row("m1", base=None, lob="medicaid")
    with Hook("before-call", lambda: rival.set_current_release(theirs)):
        scene.lake.set_current_release(release_row("r1", base=None))
    assert scene.lake.current_release(LOB) == release_row("r1", base=None)
    assert scene.lake.current_release("medicaid") == theirs


def test_of_two_runs_with_one_base_one_publishes(scene: LakeScene, rival: IcebergLake) -> None:
    scene.lake.set_current_release(release_row("r1", base=None))
    winner = release_row("r2", base="r1")
    with Hook("before-call", lambda: rival.set_current_release(winner)), pytest.raises(BaseMoved) as refused:
        scene.lake.set_current_release(release_row("r3", base="r1"))
    assert (refused.value.base, refused.value.current) == ("r1", "r2")
    assert scene.lake.current_release(LOB) == winner
    assert len(operations("release")) == 2


def test_one_run_published_by_two_at_once_is_published_once(scene: LakeScene, rival: IcebergLake) -> None:
    row = release_row("r1", base=None)
    scene.lake.set_current_release(release_row("m1", base=None, lob="medicaid"))
    with Hook("before-call", lambda: rival.set_current_release(row)):
        scene.lake.set_current_release(row)
    assert scene.lake.current_release(LOB) == row
    assert len(operations("release")) == 2


def test_one_release_added_by_two_at_once_is_added_once(scene: LakeScene, rival: IcebergLake) -> None:
    manifest = staged_manifest(scene.staging, "r1")
    with Hook("before-call", lambda: rival.add_release_files(manifest, properties=SAID)):
        scene.lake.add_release_files(manifest, properties=SAID)
    for table, file in zip(RELEASE_TABLES, manifest.files, strict=True):
        assert operations(table.name) == ["append"]
        assert scene.lake.read_release(LOB, "r1")[table.name].num_rows == file.rows


def test_a_commit_that_never_wins_is_told_and_changes_nothing(scene: LakeScene, rival: IcebergLake) -> None:
    scene.lake.set_current_release(release_row("r1", base=None))
    numbers = iter(range(100))

    def publish_another_lob() -> None:
        number = next(numbers)
        base = f"m{number - 1}" if number else None
        rival.set_current_release(release_row(f"m{number}", base=base, lob="medicaid"))

    with Hook("before-call", publish_another_lob, times=7), pytest.raises(LakeBusy):
        scene.lake.set_current_release(release_row("r2", base="r1"))
    assert scene.lake.current_release(LOB) == release_row("r1", base=None)


def test_a_table_made_by_two_at_once_is_one_table(scene: LakeScene) -> None:
    glue = boto3.client("glue")
    ours, theirs = (GlueCatalog("glue", client=client, **moto.FILE_IO) for client in (moto.client("glue"), glue))
    made: list[Any] = []

    def make_first(**_: Any) -> None:
        if not made:
            made.append(True)
            made.append(ensure(theirs, "production", "lake", RELEASE).metadata.table_uuid)

    moto.client("glue").meta.events.register("before-call.glue.CreateTable", make_first)
    try:
        assert ensure(ours, "production", "lake", RELEASE).metadata.table_uuid == made[1]
    finally:
        moto.client("glue").meta.events.unregister("before-call.glue.CreateTable", make_first)


# ---- lost answers and repeats ----------------------------------------------------------------------------


def test_a_publication_whose_answer_was_lost_is_complete_and_not_repeated(scene: LakeScene) -> None:
    scene.lake.set_current_release(release_row("r1", base=None))
    row = release_row("r2", base="r1")
    with Hook("after-call", lose_answer), pytest.raises(ConnectionResetError):
        scene.lake.set_current_release(row)
    assert scene.lake.current_release(LOB) == row
    scene.lake.set_current_release(row.model_copy(update={"audit_head": "b" * 64}))
    assert scene.lake.current_release(LOB) == row
    assert len(operations("release")) == 2


def test_a_commit_told_as_lost_although_it_landed_keeps_its_files(scene: LakeScene) -> None:
    """The SDK repeats a request whose answer was lost, and Glue then says that the version is old."""
    scene.lake.set_current_release(release_row("r1", base=None))
    glue = moto.client("glue")
    sent: list[bool] = []

    def repeat(params: dict[str, Any], **_: Any) -> None:
        if not sent:
            sent.append(True)
            boto3.client("glue").update_table(**{**params, "TableInput": {**params["TableInput"]}})

    glue.meta.events.register("provide-client-params.glue.UpdateTable", repeat)
    try:
        scene.lake.set_current_release(release_row("r2", base="r1"))
    finally:
        glue.meta.events.unregister("provide-client-params.glue.UpdateTable", repeat)
    assert scene.lake.current_release(LOB) == release_row("r2", base="r1")
    assert len(operations("release")) == 2


def test_a_publication_killed_before_its_commit_is_finished_by_the_next_try(scene: LakeScene) -> None:
    scene.lake.set_current_release(release_row("r1", base=None))
    row = release_row("r2", base="r1")
    with Hook("before-call", lose_answer), pytest.raises(ConnectionResetError):
        scene.lake.set_current_release(row)
    assert scene.lake.current_release(LOB) == release_row("r1", base=None)
    scene.lake.set_current_release(row.model_copy(update={"audit_head": "b" * 64}))
    assert scene.lake.current_release(LOB) == row


def test_a_row_another_try_wrote_differently_is_not_published(scene: LakeScene) -> None:
    scene.lake.set_current_release(release_row("r1", base=None))
    with Hook("before-call", lose_answer), pytest.raises(ConnectionResetError):
        scene.lake.set_current_release(release_row("r2", base="r1", signers="data_lead=dora"))
    with pytest.raises(ObjectChanged):
        scene.lake.set_current_release(release_row("r2", base="r1"))
    assert scene.lake.current_release(LOB) == release_row("r1", base=None)


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_files_added_by_a_killed_try_are_finished_by_the_next(scene: LakeScene, moment: str) -> None:
    manifest = staged_manifest(scene.staging, "r1")
    with Hook(moment, lose_answer), pytest.raises(ConnectionResetError):
        scene.lake.add_release_files(manifest, properties=SAID)
    scene.lake.add_release_files(manifest, properties=SAID)
    read = scene.lake.read_release(LOB, "r1")
    assert [read[file.table].num_rows for file in manifest.files] == [file.rows for file in manifest.files]
    assert [operations(table.name) for table in RELEASE_TABLES] == [["append"]] * len(RELEASE_TABLES)


# ---- files -----------------------------------------------------------------------------------------------


def test_a_large_file_is_read_by_ranges(scene: LakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fivetier.aws.iceberg_io._SMALL", 100)
    monkeypatch.setattr("fivetier.aws.iceberg_io._BUFFER", 64)
    rows = [node(f"n{n}") for n in range(500)]
    scene.lake.add_release_files(staged_manifest(scene.staging, "r1", rows={HIERARCHY_NODE: rows}), properties=SAID)
    assert scene.lake.read_release(LOB, "r1")["hierarchy_node"].num_rows == 500


def test_ranges_read_what_a_file_would(scene: LakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fivetier.aws.iceberg_io._SMALL", 4)
    moto.client("s3").put_object(Bucket="lake", Key="digits", Body=b"0123456789")
    with S3File("s3://lake/digits").open() as stream:
        assert stream.read(3) == b"012"
        assert (stream.seek(-2, 2), stream.tell()) == (8, 8)
        assert stream.read(99) == b"89"
        assert stream.read(1) == b""
        assert (stream.seek(2), stream.seek(1, 1), stream.read(2)) == (2, 3, b"34")


def test_a_file_is_not_written_over_unless_asked(scene: LakeScene) -> None:
    file = S3FileIO().new_output("s3://lake/file")
    assert not file.exists()
    for overwrite, data in ((False, b"one"), (False, b"one"), (True, b"two")):
        with file.create(overwrite) as stream:
            stream.write(data)
    assert file.exists()
    assert (len(file), file.to_input_file().open().read(-1)) == (3, b"two")
    stream = file.create()
    stream.write(b"three")
    with pytest.raises(FileExistsError):
        stream.close()


def test_a_missing_file_is_told_as_files_are(scene: LakeScene) -> None:
    with pytest.raises(FileNotFoundError):
        S3FileIO().new_input("s3://lake/nothing").open()


def test_nothing_is_ever_deleted(scene: LakeScene) -> None:
    with pytest.raises(PermissionError):
        S3FileIO().delete("s3://lake/file")
    with pytest.raises(PermissionError):
        S3FileIO().delete(S3File("s3://lake/file"))


def test_a_table_that_is_not_there_loads_as_none(scene: LakeScene) -> None:
    catalog = GlueCatalog("glue", client=moto.client("glue"), **moto.FILE_IO)
    assert load(catalog, "production", RELEASE) is None


# ---- evidence --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ["the same bytes again", "other bytes", "a delete marker"])
def test_a_row_somebody_wrote_over_is_no_evidence(scene: LakeScene, attack: str) -> None:
    s3, key = moto.client("s3"), f"lake/release/{LOB}/r1.parquet"
    scene.lake.set_current_release(release_row("r1", base=None))
    scene.lake.set_current_release(release_row("r2", base="r1"))
    data = s3.get_object(Bucket="lake", Key=key)["Body"].read()
    if attack == "a delete marker":
        s3.delete_object(Bucket="lake", Key=key)
    else:
        s3.put_object(Bucket="lake", Key=key, Body=data if attack == "the same bytes again" else b"PAR1")
    assert scene.lake.release_rows(LOB) == {"r1": None, "r2": release_row("r2", base="r1")}


def test_a_published_file_that_is_gone_is_listed_without_a_hash(scene: LakeScene) -> None:
    scene.lake.add_release_files(staged_manifest(scene.staging, "r1"), properties=SAID)
    key = "lake/contract/r1/part-00000.parquet"
    moto.client("s3").delete_object(Bucket="lake", Key=key)
    files = scene.lake.release_files(LOB, "r1")
    assert files[key] is None
    assert sum(found is not None for found in files.values()) == len(RELEASE_TABLES) - 1
