"""What the gates look at: a candidate beside what is published, and how it came about."""

from collections.abc import Sequence
from dataclasses import dataclass

from fivetier.domain.events import Event
from fivetier.domain.ids import SubVersion
from fivetier.domain.periods import Period
from fivetier.domain.reconcile import Reconciliation
from fivetier.domain.resolution import DropConfirmation, Resolution
from fivetier.domain.runs import LOOKBACK
from fivetier.domain.slice import Slice
from fivetier.domain.tiers import Lob


@dataclass(frozen=True, slots=True)
class SourceUse:
    """How a source took part in a run; `period` is the month or plan year its file speaks of."""

    source: str
    required: bool
    landed: bool
    period: Period | None = None
    file: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Everything the gates look at.

    `rollback_to` is the release a rollback restores, `neighbours` are the published slices of other lines of business,
    `drop_confirmation` says who confirmed a drop; a lookback is of a month before `lookback_of`.
    """

    lob: Lob
    sub_version: SubVersion
    published_sub_version: SubVersion | None
    published: Slice
    resolution: Resolution
    reconciliation: Reconciliation
    events: Sequence[Event]
    sources: Sequence[SourceUse]
    quarantined: Sequence[tuple[str, int]] = ()
    rollback_to: str | None = None
    neighbours: Sequence[Slice] = ()
    drop_confirmation: DropConfirmation | None = None
    lookback_of: str | None = None

    @property
    def kind(self) -> str:
        """Kind of the run."""
        if self.rollback_to is not None:
            return "rollback"
        return "refresh" if self.lookback_of is None else LOOKBACK

    @property
    def slice(self) -> Slice:
        """The proposed slice."""
        return self.resolution.candidate
