"""Cell transforms of yearly files: HIOS ids, areas, what becomes of a plan (R1.5, R1.10, R1.11).

Lost leading zeros are restored where the length leaves no doubt: an issuer has 5 digits, a county 5, a ZIP code 5. A
plan id is text in every program that drops zeros, so a short one is damaged otherwise and is refused.
"""

import re
from collections.abc import Callable
from typing import Final

from fivetier.domain.ids import MaPlanId, parse_contract_id, parse_pbp
from fivetier.feeds.values import CellUnreadable, Value

_PLAN: Final = re.compile(r"(?P<plan>(?P<issuer>\d{5})(?P<state>[A-Z]{2})\d{7})(?:-?\d{2})?", re.ASCII)
_NO_SUCCESSOR: Final = re.compile(r"0{5}XX0{7}(?:-00)?")
#: The last one stands for a blank.
_PLACEHOLDERS: Final = frozenset({"NEW", "DEL", "TERMINATED", "NONE"})

_LEVELS: Final = ("same", "plan", "county", "zip", "discontinued", "withdrawn")
_REASONS: Final = frozenset("01234568")
_MA_STATUSES: Final = {
    "renewal plan": "renewed",
    "renewal plan with sae": "renewed_area_added",
    "renewal plan with sar": "renewed_area_reduced",
    "consolidated renewal plan": "consolidated",
    "terminated plan": "terminated",
    "terminated/non-renewed contract": "contract_terminated",
    "new plan": "new",
    "initial contract": "new_contract",
}
_BEGINS: Final = frozenset({"new", "new_contract"})
_ENDS: Final = frozenset({"terminated", "contract_terminated"})


def hios_issuer(value: str) -> str:
    """Read a HIOS issuer id; a spreadsheet may have made 01234 the number 1234.0."""
    digits = _whole(value)
    if re.fullmatch(r"\d{4,5}", digits, re.ASCII) and int(digits):
        return digits.zfill(5)
    raise CellUnreadable(f"{value!r} is no HIOS issuer id: expected 5 digits")


def hios_plan(value: str, state: str | None) -> str:
    """Read a HIOS plan id to its 14 characters: networks and areas belong to the plan, not to a variant (R1.5)."""
    match = _PLAN.fullmatch(value.upper().replace(" ", ""))
    if match is None or not int(match["issuer"]):
        raise CellUnreadable(f"{value!r} is no HIOS plan id: expected 5 digits, a state and 7 digits (R1.5)")
    if state is not None and match["state"] != state:
        raise CellUnreadable(
            f"plan {match['plan']} is of {match['state']}, its row of {state}", reason_code="PLAN_STATE_DISAGREES"
        )
    return match["plan"]


def hios_plan_of_issuer(value: str, state: str | None, issuer: str | None) -> str:
    """Read a HIOS plan id, which begins with the id of the issuer its row names."""
    plan = hios_plan(value, state)
    if issuer is not None and plan[:5] != issuer:
        raise CellUnreadable(
            f"plan {plan} is of issuer {plan[:5]}, its row of {issuer}", reason_code="PLAN_ISSUER_DISAGREES"
        )
    return plan


def hios_issuer_of_plan(value: str) -> str:
    """Give the issuer a HIOS plan id begins with."""
    return hios_plan(value, None)[:5]


def hios_successor(value: str, state: str | None) -> str | None:
    """Read the plan that follows another; `00000XX0000000` says that none does (R1.11)."""
    return None if _NO_SUCCESSOR.fullmatch(value.upper()) else hios_plan(value, state)


def county_fips(value: str) -> str:
    """Read a county's FIPS code; 1001 and 1001.0 are 01001."""
    digits = _whole(value)
    if re.fullmatch(r"\d{4,5}", digits, re.ASCII) and int(digits) > 1000:
        return digits.zfill(5)
    raise CellUnreadable(f"{value!r} is no county FIPS code: expected 5 digits")


