"""Which period a file is of, and which runs may use it (DECISIONS, Ledger; DOMAIN §2).

Most sources are of a month. Those of the exchange, and crosswalks, are of a plan year: right for each of its months,
and from August of the year before, when the files of the coming year begin to arrive.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from fivetier.domain.ids import SubVersion

MAX_PERIOD_DISTANCE = 3  # months
_FIRST_FILES = 8  # the month, in the year before


@dataclass(frozen=True, slots=True, order=True)
class PlanYear:
    """The plan year a file is of, written YYYY."""

    year: int

    def __str__(self) -> str:
        return f"{self.year:04}"

    @property
    def months(self) -> tuple[SubVersion, SubVersion]:
        """The first and the last month its files are right for."""
        return SubVersion(self.year - 1, _FIRST_FILES), SubVersion(self.year, 12)


Period: TypeAlias = SubVersion | PlanYear


def parse_period(text: str) -> Period:
    """Read YYYY_MM or YYYY.

    Raises:
        InvalidSubVersion: neither.
    """
    return PlanYear(int(text)) if re.fullmatch(r"20[0-9]{2}", text) else SubVersion.parse(text)


def month_of(period: Period) -> SubVersion:
    """The month a period stands for where a month is needed: a plan year begins in January."""
    return SubVersion(period.year, 1) if isinstance(period, PlanYear) else period


def is_of(period: Period, sub_version: SubVersion) -> bool:
    """Whether a file of this period is of the run's own."""
    if isinstance(period, PlanYear):
        first, last = period.months
        return first <= sub_version <= last
    return period == sub_version


def why_not_usable(period: Period, sub_version: SubVersion) -> str | None:
    """Say why a run may not use a file of this period; None where it may."""
    if isinstance(period, PlanYear):
        first, last = period.months
        return None if is_of(period, sub_version) else f"which serves {first} to {last}"
    near = period.months_from(sub_version) <= MAX_PERIOD_DISTANCE
    return None if near else f"more than {MAX_PERIOD_DISTANCE} months off"
