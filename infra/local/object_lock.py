"""Object Lock where ministack forgets it: in templates, and over a restart.

The audit chain rests on it: a bucket that is silently not locked, or a locked
object that can be deleted after `down` and `up`, would make every local proof
of the chain worthless.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import s3


def lock_from_template(bucket: str, properties: Mapping[str, Any]) -> None:
    """Apply ObjectLockEnabled and ObjectLockConfiguration of a template's bucket."""
    if str(properties.get("ObjectLockEnabled", "")).lower() != "true":
        return
    retention = properties.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention")
    s3._bucket_versioning[bucket] = "Enabled"
    s3._bucket_object_lock[bucket] = {
        "enabled": True,
        "default_retention": _whole_numbers(retention) if retention else None,
    }


def _whole_numbers(retention: Mapping[str, Any]) -> dict[str, Any]:
    """CloudFormation gives numbers as texts."""
    return {key: value if key == "Mode" else int(value) for key, value in retention.items()}


def install() -> None:
    """Save and restore which object versions are locked."""
    s3._PERSISTED_BUCKET_DICTS["object_retention"] = s3._object_retention
    s3._PERSISTED_BUCKET_DICTS["object_legal_hold"] = s3._object_legal_hold
