"""Small CMS files for tests, in the publishers' formats. Names are invented."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace

DIRECTORY_HEADER = [
    *("Legal Entity Name", "Organization Marketing Name", "Contract Number", "Organization Type", "Plan Type"),
    *("Contract Effective Date", "Tax Status", "Parent Organization", "CMS Region Responsible", "Enrollment"),
    *("Legal Entity State Code", "Directory Contact Phone"),
]


@dataclass(frozen=True)
class Entry:
    """One contract of the directory."""

    contract: str
    parent: str
    legal: str
    marketing: str = "Sunrise Advantage"
    organization_type: str = "Local CCP"
    plan_type: str = "HMO/HMOPOS"
    effective: str = "01/01/2020"

    def moved(self, parent: str, legal: str | None = None) -> "Entry":
        """The same contract under another parent."""
        return replace(self, parent=parent, legal=legal or self.legal)


def entries(count: int = 12) -> list[Entry]:
    """Contracts of four parents, three contracts to a legal entity."""
    parents = ("Sunrise Health Group", "Harbor Mutual", "Prairie Care Partners", "Summit Plans")
    return [
        Entry(f"H{1000 + i}", parents[(i // 3) % 4], f"{parents[(i // 3) % 4].upper()} OF STATE {i // 12}, INC.")
        for i in range(count)
    ]


def directory(rows: Iterable[Entry]) -> bytes:
    """The MA Contract Directory as CSV."""
    lines = [
        [
            *(e.legal, e.marketing, e.contract, e.organization_type, e.plan_type, e.effective),
            *("For Profit", e.parent, "Chicago", "1,234", "IL", ""),
        ]
        for e in rows
    ]
    return _csv(DIRECTORY_HEADER, lines)


def monthly(plans: Iterable[tuple[str, str]], plan_type: str = "HMO") -> bytes:
    """The Monthly Report by Plan as CSV: (contract, plan id) pairs."""
    header = ["Contract Number", "Plan ID", "Organization Type", "Plan Type", "Enrollment"]
    return _csv(header, [[contract, plan, "Local CCP", plan_type, "*"] for contract, plan in plans])


def plans_of(rows: Iterable[Entry], per_contract: int = 2) -> list[tuple[str, str]]:
    """Plan ids 1..n for every contract."""
    return [(e.contract, str(n)) for e in rows for n in range(1, per_contract + 1)]


def _csv(header: list[str], rows: Iterable[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([header, *rows])
    return out.getvalue().encode()
