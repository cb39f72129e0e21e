"""Identifiers of Medicare Advantage and of fivetier itself: parse, validate, explain.

Rules R1.2 (system and value always travel together), R1.3, R1.4, R1.13. All ids are text.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from typing import NewType

from fivetier.domain.errors import InvalidId, InvalidSubVersion
from fivetier.domain.tiers import Program, Tier

NodeId = NewType("NodeId", str)
ContractId = NewType("ContractId", str)
RunId = NewType("RunId", str)

PARENT_NAME = "parent_name"
LEGAL_NAME = "legal_name"
LOB_SYSTEM = "lob"
CMS_CONTRACT = "cms_contract"
CMS_CONTRACT_PBP = "cms_contract_pbp"
HIOS_ISSUER = "hios_issuer"
HIOS10, HIOS14, EIN = "hios10", "hios14", "ein"
REPORTED_PLAN = "reported_plan"
MEDICAID_STATE_PLAN = "medicaid_state_plan"
STATE_PROGRAM_PLAN = "state_program_plan"
NETWORK_SYSTEM = "network"

_CONTRACT_FORMS = (
    (re.compile(r"[HRE][0-9]{4}"), "CMS contract: H local, R regional, E employer direct"),
    (re.compile(r"S[0-9]{4}"), "CMS contract of a stand-alone drug plan (no MA attribution)"),
    (re.compile(r"X[0-9]{4}"), "CMS contract of the Limited Income NET program"),
    (re.compile(r"[0-9]{5}"), "HCPP-1833 contract"),
)
_PLAN = re.compile(r"(?P<contract>[A-Z][0-9]{4}|[0-9]{5})[-_ ](?P<pbp>[0-9]{1,3})(?:[-_ ](?P<segment>[0-9]{1,3}))?")


def node_id(tier: Tier, id_system: str, key: str) -> NodeId:
    """Mint the surrogate id of a node from the key under which it was first seen (R1.2).

    The first 128 bits of sha256(`v1|tier|id_system|key`), as 32 hex digits; the same everywhere.
    """
    return NodeId(hashlib.sha256(f"v1|{int(tier)}|{id_system}|{key}".encode()).hexdigest()[:32])


def parse_contract_id(text: str) -> ContractId:
    """Read a CMS contract number: H/R/E/S/X + 4 digits, or the 5 digits of an HCPP contract (R1.3, R1.13).

    Raises:
        InvalidId: the text has no known form.
    """
    value = text.strip().upper()
    if any(form.fullmatch(value) for form, _ in _CONTRACT_FORMS):
        return ContractId(value)
    raise InvalidId(
        id_system=CMS_CONTRACT,
        value=text,
        rule="R1.3, R1.13",
        detail="expected a letter H, R, E, S or X and 4 digits, or 5 digits",
    )


def parse_pbp(text: str) -> str:
    """Read a plan benefit package number and pad it to 3 digits ("1" and "001" are one plan).

    Raises:
        InvalidId: not one to three digits, or all zeros.
    """
    value = text.strip()
    if re.fullmatch(r"[0-9]{1,3}(\.0)?", value) and int(float(value)) > 0:
        return f"{int(float(value)):03}"
    raise InvalidId(id_system="cms_pbp", value=text, rule="R1.3", detail="expected 1 to 3 digits, not zero")


@dataclass(frozen=True, slots=True)
class MaPlanId:
    """contract-PBP[-segment]; without a segment the id stands for the whole PBP, not for segment 000 (R1.3)."""

    contract: ContractId
    pbp: str
    segment: str | None = None

    def __str__(self) -> str:
        return "-".join(part for part in (self.contract, self.pbp, self.segment) if part is not None)

    @property
    def is_employer_group(self) -> bool:
        """PBP 8xx are employer group waiver plans (R1.3)."""
        return self.pbp.startswith("8")


def parse_ma_plan_id(text: str) -> MaPlanId:
    """Read `H1234-001-000` in the ways files write it (`H1234-1`, `H1234_001_0`).

    Raises:
        InvalidId: the text has no such form.
    """
    match = _PLAN.fullmatch(text.strip().upper())
    if match is None:
        raise InvalidId(
            id_system=CMS_CONTRACT_PBP,
            value=text,
            rule="R1.3",
            detail="expected contract-PBP or contract-PBP-segment",
        )
    segment = match["segment"]
    return MaPlanId(
        parse_contract_id(match["contract"]),
        parse_pbp(match["pbp"]),
        None if segment is None else f"{int(segment):03}",
    )


def explain_id(text: str) -> str:
    """Say in words what an MA identifier is.

    >>> explain_id("H1234-801")
    'H1234-801: plan 801 of contract H1234, all segments, employer group plan (PBP 8xx)'

    Raises:
        InvalidId: neither a contract nor a plan id.
    """
    value = text.strip().upper()
    for form, meaning in _CONTRACT_FORMS:
        if form.fullmatch(value):
            return f"{value}: {meaning}"
    plan = parse_ma_plan_id(text)
    segment = "all segments" if plan.segment is None else f"segment {plan.segment}"
    group = ", employer group plan (PBP 8xx)" if plan.is_employer_group else ""
    return f"{plan}: plan {plan.pbp} of contract {plan.contract}, {segment}{group}"


def program_of(organization_type: str, plan_type: str) -> Program | None:
    """Say what kind of contract the directory lists (R1.13); None when the organization type is unknown."""
    text = re.sub(r"[^a-z0-9]+", " ", f"{organization_type} | {plan_type}".casefold())
    organization = re.sub(r"[^a-z0-9]+", " ", organization_type.casefold())
    rules: tuple[tuple[bool, Program], ...] = (
        ("medicare medicaid plan" in text, Program.MMP),
        ("pace" in organization.split(), Program.PACE),
        ("hcpp" in organization.split(), Program.HCPP),
        ("li net" in organization, Program.LI_NET),
        ("cost" in organization.split(), Program.COST),
        ("demo" in organization, Program.DEMO),
        (bool({"ccp", "pffs", "msa"} & set(organization.split())), Program.MA),
    )
    return next((program for holds, program in rules if holds), None)


@dataclass(frozen=True, slots=True, order=True)
class SubVersion:
    """The month a run is for, written YYYY_MM."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "SubVersion":
        """Read YYYY_MM.

        Raises:
            InvalidSubVersion: another form, or no such month.
        """
        match = re.fullmatch(r"(20[0-9]{2})_(0[1-9]|1[0-2])", text.strip())
        if match is None:
            raise InvalidSubVersion(value=text)
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.year:04}_{self.month:02}"

    @property
    def first_day(self) -> date:
        """The day facts of this month start to hold (DECISIONS, Identity)."""
        return date(self.year, self.month, 1)

    @property
    def end(self) -> date:
        """The first day after the month."""
        return date(self.year + self.month // 12, self.month % 12 + 1, 1)

    def months_from(self, other: "SubVersion") -> int:
        """Whole months between the two, never negative."""
        return abs((self.year - other.year) * 12 + self.month - other.month)
