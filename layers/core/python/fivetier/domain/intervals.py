"""Half-open business time `[valid_from, valid_to)` (R6.1)."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Interval:
    """Days on which a fact holds; `valid_to` is the first day it no longer does, None is open-ended.

    Raises:
        ValueError: `valid_to` is not after `valid_from`.
    """

    valid_from: date
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError(f"[{self.valid_from}, {self.valid_to}) holds no day")

    @classmethod
    def from_inclusive(cls, first: date, last: date | None) -> "Interval":
        """Build from an inclusive last day, as payers write term dates (12/31 becomes 01/01)."""
        return cls(first, None if last is None else last + timedelta(days=1))

    def holds_on(self, day: date) -> bool:
        """Whether the fact holds on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def overlaps(self, other: "Interval") -> bool:
        """Whether any day lies in both."""
        return (self.valid_to is None or other.valid_from < self.valid_to) and (
            other.valid_to is None or self.valid_from < other.valid_to
        )

    def covers(self, other: "Interval") -> bool:
        """Whether every day of `other` lies in this one."""
        ends_later = self.valid_to is None or (other.valid_to is not None and other.valid_to <= self.valid_to)
        return self.valid_from <= other.valid_from and ends_later
