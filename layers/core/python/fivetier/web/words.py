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
    "AREA_UNKNOWN": "The row names neither a county nor all of a state",
    "CONTRACT_ID_MISSING": "The contract ID is blank",
    "CONTRACT_ID_UNKNOWN_FORM": "The contract ID has no form we know",
    "COUNTY_MISSING": "The county is blank",
    "COUNTY_UNKNOWN_FORM": "The county code has no form we know",
    "CROSSWALK_PAIR_EMPTY": "The row names no pair of plans",
    "CROSSWALK_STATUS_MISSING": "What becomes of the plan is blank",
    "CROSSWALK_STATUS_UNKNOWN": "What becomes of the plan is said in words we do not know",
    "DATE_UNREADABLE": "A date cannot be read",
    "DUPLICATE_ROW": "The row repeats another row",
    "ENTITY_UNNAMED": "No source names the organization of the row",
    "FIELD_COUNT": "The row has more or fewer fields than the header",
    "ID_SYSTEM_UNKNOWN": "The kind of ID is not known",
    "ISSUER_ID_UNKNOWN_FORM": "The issuer ID has no form we know",
    "ISSUER_IN_TWO_STATES": "One issuer ID stands for two states, so one of the rows is wrong",
    "ISSUER_NOT_IN_RUN": "The issuer has no plan in the files of this run",
    "LOB_UNKNOWN": "The line of business is not known",
    "MARKET_TYPE_UNKNOWN": "The market is neither group nor individual",
    "NAME_UNREADABLE": "The name cannot be read",
    "NETWORK_ID_MISSING": "The network ID is blank",
    "NETWORK_ID_UNKNOWN_FORM": "The network ID has no form we know",
    "ORGANIZATION_TYPE_UNKNOWN": "The organization type is not known",
    "PAYER_ID_MISSING": "The payer ID is blank",
    "PERIOD_INVALID": "The month of the row cannot be read",
    "PLAN_ID_MISSING": "The plan ID is blank",
    "PLAN_ID_UNKNOWN_FORM": "The plan ID has no form we know",
    "PLAN_ISSUER_DISAGREES": "The plan ID is of another issuer than its row",
    "PLAN_NOT_IN_RUN": "The plan is neither published nor in the files of this run",
    "PLAN_STATE_DISAGREES": "The plan ID is of another state than its row",
    "PLAN_TYPE_UNKNOWN": "The plan type is not known",
    "PLAN_YEAR_INVALID": "The plan year cannot be read",
    "REQUIRED_FIELD_MISSING": "A required field is blank",
    "ROWS_DISAGREE": "Rows with one key say different things",
    "ROW_NOT_AN_OBJECT": "The JSON entry is not a row",
    "SERVICE_AREA_ID_MISSING": "The service area ID is blank",
    "SERVICE_AREA_ID_UNKNOWN_FORM": "The service area ID has no form we know",
    "STATE_UNKNOWN": "The state is not known",
    "VALUE_UNREADABLE": "A value cannot be read",
    "ZIP_CODE_MISSING": "The ZIP code is blank",
    "ZIP_CODE_UNKNOWN_FORM": "The ZIP code has no form we know",
}

RULES = {
    "R1.3": "Stand-alone drug plans take no part in Medicare Advantage",
    "ACA_DENTAL_ONLY": "A stand-alone dental plan is no medical benefits plan",
    "ACA_SMALL_GROUP": "The line of business is the individual market, not the small-group one",
    "AEQUALIS_NOT_IN_FORCE": "Aequalis rows that are not in force in the run's month",
    "AEQUALIS_OTHER_LOB": "Aequalis rows of another line of business",
    "DUPLICATE_ROW": "The row says again what another row of the file says",
    "OTHER_PLAN_YEAR": "The file holds several years; only the latest one not after the run's is read",
    "PAYER_MEDICAID_AGENCY": "A state's own Medicaid program is no commercial insurer",
    "PAYER_MEDICARE_FFS": "A contractor of Original Medicare is no commercial insurer",
    "PAYER_MILITARY_OR_VETERANS": "TRICARE, CHAMPVA and Veterans Affairs are no commercial insurers",
    "PAYER_NOT_MEDICAL": "The payer covers dental or vision care only",
    "TIC_INDIVIDUAL_MARKET": "Plans sold to individuals belong to the exchange's run",
}

