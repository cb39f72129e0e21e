"""Findings, changed columns, refused and suppressed rows, sources: the evidence as tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fivetier.web.banner import who
from fivetier.web.grids import Cell, Grid, Head, code, number, sample_grid, text
from fivetier.web.ledger import unit_of
from fivetier.web.words import (
    HINTS,
    LOOKBACK_TERM,
    PROGRAMS,
    REASONS,
    ROLLBACK_TERM,
    RULES,
    SEVERITIES,
    SEVERITY_TERMS,
    TABLES,
    TERMS,
    count,
    humanized,
    many,
    month,
    role,
)

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding with what signers said about it so far."""

    anchor: str
    code: str
    title: str
    size: str
    hint: str
    severity: str
    ticks: tuple[str, ...]
    grid: Grid | None


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings of one severity."""

    severity: str
    title: str
    findings: tuple[FindingView, ...]


def finding_groups(report: Report) -> tuple[FindingGroup, ...]:
    """Findings by severity, gravest first; groups without one are left out."""
    severities = dict.fromkeys([*SEVERITIES, *(found["severity"] for found in report["findings"])])
    groups = (
        FindingGroup(
            severity,
            SEVERITIES.get(severity, severity),
            tuple(_finding(found, report) for found in report["findings"] if found["severity"] == severity),
        )
        for severity in severities
    )
    return tuple(group for group in groups if group.findings)


def _finding(found: Mapping[str, Any], report: Report) -> FindingView:
    anchor, samples = finding_anchor(found["code"]), found["samples"]
    caption = f"Samples of {found['code']}: {_shown(len(samples), found['count'])}"
    ticks = tuple(
        f"{who(decision)} ({role(decision['role'])}): {decision['ticks'][found['code']]}"
        for decision in report.get("decisions", ())
        if found["code"] in decision["ticks"]
    )
    grid = sample_grid(f"{anchor}-samples", caption, samples, unit=unit_of(report))
    return FindingView(
        anchor,
        found["code"],
        found["title"],
        many(found["count"], "case"),
        HINTS.get(found["code"], ""),
        found["severity"],
        ticks,
        grid,
    )


def finding_anchor(finding_code: str) -> str:
    """Where a finding stands on the page."""
    return f"finding-{finding_code.lower().replace('_', '-')}"


def _shown(shown: int, total: int) -> str:
    return f"all {count(total)}" if shown == total else f"{count(shown)} of {count(total)}"


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column whose values changed."""

    name: str
    size: str
    example: str
    grid: Grid | None


def column_views(report: Report) -> tuple[ColumnView, ...]:
    """Changed columns in the report's order: contracts, then nodes, each most changes first."""
    return tuple(_column(index, change) for index, change in enumerate(report["column_changes"], start=1))


def _column(index: int, change: Mapping[str, Any]) -> ColumnView:
    table = TABLES.get(change["table"], humanized(change["table"]))
    value = code if change["column"].endswith("_id") else text
    rows = tuple((code(s["key"]), value(s["before"]), value(s["after"])) for s in change["samples"])
    name = f"{table}: {humanized(change['column'])}"
    example = "" if value is code or not rows else f"{rows[0][1].text} → {rows[0][2].text}"
    caption = f"{name}, before and after: {_shown(len(rows), change['count'])}"
    heads = (Head(f"{table} ID"), Head("Before"), Head("After"))
    grid = Grid(f"column-{index}", caption, heads, rows) if rows else None
    return ColumnView(name, many(change["count"], "change"), example, grid)


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """Refused rows of one reason."""

    code: str
    reason: str
    size: str
    grid: Grid | None


def quarantine_views(report: Report) -> tuple[QuarantineView, ...]:
    """Refused rows by reason, the most frequent first."""
    return tuple(_refused(index, group) for index, group in enumerate(report["quarantine"], start=1))


def _refused(index: int, group: Mapping[str, Any]) -> QuarantineView:
    heads = (Head("Row", True), Head("Column"), Head("Value"), Head("What is wrong"), Head("File"))
    rows = tuple(
        (
            number(sample["row_number"]),
            text(sample["column_name"]),
            code(sample["value"]),
            Cell(text(sample["message"]).text, fold=sample["raw_row"] or ""),
            code(sample["source_object"]),
        )
        for sample in group["samples"]
    )
    caption = f"Samples of {group['reason_code']}: {_shown(len(rows), group['count'])}"
    grid = Grid(f"quarantine-{index}", caption, heads, rows) if rows else None
    return QuarantineView(group["reason_code"], _reason(group["reason_code"]), many(group["count"], "row"), grid)


def _reason(reason_code: str) -> str:
    return REASONS.get(reason_code, humanized(reason_code))


def suppressed_grid(report: Report) -> Grid:
    """Suppressed rows by rule, with the total."""
    rows = tuple(
        (code(rule), number(rows), Cell(RULES.get(rule, "Kept out by this rule")))
        for rule, rows in report["suppressed"].items()
    )
    total = (Cell("Total"), number(sum(report["suppressed"].values())), Cell(""))
    return Grid(
        "suppressed-rules", "Suppressed rows by rule", (Head("Rule"), Head("Rows", True), Head("Why")), rows, total
    )


@dataclass(frozen=True, slots=True)
class SourceView:
    """A landed file."""

    source: str
    file: str
    facts: tuple[tuple[str, Cell], ...]
    sha256: str
    dropped: tuple[str, ...]


def source_views(report: Report) -> tuple[SourceView, ...]:
    """Every landed file in the report's order."""
    return tuple(_source(source) for source in report["sources"])


def dictionary(report: Report) -> tuple[tuple[str, Cell], ...]:
    """The edition of the parent dictionary names were looked up in; nothing where the report names none."""
    edition = report.get("dictionary")
    if not edition:
        return ()
    return ("Edition", code(edition["version"])), ("SHA-256", code(edition["sha256"]))


def _source(source: Mapping[str, Any]) -> SourceView:
    facts = [
        ("Plan year" if (source["period"] or "").isdigit() else "Month", text(month(source["period"]))),
        ("Format", text(source["format"])),
        ("Encoding", text(source["encoding"])),
        ("Landed rows", number(source["landed_rows"])),
    ]
    if source["version_id"] is not None:
        facts.append(("Object version", code(source["version_id"])))
    return SourceView(
        source["source"], source["file"], tuple(facts), source["sha256"], tuple(source["dropped_columns"])
    )


def glossary(report: Report) -> tuple[tuple[Cell, str], ...]:
    """Words of this page, then every code this report uses, one line each."""
    codes = (
        *((found["code"], found["title"]) for found in report["findings"]),
        *((group["reason_code"], _reason(group["reason_code"])) for group in report["quarantine"]),
        *((rule, RULES.get(rule, "A rule that keeps rows out")) for rule in report["suppressed"]),
        *((name, PROGRAMS.get(name, "A program")) for name in report["programs"]),
    )
    special = ((ROLLBACK_TERM, "rollback_to"), (LOOKBACK_TERM, "lookback"))
    terms = (*TERMS, *(term for term, told_by in special if report.get(told_by)))
    return (
        *((text(term), meaning) for term, meaning in (*terms, *SEVERITY_TERMS)),
        *((code(term), meaning if meaning.endswith((".", "?")) else f"{meaning}.") for term, meaning in codes),
    )
