"""Versioned buckets in memory: landing, staging and the audit chain."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import pyarrow as pa
from fivetier.app.records import AuditObject, LandedObject, StagedObject
from fivetier.aws.parquet import from_parquet, to_parquet
from fivetier.domain.audit import ChainedEvent
from fivetier.domain.errors import ObjectChanged
from fivetier.domain.manifest import sha256_hex

from tests.fakes.edges import FakeClock


@dataclass(frozen=True)
class Version:
    """One version of an object."""

    version_id: str
    data: bytes
    at: datetime


@dataclass
class FakeBucket:
    """Keys to versions, oldest first."""

    clock: FakeClock
    versions: dict[str, list[Version]] = field(default_factory=dict)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def put(self, key: str, data: bytes) -> Version:
        version = Version(f"v{next(self._ids)}", data, self.clock.now())
        self.versions.setdefault(key, []).append(version)
        return version

    def get(self, key: str, version_id: str | None = None) -> Version:
        held = self.versions.get(key, [])
        found = [v for v in held if version_id is None or v.version_id == version_id]
        if not found:
            raise ObjectChanged(
                key=key, expected=f"version {version_id}" if version_id else "an object", found="nothing"
            )
        return found[-1]

    def remove(self, key: str) -> None:
        """As if every version had been deleted."""
        del self.versions[key]


class FakeLanding:
    """Landed files; `land` puts one there."""

    def __init__(self, clock: FakeClock) -> None:
        self.bucket = FakeBucket(clock)

    def land(self, lob: str, source: str, sub_version: str, file_name: str, data: bytes) -> None:
        self.bucket.put(f"landing/{lob}/{source}/{sub_version}/{file_name}", data)

    def list_landed(self, lob: str, sub_version: str) -> list[LandedObject]:
        newest: dict[str, tuple[datetime, str]] = {}
        for key, versions in self.bucket.versions.items():
            parts = key.split("/")
            if parts[:2] == ["landing", lob] and len(parts) == 5 and parts[3] == sub_version and parts[4]:
                newest[parts[2]] = max((versions[-1].at, key), newest.get(parts[2], (versions[-1].at, "")))
        return [self._pin(source, key) for source, (_, key) in sorted(newest.items())]

    def read(self, landed: LandedObject) -> bytes:
        data = self.bucket.get(landed.key, landed.version_id).data
        if sha256_hex(data) != landed.sha256:
            raise ObjectChanged(key=landed.key, expected=landed.sha256, found=sha256_hex(data))
        return data

    def _pin(self, source: str, key: str) -> LandedObject:
        version = self.bucket.get(key)
        return LandedObject(
            source=source,
            key=key,
            file_name=key.rsplit("/", 1)[1],
            version_id=version.version_id,
            sha256=sha256_hex(version.data),
            size=len(version.data),
        )


class FakeStaging:
    """Staged objects, as the same Parquet bytes the adapter writes."""

    def __init__(self, clock: FakeClock) -> None:
        self.bucket = FakeBucket(clock)

    def put_table(self, key: str, table: pa.Table) -> StagedObject:
        return self.put_bytes(key, to_parquet(table))

    def get_table(self, key: str) -> pa.Table:
        return from_parquet(self.get_bytes(key))

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/json") -> StagedObject:
        version = self.bucket.put(key, data)
        return StagedObject(key=key, version_id=version.version_id, sha256=sha256_hex(data), size=len(data))

    def get_bytes(self, key: str, version_id: str | None = None) -> bytes:
        return self.bucket.get(key, version_id).data

    def list_keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.bucket.versions if key.startswith(prefix))

    def verify(self, key: str, version_id: str, sha256: str) -> int:
        version = self.bucket.get(key, version_id)
        if (found := sha256_hex(version.data)) != sha256:
            raise ObjectChanged(key=key, expected=sha256, found=found)
        if (newest := self.bucket.get(key).version_id) != version_id:
            raise ObjectChanged(key=key, expected=f"version {version_id}", found=f"newer version {newest}")
        return len(version.data)


class FakeAudit:
    """The chain's objects: each place is written once."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, int], bytes] = {}

    def put_next(self, chained: ChainedEvent) -> bool:
        place = (chained.event.lob, chained.seq)
        if place in self.objects:
            return False
        self.objects[place] = chained.to_bytes()
        return True

    def read_from(self, lob: str, seq: int) -> list[ChainedEvent]:
        places = sorted(place for place in self.objects if place[0] == lob and place[1] >= seq)
        return [ChainedEvent.model_validate_json(self.objects[place]) for place in places]

    def read_objects(self, lob: str) -> list[AuditObject]:
        held = {f"audit/{of}/{seq:012}.json": data for (of, seq), data in sorted(self.objects.items()) if of == lob}
        return [AuditObject(key=key, data=data) for key, data in held.items()]
