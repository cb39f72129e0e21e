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

LEGAL_FORMS = frozenset(
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
_ONE_WORD = {"incorporated": "inc", "corporation": "corp", "company": "co", "limited": "ltd", "lc": "llc"}
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


def agreement_key(text: str) -> str:
    """What two spellings of one organization share that differ in legal form, article or where words are parted.

    >>> agreement_key("Molina Health Care of New Mexico, Inc.") == agreement_key("Molina Healthcare of New Mexico")
    True
    """
    return resolution_key(text).replace(" ", "")


def legal_forms(text: str) -> frozenset[str]:
    """Legal forms a name states, one word for each: two that state different ones need not be one organization.

    >>> legal_forms("Alder Group, Incorporated") == legal_forms("Alder Group Inc.")
    True
    """
    tokens = _SPELLED_FORM.sub(lambda match: "".join(match.groups()), equality_key(text)).split()
    return frozenset(_ONE_WORD.get(token, token) for token in tokens if token in LEGAL_FORMS)


def _without_forms(key: str) -> str:
    """One round of `resolution_key`; what is left may begin with an article again."""
    joined = _SPELLED_FORM.sub(lambda m: "".join(m.groups()) if "".join(m.groups()) in LEGAL_FORMS else m[0], key)
    tokens = [token for token in joined.split() if token not in LEGAL_FORMS and token != "the"]
    # In "A&D Foundation" the first letter is a name, in "A Better Plan" an article.
    if len(tokens) > 1 and tokens[0] in _ARTICLES and len(tokens[1]) > 1:
        tokens = tokens[1:]
    return " ".join(tokens)


def display_name(spellings: Iterable[str]) -> str:
    """Choose the spelling to show: the most frequent one of the most frequent name, ties by text (DECISIONS, Identity).

    Raises:
        ValueError: there is no spelling.
    """
    counts = Counter(" ".join(spelling.split()) for spelling in spellings)
    if not counts:
        raise ValueError("no spelling to choose from")
    of_name: Counter[str] = Counter()
    for spelling, count in counts.items():
        of_name[equality_key(spelling)] += count

    def order(spelling: str) -> tuple[int, str, int, str]:
        key = equality_key(spelling)
        return -of_name[key], key, -counts[spelling], spelling

    return min(counts, key=order)
