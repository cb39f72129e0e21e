"""Cell transforms of machine-readable plan files: transparency in coverage, QHP plans.json (R1.5, R1.6, R9.2)."""

import re
from collections.abc import Mapping
from typing import Final

from fivetier.feeds.values import STATE_CODES, CellUnreadable, calendar_date

EIN: Final = "ein"
#: What a HIOS id names by its form: an issuer, a product, a plan.
_HIOS_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "hios_issuer": re.compile(r"\d{5}", re.ASCII),
    "hios10": re.compile(r"\d{5}[A-Z]{2}\d{3}", re.ASCII),
    "hios14": re.compile(r"\d{5}[A-Z]{2}\d{7}", re.ASCII),
}


def tic_id_type(value: str) -> str:
    """Read what kind a reporting plan's id is of: `ein` or `hios`."""
    if value.casefold() not in {EIN, "hios"}:
        raise CellUnreadable(f"{value!r} is no plan_id_type: expected EIN or HIOS")
    return value.casefold()


def tic_plan_id(value: str, id_type: str | None) -> str:
    """Read the id of a reporting plan in the form of its system; an EIN is nine digits, its dash dropped."""
    if id_type == EIN:
        if re.fullmatch(r"\d{2}-?\d{7}", value, re.ASCII):
            return value.replace("-", "")
        raise CellUnreadable(f"{value!r} is no EIN: expected 9 digits")
    if _hios_system(value.upper()) is None:
        raise CellUnreadable(f"{value!r} is no HIOS id of an issuer (5 digits), a product (10 places) or a plan (14)")
    return value.upper()


def tic_id_system(value: str, id_type: str | None) -> str | None:
    """Name the tier's id system a reporting plan's id belongs to (R1.6): never more exact than the id is."""
    return EIN if id_type == EIN else _hios_system(value.upper())


def qhp_id_system(value: str) -> str:
    """Read plan_id_type of plans.json; the standard knows one."""
    if value.upper() != "HIOS-PLAN-ID":
        raise CellUnreadable(f"{value!r} is no plan_id_type: expected HIOS-PLAN-ID")
    return "hios14"


def issuer_in_id(value: str, id_system: str | None) -> str | None:
    """Give the issuer a HIOS id names; other ids name none."""
    return value[:5] if id_system in _HIOS_FORMS else None


def issuer_system_in_id(value: str, id_system: str | None) -> str | None:
    """Give the id system of `issuer_in_id`, where there is one."""
    return "hios_issuer" if issuer_in_id(value, id_system) else None


def hios_state(value: str, id_system: str | None) -> str | None:
    """Give the state a HIOS product or plan id names, if it is one; an issuer's id names none."""
    return STATE_CODES.get(value[5:7].casefold()) if id_system in _HIOS_FORMS else None


def month_of_date(value: str) -> str:
    """Read the month of a date as YYYY_MM."""
    return f"{calendar_date(value):%Y_%m}"


def year_of_date(value: str) -> int:
    """Read the year of a date."""
    return calendar_date(value).year


def _hios_system(value: str) -> str | None:
    return next((system for system, form in _HIOS_FORMS.items() if form.fullmatch(value)), None)
