"""The audit chain: whoever edits, swaps, cuts or rewrites it is found out."""

from typing import Any

import pytest
from fivetier.domain.audit import GENESIS, AuditEvent, ChainedEvent, chain, verify
from fivetier.domain.manifest import sha256_hex
from hypothesis import given
from hypothesis import strategies as st

LOB = "medicare_advantage"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text('aé"\\', max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=2),
    max_leaves=4,
)
EVENTS = st.builds(
    AuditEvent,
    event_id=st.text("abc", min_size=1, max_size=3),
    event_type=st.sampled_from(["run_opened", "sign_off_decided"]),
    lob=st.just(LOB),
    run_id=st.sampled_from(["run-1", "run-2"]),
    at=st.just("2025-06-10T09:00:00Z"),
    actor=st.sampled_from(["ada", "dan"]),
    details=st.dictionaries(st.text("ab", max_size=2), JSON, max_size=2),
)


def chained(events: list[AuditEvent]) -> list[ChainedEvent]:
    stored: list[ChainedEvent] = []
    for seq, event in enumerate(events):
        stored.append(chain(event, seq=seq, prev=stored[-1].hash if stored else GENESIS))
    return stored


CHAINS = st.lists(EVENTS, min_size=1, max_size=6).map(chained)


def problems(stored: list[ChainedEvent], *anchors: str) -> list[str]:
    return verify(stored, lob=LOB, anchors=anchors)


def rewritten(stored: list[ChainedEvent], at: int, event: AuditEvent) -> list[ChainedEvent]:
    """The chain somebody with write access would make: every hash after the edit computed anew."""
    return chained([*(s.event for s in stored[:at]), event, *(s.event for s in stored[at + 1 :])])


@given(CHAINS, st.randoms(use_true_random=False))
def test_an_honest_chain_verifies_in_any_order_and_after_storage(stored: list[ChainedEvent], random: Any) -> None:
    read = [ChainedEvent.model_validate_json(s.to_bytes()) for s in stored]
    random.shuffle(read)
    assert problems(read, *(s.hash for s in stored)) == []


def test_an_empty_chain_holds_unless_something_is_known_to_have_been_in_it() -> None:
    assert problems([]) == []
    assert "tail was cut" in problems([], "f" * 64)[0]


@given(CHAINS, st.data())
def test_an_edit_of_any_field_is_detected(stored: list[ChainedEvent], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(stored) - 1))
    field = data.draw(st.sampled_from(["event_id", "event_type", "lob", "run_id", "at", "actor", "details"]))
    changed: object = {"edited": "yes"} if field == "details" else getattr(stored[at].event, field) + "!"
    edited = stored[at].event.model_copy(update={field: changed})
    forged = [*stored[:at], stored[at].model_copy(update={"event": edited}), *stored[at + 1 :]]
    assert f"event {at}: content was changed" in problems(forged)


@given(CHAINS, st.data())
def test_an_edit_with_its_own_hash_mended_breaks_the_next_link_or_the_anchor(
    stored: list[ChainedEvent], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(stored) - 1))
    edited = stored[at].event.model_copy(update={"actor": "mallory"})
    forged = [*stored[:at], chain(edited, seq=at, prev=stored[at].prev), *stored[at + 1 :]]
    found = problems(forged, stored[-1].hash)
    expected = "tail was cut or rewritten" if at == len(stored) - 1 else f"event {at + 1}: does not follow"
    assert any(expected in problem for problem in found)


@given(CHAINS, st.data())
def test_a_chain_rewritten_from_an_edit_on_no_longer_holds_its_anchors(
    stored: list[ChainedEvent], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(stored) - 1))
    anchor = data.draw(st.integers(at, len(stored) - 1))
    forged = rewritten(stored, at, stored[at].event.model_copy(update={"actor": "mallory"}))
    assert problems(forged) == []  # by itself it looks honest: that is why anchors are kept elsewhere
    assert len(problems(forged, stored[anchor].hash)) == 1


@given(CHAINS, st.data())
def test_a_gap_is_detected(stored: list[ChainedEvent], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(stored) - 1))
    cut = [*stored[:at], *stored[at + 1 :]]
    assert problems(cut, stored[-1].hash)
    if at < len(stored) - 1:
        assert f"event {at} is missing or doubled (found {at + 1})" in problems(cut)


@given(CHAINS, st.data())
def test_a_cut_tail_is_detected_by_an_anchor_only(stored: list[ChainedEvent], data: st.DataObject) -> None:
    keep = data.draw(st.integers(0, len(stored) - 1))
    assert problems(stored[:keep]) == []
    assert problems(stored[:keep], stored[keep].hash)


@given(st.lists(EVENTS, min_size=2, max_size=5, unique_by=lambda e: e.event_id), st.data())
def test_two_swapped_events_are_detected(events: list[AuditEvent], data: st.DataObject) -> None:
    stored = chained(events)
    one, two = data.draw(st.permutations(range(len(stored))))[:2]
    swapped = list(stored)
    swapped[one] = stored[one].model_copy(update={"event": stored[two].event})
    swapped[two] = stored[two].model_copy(update={"event": stored[one].event})
    assert len([p for p in problems(swapped) if "content was changed" in p]) == 2
    renumbered = list(stored)
    renumbered[one] = stored[one].model_copy(update={"seq": two})
    renumbered[two] = stored[two].model_copy(update={"seq": one})
    assert problems(renumbered)


@given(CHAINS, st.data())
def test_a_doubled_or_foreign_event_is_detected(stored: list[ChainedEvent], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(stored) - 1))
    assert any("missing or doubled" in p for p in problems([*stored, stored[at]]))
    assert verify(stored, lob="medicaid") == [f"event {n}: belongs to {LOB}" for n in range(len(stored))]


def test_a_chain_that_does_not_begin_at_genesis_is_detected() -> None:
    event = AuditEvent(event_id="e", event_type="t", lob=LOB, run_id="r", at="now", actor="ada")
    assert problems([chain(event, seq=0, prev="f" * 64)]) == ["event 0: does not follow the event before it"]
    assert problems([chain(event, seq=1, prev=GENESIS)]) == ["event 0 is missing or doubled (found 1)"]


def test_the_hash_is_that_of_the_canonical_content() -> None:
    event = AuditEvent(event_id="e", event_type="t", lob=LOB, run_id="r", at="now", actor="ada")
    content = (
        b'{"event":{"actor":"ada","at":"now","details":{},"event_id":"e","event_type":"t",'
        b'"lob":"medicare_advantage","run_id":"r"},"prev":"%s","seq":0}' % GENESIS.encode()
    )
    assert chain(event, seq=0, prev=GENESIS).hash == sha256_hex(content)


def test_a_field_nobody_declared_is_refused() -> None:
    with pytest.raises(ValueError, match="extra"):
        AuditEvent.model_validate({"event_id": "e", "surprise": 1})
