"""What every `Lake` does."""

from types import SimpleNamespace
from typing import Any

import pytest
from fivetier.app.records import Release
from fivetier.app.restoring import require_signed_rows
from fivetier.domain.errors import BaseMoved, FileDoesNotFit, ObjectChanged, ReleaseFilesDiffer
from fivetier.domain.manifest import Manifest
from fivetier.domain.tables import CONTRACT, HIERARCHY_NODE, RELEASE_TABLES

from tests.contract.sides.scenes import LOB, LakeScene
from tests.contract.suites.rows import node, release_row, staged_manifest

SAID = {"run_id": "r1"}


def add(scene: LakeScene, release_id: str, **options: Any) -> Manifest:
    manifest = staged_manifest(scene.staging, release_id, **options)
    scene.lake.add_release_files(manifest, properties=SAID)
    return manifest


def counts(scene: LakeScene, release_id: str) -> dict[str, int]:
    return {name: table.num_rows for name, table in scene.lake.read_release(LOB, release_id).items()}


def changed(manifest: Manifest, table: str, **fields: Any) -> Manifest:
    files = [file.model_copy(update=fields) if file.table == table else file for file in manifest.files]
    return manifest.model_copy(update={"files": tuple(files)})


def history(run_id: str, month: str, *, base: str | None, lob: str = LOB) -> Release:
    return release_row(run_id, base=base, lob=lob, sub_version=month, kind="lookback")


