"""The ledger as equations: every sum a reviewer could check by hand, stated with its parts and checked again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fivetier.web.words import count

Report = Mapping[str, Any]

_NO_NODES = dict.fromkeys(("published", "candidate", "unchanged", "changed", "added", "removed"), 0)


def unit_of(report: Report) -> str:
    """What the events of a line of business count: contracts, or plans where it has none."""
    return str(report.get("unit", "contract"))


def tier_counts(report: Report, label: str) -> Mapping[str, int]:
    """The six numbers of a tier; zeros where nothing is or was there."""
    found: Mapping[str, int] = next((t for t in report["ledger"]["tiers"] if t["label"] == label), _NO_NODES)
    return found


@dataclass(frozen=True, slots=True)
class Equation:
    """A total and the parts it is made of."""

    label: str
    total: int
    parts: tuple[tuple[str, int], ...]

    @property
    def sum(self) -> int:
        """What the parts amount to."""
        return sum(number for _, number in self.parts)

    @property
    def ties(self) -> bool:
        """Whether the total is the sum of its parts."""
        return self.total == self.sum

    @property
    def verdict(self) -> str:
        """Whether it ties, in words."""
        return "ties" if self.ties else f"DOES NOT TIE: the parts sum to {count(self.sum)}"

    @property
    def text(self) -> str:
        """The equation in one line."""
        parts = " + ".join(f"{count(number)} {label}" for label, number in self.parts)
        return f"{count(self.total)} {self.label} = {parts or '0'}"


def landed_equation(row: Mapping[str, Any], label: str) -> Equation:
    """Where landed rows went, of one source or of all."""
    parts = tuple((part, int(row[f"{part}_rows"])) for part in ("normalized", "quarantined", "suppressed"))
    return Equation(label, row["landed_rows"], parts)


def published_equation(row: Mapping[str, Any], label: str, key: str = "published") -> Equation:
    """What became of what is published."""
    return Equation(label, row[key], tuple((part, row[part]) for part in ("unchanged", "changed", "removed")))


def candidate_equation(row: Mapping[str, Any], label: str, key: str = "candidate") -> Equation:
    """What the candidate is made of."""
    return Equation(label, row[key], tuple((part, row[part]) for part in ("unchanged", "changed", "added")))


def contract_equations(report: Report) -> tuple[Equation, ...]:
    """Contracts before and after; the totals are counted by program, so this is a check and no tautology."""
    if unit_of(report) != "contract":
        return ()
    contracts, programs = report["ledger"]["contracts"], report["programs"].values()
    return (
        Equation(
            "contracts published",
            sum(program["published"] for program in programs),
            (("kept", contracts["kept"]), ("removed", contracts["removed"])),
        ),
        Equation(
            "contracts in the candidate",
            sum(program["candidate"] for program in programs),
            (("kept", contracts["kept"]), ("added", contracts["added"])),
        ),
    )


def completeness_equations(report: Report) -> tuple[Equation, ...]:
    """Each publisher's plans, counted by state, as those both list and those only it does."""
    found = report.get("completeness")
    if not found:
        return ()
    totals = found["totals"]
    return tuple(
        Equation(
            f"plans listed by {name}",
            sum(state[side] for state in found["states"]),
            (("listed by both", totals["both"]), (f"by {name} only", totals[f"only_{side}"])),
        )
        for side, name in (("cms", "CMS"), ("aequalis", "Aequalis"))
    )


def equations(report: Report) -> tuple[Equation, ...]:
    """Every sum of the report."""
    return (
        *_row_equations(report),
        *_node_equations(report),
        *contract_equations(report),
        *_event_equations(report),
        *completeness_equations(report),
    )


def _row_equations(report: Report) -> Iterator[Equation]:
    ledger, sources = report["ledger"], report["sources"]
    yield landed_equation(ledger, "landed rows")
    for source in sources:
        yield landed_equation(source, f"landed rows of {source['source']}")
    for part in ("landed", "normalized", "quarantined", "suppressed"):
        by_source = tuple((f"from {s['source']}", int(s[f"{part}_rows"])) for s in sources)
        yield Equation(f"{part} rows", ledger[f"{part}_rows"], by_source)
    reasons = tuple((group["reason_code"], int(group["count"])) for group in report["quarantine"])
    yield Equation("quarantined rows", ledger["quarantined_rows"], reasons)
    yield Equation("suppressed rows", ledger["suppressed_rows"], tuple(report["suppressed"].items()))


def _node_equations(report: Report) -> Iterator[Equation]:
    ledger = report["ledger"]
    yield published_equation(ledger, "nodes published", "published_nodes")
    yield candidate_equation(ledger, "nodes in the candidate", "candidate_nodes")
    for tier in ledger["tiers"]:
        yield published_equation(tier, f"published at tier {tier['tier']} ({tier['label']})")
        yield candidate_equation(tier, f"in the candidate at tier {tier['tier']} ({tier['label']})")
    for side in ("published", "candidate"):
        tiers = tuple((f"at tier {tier['tier']}", int(tier[side])) for tier in ledger["tiers"])
        yield Equation(f"{side} nodes", ledger[f"{side}_nodes"], tiers)


def _event_equations(report: Report) -> Iterator[Equation]:
    for kind in ("removed", "added") if unit_of(report) == "contract" else ():
        events = report["event_counts"].get(f"{kind} (contract)", 0)
        yield Equation(
            f"contracts {kind}", report["ledger"]["contracts"][kind], ((f"contract events ({kind})", events),)
        )
