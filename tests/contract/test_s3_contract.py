"""What only the S3 adapters can show: checksums stated by uploaders, Object Lock, intruders' versions."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fivetier.aws.s3_audit import S3Audit
from fivetier.aws.s3_landing import S3Landing
from fivetier.domain.audit import GENESIS, ChainedEvent, chain
from fivetier.domain.errors import AuditChainBroken, ObjectChanged

from tests.contract.sides import moto
from tests.contract.sides.scenes import LOB
from tests.contract.suites.audit import chain_of
from tests.contract.suites.rows import event_named
from tests.fakes.world import FakeClock

DATA = b"contract,parent\nH0001,Payer\n"
SHA256 = hashlib.sha256(DATA).hexdigest()
KEY = f"landing/{LOB}/directory/2025_06/ma.csv"


@pytest.fixture
def s3(aws: None) -> Any:
    moto.bucket("landing")
    return moto.bucket("audit", ObjectLockEnabledForBucket=True)


@pytest.fixture
def landing(s3: Any) -> S3Landing:
    return S3Landing(s3, "landing")


@pytest.fixture
def audit(s3: Any) -> S3Audit:
    return S3Audit(s3, "audit", retention_days=2190, clock=FakeClock(datetime.now(UTC)))


# ---- landing ---------------------------------------------------------------------------------------------


def test_a_checksum_s3_keeps_is_taken(s3: Any, landing: S3Landing) -> None:
    checksum = base64.b64encode(bytes.fromhex(SHA256)).decode()
    s3.put_object(Bucket="landing", Key=KEY, Body=DATA, ChecksumAlgorithm="SHA256", ChecksumSHA256=checksum)
    [landed] = landing.list_landed(LOB, "2025_06")
    assert landed.sha256 == SHA256
    assert landing.read(landed) == DATA


def test_what_the_uploader_states_is_taken_but_never_believed(s3: Any, landing: S3Landing) -> None:
    s3.put_object(Bucket="landing", Key=KEY, Body=DATA, Metadata={"sha256": "0" * 64})
    [landed] = landing.list_landed(LOB, "2025_06")
    assert landed.sha256 == "0" * 64
    with pytest.raises(ObjectChanged):
        landing.read(landed)


def test_a_file_put_by_us_is_pinned_as_put(landing: S3Landing) -> None:
    landed = landing.put(LOB, "directory", "2025_06", "ma.csv", DATA)
    assert landing.list_landed(LOB, "2025_06") == [landed]
    assert landed.sha256 == SHA256


def test_a_deleted_file_is_not_listed(s3: Any, landing: S3Landing) -> None:
    s3.put_object(Bucket="landing", Key=KEY, Body=DATA)
    s3.delete_object(Bucket="landing", Key=KEY)
    assert landing.list_landed(LOB, "2025_06") == []


# ---- audit -----------------------------------------------------------------------------------------------


def place(seq: int) -> str:
    return f"audit/{LOB}/{seq:012}.json"


def test_an_event_is_locked_against_everybody_until_it_may_go(s3: Any) -> None:
    clock = FakeClock(datetime.now(UTC).replace(microsecond=0))
    S3Audit(s3, "audit", retention_days=2190, clock=clock).put_next(chain_of(1)[0])
    lock = s3.head_object(Bucket="audit", Key=place(0))
    assert lock["ObjectLockMode"] == "COMPLIANCE"
    assert lock["ObjectLockRetainUntilDate"] == clock.now() + timedelta(days=2190)


def test_a_version_put_over_an_event_fools_nobody(s3: Any, audit: S3Audit) -> None:
    first, forged = chain_of(1)[0], chain(event_named("forged"), seq=0, prev=GENESIS)
    audit.put_next(first)
    s3.put_object(Bucket="audit", Key=place(0), Body=forged.to_bytes())
    s3.put_object(Bucket="audit", Key=place(0), Body=b"garbage")
    assert audit.read_from(LOB, 0) == [first]
    (stored,) = audit.read_objects(LOB)
    assert (stored.data, stored.is_covered) == (first.to_bytes(), True)


def test_a_delete_marker_hides_nothing(s3: Any, audit: S3Audit) -> None:
    chained = chain_of(2)
    for event in chained:
        audit.put_next(event)
    s3.delete_object(Bucket="audit", Key=place(0))
    assert audit.read_from(LOB, 0) == chained
    assert [stored.is_covered for stored in audit.read_objects(LOB)] == [True, False]


def test_what_is_no_place_of_the_chain_is_passed_over(s3: Any, audit: S3Audit) -> None:
    for name in ("notes.txt", "1.json", "000000000000.json.bak"):
        s3.put_object(Bucket="audit", Key=f"audit/{LOB}/{name}", Body=b"?")
    assert audit.read_from(LOB, 0) == []


@pytest.mark.parametrize("content", [b"garbage", b"{}"])
def test_a_place_that_holds_no_event_breaks_the_chain(s3: Any, audit: S3Audit, content: bytes) -> None:
    s3.put_object(Bucket="audit", Key=place(0), Body=content)
    with pytest.raises(AuditChainBroken):
        audit.read_from(LOB, 0)


def test_a_chain_of_several_pages_is_read_whole(s3: Any, audit: S3Audit) -> None:
    chained: list[ChainedEvent] = chain_of(25)
    for event in chained:
        audit.put_next(event)
    client = moto.client("s3")

    def small_pages(params: dict[str, Any], **_: Any) -> None:
        params["MaxKeys"] = 10

    client.meta.events.register("provide-client-params.s3.ListObjectVersions", small_pages)
    try:
        assert audit.read_from(LOB, 0) == chained
        assert audit.read_from(LOB, 7) == chained[7:]
    finally:
        client.meta.events.unregister("provide-client-params.s3.ListObjectVersions", small_pages)
