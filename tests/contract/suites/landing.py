"""What every `LandingStore` does."""

import hashlib

import pytest
from fivetier.domain.errors import ObjectChanged

from tests.contract.sides.scenes import LOB, LandingScene

MONTH = "2025_06"


def key(source: str, file: str, month: str = MONTH, lob: str = LOB) -> str:
    return f"landing/{lob}/{source}/{month}/{file}"


class LandingSuite:
    kind = "landing"

    def test_nothing_landed_lists_nothing(self, scene: LandingScene) -> None:
        assert scene.landing.list_landed(LOB, MONTH) == []

    def test_a_landed_file_is_pinned_by_version_hash_and_size(self, scene: LandingScene) -> None:
        scene.land(key("directory", "ma.csv"), b"a,b\n1,2\n")
        [landed] = scene.landing.list_landed(LOB, MONTH)
        assert (landed.source, landed.file_name, landed.key) == ("directory", "ma.csv", key("directory", "ma.csv"))
        assert (landed.sha256, landed.size) == (hashlib.sha256(b"a,b\n1,2\n").hexdigest(), 8)
        assert scene.landing.read(landed) == b"a,b\n1,2\n"

    def test_other_lobs_and_months_and_stray_keys_are_not_listed(self, scene: LandingScene) -> None:
        scene.land(key("directory", "other.csv", lob="medicaid"), b"x")
        scene.land(key("directory", "old.csv", month="2025_05"), b"x")
        scene.land(f"landing/{LOB}/directory/{MONTH}/", b"")
        scene.land(f"landing/{LOB}/directory/{MONTH}/deeper/file.csv", b"x")
        scene.land(f"landing/{LOB}/readme.txt", b"x")
        assert scene.landing.list_landed(LOB, MONTH) == []

    def test_sources_come_sorted_and_each_with_its_newest_file(self, scene: LandingScene) -> None:
        scene.land(key("report", "z_first.csv"), b"1")
        scene.let_time_pass()
        scene.land(key("report", "a_second.csv"), b"2")
        scene.land(key("directory", "d.csv"), b"3")
        landed = scene.landing.list_landed(LOB, MONTH)
        assert [(found.source, found.file_name) for found in landed] == [
            ("directory", "d.csv"),
            ("report", "a_second.csv"),
        ]

    def test_a_file_landed_again_counts_by_its_newest_version(self, scene: LandingScene) -> None:
        scene.land(key("report", "first.csv"), b"1")
        scene.let_time_pass()
        scene.land(key("report", "second.csv"), b"2")
        scene.let_time_pass()
        scene.land(key("report", "first.csv"), b"3")
        [landed] = scene.landing.list_landed(LOB, MONTH)
        assert scene.landing.read(landed) == b"3"

    def test_of_two_files_of_the_same_second_the_later_name_wins(self, scene: LandingScene) -> None:
        scene.land(key("report", "b.csv"), b"b")
        scene.land(key("report", "a.csv"), b"a")
        [landed] = scene.landing.list_landed(LOB, MONTH)
        assert landed.file_name == "b.csv"

    def test_a_pinned_version_stays_readable_after_the_file_is_landed_again(self, scene: LandingScene) -> None:
        scene.land(key("report", "r.csv"), b"old")
        [landed] = scene.landing.list_landed(LOB, MONTH)
        scene.land(key("report", "r.csv"), b"new")
        assert scene.landing.read(landed) == b"old"

    def test_bytes_that_are_not_the_pinned_ones_are_refused(self, scene: LandingScene) -> None:
        scene.land(key("report", "r.csv"), b"old")
        [landed] = scene.landing.list_landed(LOB, MONTH)
        with pytest.raises(ObjectChanged):
            scene.landing.read(landed.model_copy(update={"sha256": "0" * 64}))

    def test_a_version_that_is_gone_is_refused(self, scene: LandingScene) -> None:
        scene.land(key("report", "r.csv"), b"old")
        [landed] = scene.landing.list_landed(LOB, MONTH)
        scene.remove(landed.key)
        with pytest.raises(ObjectChanged):
            scene.landing.read(landed)
