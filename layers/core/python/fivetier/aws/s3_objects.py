"""Reading S3 objects by version, with a missing object told as `ObjectChanged`."""

import hashlib
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from fivetier.domain.errors import ObjectChanged

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "405"})
#: 412: an object is there; 409: another request is writing it at this moment.
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_CHUNK = 1024 * 1024


def is_gone(error: ClientError) -> bool:
    """Whether the object or version does not exist (405 is a delete marker; HEAD gives bare HTTP statuses)."""
    return str(error.response["Error"]["Code"]) in _GONE


def is_taken(error: ClientError) -> bool:
    """Whether a write under a condition lost: `If-None-Match: *`, or a copy's `If-Match`."""
    return str(error.response["Error"]["Code"]) in _TAKEN


def open_version(s3: Any, bucket: str, key: str, version_id: str | None) -> Any:
    """The body of one version, or of the newest one.

    Raises:
        ObjectChanged: there is none.
    """
    pinned = {"VersionId": version_id} if version_id else {}
    try:
        return s3.get_object(Bucket=bucket, Key=key, **pinned)["Body"]
    except ClientError as error:
        if is_gone(error):
            expected = f"version {version_id}" if version_id else "an object"
            raise ObjectChanged(key=key, expected=expected, found="nothing") from error
        raise


def hash_version(s3: Any, bucket: str, key: str, version_id: str | None) -> tuple[str, int]:
    """SHA-256 and size of one version, read in chunks.

    Raises:
        ObjectChanged: there is none.
    """
    digest, size = hashlib.sha256(), 0
    for chunk in open_version(s3, bucket, key, version_id).iter_chunks(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def head(s3: Any, bucket: str, key: str, **options: Any) -> dict[str, Any]:
    """Headers of an object.

    Raises:
        ObjectChanged: there is none.
    """
    try:
        answer: dict[str, Any] = s3.head_object(Bucket=bucket, Key=key, **options)
    except ClientError as error:
        if is_gone(error):
            raise ObjectChanged(key=key, expected="an object", found="nothing") from error
        raise
    return answer


def list_keys(s3: Any, bucket: str, prefix: str) -> list[str]:
    """Keys under a prefix, sorted."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))


def list_versions(s3: Any, bucket: str, prefix: str, *, after: str = "") -> Iterator[dict[str, Any]]:
    """Every version under a prefix in key order, newest first within a key; delete markers are left out.

    Args:
        s3: client.
        bucket: bucket.
        prefix: prefix.
        after: leave out keys up to and including this one.
    """
    start = {"KeyMarker": after} if after else {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, **start):
        yield from page.get("Versions", [])
