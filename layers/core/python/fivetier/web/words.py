"""How the report speaks: numbers, months, states and codes in plain American English."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from fivetier.domain.calendar import MARKET_ZONE
from fivetier.domain.tiers import Lob

_Text = TypeVar("_Text", bound=str)
#: Control characters but tab and line ends, and those that turn the direction of writing.
_ACTING: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

ADVICE = {"reject": "Reject", "review": "Review", "approve": "Approve"}

SEVERITIES = {
    "P0": "Blocking (P0)",
    "P1": "Needs a tick and a reason from each signer (P1)",
    "P2": "For information (P2)",
}

STATES = {
    "RUNNING": "Running",
    "AWAITING_SIGN_OFF": "Waiting for sign-off",
    "PUBLISHING": "Publishing",
    "PUBLISHED": "Published",
    "NO_CHANGE": "Ended: nothing changed",
    "REJECTED": "Rejected",
    "EXPIRED": "Expired without a decision",
    "SUPERSEDED": "Replaced by a newer run",
    "FAILED": "Failed",
    "ABANDONED": "Abandoned",
}

ROLES = {
    "engineering_lead": "Engineering lead",
    "data_lead": "Data lead",
    "data_ops_reviewer": "Data operations reviewer",
}

VERDICTS = {"approve": "Approved", "reject": "Rejected"}

PROGRAMS = {
    "MA": "Medicare Advantage",
    "PACE": "Program of All-Inclusive Care for the Elderly",
    "COST": "1876 cost plan",
    "HCPP": "Health care prepayment plan (1833)",
    "MMP": "Medicare-Medicaid plan",
    "LI_NET": "Limited Income Newly Eligible Transition",
    "DEMO": "Demonstration",
}

REASONS = {
    "CONTRACT_NOT_IN_DIRECTORY": "The contract is not in this run's contract directory",
    "CONTRACT_ID_UNKNOWN_FORM": "The contract ID has no form we know",
    "DATE_UNREADABLE": "A date cannot be read",
    "DUPLICATE_ROW": "The row repeats another row",
    "FIELD_COUNT": "The row has more or fewer fields than the header",
    "ID_SYSTEM_UNKNOWN": "The kind of ID is not known",
    "LOB_UNKNOWN": "The line of business is not known",
    "ORGANIZATION_TYPE_UNKNOWN": "The organization type is not known",
    "PERIOD_INVALID": "The month of the row cannot be read",
    "PLAN_ID_MISSING": "The plan ID is blank",
    "PLAN_ID_UNKNOWN_FORM": "The plan ID has no form we know",
    "PLAN_YEAR_INVALID": "The plan year cannot be read",
    "REQUIRED_FIELD_MISSING": "A required field is blank",
    "ROWS_DISAGREE": "Rows with one key say different things",
    "ROW_NOT_AN_OBJECT": "The JSON entry is not a row",
    "STATE_UNKNOWN": "The state is not known",
    "VALUE_UNREADABLE": "A value cannot be read",
}

RULES = {
    "R1.3": "Stand-alone drug plans take no part in Medicare Advantage",
    "AEQUALIS_NOT_IN_FORCE": "Aequalis rows that are not in force in the run's month",
    "AEQUALIS_OTHER_LOB": "Aequalis rows of another line of business",
}

TABLES = {"contract": "Contract", "hierarchy_node": "Node"}

TERMS = (
    ("Added", "In the candidate and not in what is published."),
    ("Candidate", "The data this run proposes to publish."),
    ("Changed", "In both, with another value in at least one column; pure spelling does not count."),
    ("Landed", "Data rows of the source files as they came; title and total rows are not rows."),
    ("Manifest digest", "The fingerprint of everything in this run; a signature is valid for one digest only."),
    ("Node", "One entry of the hierarchy: a parent payer, a subsidiary, a line of business or a benefits plan."),
    ("Normalized", "Rows that were read, placed and used."),
    ("Published", "The data that was live when this report was made."),
    ("Quarantined", "Rows that could not be read or placed; kept as they came, not used."),
    ("Removed", "Published and absent from the new source; absence alone does not prove that it was terminated."),
    ("Suppressed", "Valid rows that a rule keeps out on purpose."),
    ("Tick", "A signer's note, with a reason, that a P1 finding was looked at."),
)

ROLLBACK_TERM = (
    "Rollback",
    "Readers see again a release that was signed and published before; it is restored whole and nothing in it is new.",
)

SEVERITY_TERMS = (
    ("P0", "Blocks publication; nobody can sign it away."),
    ("P1", "Blocks until each signer ticks it and gives a reason."),
    ("P2", "For information; blocks nothing."),
)


def count(number: int) -> str:
    """A number with thousands separators."""
    return f"{number:,}"


def signed(number: int) -> str:
    """A difference, its sign always shown."""
    return f"{'+' if number > 0 else '−' if number < 0 else '±'}{abs(number):,}"  # noqa: RUF001 (a real minus)


def many(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def month(sub_version: str | None) -> str:
    """`2025_06` as June 2025; anything else as it stands."""
    year, _, number = (sub_version or "").partition("_")
    if not (number.isdigit() and 1 <= int(number) <= len(_MONTHS)):
        return sub_version or ""
    return f"{_MONTHS[int(number) - 1]} {year}"


def instant(text: str) -> str:
    """UTC text as a person writes it; anything that is no instant as it stands."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return text
    return f"{_to_the_minute(moment)} UTC"


def market_instant(moment: datetime) -> str:
    """An instant as the market's clocks show it."""
    place = MARKET_ZONE.rpartition("/")[2].replace("_", " ")
    return f"{_to_the_minute(moment.astimezone(ZoneInfo(MARKET_ZONE)))} in {place}"


def _to_the_minute(moment: datetime) -> str:
    return f"{_MONTHS[moment.month - 1]} {moment.day}, {moment.year}, {moment:%H:%M}"


def lob_label(value: str) -> str:
    """The field's name of a line of business; an unknown one as it stands."""
    return Lob(value).label if value in set(Lob) else value


def humanized(code: str) -> str:
    """A code or a column name as words: `node_id` is Node ID."""
    words = code.replace("_", " ").lower().split()
    text = " ".join("ID" if word == "id" else "IDs" if word == "ids" else word for word in words)
    return text[:1].upper() + text[1:]


def role(value: str) -> str:
    """A role as people call it."""
    return ROLES.get(value, humanized(value))


def printable(line: str) -> str:
    """Data must not move the cursor, color the terminal or start a line of its own."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)


def visible(text: _Text) -> _Text:
    """The same text with characters that control a terminal or turn the direction of writing spelled out."""
    return type(text)(_ACTING.sub(lambda found: f"\\x{ord(found[0]):02x}", text)) if _ACTING.search(text) else text


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
