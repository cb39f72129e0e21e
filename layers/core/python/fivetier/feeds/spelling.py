"""How column headers are compared: by letters and digits only, and by the plan year some carry."""

import re
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache


@lru_cache(maxsize=131_072)  # the widest file has 100,000 columns, and every mapping compares them
def header_key(header: str) -> str:
    """Reduce a header to what makes two spellings one: `CONTRACT_ID`, `Contract ID ` and `contract-id` are equal."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold())


def spelled_for(spelling: str, plan_year: int | None) -> str:
    """Write out `{plan_year}` and `{previous_year}` of a declared spelling."""
    if plan_year is None:
        return spelling
    return spelling.replace("{plan_year}", str(plan_year)).replace("{previous_year}", str(plan_year - 1))


def plan_year_in(header: str, spelling: str) -> int | None:
    """Read the plan year a header carries, under a spelling with `{plan_year}` or `{previous_year}`."""
    for placeholder, years_before in (("{plan_year}", 0), ("{previous_year}", 1)):
        before, found, after = spelling.partition(placeholder)
        match = re.fullmatch(f"{header_key(before)}(20[0-9]{{2}}){header_key(after)}", header_key(header))
        if found and match is not None:
            return int(match[1]) + years_before
    return None


@lru_cache(maxsize=131_072)  # the widest file has 100,000 columns, and every mapping compares them
def header_keys(spellings: tuple[str, ...], plan_year: int | None) -> frozenset[str]:
    """The accepted headers, as they are compared."""
    return frozenset(header_key(spelled_for(spelling, plan_year)) for spelling in spellings)


def matches_pattern(header: str, pattern: str) -> bool:
    """Compare a header with a pattern in which only `*` is special."""
    return fnmatchcase(header_key(header), "*".join(header_key(part) for part in pattern.split("*")))
