"""The named cell transforms a mapping may use with `lang: python`.

Each takes a cleaned text, plus what the mapping lists under `with`, and returns the canonical value. It raises
`InvalidId` or `CellUnreadable` when the text cannot be read; None means "rightly nothing here".
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from fivetier.domain.errors import InvalidSubVersion
from fivetier.domain.ids import (
    CMS_CONTRACT_PBP,
    HIOS14,
    MaPlanId,
    SubVersion,
    parse_contract_id,
    parse_ma_plan_id,
    parse_pbp,
    program_of,
)
from fivetier.domain.lobs import lob_settings
from fivetier.domain.tiers import Lob
from fivetier.feeds.exchange_ids import EXCHANGE_TRANSFORMS
from fivetier.feeds.medicaid_text import managed_care_type, service_region, state_program, state_with_footnote
from fivetier.feeds.payer_text import government_payer, organization_name, other_names, other_texts
from fivetier.feeds.plan_text import (
    hios_state,
    issuer_in_id,
    issuer_system_in_id,
    month_of_date,
    qhp_id_system,
    tic_id_system,
    tic_id_type,
    tic_plan_id,
    year_of_date,
)
from fivetier.feeds.values import CellUnreadable, Value, calendar_date, us_state

#: Lines of business with a public plan list, and the id systems each may use. A HIOS id does not prove the exchange
#: (R1.5).
_SYSTEMS: Mapping[str, tuple[str, ...]] = {
    name: settings.plan_id_systems
    for name, settings in lob_settings().items()
    if any(source.role == "reference" for source in settings.sources)
}


def contract_id(value: str) -> str:
    """Read a CMS contract number; a spreadsheet may have made 90091 the number 90091.0 (R1.13)."""
    return parse_contract_id(re.sub(r"\.0+$", "", value))


def ma_plan_id(value: str, contract: str | None) -> str:
    """Join contract and plan number to `H1234-001` (R1.3): "1", "1.0" and "001" are one plan."""
    if contract is None:
        raise CellUnreadable(f"plan {value!r} stands without a contract")
    return str(MaPlanId(parse_contract_id(contract), parse_pbp(value)))


def plan_id_in_system(value: str, id_system: str | None) -> str:
    """Read a plan id in the form its id system has (R1.2, R1.3, R1.7)."""
    if id_system == CMS_CONTRACT_PBP:
        return str(parse_ma_plan_id(value))
    if id_system == HIOS14:
        if re.fullmatch(r"\d{5}[A-Z]{2}\d{7}", value.upper(), re.ASCII):
            return value.upper()
        raise CellUnreadable(f"{value!r} is no HIOS plan id: expected 5 digits, a state and 7 digits, without variant")
    if re.fullmatch(r"[A-Za-z0-9._-]{1,12}", value):
        return value
    raise CellUnreadable(f"{value!r} is no Medicaid plan id: expected up to 12 letters, digits, dots or dashes (R1.7)")


def contract_of_plan(value: str, id_system: str | None) -> str | None:
    """Give the CMS contract a plan id names; other id systems have no contract."""
    return str(parse_ma_plan_id(value).contract) if id_system == CMS_CONTRACT_PBP else None


def id_system_of_lob(value: str, lob: str | None) -> str:
    """Accept the id systems a line of business uses; ids of different systems collide (R1.2)."""
    allowed = _SYSTEMS.get(lob or "", ())
    if value.casefold() not in allowed:
        raise CellUnreadable(f"{value!r} is no id system of {lob}: expected {' or '.join(allowed) or 'none'}")
    return value.casefold()


def public_lob(value: str) -> str:
    """Read one of the lines of business with a public plan list."""
    if value.casefold() not in _SYSTEMS:
        raise CellUnreadable(f"{value!r} is no public line of business: expected {', '.join(_SYSTEMS)}")
    return str(Lob(value.casefold()))


def program(value: str, plan_type: str | None) -> str:
    """Say what kind of contract an organization type stands for (R1.13); an unknown one needs a person."""
    found = program_of(value, plan_type or "")
    if found is None:
        raise CellUnreadable(f"organization type {value!r} is not known; add it to the program rules (R1.13)")
    return str(found)


def sub_version(value: str) -> str:
    """Read a month as YYYY_MM; YYYY-MM is the same month."""
    try:
        return str(SubVersion.parse(value.replace("-", "_")))
    except InvalidSubVersion as wrong:
        raise CellUnreadable(str(wrong)) from wrong


REGISTRY: Mapping[str, Callable[..., Value]] = MappingProxyType(
    {
        function.__name__: function
        for function in (
            *EXCHANGE_TRANSFORMS,
            calendar_date,
            contract_id,
            contract_of_plan,
            government_payer,
            issuer_in_id,
            issuer_system_in_id,
            hios_state,
            id_system_of_lob,
            ma_plan_id,
            managed_care_type,
            month_of_date,
            organization_name,
            other_names,
            other_texts,
            plan_id_in_system,
            program,
            public_lob,
            qhp_id_system,
            service_region,
            state_program,
            state_with_footnote,
            sub_version,
            tic_id_system,
            tic_id_type,
            tic_plan_id,
            us_state,
            year_of_date,
        )
    }
)
