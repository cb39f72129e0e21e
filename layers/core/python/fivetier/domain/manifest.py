"""The manifest people sign: every file readers will get, the report, and what it was compared with."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from fivetier.domain.errors import ManifestMismatch


def canonical_json(value: Any) -> bytes:
    """One byte sequence per value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256_hex(data: bytes) -> str:
    """SHA-256 as hex."""
    return hashlib.sha256(data).hexdigest()


class ManifestFile(BaseModel):
    """One staged Parquet file of the candidate, or of the release a rollback restores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    key: str
    version_id: str
    sha256: str
    rows: int


#: Fields that came later. Where they say nothing they are left out, so that older manifests keep their digests.
_LATER = ("base_run_id", "rollback_to")


class Manifest(BaseModel):
    """What exactly would be published (DECISIONS, Publication). Its digest is the only thing signed.

    Attributes:
        base_run_id: run that published the base; after a rollback it is not the one that made the release.
        rollback_to: release a rollback restores; `files` are then those its own signers signed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest_version: int = 1
    run_id: str
    kind: str = "refresh"
    lob: str
    sub_version: str
    feed_digest: str
    base_release_id: str | None
    base_run_id: str | None = None
    rollback_to: str | None = None
    report_sha256: str
    schema_ids: dict[str, str]
    files: tuple[ManifestFile, ...]

    def to_bytes(self) -> bytes:
        """The canonical form that is stored and hashed."""
        unsaid = {name for name in _LATER if getattr(self, name) is None}
        return canonical_json(self.model_dump(mode="json", exclude=unsaid))

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form."""
        return sha256_hex(self.to_bytes())


def read_manifest(data: bytes, *, run_id: str, signed: str) -> Manifest:
    """Read a stored manifest and check it against the signed digest.

    Raises:
        ManifestMismatch: the bytes do not hash to what was signed.
    """
    found = sha256_hex(data)
    if found != signed:
        raise ManifestMismatch(run_id=run_id, signed=signed, found=found)
    return Manifest.model_validate_json(data)
