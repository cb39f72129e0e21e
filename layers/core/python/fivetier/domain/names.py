"""Two normal forms of a name, and only two.

`equality_key` says that two spellings are the same text; `resolution_key` says that they may be the same
organization. The first is safe to merge on; the second needs evidence (DECISIONS, Identity).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import ftfy

_LEGAL_FORMS = frozenset(
    [
        "inc",
        "incorporated",
        "llc",
        "corp",
        "corporation",
        "co",
        "company",
        "ltd",
        "limited",
        "lp",
        "llp",
        "lc",
        "pc",
        "pllc",
        "plc",
        "pa",
        "nfp",
    ]
)
_SPELLED_FORM = re.compile(r"\b([a-z]) ([a-z]) ([a-z])\b")
_ARTICLES = frozenset(["a", "an"])


@lru_cache(maxsize=65_536)
def equality_key(text: str) -> str:
    """Reduce a name to what makes two spellings equal: mojibake repaired, NFKC, case and punctuation gone.

    >>> equality_key("MOLINA HEALTHCARE OF ILLINOIS, INC.") == equality_key("Molina  Healthcare of Illinois Inc")
    True
    """
    before, key = text, _folded(text)
    while key != before:  # folding may lay open mojibake that was none in capitals
        before, key = key, _folded(key)
    return key


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", ftfy.fix_encoding(text)).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", folded)).split())


@lru_cache(maxsize=65_536)
def resolution_key(text: str) -> str:
    """Reduce a name further, to find the organization behind it: legal forms and articles gone.

    A name made of nothing else ("The Company, Inc.") keeps its equality key, so that it never matches all others.

    >>> resolution_key("Samaritan Health Services") == resolution_key("Samaritan Health Services, Inc.")
    True
    """
    equal = shorter = equality_key(text)
    longer = ""
    while shorter != longer:
        longer, shorter = shorter, _without_forms(shorter)
    return shorter or equal


def _without_forms(key: str) -> str:
    """One round of `resolution_key`; what is left may begin with an article again."""
    joined = _SPELLED_FORM.sub(lambda m: "".join(m.groups()) if "".join(m.groups()) in _LEGAL_FORMS else m[0], key)
    tokens = [token for token in joined.split() if token not in _LEGAL_FORMS and token != "the"]
    # In "A&D Foundation" the first letter is a name, in "A Better Plan" an article.
    if len(tokens) > 1 and tokens[0] in _ARTICLES and len(tokens[1]) > 1:
        tokens = tokens[1:]
    return " ".join(tokens)


def display_name(spellings: Iterable[str]) -> str:
    """Choose the spelling to show: the most frequent, ties by text order (DECISIONS, Identity).

    Raises:
        ValueError: there is no spelling.
    """
    counts = Counter(" ".join(spelling.split()) for spelling in spellings)
    if not counts:
        raise ValueError("no spelling to choose from")
    return min(counts, key=lambda name: (-counts[name], name))
