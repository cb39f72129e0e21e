"""The report as one standalone HTML page: no script, no outside resource, readable as a file, on a phone, on paper."""

from collections.abc import Mapping
from typing import Any

from fivetier.domain.errors import InputError
from fivetier.domain.report import REPORT_VERSION
from fivetier.web import banner, charts, evidence, highlights, ledger
from fivetier.web.completeness import completeness
from fivetier.web.environment import render
from fivetier.web.events import SHOWN, event_groups
from fivetier.web.grids import Cell, Grid, Head, number, tie


def render_report(report: Mapping[str, Any]) -> str:
    """Draw the report for the people who sign it.

    Args:
        report: `report.json` as frozen, or with what `view_report` adds (state, digest, round, decisions).

    Raises:
        InputError: the report is of a version this page does not know.
    """
    return render("report.html.j2", report_view(report))


def report_view(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the report's template shows.

    Raises:
        InputError: the report is of a version this page does not know.
    """
    if report["report_version"] != REPORT_VERSION:
        raise InputError(f"this page reads report version {REPORT_VERSION}, not {report['report_version']!r}")
    return {
        "title": highlights.title(report),
        "advice": highlights.advice(report),
        "advice_kind": report["recommendation"]["advice"],
        "advice_reason": highlights.advice_reason(report),
        "breached": [(evidence.finding_anchor(f["code"]), f) for f in highlights.breached(report)],
        "base": highlights.base(report),
        "highlights": highlights.highlights(report),
        "facts": banner.facts(report),
        "state": banner.state(report),
        "waiting": banner.waiting(report),
        "decisions": banner.decisions(report),
        "moved": banner.moved(report),
        "finding_groups": evidence.finding_groups(report),
        "finding_count": len(report["findings"]),
        "event_groups": event_groups(report),
        "event_count": sum(report["event_counts"].values()),
        "shown": SHOWN,
        "columns": evidence.column_views(report),
        "quarantine": evidence.quarantine_views(report),
        "quarantined": report["ledger"]["quarantined_rows"],
        "suppressed": evidence.suppressed_grid(report),
        "suppressed_count": report["ledger"]["suppressed_rows"],
        "sources": evidence.source_views(report),
        "dictionary": evidence.dictionary(report),
        "unit": ledger.unit_of(report),
        "completeness": completeness(report),
        "without_sources": "A rollback reads no file." if report.get("rollback_to") else "No file landed.",
        "glossary": evidence.glossary(report),
        **_ledger_view(report),
    }


def _ledger_view(report: Mapping[str, Any]) -> dict[str, Any]:
    every, totals = ledger.equations(report), report["ledger"]
    return {
        "landed": ledger.landed_equation(totals, "landed rows"),
        "nodes": (
            ledger.published_equation(totals, "nodes published", "published_nodes"),
            ledger.candidate_equation(totals, "nodes in the candidate", "candidate_nodes"),
        ),
        "contracts": ledger.contract_equations(report),
        "contracts_changed": totals["contracts"]["changed"],
        "equations": every,
        "broken": [equation for equation in every if not equation.ties],
        "source_grid": _source_grid(report),
        "tier_grid": _tier_grid(report),
        "tier_bars": charts.tier_bars(report),
        "program_bars": charts.program_bars(report),
    }


_LANDED = ("normalized", "quarantined", "suppressed")
_TIER = ("published", "unchanged", "changed", "removed", "added", "candidate")


def _source_grid(report: Mapping[str, Any]) -> Grid:
    heads = (Head("Source"), Head("Landed", True), *(Head(f"{p.capitalize()}", True) for p in _LANDED), Head("Sum"))
    total = {f"{p}_rows": sum(s[f"{p}_rows"] for s in report["sources"]) for p in ("landed", *_LANDED)}
    rows = tuple(_source_row(Cell(source["source"], "code"), source) for source in report["sources"])
    return Grid("ledger-sources", "Landed rows by source", heads, rows, _source_row(Cell("All sources"), total))


def _source_row(name: Cell, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    equation = ledger.landed_equation(row, "")
    numbers = (number(equation.total), *(number(value) for _, value in equation.parts))
    return (name, *numbers, tie(equation.ties, equation.verdict))


def _tier_grid(report: Mapping[str, Any]) -> Grid:
    tiers = report["ledger"]["tiers"]
    heads = (Head("Tier"), *(Head(part.capitalize(), True) for part in _TIER), Head("Sums"))
    rows = tuple(_tier_row(Cell(f"{tier['tier']} {tier['label']}"), tier) for tier in tiers)
    total = {part: sum(tier[part] for tier in tiers) for part in _TIER}
    return Grid("ledger-tiers", "Nodes by tier", heads, rows, _tier_row(Cell("All tiers"), total))


def _tier_row(name: Cell, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    both = (ledger.published_equation(row, ""), ledger.candidate_equation(row, ""))
    broken = [equation.verdict for equation in both if not equation.ties]
    return (name, *(number(row[part]) for part in _TIER), tie(not broken, broken[0] if broken else "tie"))
