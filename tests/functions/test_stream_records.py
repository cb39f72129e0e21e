"""What functions read out of the operations table's stream, which names what changed and holds nothing of it."""

from typing import Any

from fivetier.aws.outbox_stream import read_asked_runs, read_events

from tests.contract.suites.rows import event_named
from tests.fakes.runs import FakeRuns


def record(pk: str, sk: str, name: str = "INSERT") -> dict[str, Any]:
    """A record as a stream of keys delivers it."""
    return {"eventName": name, "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "StreamViewType": "KEYS_ONLY"}}


def batch(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def test_new_outbox_events_are_read_from_the_table_in_stream_order() -> None:
    runs = FakeRuns()
    for event_id in ("b", "a"):
        runs.record_event(event_named(event_id))
    at = "2026-11-22T09:00:00.000000Z"
    event = batch(record("OUTBOX#medicare_advantage", f"{at}#b"), record("OUTBOX#medicare_advantage", f"{at}#a"))
    assert [found.event_id for found in read_events(event, runs)] == ["b", "a"]


def test_only_what_newly_entered_the_outbox_is_an_event() -> None:
    runs = FakeRuns()
    runs.record_event(event_named("a"))
    place = "2026-11-22T09:00:00.000000Z#a"
    taken_out = record("OUTBOX#medicare_advantage", place, "REMOVE")
    others = [record("EVENT#a", "EVENT"), record("RUN#r1", "RUN"), record("TOKEN#r1", "TOKEN"), {"eventName": "INSERT"}]
    assert read_events(batch(taken_out, *others), runs) == []


def test_a_round_is_asked_by_writing_the_ask_for_the_first_time_or_again() -> None:
    event = batch(
        record("RUN#r1", "ASK"),
        record("RUN#r2", "ASK", "MODIFY"),
        record("RUN#r3", "ASK", "REMOVE"),
        record("RUN#r4", "RUN"),
        record("RUN#r5", "DECISION#0001#data_lead"),
        record("TOKEN#r6", "TOKEN"),
    )
    assert read_asked_runs(event) == ["r1", "r2"]
