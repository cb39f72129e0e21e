"""What a cell may come to, and the plain values several sources share: states and dates."""

import re
from datetime import date
from typing import Final

from fivetier.domain.states import STATES

Value = str | int | date | None

_CLOCK = r"(?:[T ]+(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?: ?[AaPp][Mm]|Z|[+-]\d\d:?\d\d)?)?"
_DATE_FORMS = (
    re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})" + _CLOCK, re.ASCII),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})" + _CLOCK, re.ASCII),
)
_YEARS = range(1900, 2200)
#: Code by code or name, as compared.
STATE_CODES: Final = {spelling.casefold(): code for code, name in STATES.items() for spelling in (code, name)}


class CellUnreadable(ValueError):
    """A cell's text is no value of its column; the row is quarantined, the file goes on.

    `reason_code` says why where the field's own code would say too little.
    """

    def __init__(self, message: str, *, reason_code: str | None = None) -> None:
        super().__init__(message)
        self.reason_code = reason_code


def calendar_date(value: str) -> date:
    """Read mm/dd/yyyy or an ISO date, a time of day dropped. 13/01 is never taken for dd/mm."""
    match = next((found for form in _DATE_FORMS if (found := form.fullmatch(value))), None)
    if match is None:
        raise CellUnreadable(f"{value!r} is no date: expected mm/dd/yyyy or yyyy-mm-dd")
    year, month, day = (int(match[part]) for part in ("year", "month", "day"))
    if year not in _YEARS:
        raise CellUnreadable(f"{value!r} is no plausible date: the year is outside 1900 to 2199")
    try:
        return date(year, month, day)
    except ValueError as impossible:
        raise CellUnreadable(f"{value!r} is no date of the calendar: {impossible}") from impossible


def us_state(value: str) -> str:
    """Read a state or territory, by code or by name."""
    code = STATE_CODES.get(value.casefold().rstrip("."))
    if code is None:
        raise CellUnreadable(f"{value!r} is no US state or territory")
    return code
