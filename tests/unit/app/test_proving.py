"""Off-line proof: an honest world holds, and each single alteration is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fivetier.app import keys
from fivetier.app.evidence import Evidence, gather
from fivetier.app.proving import Proof, prove

from fivetier_cli import evidence_folder
from fivetier_cli.console import UsageError
from tests.fakes.world import World
from tests.support.cms import directory, entries
from tests.support.rehearsal import MA, Rehearsal


@pytest.fixture
def rehearsal() -> Rehearsal:
    rehearsal = Rehearsal()
    rehearsal.published("2025_01", directory(entries()))
    rehearsal.published("2025_02", directory(entries(13)))
    rehearsal.settle()
    return rehearsal


@pytest.fixture
def world(rehearsal: Rehearsal) -> World:
    return rehearsal.world


def proof_of(world: World, *anchors: str, kept_days: int | None = None) -> Proof:
    return prove(gather(MA, world), anchors=anchors, kept_days=kept_days)


def test_an_honest_world_holds_and_says_what_is_not_anchored_yet(world: World) -> None:
    proof = proof_of(world)
    assert proof.problems == proof.notes == ()
    assert (proof.publications, proof.anchors, proof.unanchored) == (2, 2, 2)
    assert proof.head is not None
    assert proof_of(world, proof.head).unanchored == 0


def test_an_empty_world_holds() -> None:
    proof = proof_of(World())
    assert (proof.events, proof.head, proof.problems) == (0, None, ())


def test_a_rollback_holds_and_the_release_it_replaced_stays_proved(rehearsal: Rehearsal) -> None:
    first = rehearsal.world.lake.publications[0].run_id
    rehearsal.rolled_back(first)
    rehearsal.settle()
    assert proof_of(rehearsal.world).problems == ()


def test_a_publication_on_its_way_is_no_fault(world: World) -> None:
    """The row is set, and the step was cut off before it noted so."""
    noted = [place for place, data in world.audit.objects.items() if b'"published"' in data or b"run_published" in data]
    for place in noted[-2:]:
        del world.audit.objects[place]
    assert proof_of(world).problems == ()


@pytest.mark.parametrize("document", [keys.manifest_key, keys.report_key])
def test_evidence_that_is_gone_is_a_fault_unless_it_had_to_expire(world: World, document: Callable[[str], str]) -> None:
    key = document(world.lake.publications[0].run_id)
    world.staging.bucket.remove(key)
    assert proof_of(world).problems == (f"{key}: is gone",)
    world.clock.advance(days=401)
    assert proof_of(world, kept_days=500).problems == (f"{key}: is gone",)
    expired = proof_of(world, kept_days=400)
    assert expired.problems == ()
    assert expired.notes[0].startswith(f"{key}: expired")


def test_a_row_nobody_signed_is_named_by_its_field(world: World) -> None:
    row = world.lake.publications[-1]
    world.lake.publications[-1] = row.model_copy(update={"signers": "data_lead=mallory engineering_lead=mallory"})
    problems = proof_of(world).problems
    assert any(problem.startswith("the row readers go by: signers is data_lead=mallory") for problem in problems)


def test_a_publication_without_two_approvals_is_named(world: World) -> None:
    """A chain that was honestly hashed, and still lacks a signature."""
    evidence = gather(MA, world)
    signed = {key: data for key, data in evidence.audit.items() if b"sign_off_decided" in data}
    key = min(signed)
    event = json.loads(signed[key])
    event["event"]["details"]["decision"] = "reject"
    spoiled = evidence.model_copy(update={"audit": evidence.audit | {key: json.dumps(event).encode()}})
    assert any("was published without the approval of" in problem for problem in prove(spoiled).problems)


def test_an_object_of_the_chain_that_was_covered_is_named(world: World) -> None:
    evidence = gather(MA, world)
    key = min(evidence.audit)
    assert prove(evidence.model_copy(update={"covered": (key,)})).problems == (
        f"{key}: somebody wrote over it or deleted it later",
    )


def test_a_folder_gives_back_what_was_written(world: World, tmp_path: Path) -> None:
    evidence = gather(MA, world)
    written = evidence_folder.write(evidence, tmp_path)
    assert written == sum(1 for path in tmp_path.rglob("*") if path.is_file())
    assert evidence_folder.read(tmp_path) == evidence
    with pytest.raises(UsageError, match="not an empty folder"):
        evidence_folder.require_empty(tmp_path)


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"lob": 7}'])
def test_a_damaged_index_is_refused_in_words(tmp_path: Path, index: str) -> None:
    (tmp_path / evidence_folder.INDEX).write_text(index)
    with pytest.raises(UsageError, match="damaged"):
        evidence_folder.read(tmp_path)


def test_what_the_store_holds_and_cannot_be_read_is_a_fault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(lob: str) -> None:
        raise ValueError("7 rows for one LOB")

    monkeypatch.setattr(world.lake, "current_release", broken)
    evidence: Evidence = gather(MA, world)
    assert any("7 rows for one LOB" in problem for problem in prove(evidence).problems)
