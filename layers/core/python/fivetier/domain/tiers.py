"""The five tiers and the lines of business (DOMAIN §1, R1.1)."""

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from fivetier.domain.lobs import lob_settings


class Tier(IntEnum):
    """Where a node stands. Tiers 1-4 form a tree; tier 5 hangs on tier 4 many-to-many (R1.1)."""

    PARENT_PAYER = 1
    SUBSIDIARY = 2
    LINE_OF_BUSINESS = 3
    BENEFITS_PLAN = 4
    NETWORK = 5

    @property
    def label(self) -> str:
        """The tier's name as people read it."""
        return {1: "parent payer", 2: "subsidiary", 3: "line of business", 4: "benefits plan", 5: "network"}[self]


class _LineOfBusiness(StrEnum):
    @property
    def label(self) -> str:
        """The field's usual name."""
        return lob_settings()[self.value].label


if TYPE_CHECKING:

    class Lob(_LineOfBusiness):
        """Line of business; the value is the only spelling used in keys, tables, JSON and the CLI.

        Members are what `lobs.yaml` lists; those named here are the ones the sources of 2026 have.
        """

        MEDICARE_ADVANTAGE = "medicare_advantage"
        ACA_EXCHANGE = "aca_exchange"
        MEDICAID = "medicaid"
        COMMERCIAL = "commercial"

else:
    Lob = _LineOfBusiness("Lob", {name.upper(): name for name in lob_settings()}, module=__name__)


class Program(StrEnum):
    """What a contract of the MA directory is (R1.13). Only MA counts in MA coverage figures."""

    MA = "MA"
    PACE = "PACE"
    COST = "COST"
    HCPP = "HCPP"
    MMP = "MMP"
    LI_NET = "LI_NET"
    DEMO = "DEMO"
