"""The manifest people sign: every staged file, the report, and what it was compared with."""

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
    """One staged Parquet file of the candidate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    key: str
    version_id: str
    sha256: str
    rows: int


class Manifest(BaseModel):
    """What exactly would be published (DECISIONS, Publication). Its digest is the only thing signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest_version: int = 1
    run_id: str
    kind: str = "refresh"
    lob: str
    sub_version: str
    feed_digest: str
    base_release_id: str | None
    report_sha256: str
    schema_ids: dict[str, str]
    files: tuple[ManifestFile, ...]

    def to_bytes(self) -> bytes:
        """The canonical form that is stored and hashed."""
        return canonical_json(self.model_dump(mode="json"))

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
