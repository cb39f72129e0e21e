"""What every `StagedCatalog` does."""

from fivetier.domain.tables import CONTRACT, HIERARCHY_NODE

from tests.contract.sides.scenes import CatalogScene
from tests.contract.suites.rows import node


class CatalogSuite:
    kind = "catalog"

    def test_a_staged_table_is_named_by_table_and_month(self, scene: CatalogScene) -> None:
        key = "staging/r1/hierarchy_node/part-00000.parquet"
        assert scene.catalog.register(HIERARCHY_NODE, sub_version="2025_06", key=key) == "tmp_hierarchy_node_2025_06"
        assert scene.folder_of("tmp_hierarchy_node_2025_06") == "staging/r1/hierarchy_node/"

    def test_a_newer_candidate_of_the_month_takes_the_name_over(self, scene: CatalogScene) -> None:
        for run in ("r1", "r2"):
            scene.catalog.register(CONTRACT, sub_version="2025_06", key=f"staging/{run}/contract/part-00000.parquet")
        assert scene.folder_of("tmp_contract_2025_06") == "staging/r2/contract/"

    def test_what_is_staged_is_what_a_query_finds(self, scene: CatalogScene) -> None:
        key = "staging/r3/hierarchy_node/part-00000.parquet"
        scene.staging.put_table(key, HIERARCHY_NODE.from_rows([node("n1"), node("n2")]))
        name = scene.catalog.register(HIERARCHY_NODE, sub_version="2025_07", key=key)
        assert sorted(scene.query(name)) == ["n1", "n2"]
