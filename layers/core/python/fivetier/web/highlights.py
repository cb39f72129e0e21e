"""What a reviewer must see within ten seconds: the recommendation in words, and what changed in a few lines."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fivetier.domain.report import changed_units
from fivetier.web.ledger import unit_of
from fivetier.web.words import ADVICE, count, humanized, listed, lob_label, many, month

Report = Mapping[str, Any]


def title(report: Report) -> str:
    """What the report is about."""
    lob, of_month = lob_label(report["lob"]), month(report["sub_version"])
    if restored := report.get("rollback_to"):
        return f"{lob}: Roll back to the release of {of_month} ({restored})"
    if lookback := report.get("lookback"):
        return f"{lob}: Lookback at {of_month}, beside {month(lookback['lookback_of'])}"
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
    return (*_lookback(report), *_moves(report), *_units(report), *_renumbered(report), _rows(report))


def _lookback(report: Report) -> Iterator[str]:
    """That a lookback changes no reader's view, and what it saved."""
    lookback = report.get("lookback")
    if not lookback:
        return
    yield f"Readers go on seeing what they see: this becomes the history of {month(report['sub_version'])}."
    for skipped in lookback["skipped"]:
        known = [f"{count(skipped['bytes'])} bytes"]
        known += [f"{count(skipped['rows'])} rows"] if skipped["rows"] is not None else []
        known += [f"{skipped['seconds']:.1f} s to read in full"] if skipped["seconds"] is not None else []
        yield f"Not read: {skipped['source']} ({skipped['file']}: {', '.join(known)})."
    left = [
        f"{count(number)} {name.replace('_', ' ')}" for name, number in lookback["left_out_of_base"].items() if number
    ]
    yield f"Not built: networks, service areas and crosswalks{f' (of the base: {listed(left)})' if left else ''}."


def _events(report: Report, *kinds: str) -> Sequence[Mapping[str, Any]]:
    return [event for event in report["events"] if event["event_type"] in kinds]


def _counted(report: Report, key: str, listed: Sequence[object]) -> int:
    total: int = report["event_counts"].get(key, len(listed))
    return total


_HEADINGS = {"contract": "Contracts", "plan": "Plans", "subsidiary": "Subsidiaries"}
_OTHER_EVENTS = (
    ("merged (parent payer)", "merger of parents"),
    ("subsidiary_changed (subsidiary)", "subsidiary change"),
    ("renamed (parent payer)", "rename of a parent"),
    ("renamed (subsidiary)", "rename of a subsidiary"),
)
_PLURALS = {
    "merger of parents": "mergers of parents",
    "rename of a parent": "renames of parents",
    "rename of a subsidiary": "renames of subsidiaries",
}


def _moves(report: Report) -> Iterator[str]:
    moves = _events(report, "parent_changed")
    if moves:
        largest = max(moves, key=lambda event: len(event["contracts"]))
        units = many(len(largest["contracts"]), unit_of(report))
        yield (
            f"{many(_counted(report, 'parent_changed (parent payer)', moves), 'parent change')}. "
            f"Largest: {units} from {largest['from']} to {largest['to']}."
        )
    elif (unit := changed_units(report)[0]) != "subsidiary":
        yield f"No {unit} changed its parent payer."
    others = [
        many(total, noun, _PLURALS.get(noun, ""))
        for kind, noun in _OTHER_EVENTS
        if (total := report["event_counts"].get(kind, 0))
    ]
    if others:
        yield f"{', '.join(others)}."


def _units(report: Report) -> Iterator[str]:
    unit, units = changed_units(report)
    if any(units.values()):
        yield (
            f"{_HEADINGS[unit]}: {count(units['removed'])} removed, {count(units['added'])} added, "
            f"{count(units['changed'])} changed, of {count(units['kept'] + units['removed'])} published."
        )
    if unit == "contract":
        yield from _plans(report)


def _plans(report: Report) -> Iterator[str]:
    for tier in report["ledger"]["tiers"]:
        if tier["label"] == "benefits plan":
            yield (
                f"Plans: {count(tier['removed'])} removed, {count(tier['added'])} added, "
                f"{count(tier['changed'])} changed, of {count(tier['published'])} published."
            )


def _renumbered(report: Report) -> Iterator[str]:
    if total := report["event_counts"].get("renumbered (plan)", 0):
        yield f"{many(total, 'plan')} renumbered: the same plan under another ID."


def _rows(report: Report) -> str:
    if report.get("rollback_to"):
        return "No source file takes part: every row was signed and published before."
    ledger = report["ledger"]
    return (
        f"Source rows: {count(ledger['quarantined_rows'])} quarantined and "
        f"{count(ledger['suppressed_rows'])} suppressed, of {count(ledger['landed_rows'])} landed."
    )
