"""The audit chain in S3: one locked object per event (port `AuditStore`).

`If-None-Match: *` is the append lock: of two writers at the same place one gets 412. Object Lock keeps the version
that was written first; it does not stop a later PUT over the same key, nor a delete marker, which is why reading
takes the oldest version of each key and never looks at what is newest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from fivetier.aws import s3_objects
from fivetier.domain.audit import ChainedEvent
from fivetier.domain.errors import AuditChainBroken

if TYPE_CHECKING:  # the ports bring Arrow in, which not every function has
    from fivetier.app.ports import Clock
    from fivetier.app.records import AuditObject

_PLACE = re.compile(r"audit/[^/]+/(\d{12})\.json")


class S3Audit:
    """Port `AuditStore` on a bucket with Object Lock."""

    def __init__(self, s3: Any, bucket: str, *, retention_days: int, clock: Clock) -> None:
        self._s3, self._bucket, self._clock = s3, bucket, clock
        self._retention = timedelta(days=retention_days)

    def put_next(self, chained: ChainedEvent) -> bool:
        """Write the object unless its place is taken; False when it is.

        False may also mean that our own first request was stored and its answer lost: read the chain again.
        """
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=_key(chained.event.lob, chained.seq),
                Body=chained.to_bytes(),
                ContentType="application/json",
                IfNoneMatch="*",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=self._clock.now() + self._retention,
            )
        except ClientError as error:
            if s3_objects.is_taken(error):
                return False
            raise
        return True

    def read_from(self, lob: str, seq: int) -> list[ChainedEvent]:
        """Every stored event from `seq` on, in order.

        Raises:
            AuditChainBroken: the oldest version at a place is no event at all.
        """
        after = _key(lob, seq - 1) if seq > 0 else ""
        versions = s3_objects.list_versions(self._s3, self._bucket, f"audit/{lob}/", after=after)
        return [self._read(lob, version) for version in _oldest_of_each_place(versions)]

    def read_objects(self, lob: str) -> list[AuditObject]:
        """Every object of the chain as it is stored, for whoever judges it elsewhere."""
        from fivetier.app.records import AuditObject

        versions = s3_objects.list_versions(self._s3, self._bucket, f"audit/{lob}/")
        return [
            AuditObject(
                key=oldest["Key"],
                data=s3_objects.open_version(self._s3, self._bucket, oldest["Key"], oldest["VersionId"]).read(),
                is_covered=not oldest["IsLatest"],
            )
            for oldest in _oldest_of_each_place(versions)
        ]

    def _read(self, lob: str, version: dict[str, Any]) -> ChainedEvent:
        body = s3_objects.open_version(self._s3, self._bucket, version["Key"], version["VersionId"])
        try:
            return ChainedEvent.model_validate_json(body.read())
        except ValidationError as error:
            raise AuditChainBroken(lob=lob, problems=[f"{version['Key']} holds no audit event"]) from error


def _key(lob: str, seq: int) -> str:
    return f"audit/{lob}/{seq:012}.json"


def _oldest_of_each_place(versions: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """S3 lists the versions of a key newest first, so the last one was written first."""
    for key, of_key in groupby(versions, key=lambda version: version["Key"]):
        if _PLACE.fullmatch(key):
            *_, oldest = of_key
            yield oldest
