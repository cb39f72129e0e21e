"""Bars for what people would rather look at than read. Every bar stands beside its numbers in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fivetier.web.words import PROGRAMS, count, signed

Report = Mapping[str, Any]

#: Removed and added stand at the ends: the first three are what is published, the last three the candidate.
PARTS = ("removed", "changed", "unchanged", "added")

_HAIR = 0.6  # percent; a bar of a small number must still be seen


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar, in percent of the full width."""

    part: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its heading, its numbers in words, and one or more lanes of segments."""

    label: str
    text: str
    lanes: tuple[tuple[Segment, ...], ...]

    @property
    def alternative(self) -> str:
        """The text alternative of the drawing."""
        return f"{self.label}: {self.text}"


def tier_bars(report: Report) -> tuple[Bar, ...]:
    """Each tier at full width, so that small tiers can be seen beside the plans."""
    return tuple(
        Bar(
            f"Tier {tier['tier']}, {tier['label']}",
            ", ".join(f"{count(tier[part])} {part}" for part in PARTS),
            (_stack(tier),),
        )
        for tier in report["ledger"]["tiers"]
    )


def _stack(tier: Mapping[str, Any]) -> tuple[Segment, ...]:
    total = sum(tier[part] for part in PARTS) or 1
    segments, start = [], 0.0
    for part in PARTS:
        width = 100 * tier[part] / total
        segments.append(Segment(part, round(start, 3), round(width, 3)))
        start += width
    return tuple(segments)


def program_bars(report: Report) -> tuple[Bar, ...]:
    """Contracts of each program before and after, the largest program first, all on one scale."""
    programs: Mapping[str, Mapping[str, int]] = report["programs"]
    largest = max((max(sides.values()) for sides in programs.values()), default=0) or 1
    ordered = sorted(programs.items(), key=lambda item: (-max(item[1].values()), item[0]))
    return tuple(
        Bar(
            f"{PROGRAMS.get(name, name)} ({name})",
            f"{count(sides['published'])} published, {count(sides['candidate'])} in the candidate "
            f"({signed(sides['candidate'] - sides['published'])})",
            tuple((_from_zero(side, sides[side], largest),) for side in ("published", "candidate")),
        )
        for name, sides in ordered
    )


def _from_zero(part: str, value: int, largest: int) -> Segment:
    return Segment(part, 0.0, max(round(100 * value / largest, 3), _HAIR if value else 0.0))
