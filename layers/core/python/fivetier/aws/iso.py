"""Instants as text of fixed width, so that comparing the text compares the time.

DynamoDB knows no dates: sort keys and conditions compare strings.
"""

from datetime import UTC, datetime


def to_micros(moment: datetime) -> str:
    """`2026-11-22T10:00:00.000000Z`: what we store and sort by."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_seconds(moment: datetime) -> str:
    """`2026-11-22T10:00:00Z`, cut down: what an ask's `expires_at` is compared with.

    Cutting down is safe there: `expires_at` has whole seconds, so `cut(now) >= expires_at` says the same as
    `now >= expires_at`.
    """
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """Read any ISO 8601 instant.

    Raises:
        ValueError: it is none, or has no zone.
    """
    return _utc(datetime.fromisoformat(text))


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)
