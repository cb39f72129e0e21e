"""What every `StagedCatalog` does."""

from concurrent.futures import ThreadPoolExecutor

from fivetier.domain.tables import CONTRACT, HIERARCHY_NODE
from fivetier.domain.tiers import Lob

from tests.contract.sides.scenes import LOB, CatalogScene
from tests.contract.suites.rows import node


def show(scene: CatalogScene, run: str, *, lob: str = LOB, month: str = "2025_06") -> str:
    key = f"staging/{run}/hierarchy_node/part-00000.parquet"
    return scene.catalog.register(HIERARCHY_NODE, lob=lob, sub_version=month, key=key)


class CatalogSuite:
    kind = "catalog"

    def test_a_staged_table_is_named_by_table_and_month(self, scene: CatalogScene) -> None:
        assert show(scene, "r1") == "tmp_hierarchy_node_2025_06"
        assert scene.folder_of("tmp_hierarchy_node_2025_06", LOB) == "staging/r1/hierarchy_node/"

    def test_a_newer_candidate_of_the_month_takes_the_name_over(self, scene: CatalogScene) -> None:
        for run in ("r1", "r2"):
            key = f"staging/{run}/contract/part-00000.parquet"
            scene.catalog.register(CONTRACT, lob=LOB, sub_version="2025_06", key=key)
        assert scene.folder_of("tmp_contract_2025_06", LOB) == "staging/r2/contract/"

    def test_what_is_staged_is_what_a_query_finds(self, scene: CatalogScene) -> None:
        key = "staging/r3/hierarchy_node/part-00000.parquet"
        scene.staging.put_table(key, HIERARCHY_NODE.from_rows([node("n1"), node("n2")]))
        assert sorted(scene.query(show(scene, "r3", month="2025_07"))) == ["n1", "n2"]

    def test_every_line_of_business_has_its_part_of_the_month(self, scene: CatalogScene) -> None:
        for lob in Lob:
            row = node(f"of {lob}", f"{lob}-1", lob=lob.value)
            key = f"staging/{lob}-1/hierarchy_node/part-00000.parquet"
            scene.staging.put_table(key, HIERARCHY_NODE.from_rows([row]))
        with ThreadPoolExecutor(4) as at_once:
            names = list(at_once.map(lambda lob: show(scene, f"{lob}-1", lob=lob.value, month="2025_08"), Lob))
        assert set(names) == {"tmp_hierarchy_node_2025_08"}
        assert sorted(scene.query(names[0])) == sorted(f"of {lob}" for lob in Lob)

        newer = "staging/medicaid-2/hierarchy_node/part-00000.parquet"
        scene.staging.put_table(newer, HIERARCHY_NODE.from_rows([node("newer", "medicaid-2", lob="medicaid")]))
        show(scene, "medicaid-2", lob="medicaid", month="2025_08")
        others = {f"of {lob}" for lob in Lob if lob is not Lob.MEDICAID}
        assert set(scene.query(names[0])) == {"newer", *others}
