"""Which sources each line of business has (DECISIONS, Ledger: sources are required or optional)."""

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass

from fivetier.domain.errors import UnknownSource
from fivetier.domain.tiers import Lob


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One slot files are landed in. An absent optional source carries its last published tier forward."""

    source: str
    required: bool
    mapping: str
    title: str


_DIRECTORY = SourceSpec(
    "cms_ma_contract_directory", True, "cms_ma_contract_directory", "CMS MA Contract Directory: tiers 1 to 3"
)
_MONTHLY = SourceSpec(
    "cms_monthly_report_by_plan", False, "cms_monthly_report_by_plan", "CMS Monthly Report by Plan: tier 4"
)


def _aequalis(*, required: bool) -> SourceSpec:
    return SourceSpec("aequalis", required, "aequalis", "Aequalis Payer Insights: plans by parent and state")


#: CMS leads where it publishes (R1.9); for the other public LOBs Aequalis is the source of the plan structure.
_SOURCES: ReadOnly[Lob, tuple[SourceSpec, ...]] = {
    Lob.MEDICARE_ADVANTAGE: (_DIRECTORY, _MONTHLY, _aequalis(required=False)),
    Lob.ACA_EXCHANGE: (_aequalis(required=True),),
    Lob.MEDICAID: (_aequalis(required=True),),
    Lob.COMMERCIAL: (),
}


def sources_of(lob: Lob | str) -> tuple[SourceSpec, ...]:
    """The sources of a line of business, leading source first."""
    return _SOURCES[Lob(lob)]


def spec_of(source: str) -> SourceSpec:
    """The slot of a source.

    Raises:
        UnknownSource: no line of business has such a source.
    """
    specs = {spec.source: spec for specs in _SOURCES.values() for spec in specs}
    if source not in specs:
        raise UnknownSource(lob="fivetier", source=source, known=sorted(specs))
    return specs[source]
