"""What every `StagingStore` does."""

import hashlib
from datetime import date

import pyarrow as pa
import pytest
from fivetier.domain.errors import ObjectChanged
from fivetier.domain.tables import CONTRACT, HIERARCHY_NODE

from tests.contract.sides.scenes import StagingScene
from tests.contract.suites.rows import NOW, contract, node

KEY = "staging/run/hierarchy_node/part-00000.parquet"


class StagingSuite:
    kind = "staging"

    def test_a_table_comes_back_as_it_was(self, scene: StagingScene) -> None:
        table = HIERARCHY_NODE.from_rows([node("n1"), node("n2", parent_node_id=None, valid_to=date(2025, 7, 1))])
        scene.staging.put_table(KEY, table)
        read = scene.staging.get_table(KEY)
        assert read.equals(table)
        assert read.schema.equals(HIERARCHY_NODE.arrow_schema(), check_metadata=True)

    def test_an_empty_table_keeps_its_columns(self, scene: StagingScene) -> None:
        scene.staging.put_table(KEY, CONTRACT.arrow_schema().empty_table())
        assert scene.staging.get_table(KEY).equals(CONTRACT.arrow_schema().empty_table())

    def test_every_column_type_comes_back(self, scene: StagingScene) -> None:
        table = pa.table(
            {
                "text": pa.array(["a", None]),
                "int": pa.array([1, None], pa.int32()),
                "bigint": pa.array([2**40, None], pa.int64()),
                "date": pa.array([date(2024, 2, 29), None]),
                "timestamp": pa.array([NOW.replace(tzinfo=None, microsecond=123456), None], pa.timestamp("us")),
                "bool": pa.array([True, None]),
            }
        )
        scene.staging.put_table(KEY, table)
        assert scene.staging.get_table(KEY).equals(table)

    def test_equal_tables_give_equal_bytes_however_they_are_chunked(self, scene: StagingScene) -> None:
        whole = CONTRACT.from_rows([contract("H0001"), contract("H0002"), contract("H0003")])
        chunked = pa.concat_tables([whole.slice(0, 1), whole.slice(1)]).replace_schema_metadata({"made": "today"})
        first, second = scene.staging.put_table(KEY, whole), scene.staging.put_table(KEY, chunked)
        assert (first.sha256, first.size) == (second.sha256, second.size)
        assert first.version_id != second.version_id

    def test_large_equal_tables_give_equal_bytes_too(self, scene: StagingScene) -> None:
        whole = pa.table({"text": [f"{number * 7919 % 99991:x}" * 9 for number in range(60_000)]})
        chunked = pa.concat_tables([whole.slice(0, 17_003), whole.slice(17_003)])
        assert scene.staging.put_table(KEY, whole).sha256 == scene.staging.put_table(KEY, chunked).sha256

    def test_bytes_come_back_with_their_hash(self, scene: StagingScene) -> None:
        staged = scene.staging.put_bytes("staging/run/report.json", b"{}")
        assert (staged.sha256, staged.size) == (hashlib.sha256(b"{}").hexdigest(), 2)
        assert scene.staging.get_bytes("staging/run/report.json") == b"{}"

    def test_an_older_version_stays_readable(self, scene: StagingScene) -> None:
        old = scene.staging.put_bytes("k", b"old")
        scene.staging.put_bytes("k", b"new")
        assert scene.staging.get_bytes("k") == b"new"
        assert scene.staging.get_bytes("k", old.version_id) == b"old"

    def test_a_missing_object_is_told_as_changed(self, scene: StagingScene) -> None:
        with pytest.raises(ObjectChanged):
            scene.staging.get_bytes("staging/nothing")
        with pytest.raises(ObjectChanged):
            scene.staging.get_table("staging/nothing")

    def test_keys_are_listed_by_prefix_and_sorted(self, scene: StagingScene) -> None:
        for key in ("staging/run/b", "staging/run/a", "staging/run2/a", "quarantine/run/a"):
            scene.staging.put_bytes(key, b"x")
        assert scene.staging.list_keys("staging/run/") == ["staging/run/a", "staging/run/b"]

    def test_an_untouched_object_verifies_with_its_size(self, scene: StagingScene) -> None:
        staged = scene.staging.put_bytes("k", b"12345")
        assert scene.staging.verify(staged.key, staged.version_id, staged.sha256) == 5

    def test_another_hash_does_not_verify(self, scene: StagingScene) -> None:
        staged = scene.staging.put_bytes("k", b"12345")
        with pytest.raises(ObjectChanged) as refused:
            scene.staging.verify(staged.key, staged.version_id, "0" * 64)
        assert refused.value.found == staged.sha256

    def test_a_newer_version_is_noticed_even_if_its_bytes_are_equal(self, scene: StagingScene) -> None:
        staged = scene.staging.put_bytes("k", b"12345")
        scene.staging.put_bytes("k", b"12345")
        with pytest.raises(ObjectChanged):
            scene.staging.verify(staged.key, staged.version_id, staged.sha256)

    def test_an_object_that_is_gone_does_not_verify(self, scene: StagingScene) -> None:
        staged = scene.staging.put_bytes("k", b"12345")
        scene.remove("k")
        with pytest.raises(ObjectChanged):
            scene.staging.verify(staged.key, staged.version_id, staged.sha256)
