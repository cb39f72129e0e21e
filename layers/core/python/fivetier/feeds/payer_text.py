"""Cell transforms of clearinghouses' payer lists: names, lists of names and ids, payers that are the government."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Final

from fivetier.domain.names import equality_key
from fivetier.feeds.values import STATE_CODES, CellUnreadable

_STATE: Final = "|".join(sorted(equality_key(name) for name in STATE_CODES if len(name) > 2))
#: Whole names only. "Medicaid New Mexico Presbyterian Salud" is a plan's, "Medicare Florida Blue" an insurer's.
_GOVERNMENT: Final = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("MEDICARE_FFS", r".*\bmedicare\b.*\bpart [ab]\b.*"),
        (
            "MEDICARE_FFS",
            r"medicare (durable medical equipment|home health and hospice|railroad)\b.*",
        ),
        ("MEDICAID_AGENCY", rf"medicaid ({_STATE})( medi cal)?|({_STATE}) medicaid"),
        ("MILITARY_OR_VETERANS", r"(tricare|champva|champus|civilian health and medical program|veterans affairs)\b.*"),
        ("MILITARY_OR_VETERANS", r"va healthcare"),
    )
)


def organization_name(value: str) -> str:
    """Read a name; a bare number is a cell of another column."""
    if not any(letter.isalpha() for letter in value):
        raise CellUnreadable(f"{value!r} is no name: it has no letter")
    return value


def other_texts(value: str, *own: str | None) -> str | None:
    """Read a list, or one text, as a JSON list of what it adds to `own`; null when it adds nothing."""
    return _added(_texts(value), own, lambda text: text)


def other_names(value: str, *own: str | None) -> str | None:
    """Read names like `other_texts`; two spellings of one name are one."""
    return _added(_texts(value), own, lambda text: equality_key(text) or text)


def government_payer(value: str) -> str | None:
    """Say which public program pays under a name, where the whole name leaves no doubt; else null."""
    name = equality_key(value)
    return next((kind for kind, pattern in _GOVERNMENT if pattern.fullmatch(name)), None)


def _texts(value: str) -> list[str]:
    try:
        found = json.loads(value)
    except ValueError:
        return [value]
    return [" ".join(str(each).split()) for each in found] if isinstance(found, list) else [value]


def _added(texts: Iterable[str], own: Iterable[str | None], key: Callable[[str], str]) -> str | None:
    seen = {key(text) for text in own if text is not None} | {""}
    added: dict[str, str] = {}
    for text in texts:
        if key(text) not in seen:
            added.setdefault(key(text), text)
    return json.dumps(list(added.values()), ensure_ascii=False) if added else None
