"""Landed files in S3: `landing/{lob}/{source}/{sub_version}/{file}` (port `LandingStore`)."""

import base64
from typing import Any

from fivetier.app.records import LandedObject
from fivetier.aws import s3_objects
from fivetier.domain.errors import ObjectChanged
from fivetier.domain.manifest import sha256_hex


class S3Landing:
    """Port `LandingStore` on a versioned bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def list_landed(self, lob: str, sub_version: str) -> list[LandedObject]:
        """The newest file of each source, pinned; a file with several versions counts by its newest.

        S3 gives times in whole seconds. Of two files landed in the same second the later name wins, so that
        everybody who asks gets the same answer.
        """
        newest: dict[str, dict[str, Any]] = {}
        for version in s3_objects.list_versions(self._s3, self._bucket, f"landing/{lob}/"):
            source = _source_of(version["Key"], sub_version)
            if source is None or not version["IsLatest"]:
                continue
            if source not in newest or _age(version) > _age(newest[source]):
                newest[source] = version
        return [self._pin(source, newest[source]) for source in sorted(newest)]

    def read(self, landed: LandedObject) -> bytes:
        """The pinned version's bytes, hashed again whatever the object's own checksum says.

        Raises:
            ObjectChanged: the version is gone or its bytes hash to something else.
        """
        body = s3_objects.open_version(self._s3, self._bucket, landed.key, landed.version_id)
        data: bytes = body.read()
        found = sha256_hex(data)
        if found != landed.sha256:
            raise ObjectChanged(key=landed.key, expected=landed.sha256, found=found)
        return data

    def put(self, lob: str, source: str, sub_version: str, file_name: str, data: bytes) -> LandedObject:
        """Land a file; its hash travels with it, so that pinning need not read it again."""
        key, sha256 = f"landing/{lob}/{source}/{sub_version}/{file_name}", sha256_hex(data)
        answer = self._s3.put_object(Bucket=self._bucket, Key=key, Body=data, Metadata={"sha256": sha256})
        return LandedObject(
            source=source, key=key, file_name=file_name, version_id=answer["VersionId"], sha256=sha256, size=len(data)
        )

    def _pin(self, source: str, version: dict[str, Any]) -> LandedObject:
        key, version_id = version["Key"], version["VersionId"]
        return LandedObject(
            source=source,
            key=key,
            file_name=key.rsplit("/", 1)[1],
            version_id=version_id,
            sha256=self._sha256(key, version_id),
            size=version["Size"],
        )

    def _sha256(self, key: str, version_id: str) -> str:
        """What the uploader stated, else computed: `read` never trusts it."""
        headers = s3_objects.head(self._s3, self._bucket, key, VersionId=version_id, ChecksumMode="ENABLED")
        checksum = headers.get("ChecksumSHA256", "")
        # A multipart upload has a checksum of checksums ("...-3"), which is no hash of the file.
        if checksum and "-" not in checksum:
            return base64.b64decode(checksum).hex()
        if stated := headers["Metadata"].get("sha256"):
            return str(stated).lower()
        return s3_objects.hash_version(self._s3, self._bucket, key, version_id)[0]


def _source_of(key: str, sub_version: str) -> str | None:
    """The source of `landing/{lob}/{source}/{sub_version}/{file}`, None for any other key or month."""
    parts = key.split("/")
    is_landed = len(parts) == 5 and parts[3] == sub_version and parts[4]
    return parts[2] if is_landed else None


def _age(version: dict[str, Any]) -> tuple[Any, str]:
    return version["LastModified"], version["Key"]
