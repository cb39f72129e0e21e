"""What a reviewer must see within ten seconds: the recommendation in words, and what changed in a few lines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fivetier.web.ledger import contract_equations
from fivetier.web.words import ADVICE, count, humanized, lob_label, many, month

Report = Mapping[str, Any]


def title(report: Report) -> str:
    """What the report is about."""
    lob, of_month = lob_label(report["lob"]), month(report["sub_version"])
    if restored := report.get("rollback_to"):
        return f"{lob}: Roll back to the release of {of_month} ({restored})"
    return f"{lob}, {of_month}"


def base(report: Report) -> str:
    """What the candidate is compared with."""
    if report["base_sub_version"] is None:
        return "Nothing: this is the first publication"
    return month(report["base_sub_version"])


def advice(report: Report) -> str:
    """What the checks recommend."""
    value = report["recommendation"]["advice"]
    return ADVICE.get(value, humanized(value))


def advice_reason(report: Report) -> str:
    """Why, and what it asks of a signer."""
    blocking, ticks = report["recommendation"]["blocking"], report["recommendation"]["needs_tick"]
    if blocking:
        return (
            f"{many(len(blocking), 'finding')} {_s(len(blocking), 'block')} publication. Nobody can approve this run."
        )
    if ticks:
        need = _s(len(ticks), "need")
        return f"{many(len(ticks), 'finding')} {need} a tick and a reason from each signer before approval."
    if report.get("rollback_to"):
        return "The release is what was signed before, and its rows pass. Whether to go back is yours to judge."
    return "No finding stands in the way of publication."


def breached(report: Report) -> tuple[Mapping[str, Any], ...]:
    """The findings behind the recommendation, P0 first."""
    codes = [*report["recommendation"]["blocking"], *report["recommendation"]["needs_tick"]]
    by_code = {found["code"]: found for found in report["findings"]}
    return tuple(by_code[code] for code in codes if code in by_code)


def _s(number: int, verb: str) -> str:
    return f"{verb}s" if number == 1 else verb


def highlights(report: Report) -> tuple[str, ...]:
    """What changed, most important first."""
    return (*_moves(report), *_contracts(report), *_plans(report), _rows(report))


def _events(report: Report, *kinds: str) -> Sequence[Mapping[str, Any]]:
    return [event for event in report["events"] if event["event_type"] in kinds]


def _counted(report: Report, kind: str) -> int:
    return sum(total for text, total in report["event_counts"].items() if text.startswith(f"{kind} ("))


def _moves(report: Report) -> Iterator[str]:
    moves = _events(report, "parent_changed")
    if moves:
        largest = max(moves, key=lambda event: len(event["contracts"]))
        contracts = many(len(largest["contracts"]), "contract")
        yield (
            f"{many(_counted(report, 'parent_changed'), 'parent change')}. "
            f"Largest: {contracts} from {largest['from']} to {largest['to']}."
        )
    else:
        yield "No contract changed its parent payer."
    others = [
        many(total, noun)
        for kind, noun in (("subsidiary_changed", "subsidiary change"), ("renamed", "rename"))
        if (total := _counted(report, kind))
    ]
    if others:
        yield f"{', '.join(others)}."


def _contracts(report: Report) -> Iterator[str]:
    contracts = report["ledger"]["contracts"]
    if any(contracts.values()):
        published, _ = contract_equations(report)
        yield (
            f"Contracts: {count(contracts['removed'])} removed, {count(contracts['added'])} added, "
            f"{count(contracts['changed'])} changed, of {count(published.total)} published."
        )


def _plans(report: Report) -> Iterator[str]:
    for tier in report["ledger"]["tiers"]:
        if tier["label"] == "benefits plan":
            yield (
                f"Plans: {count(tier['removed'])} removed, {count(tier['added'])} added, "
                f"{count(tier['changed'])} changed, of {count(tier['published'])} published."
            )


def _rows(report: Report) -> str:
    if report.get("rollback_to"):
        return "No source file takes part: every row was signed and published before."
    ledger = report["ledger"]
    return (
        f"Source rows: {count(ledger['quarantined_rows'])} quarantined and "
        f"{count(ledger['suppressed_rows'])} suppressed, of {count(ledger['landed_rows'])} landed."
    )