#: What a signer can do about a finding, or need not.
HINTS = {
    "CYCLE": "The tree is broken at these nodes: reject, and let Data Operations look at the rows behind them.",
    "DRIFT_LOB": "A node never changes its line of business; one that does is two things under one ID.",
    "ROW_DROP": "So much is rarely true: look for a file that was cut short, or is of another state or year.",
    "ROW_DROP_CONFIRMED": "Compare what is gone with the reason Data Operations gives, and tick it if you believe it.",
    "COLLAPSED": "Two different things may have become one. Compare the identifiers below.",
    "ORPHAN": "Queries that walk the tree lose these nodes on those days.",
    "DUP": "One thing may stand twice. Compare the two nodes.",
    "TIER_SKIP": "A node must hang on the tier right above it.",
    "DRIFT_PARENT": "Was it sold, merged or reorganized? The events tell it once per pair of parents.",
    "NON_RECON": "Counts below and above differ, so somewhere a child is missing or counted twice.",
    "OVERLAP": "Two rows hold on one day, so a question as of that day has two answers.",
    "RETRO": "Readers have already seen those months without the contract.",
    "POSSIBLE_RENAME": "If it is the same organization, put the new name in the parent dictionary before approving.",
    "PARENT_DISAGREEMENT": "Both sides stand below, and which was kept. The parent dictionary can settle it for good.",
    "HELD_BY_QUARANTINE": "Their rows are unreadable, which is not the same as gone: they stay as published.",
    "DRIFT_NAME": "The same node under another spelling or name.",
    "GAP": "It ended and came back later; on the days between there is no row.",
    "TERM_REENROL": "An end taken back within a month is often an end that never was.",
    "NETWORK_UNKNOWN": "Tier 5 stays empty until a source joins plans and networks; none is made up.",
    "SOURCE_MISSING": "Nothing was removed for it. Land the file and refresh again if it should be there.",
    "PERIOD_MISMATCH": "Near enough to be used. Look whether the right file is to be had.",
    "PLAN_NOT_IN_CMS": "They are not published. The section on completeness counts them by parent and state.",
    "PLAN_NOT_IN_AEQUALIS": "They are published. The section on completeness counts them by parent and state.",
    "NAME_TAKEN_FOR": "By the reviewed parent dictionary, or because the names differ in legal form or one slip only.",
    "PARENT_ASSUMED": "No source and no dictionary entry names an owner, so each is its own parent payer.",
    "DIFFERS_ACROSS_LOBS": "The name or parent differs from what another line of business shows today.",
    "QUARANTINED_ROWS": "They are kept as they came and not used; each is listed by reason further down.",
}

#: Headings of samples' columns that a field's own name says too little of.
COLUMNS = {
    "of": "About",
    "stated": "Leading source says",
    "other": "Other source says",
    "kept": "Kept",
    "spelling": "As spelled",
    "taken_for": "Taken for",
    "how": "Why",
    "entity": "Organization",
    "elsewhere": "In the other line of business",
    "lob": "Line of business",
    "what": "What",
    "id": "ID",
}

#: How a spelling came to be taken for a known organization.
TAKEN_BY = {
    "dictionary": "Reviewed in the parent dictionary",
    "brand": "A brand in the parent dictionary",
    "legal form": "Differs in legal form or article only",
    "typing error": "Differs in one slip of typing",
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

LOOKBACK_TERM = (
    "Lookback",
    "An earlier month refreshed lightly: it becomes the history of its month and never what readers see as current.",
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


def plan_id(text: str) -> str:
    """A plan's id as people read it: where it is made of state, program and name, these apart."""
    return text.replace("|", " / ")