def covered_area(value: str, county: str | None) -> str | None:
    """Give the county a service area row covers; None for the whole state, which the row has to say."""
    answer = value.casefold()
    if answer not in {"yes", "no"}:
        raise CellUnreadable(f"{value!r} does not say whether the entire state is covered: expected Yes or No")
    if answer == "yes":
        return None
    if county is None:
        raise CellUnreadable("the row covers neither the entire state nor a county", reason_code="COUNTY_MISSING")
    return county


def zip_codes(value: str) -> str:
    """Read the ZIP codes of a county that is covered in part, as a list with commas."""
    return ", ".join(_zip(_whole(part)) for part in re.split(r"[,; ]+", value) if part)


def zip_in_county(value: str) -> str | None:
    """Read a ZIP code; 0 and 00000 stand for the whole county (R1.11)."""
    digits = _whole(value)
    return None if digits and not digits.strip("0") else _zip(digits)


def exchange_crosswalk_status(value: str) -> str:
    """Say what a CrosswalkLevel means (R1.11)."""
    level = _whole(value)
    if level not in {str(number) for number in range(len(_LEVELS))}:
        raise CellUnreadable(f"{value!r} is no crosswalk level: expected 0 to {len(_LEVELS) - 1}")
    return _LEVELS[int(level)]


def exchange_crosswalk_reason(value: str) -> str:
    """Read a ReasonForCrosswalk: 0 to 6, or 8 for a plan of another issuer (R1.11)."""
    reason = _whole(value)
    if reason not in _REASONS:
        raise CellUnreadable(f"{value!r} is no reason for a crosswalk: expected 0 to 6, or 8")
    return reason


def ma_crosswalk_status(value: str) -> str:
    """Say what a STATUS of the MA plan crosswalk means (R1.10)."""
    status = _MA_STATUSES.get(re.sub(r"\s*([/-])\s*", r"\1", value.casefold()))
    if status is None:
        raise CellUnreadable(f"{value!r} is no known status of the MA plan crosswalk")
    return status


def ma_crosswalk_contract(value: str) -> str | None:
    """Read a contract of the MA plan crosswalk; a placeholder says that there is none (R1.10)."""
    return None if value.upper() in _PLACEHOLDERS else str(parse_contract_id(_whole(value)))


def ma_previous_plan(value: str, contract: str | None, status: str | None) -> str | None:
    """Read the plan that was; only of a new plan there is none."""
    return _ma_plan(value, contract, may_lack=status in _BEGINS, status=status)


def ma_current_plan(value: str, contract: str | None, status: str | None) -> str | None:
    """Read the plan that is; only of an ended plan there is none."""
    return _ma_plan(value, contract, may_lack=status in _ENDS, status=status)


def _ma_plan(value: str, contract: str | None, *, may_lack: bool, status: str | None) -> str | None:
    if value.upper() in _PLACEHOLDERS:
        if may_lack:
            return None
        message = f"{value!r} stands where a row of status {status} has a plan (R1.10)"
        raise CellUnreadable(message, reason_code="PLAN_ID_MISSING")
    if contract is None:
        raise CellUnreadable(f"plan {value!r} stands without a contract", reason_code="CONTRACT_ID_MISSING")
    return str(MaPlanId(parse_contract_id(contract), parse_pbp(value)))


def _whole(value: str) -> str:
    """Drop the decimals a spreadsheet adds to a code."""
    return re.sub(r"\.0+$", "", value)


def _zip(digits: str) -> str:
    if re.fullmatch(r"\d{3,5}", digits, re.ASCII) and int(digits):
        return digits.zfill(5)
    raise CellUnreadable(f"{digits!r} is no ZIP code: expected 5 digits")


EXCHANGE_TRANSFORMS: Final[tuple[Callable[..., Value], ...]] = (
    county_fips,
    covered_area,
    exchange_crosswalk_reason,
    exchange_crosswalk_status,
    hios_issuer,
    hios_issuer_of_plan,
    hios_plan,
    hios_plan_of_issuer,
    hios_successor,
    ma_crosswalk_contract,
    ma_crosswalk_status,
    ma_current_plan,
    ma_previous_plan,
    zip_codes,
    zip_in_county,
)