class LakeSuite:
    kind = "lake"

    def test_before_the_first_publication_there_is_nothing(self, scene: LakeScene) -> None:
        assert scene.lake.current_release(LOB) is None
        assert not scene.lake.find_release("r1")
        assert scene.lake.schema_ids() == {table.name: "0" for table in RELEASE_TABLES}
        empty = {table.name: table.arrow_schema().empty_table() for table in RELEASE_TABLES}
        assert scene.lake.read_release(LOB, "r1") == empty

    def test_added_rows_are_read_back_as_they_were_staged(self, scene: LakeScene) -> None:
        manifest = add(scene, "r1")
        read = scene.lake.read_release(LOB, "r1")
        for table, file in zip(RELEASE_TABLES, manifest.files, strict=True):
            assert read[table.name].schema.equals(table.arrow_schema(), check_metadata=True), table.name
            by_key = [(name, "ascending") for name in table.key]
            assert read[table.name].sort_by(by_key).equals(scene.staging.get_table(file.key).sort_by(by_key))

    def test_files_added_are_no_publication(self, scene: LakeScene) -> None:
        add(scene, "r1")
        assert scene.lake.find_release("r1")
        assert not scene.lake.find_release("r2")
        assert scene.lake.current_release(LOB) is None

    def test_adding_again_adds_nothing(self, scene: LakeScene) -> None:
        manifest = add(scene, "r1")
        before = counts(scene, "r1")
        scene.lake.add_release_files(manifest, properties=SAID)
        assert counts(scene, "r1") == before

    def test_releases_stay_apart_and_older_ones_stay_readable(self, scene: LakeScene) -> None:
        add(scene, "r1")
        add(scene, "r2", rows={HIERARCHY_NODE: [node("n9", "r2")]})
        assert counts(scene, "r1")["hierarchy_node"] == 2
        assert scene.lake.read_release(LOB, "r2")["hierarchy_node"]["node_id"].to_pylist() == ["n9"]
        assert scene.lake.read_release("medicaid", "r2")["hierarchy_node"].num_rows == 0

    def test_a_table_without_rows_is_published_as_empty(self, scene: LakeScene) -> None:
        manifest = add(scene, "r1", rows={CONTRACT: []})
        scene.lake.add_release_files(manifest, properties=SAID)
        assert counts(scene, "r1")["contract"] == 0
        assert counts(scene, "r1")["hierarchy_node"] == 2

    def test_several_files_of_a_table_are_added_together(self, scene: LakeScene) -> None:
        manifest = staged_manifest(scene.staging, "r1")
        more = HIERARCHY_NODE.from_rows([node("n7", "r1")])
        staged = scene.staging.put_table("staging/r1/hierarchy_node/part-00001.parquet", more)
        pinned = staged.model_dump(include={"key", "version_id", "sha256"})
        second = manifest.files[0].model_copy(update={**pinned, "rows": 1})
        scene.lake.add_release_files(manifest.model_copy(update={"files": (*manifest.files, second)}), properties=SAID)
        assert counts(scene, "r1")["hierarchy_node"] == 3

    def test_a_file_that_hashes_to_something_else_is_refused(self, scene: LakeScene) -> None:
        manifest = changed(staged_manifest(scene.staging, "r1"), "hierarchy_node", sha256="0" * 64)
        with pytest.raises(ObjectChanged):
            scene.lake.add_release_files(manifest, properties=SAID)
        assert not scene.lake.find_release("r1")

    def test_a_staged_version_that_is_gone_is_refused(self, scene: LakeScene) -> None:
        manifest = changed(staged_manifest(scene.staging, "r1"), "hierarchy_node", key="staging/r1/nothing.parquet")
        with pytest.raises(ObjectChanged):
            scene.lake.add_release_files(manifest, properties=SAID)

    def test_what_was_signed_is_published_not_what_came_later_under_its_key(self, scene: LakeScene) -> None:
        manifest = staged_manifest(scene.staging, "r1")
        scene.staging.put_table(manifest.files[0].key, HIERARCHY_NODE.from_rows([node("forged", "r1")]))
        scene.lake.add_release_files(manifest, properties=SAID)
        published = scene.lake.read_release(LOB, "r1")["hierarchy_node"]["node_id"].to_pylist()
        assert sorted(published) == ["n1", "n2"]

    def test_rows_of_another_release_are_refused(self, scene: LakeScene) -> None:
        manifest = staged_manifest(scene.staging, "r1", rows={HIERARCHY_NODE: [node("n1", "r0")]})
        with pytest.raises(FileDoesNotFit):
            scene.lake.add_release_files(manifest, properties=SAID)
        assert not scene.lake.find_release("r0")

    def test_rows_of_several_slices_are_refused(self, scene: LakeScene) -> None:
        mixed = [node("n1", "r1"), node("n2", "r1", lob="medicaid")]
        manifest = staged_manifest(scene.staging, "r1", rows={HIERARCHY_NODE: mixed})
        with pytest.raises(FileDoesNotFit):
            scene.lake.add_release_files(manifest, properties=SAID)

    def test_another_row_count_is_refused(self, scene: LakeScene) -> None:
        manifest = changed(staged_manifest(scene.staging, "r1"), "hierarchy_node", rows=7)
        with pytest.raises(FileDoesNotFit):
            scene.lake.add_release_files(manifest, properties=SAID)

    def test_columns_in_another_order_are_refused(self, scene: LakeScene) -> None:
        manifest = staged_manifest(scene.staging, "r1")
        table = scene.staging.get_table(manifest.files[0].key)
        staged = scene.staging.put_table(manifest.files[0].key, table.select(table.column_names[::-1]))
        pinned = staged.model_dump(include={"version_id", "sha256"})
        with pytest.raises(FileDoesNotFit):
            scene.lake.add_release_files(changed(manifest, "hierarchy_node", **pinned), properties=SAID)

    def test_other_files_under_the_same_release_are_refused(self, scene: LakeScene) -> None:
        manifest = add(scene, "r1")
        staged = scene.staging.put_table(
            "staging/r1/hierarchy_node/part-00009.parquet", HIERARCHY_NODE.from_rows([node("n9", "r1")])
        )
        pinned = staged.model_dump(include={"key", "version_id", "sha256"})
        with pytest.raises(ReleaseFilesDiffer):
            scene.lake.add_release_files(changed(manifest, "hierarchy_node", rows=1, **pinned), properties=SAID)
        assert counts(scene, "r1")["hierarchy_node"] == 2

    def test_a_publication_is_read_back_to_the_microsecond(self, scene: LakeScene) -> None:
        row = release_row("r1", base=None)
        scene.lake.set_current_release(row)
        assert scene.lake.current_release(LOB) == row

    def test_publishing_again_keeps_what_the_first_try_said(self, scene: LakeScene) -> None:
        row = release_row("r1", base=None)
        scene.lake.set_current_release(row)
        scene.lake.set_current_release(row.model_copy(update={"audit_head": "b" * 64}))
        assert scene.lake.current_release(LOB) == row

    def test_the_next_publication_replaces_the_row_of_its_lob_only(self, scene: LakeScene) -> None:
        theirs = release_row("m1", base=None, lob="medicaid")
        scene.lake.set_current_release(release_row("r1", base=None))
        scene.lake.set_current_release(theirs)
        scene.lake.set_current_release(release_row("r2", base="r1"))
        assert scene.lake.current_release(LOB) == release_row("r2", base="r1")
        assert scene.lake.current_release("medicaid") == theirs

    def test_a_base_that_moved_is_refused(self, scene: LakeScene) -> None:
        scene.lake.set_current_release(release_row("r1", base=None))
        for base in (None, "r0"):
            with pytest.raises(BaseMoved) as refused:
                scene.lake.set_current_release(release_row("r2", base=base))
            assert refused.value.current == "r1"
        assert scene.lake.current_release(LOB) == release_row("r1", base=None)

    def test_a_first_publication_with_a_base_is_refused(self, scene: LakeScene) -> None:
        with pytest.raises(BaseMoved):
            scene.lake.set_current_release(release_row("r2", base="r1"))

    def test_a_rollback_shows_an_older_release_under_its_own_run(self, scene: LakeScene) -> None:
        scene.lake.set_current_release(release_row("r1", base=None))
        scene.lake.set_current_release(release_row("r2", base="r1"))
        rollback = release_row("r1", base="r2", run_id="r3")
        scene.lake.set_current_release(rollback)
        assert scene.lake.current_release(LOB) == rollback

    def test_a_replaced_release_still_holds_what_was_signed(self, scene: LakeScene) -> None:
        manifest = add(scene, "r1", rows={CONTRACT: []})
        add(scene, "r2")
        stores: Any = SimpleNamespace(lake=scene.lake, staging=scene.staging)
        held = require_signed_rows(LOB, "r1", manifest.files, stores)
        assert {name: rows.num_rows for name, rows in held.items()} == counts(scene, "r1")
        for release_id, lob in (("r2", LOB), ("r1", "medicaid")):
            with pytest.raises(ObjectChanged, match="as signed"):
                require_signed_rows(lob, release_id, manifest.files, stores)

    def test_an_auditor_gets_hashes_of_the_files_readers_get(self, scene: LakeScene) -> None:
        manifest = add(scene, "r1", rows={CONTRACT: []})
        add(scene, "r2")
        signed = {f"lake/{f.table}/r1/{f.key.rsplit('/', 1)[1]}": f.sha256 for f in manifest.files if f.rows}
        assert scene.lake.release_files(LOB, "r1") == signed
        assert scene.lake.release_files("medicaid", "r1") == scene.lake.release_files(LOB, "r9") == {}

    def test_an_auditor_gets_the_row_of_every_publication(self, scene: LakeScene) -> None:
        assert scene.lake.release_rows(LOB) == {}
        rows = [release_row("r1", base=None), release_row("r2", base="r1"), release_row("r1", base="r2", run_id="r3")]
        for row in rows:
            scene.lake.set_current_release(row)
        scene.lake.set_current_release(release_row("m1", base=None, lob="medicaid"))
        assert scene.lake.release_rows(LOB) == {row.run_id: row for row in rows}

    def test_a_late_repeat_never_undoes_a_rollback(self, scene: LakeScene) -> None:
        scene.lake.set_current_release(release_row("r1", base=None))
        scene.lake.set_current_release(release_row("r2", base="r1"))
        rollback = release_row("r1", base="r2", run_id="r3")
        scene.lake.set_current_release(rollback)
        with pytest.raises(BaseMoved):
            scene.lake.set_current_release(release_row("r2", base="r1"))
        assert scene.lake.current_release(LOB) == rollback

    # ---- the history of months -------------------------------------------------------------------------------

    def test_a_month_has_a_row_of_its_own_and_readers_see_what_they_saw(self, scene: LakeScene) -> None:
        assert scene.lake.month_releases(LOB) == {}
        current = release_row("r1", base=None)
        scene.lake.set_current_release(current)
        march, april = history("h1", "2025_03", base=None), history("h2", "2025_04", base="h1")
        theirs = history("m1", "2025_03", base=None, lob="medicaid")
        for row in (march, april, theirs):
            scene.lake.set_month_release(row)
        assert scene.lake.month_releases(LOB) == {"2025_03": march, "2025_04": april}
        assert scene.lake.month_releases("medicaid") == {"2025_03": theirs}
        assert scene.lake.current_release(LOB) == current
        assert scene.lake.release_rows(LOB) == {"r1": current, "h1": march, "h2": april}

    def test_a_months_row_is_replaced_alone_and_by_who_knew_it(self, scene: LakeScene) -> None:
        scene.lake.set_month_release(history("h1", "2025_03", base="r0"))
        april = history("h2", "2025_04", base="h1")
        scene.lake.set_month_release(april)
        for base in (None, "r0"):
            with pytest.raises(BaseMoved) as refused:
                scene.lake.set_month_release(history("h3", "2025_03", base=base))
            assert refused.value.current == "h1"
        newer = history("h3", "2025_03", base="h1")
        scene.lake.set_month_release(newer)
        scene.lake.set_month_release(newer)
        assert scene.lake.month_releases(LOB) == {"2025_03": newer, "2025_04": april}
        with pytest.raises(BaseMoved):
            scene.lake.set_month_release(history("h1", "2025_03", base="h3"))
        assert scene.lake.month_releases(LOB) == {"2025_03": newer, "2025_04": april}
