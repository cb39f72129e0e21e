"""Which month a file is of, where no field says so: its title rows, else its name (R1.10)."""

import re
from collections.abc import Iterable

from fivetier.domain.errors import InvalidSubVersion
from fivetier.domain.ids import SubVersion
from fivetier.feeds.mapping import PeriodRules

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def period_of(rules: PeriodRules, *, titles: Iterable[str], names: Iterable[str]) -> SubVersion | None:
    """Read the month from title rows; titles that name several months say nothing. Then from the file names, in order.

    Content goes before the name: a file of 2025 was once named 2024.
    """
    stated = {month for title in titles for month in _months_in(title, rules.title_patterns)}
    if len(stated) == 1:
        return stated.pop()
    return next((month for name in names for month in _months_in(name, rules.file_name_patterns)), None)


def _months_in(text: str, patterns: Iterable[str]) -> list[SubVersion]:
    found: list[SubVersion] = []
    for pattern in patterns:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            parts = match.groupdict()
            word = (parts.get("month_name") or "")[:3].casefold()
            month = _MONTHS.index(word) + 1 if word in _MONTHS else int(parts.get("month") or 0)
            try:
                found.append(SubVersion.parse(f"{int(parts['year']):04}_{month:02}"))
            except InvalidSubVersion:
                continue
    return found
