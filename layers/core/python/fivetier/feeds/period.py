"""Which month or plan year a file is of, where no field says so (R1.10)."""

import re
from collections.abc import Iterable

from fivetier.domain.errors import InvalidSubVersion
from fivetier.domain.ids import SubVersion
from fivetier.domain.periods import Period, PlanYear, parse_period
from fivetier.feeds.mapping import PeriodRules

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def period_of(
    rules: PeriodRules, *, header_year: int | None, sha256: str, titles: Iterable[str], names: Iterable[str]
) -> Period | None:
    """Read the period from the headers, the register, the title rows and the file names, in this order.

    Titles that name several periods say nothing. Content goes before the name: a file of 2025 was once named 2024.
    """
    if header_year is not None:
        return PlanYear(header_year)
    if sha256 in rules.registered:
        return parse_period(rules.registered[sha256])
    read = _months_in if rules.grain == "month" else _plan_years_in
    stated = {period for title in titles for period in read(title, rules.title_patterns)}
    if len(stated) == 1:
        return stated.pop()
    return next((period for name in names for period in read(name, rules.file_name_patterns)), None)


def _plan_years_in(text: str, patterns: Iterable[str]) -> list[Period]:
    years = [match["year"] for pattern in patterns for match in re.finditer(pattern, text, re.IGNORECASE)]
    return [parse_period(year) for year in years]


def _months_in(text: str, patterns: Iterable[str]) -> list[Period]:
    found: list[Period] = []
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
