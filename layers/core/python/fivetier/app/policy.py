"""Per-LOB policy, as `lobs.yaml` states it."""

from fivetier.domain.lobs import LobSettings, lob_settings
from fivetier.domain.tiers import Lob


def policies() -> dict[Lob, LobSettings]:
    """Every line of business with what it is refreshed from and who signs it."""
    return {Lob(name): settings for name, settings in lob_settings().items()}
