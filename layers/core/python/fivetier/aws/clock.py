"""The clock of the machine."""

from datetime import UTC, datetime


class SystemClock:
    """Port `Clock`."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)
