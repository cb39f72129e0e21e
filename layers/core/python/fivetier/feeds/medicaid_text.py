"""Cell transforms of Medicaid's enrollment report: states with footnotes, programs with their type, regions (R1.7)."""

import re
from collections.abc import Mapping
from typing import Final

from fivetier.domain.names import equality_key
from fivetier.feeds.values import CellUnreadable, us_state

#: Every type the report has been seen to print, and CMS's full terms for them. The report does not part PIHP from
#: PAHP everywhere, and transportation may be bought either way: neither is guessed.
_TYPES: Final[Mapping[str, str]] = {
    equality_key(text): plan_type
    for plan_type, texts in {
        "MCO": (
            "Comprehensive MCO",
            "Comprehensive MCO + MLTSS",
            "Comprehensive Managed Care",
            "Comprehensive Managed Care Organization",
            "Comprehensive Managed Care Organization (MCO)",
            "Managed Care Organization (MCO)",
            "MCO",
        ),
        "PIHP": ("PIHP", "Prepaid Inpatient Health Plan", "Prepaid Inpatient Health Plan (PIHP)"),
        "PAHP": (
            "PAHP",
            "Prepaid Ambulatory Health Plan",
            "Prepaid Ambulatory Health Plan (PAHP)",
            "Dental only (PAHP)",
            "Dental PAHP",
            "Transportation PAHP",
        ),
        "PIHP_OR_PAHP": (
            "Behavioral Health Organization (BHO) only (PIHP and/or PAHP)",
            "BHO only (PIHP and/or PAHP)",
            "MLTSS only (PIHP and/or PAHP)",
            "PIHP and/or PAHP",
        ),
        "PCCM": ("PCCM", "Primary Care Case Management", "Primary Care Case Management (PCCM)"),
        "PCCM_ENTITY": (
            "PCCM Entity",
            "Primary Care Case Management Entity",
            "Primary Care Case Management Entity (PCCM Entity)",
        ),
        "PACE": (
            "PACE",
            "Program of All-inclusive Care for the Elderly",
            "Program of All-inclusive Care for the Elderly (PACE)",
        ),
        "OTHER": (
            "Other PHP",
            "Other Prepaid Health Plan (PHP)",
            "Other Prepaid Health Plan (PHP) (limited benefits)",
            "Other",
            "Non-Emergency Medical Transportation",
            "Non-Emergency Medical Transportation (NEMT)",
            "NEMT",
            "MLTSS",
            "MLTSS only",
        ),
    }.items()
    for text in texts
}
_FOOTNOTE: Final = re.compile(r"\s*[\d⁰¹²³⁴-⁹][\d⁰¹²³⁴-⁹, ]*$")


def state_with_footnote(value: str) -> str:
    """Read a state; the report glues footnote numbers to it ("Alabama2"). Any other suffix is refused."""
    return us_state(_FOOTNOTE.sub("", value))


def managed_care_type(value: str) -> str:
    """Read the plan type in the last parenthesis of a program's text."""
    program, text = _parts(value)
    found = _TYPES.get(equality_key(text))
    if found is None:
        raise CellUnreadable(
            f"the program text {value!r} does not end in a known plan type (R1.7); add it to the types"
        )
    if not program:
        raise CellUnreadable(f"the program text {value!r} is a plan type without a program")
    return found


def state_program(value: str) -> str:
    """Read the program's name: its text without the plan type in the last parenthesis."""
    return _parts(value)[0] or value


def service_region(value: str) -> str | None:
    """Read where a plan is sold; all of the state is null."""
    return None if equality_key(value) in {"statewide", "state wide", "entire state"} else value


def _parts(value: str) -> tuple[str, str]:
    """Cut `Name (Type (ABBR))` before the last parenthesis of the outermost level."""
    text = _FOOTNOTE.sub("", value) if not value.endswith(")") else value
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[at], 0)
        if depth == 0:
            return text[:at].strip(), text[at + 1 : -1].strip() if text[at] == "(" else ""
    return "", ""
