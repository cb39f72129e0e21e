"""A run: one LOB's refresh of a month, full or light, or the way back to one; name and states (DECISIONS, Names)."""

import hashlib
from enum import StrEnum

from fivetier.domain.ids import RunId, SubVersion
from fivetier.domain.tiers import Lob

#: Kind of a run that refreshes an earlier month lightly (R2.4, ADR 23).
LOOKBACK = "lookback"


class RunState(StrEnum):
    """Where a run stands; every run ends in one of ENDED."""

    RUNNING = "RUNNING"
    AWAITING_SIGN_OFF = "AWAITING_SIGN_OFF"
    PUBLISHING = "PUBLISHING"
    PUBLISHED = "PUBLISHED"
    NO_CHANGE = "NO_CHANGE"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    SUPERSEDED = "SUPERSEDED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to the run."""
        return self not in OPEN


OPEN = frozenset({RunState.RUNNING, RunState.AWAITING_SIGN_OFF, RunState.PUBLISHING})
#: An accident, whose error people are told: a new attempt at the same files starts by itself after these ...
RETRIED_FREELY = frozenset({RunState.FAILED, RunState.ABANDONED})
#: ... and only with a reason not stated before after these; without one it is refused ...
RETRIED_WITH_REASON = frozenset({RunState.REJECTED, RunState.EXPIRED})
#: ... and so after these, but nobody refused them: without one the same run is returned (ADR 10).
RETRIED_ON_REQUEST = frozenset({RunState.SUPERSEDED})
#: A drop needs no confirming where these files are published, or about to be (ADR 22).
DECIDED_FOR_GOOD = frozenset({RunState.PUBLISHING, RunState.PUBLISHED, RunState.NO_CHANGE})


def feed_digest(objects: list[tuple[str, str]]) -> str:
    """Digest of what landed: SHA-256 over the sorted (source, sha256) pairs; file names do not count."""
    text = "\n".join(f"{source}|{sha256}" for source, sha256 in sorted(objects))
    return hashlib.sha256(text.encode()).hexdigest()


def rollback_digest(release_id: str, undone_run_id: str) -> str:
    """Digest of a way back: the release to restore, and the publication that is undone.

    The publication is named by its run, which publishes once: going back again after going forward is another run.
    """
    return hashlib.sha256(f"rollback|{release_id}|{undone_run_id}".encode()).hexdigest()


def lookback_digest(feeds: str) -> str:
    """Digest of a lookback: the files it reads, and that it reads them lightly; the full run of them is another."""
    return hashlib.sha256(f"lookback|{feeds}".encode()).hexdigest()


def make_run_id(lob: Lob, sub_version: SubVersion, digest: str, attempt: int) -> RunId:
    """Name a run; the name is also the Step Functions execution name, so a repeated trigger is the same run."""
    return RunId(f"{lob.value}-{sub_version}-{digest[:12]}-{attempt:02}")
