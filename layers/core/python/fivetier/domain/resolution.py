"""What goes into resolving a month, and what comes out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fivetier.domain.completeness import Completeness
from fivetier.domain.ids import SubVersion
from fivetier.domain.parents import TakenFor
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Lob

SourceRow = Mapping[str, Any]  # one row of tables.NORMALIZED_ROW


@dataclass(frozen=True, slots=True)
class DropConfirmation:
    """Who says that what is gone is gone, and why (ADR 22)."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunContext:
    """Which run resolves, for which month, and when.

    `rollback_to` is the release a rollback restores; `neighbours` are the slices of other lines of business as readers
    see them: tiers 1 and 2 are shared with them. `drop_confirmation` is there where a person confirmed a drop.

    A lookback (R2.4) is of a month before `lookback_of`; `present` is then the slice readers see, which it takes
    identities of tiers 1 and 2 from, as from other lines of business, and nothing else.
    """

    lob: Lob
    sub_version: SubVersion
    run_id: str
    observed_at: datetime
    rollback_to: str | None = None
    neighbours: tuple[Slice, ...] = ()
    drop_confirmation: DropConfirmation | None = None
    lookback_of: str | None = None
    present: Slice | None = None

    @property
    def known_elsewhere(self) -> tuple[Slice, ...]:
        """Slices whose tiers 1 and 2 are the same organizations."""
        return self.neighbours if self.present is None else (*self.neighbours, self.present)

    @property
    def day(self) -> date:
        """First day of the run's month."""
        return self.sub_version.first_day


@dataclass(frozen=True, slots=True)
class SourceRows:
    """Accepted rows by role; None means that no source of the role landed.

    What is in quarantine is not absent, only unreadable: `held` are contracts whose directory rows are there,
    `held_plans` are plans (by id, or by name where the source has no ids) whose rows are there, or contracts of which
    a row with an unreadable plan number is.
    """

    entities: Sequence[SourceRow] = ()
    plans: Sequence[SourceRow] | None = None
    reference: Sequence[SourceRow] | None = None
    crosswalk: Sequence[SourceRow] | None = None
    networks: Sequence[SourceRow] | None = None
    service_areas: Sequence[SourceRow] | None = None
    held: Collection[str] = ()
    held_plans: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that reads well and cannot be placed."""

    row: SourceRow
    reason_code: str
    message: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two sources, or two rows of one, name different parents; `kept` is what the candidate says.

    `subject` is a contract, or the name of a legal entity; `stated` is what the leading source says most often.
    """

    subject: str
    stated: str
    other: str
    kept: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """The candidate, and what resolving it brought to light; without a reference nothing can be held against it."""

    candidate: Slice
    refused: tuple[Refused, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    held: tuple[str, ...] = ()
    completeness: Completeness | None = None
    taken_names: tuple[TakenFor, ...] = ()
    assumed_parents: tuple[str, ...] = ()
