"""Which sources each line of business has (DECISIONS, Ledger: sources are required or optional)."""

from fivetier.domain.errors import UnknownSource
from fivetier.domain.lobs import SourceSettings, lob_settings
from fivetier.domain.tiers import Lob


def sources_of(lob: Lob | str) -> tuple[SourceSettings, ...]:
    """The sources of a line of business, leading source first."""
    return lob_settings()[Lob(lob).value].sources


def require_source(source: str) -> None:
    """Check that some line of business has the slot.

    Raises:
        UnknownSource: none has.
    """
    known = {each.source for settings in lob_settings().values() for each in settings.sources}
    if source not in known:
        raise UnknownSource(lob="fivetier", source=source, known=sorted(known))
