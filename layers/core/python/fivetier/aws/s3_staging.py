"""What runs stage in S3, outside production (port `StagingStore`)."""

from typing import Any

import pyarrow as pa

from fivetier.app.records import StagedObject
from fivetier.aws import s3_objects
from fivetier.aws.parquet import from_parquet, to_parquet
from fivetier.domain.errors import ObjectChanged
from fivetier.domain.manifest import sha256_hex


class S3Staging:
    """Port `StagingStore` on a versioned bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def put_table(self, key: str, table: pa.Table) -> StagedObject:
        """Write one Parquet file; equal tables give equal bytes, so a repeated step stages the same hash."""
        return self.put_bytes(key, to_parquet(table), "application/vnd.apache.parquet")

    def get_table(self, key: str) -> pa.Table:
        """Read one Parquet file.

        Raises:
            ObjectChanged: there is none.
        """
        return from_parquet(self.get_bytes(key))

    def put_bytes(self, key: str, data: bytes, content_type: str = "application/json") -> StagedObject:
        """Write one object."""
        answer = self._s3.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)
        return StagedObject(key=key, version_id=answer["VersionId"], sha256=sha256_hex(data), size=len(data))

    def get_bytes(self, key: str, version_id: str | None = None) -> bytes:
        """Read one object, or one version of it.

        Raises:
            ObjectChanged: there is none.
        """
        data: bytes = s3_objects.open_version(self._s3, self._bucket, key, version_id).read()
        return data

    def list_keys(self, prefix: str) -> list[str]:
        """Keys under a prefix, sorted."""
        return s3_objects.list_keys(self._s3, self._bucket, prefix)

    def verify(self, key: str, version_id: str, sha256: str) -> int:
        """Hash that very version again and return its size.

        Raises:
            ObjectChanged: it is gone, or hashes to something else, or is no longer the newest version. The last
                proves nothing wrong with the version itself, but somebody wrote where only the run may write.
        """
        found, size = s3_objects.hash_version(self._s3, self._bucket, key, version_id)
        if found != sha256:
            raise ObjectChanged(key=key, expected=sha256, found=found)
        newest = s3_objects.head(self._s3, self._bucket, key)["VersionId"]
        if newest != version_id:
            raise ObjectChanged(key=key, expected=f"version {version_id}", found=f"newer version {newest}")
        return size
