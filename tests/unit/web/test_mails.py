"""A mail counts what the line of business counts by: contracts, plans, or subsidiaries."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fivetier.app.notifying import AskFacts
from fivetier.domain.report import changed_units
from fivetier.web.mails import ask_letter
from pages import exchange_report, small_report


def payer_list() -> dict[str, Any]:
    """An exchange report without plans: only organizations."""
    report = exchange_report()
    tier = {"tier": 2, "label": "subsidiary", "published": 5, "candidate": 6}
    tier |= {"unchanged": 3, "changed": 1, "added": 2, "removed": 1}
    return {**report, "ledger": {**report["ledger"], "tiers": [tier]}}


@pytest.mark.parametrize(
    ("report", "line", "absent"),
    [
        (small_report(), "Contracts: 4 kept, 2 of them changed; 1 removed; 1 added", "Plans:"),
        (exchange_report(), "Plans: 6 kept, 1 of them changed; 6 removed; 2 added", "ontract"),
        (payer_list(), "Subsidiaries: 4 kept, 1 of them changed; 1 removed; 2 added", "ontract"),
    ],
    ids=["contracts", "plans", "subsidiaries"],
)
def test_an_ask_counts_by_the_unit_of_its_line_of_business(report: dict[str, Any], line: str, absent: str) -> None:
    unit, units = changed_units(report)
    facts = AskFacts(
        **{
            "run_id": report["run_id"],
            "lob": report["lob"],
            "rollback_to": None,
            "lookback_of": None,
            "sub_version": "2025_06",
        },
        **{"base_sub_version": "2025_05", "round_number": 1, "recommendation": report["recommendation"]},
        **{"unit": unit, "units": units, "events": 3, "findings": {"P0": 0, "P1": 1, "P2": 1}},
        **{"requested_by": "scheduler", "expires_at": datetime(2025, 6, 27, tzinfo=UTC), "manifest_digest": "f" * 64},
        **{"signing_roles": ["data_lead"], "link": "http://127.0.0.1/sign-offs/x/1", "execution_url": ""},
    )
    letter = ask_letter(facts)
    assert line in letter.text and absent not in letter.text
    assert line.partition(": ")[2] in letter.html
