"""A finding is one failed check: what, how grave, how many, with samples a reviewer can look at."""

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """P0 always blocks; P1 blocks until each signer ticks it with a reason; P2 informs (DECISIONS)."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"

    @property
    def blocks(self) -> bool:
        """Whether a signer must do something about it before approving."""
        return self is not Severity.P2


@dataclass(frozen=True, slots=True)
class Rule:
    """A check that can fail: its code (DOMAIN §6 and DECISIONS), severity, and what a failure means."""

    code: str
    severity: Severity
    title: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One failed rule over a candidate."""

    rule: Rule
    count: int
    samples: tuple[dict[str, str], ...] = field(default=())

    @property
    def code(self) -> str:
        """The rule's code."""
        return self.rule.code


SAMPLE_SIZE = 5

_P0, _P1, _P2 = Severity.P0, Severity.P1, Severity.P2

RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule("CYCLE", _P0, "A node is its own ancestor, or does not stand as deep as its tier"),
        Rule("DRIFT_LOB", _P0, "A node changed its line of business"),
        Rule("ROW_DROP", _P0, "30 %, or the policy's share, of what was published is gone: hold and look at the files"),
        Rule(
            "ROW_DROP_CONFIRMED", _P1, "Much of what was published is gone; Data Operations confirmed that it is real"
        ),
        Rule("COLLAPSED", _P1, "One node holds identifiers of two tiers, or serves two lines of business"),
        Rule("ORPHAN", _P1, "A node has no live parent on some day of its validity"),
        Rule("DUP", _P1, "Two live nodes share an identifier, or name, parent, state and plan year"),
        Rule("TIER_SKIP", _P1, "A node's parent is not exactly one tier up"),
        Rule("DRIFT_PARENT", _P1, "A node changed its parent since the last publication"),
        Rule("NON_RECON", _P1, "Child counts do not add up to their parents' roll-up"),
        Rule("OVERLAP", _P1, "A node holds two rows for the same day"),
        Rule("RETRO", _P1, "A contract appears with an effective date inside a period already approved"),
        Rule(
            "POSSIBLE_RENAME",
            _P1,
            "An organization vanished and an unknown one took over all it had: renamed?",
        ),
        Rule("PARENT_DISAGREEMENT", _P1, "Sources name different parents; the published one was kept"),
        Rule(
            "HELD_BY_QUARANTINE",
            _P1,
            "Rows of published contracts or plans are in quarantine; they were kept",
        ),
        Rule("DRIFT_NAME", _P2, "A node changed its name"),
        Rule("GAP", _P2, "A renewed node has days without a row"),
        Rule("TERM_REENROL", _P2, "A node ended and came back within one month; both segments are kept"),
        Rule("NETWORK_UNKNOWN", _P2, "No source says yet which plan has which network; plans carry none"),
        Rule(
            "SOURCE_MISSING",
            _P2,
            "An optional source did not land; its last published tier was carried forward",
        ),
        Rule("PERIOD_MISMATCH", _P2, "A file is of another month than the run"),
        Rule("PLAN_NOT_IN_CMS", _P2, "Aequalis lists plans that the CMS report does not; CMS decides"),
        Rule("PLAN_NOT_IN_AEQUALIS", _P2, "The leading source lists plans that Aequalis does not"),
        Rule("NAME_TAKEN_FOR", _P2, "Spellings of parents were taken for organizations known under another name"),
        Rule("PARENT_ASSUMED", _P2, "No source names a parent of these entities; each stands as its own"),
        Rule("DIFFERS_ACROSS_LOBS", _P2, "Another line of business has published this name or parent otherwise"),
        Rule("QUARANTINED_ROWS", _P2, "Source rows could not be read or placed"),
    )
}


def finding(code: str, samples: list[dict[str, str]], *, count: int | None = None) -> Finding | None:
    """State a finding, or nothing when there is nothing to state.

    Args:
        code: a code of RULES.
        samples: every case, or the worst first; only SAMPLE_SIZE of them are kept.
        count: how many cases there are, when `samples` is not all of them.
    """
    total = len(samples) if count is None else count
    return Finding(RULES[code], total, tuple(samples[:SAMPLE_SIZE])) if total else None
