"""Names of runs, states, and the manifest whose digest is the only thing signed."""

from typing import Any

import pytest
from fivetier.domain.errors import ManifestMismatch
from fivetier.domain.ids import SubVersion
from fivetier.domain.manifest import Manifest, ManifestFile, read_manifest, sha256_hex
from fivetier.domain.runs import (
    OPEN,
    RETRIED_FREELY,
    RETRIED_ON_REQUEST,
    RETRIED_WITH_REASON,
    RunState,
    feed_digest,
    make_run_id,
    rollback_digest,
)
from fivetier.domain.tiers import Lob
from hypothesis import given
from hypothesis import strategies as st

FILE = ManifestFile(table="hierarchy_node", key="staging/x", version_id="v1", sha256="1" * 64, rows=3)
FACTS: dict[str, Any] = {
    "run_id": "run-1",
    "lob": "medicare_advantage",
    "sub_version": "2025_06",
    "feed_digest": "2" * 64,
    "base_release_id": None,
    "report_sha256": "3" * 64,
    "schema_ids": {"hierarchy_node": "4" * 64},
    "files": (FILE,),
}
OBJECTS = st.lists(
    st.tuples(st.sampled_from(["aequalis", "cms"]), st.text("0123456789abcdef", min_size=4, max_size=4)), max_size=4
)


@given(st.sampled_from(Lob), st.integers(2000, 2099), st.integers(1, 12), OBJECTS, st.integers(1, 99))
def test_a_run_is_named_after_what_it_is_about(lob: Lob, year: int, month: int, objects: Any, attempt: int) -> None:
    digest = feed_digest(objects)
    run_id = make_run_id(lob, SubVersion(year, month), digest, attempt)
    assert run_id == f"{lob.value}-{year}_{month:02}-{digest[:12]}-{attempt:02}"
    assert len(run_id) <= 80  # an execution name of Step Functions


@given(OBJECTS, st.randoms(use_true_random=False))
def test_the_feed_digest_does_not_depend_on_the_order_of_files(objects: list[tuple[str, str]], random: Any) -> None:
    shuffled = list(objects)
    random.shuffle(shuffled)
    assert feed_digest(shuffled) == feed_digest(objects)


@given(OBJECTS, OBJECTS)
def test_other_content_or_another_slot_is_another_digest(
    one: list[tuple[str, str]], two: list[tuple[str, str]]
) -> None:
    assert (feed_digest(one) == feed_digest(two)) == (sorted(one) == sorted(two))


def test_every_state_is_open_or_ended_and_a_retry_needs_an_ended_run() -> None:
    assert len(RunState) == 10
    assert {state for state in RunState if not state.has_ended} == OPEN
    assert all(state.has_ended for state in RETRIED_FREELY | RETRIED_WITH_REASON | RETRIED_ON_REQUEST)
    assert frozenset({RunState.FAILED, RunState.ABANDONED}) == RETRIED_FREELY
    assert frozenset({RunState.REJECTED, RunState.EXPIRED}) == RETRIED_WITH_REASON
    assert frozenset({RunState.SUPERSEDED}) == RETRIED_ON_REQUEST


def test_a_rollback_is_named_after_both_sides() -> None:
    digests = {rollback_digest(to, undone) for to in ("r1", "r2") for undone in ("r2", "r3")}
    assert len(digests) == 4
    assert rollback_digest("r1", "r2") not in (rollback_digest("r2", "r1"), feed_digest([("r1", "r2")]))


def test_a_manifest_reads_back_against_its_digest() -> None:
    manifest = Manifest(**FACTS)
    assert manifest.digest == sha256_hex(manifest.to_bytes())
    assert read_manifest(manifest.to_bytes(), run_id="run-1", signed=manifest.digest) == manifest


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "run-2"},
        {"kind": "rollback"},
        {"rollback_to": "run-0"},
        {"base_release_id": "run-0"},
        {"base_run_id": "run-0"},
        {"report_sha256": "5" * 64},
        {"schema_ids": {}},
        {"files": ()},
        *({"files": (FILE.model_copy(update=c),)} for c in ({"sha256": "6" * 64}, {"version_id": "v2"}, {"rows": 4})),
    ],
)
def test_whatever_differs_is_another_digest(change: dict[str, Any]) -> None:
    assert Manifest(**(FACTS | change)).digest != Manifest(**FACTS).digest


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_of_a_manifest_is_refused(position: int, change: int) -> None:
    manifest = Manifest(**FACTS)
    data = bytearray(manifest.to_bytes())
    data[position % len(data)] ^= change
    with pytest.raises(ManifestMismatch):
        read_manifest(bytes(data), run_id="run-1", signed=manifest.digest)


def test_what_came_later_leaves_older_manifests_their_digest() -> None:
    assert b"rollback_to" not in Manifest(**FACTS).to_bytes()
    assert b"base_run_id" not in Manifest(**FACTS).to_bytes()
    later = Manifest(**FACTS, base_run_id="run-0", rollback_to="run-0")
    assert read_manifest(later.to_bytes(), run_id="run-1", signed=later.digest) == later


def test_a_manifest_lists_no_field_nobody_declared() -> None:
    with pytest.raises(ValueError, match="surprise"):
        Manifest(**FACTS, surprise=1)
