"""How column headers are compared: by letters and digits only."""

import re
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache


@lru_cache(maxsize=4096)
def header_key(header: str) -> str:
    """Reduce a header to what makes two spellings one: `CONTRACT_ID`, `Contract ID ` and `contract-id` are equal."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold())


def matches_pattern(header: str, pattern: str) -> bool:
    """Compare a header with a pattern in which only `*` is special."""
    return fnmatchcase(header_key(header), "*".join(header_key(part) for part in pattern.split("*")))
