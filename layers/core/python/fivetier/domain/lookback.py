"""Lookback: the months before the latest of a list are refreshed lightly and never become what readers see (R2.4)."""

from collections.abc import Collection

from fivetier.domain.lobs import SourceRole

#: Provider types a lookback leaves out (R2.4). Declared for the attribution step; no step of the hierarchy has any.
EXCLUDED_PROVIDER_TYPES = ("ASC", "Physician Group", "Dialysis", "DME", "Urgent Care")
#: What a lookback's sources are not read for: networks, where plans are sold, which plan follows which (R2.4).
SKIPPED_ROLES: frozenset[SourceRole] = frozenset({"networks", "service_areas", "crosswalk"})


def is_lookback(sub_version: str, sub_versions: Collection[str]) -> bool:
    """Whether a month of a list is refreshed lightly: every one but the latest (R2.4)."""
    return sub_version != max(sub_versions)
