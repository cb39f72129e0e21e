"""What every `AuditStore` does."""

from concurrent.futures import ThreadPoolExecutor

from fivetier.domain.audit import GENESIS, ChainedEvent, chain, verify

from tests.contract.sides.scenes import LOB, AuditScene
from tests.contract.suites.rows import event_named


def chain_of(length: int, lob: str = LOB) -> list[ChainedEvent]:
    chained: list[ChainedEvent] = []
    for seq in range(length):
        prev = chained[-1].hash if chained else GENESIS
        chained.append(chain(event_named(f"e{seq}", lob=lob, n=seq, text="Ähre", empty=None), seq=seq, prev=prev))
    return chained


class AuditSuite:
    kind = "audit"

    def test_an_empty_chain_reads_as_nothing(self, scene: AuditScene) -> None:
        assert scene.audit.read_from(LOB, 0) == []

    def test_what_is_written_is_read_in_order_and_verifies(self, scene: AuditScene) -> None:
        chained = chain_of(12)
        assert all(scene.audit.put_next(event) for event in chained)
        assert scene.audit.read_from(LOB, 0) == chained
        assert verify(scene.audit.read_from(LOB, 0), lob=LOB) == []

    def test_reading_starts_where_one_asks(self, scene: AuditScene) -> None:
        chained = chain_of(4)
        for event in chained:
            scene.audit.put_next(event)
        assert scene.audit.read_from(LOB, 2) == chained[2:]
        assert scene.audit.read_from(LOB, 4) == []

    def test_a_place_is_written_once(self, scene: AuditScene) -> None:
        first, second = chain_of(1)[0], chain(event_named("other"), seq=0, prev=GENESIS)
        assert scene.audit.put_next(first)
        assert not scene.audit.put_next(second)
        assert not scene.audit.put_next(first)
        assert scene.audit.read_from(LOB, 0) == [first]

    def test_each_lob_has_its_own_chain(self, scene: AuditScene) -> None:
        ours, theirs = chain_of(1), chain_of(1, "medicaid")
        assert scene.audit.put_next(ours[0])
        assert scene.audit.put_next(theirs[0])
        assert scene.audit.read_from("medicaid", 0) == theirs

    def test_of_many_writers_at_one_place_one_wins(self, scene: AuditScene) -> None:
        rivals = [chain(event_named(f"e{n}"), seq=0, prev=GENESIS) for n in range(8)]
        with ThreadPoolExecutor(4) as pool:
            won = list(pool.map(scene.audit.put_next, rivals))
        assert won.count(True) == 1
        assert scene.audit.read_from(LOB, 0) == [rivals[won.index(True)]]

    def test_an_auditor_gets_the_objects_as_they_are_stored(self, scene: AuditScene) -> None:
        chained = chain_of(3)
        for event in chained:
            scene.audit.put_next(event)
        scene.audit.put_next(chain_of(1, "medicaid")[0])
        found = scene.audit.read_objects(LOB)
        assert [stored.data for stored in found] == [event.to_bytes() for event in chained]
        assert [stored.key for stored in found] == [f"audit/{LOB}/{seq:012}.json" for seq in range(3)]
        assert not any(stored.is_covered for stored in found)
