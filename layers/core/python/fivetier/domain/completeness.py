"""Whether CMS and Aequalis list the same benefits plans: counts per parent payer and state, and who lacks which (R1.9).

A plan counts once in each state it is listed in. CMS does not say where a Medicare Advantage plan is sold: such a plan
stands in the states Aequalis gives it or, where Aequalis does not list it, in none. A plan both list counts under the
parent it is published under; that publishers name different parents is a finding of its own.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from fivetier.domain.dictionary import Dictionary
from fivetier.domain.names import agreement_key
from fivetier.domain.slice import Node
from fivetier.domain.states import STATES
from fivetier.domain.tiers import Tier


@dataclass(frozen=True, slots=True)
class Listing:
    """A plan as one publisher lists it; `parent` is the name of its parent payer."""

    plan_id: str
    plan: str
    parent: str
    states: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Missing:
    """A plan in a state that one publisher lists and the other does not; the state is empty where nobody says it."""

    state: str
    parent: str
    plan_id: str
    plan: str


@dataclass(slots=True)
class Count:
    """Plans of one parent payer in one state."""

    both: int = 0
    only_cms: int = 0
    only_aequalis: int = 0

    def as_json(self) -> dict[str, int]:
        """The five numbers: what CMS lists is in both or in CMS only, and so for Aequalis."""
        return {
            "cms": self.both + self.only_cms,
            "aequalis": self.both + self.only_aequalis,
            **asdict(self),
        }


@dataclass
class Completeness:
    """What comparing the two lists came to.

    Attributes:
        only_cms: plans Aequalis lacks.
        only_aequalis: plans CMS lacks, in states its file covers.
        uncovered: states CMS's file says nothing of; Aequalis's plans are published there, and none is missing.
    """

    cells: dict[tuple[str, str], Count] = field(default_factory=dict)
    only_cms: list[Missing] = field(default_factory=list)
    only_aequalis: list[Missing] = field(default_factory=list)
    uncovered: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """Counts for the report: in all, by state (every state, also empty ones), by parent and state, worst first."""
        cells = [{"parent": parent, "state": state, **count.as_json()} for (parent, state), count in self.cells.items()]
        covered = {state for _, state in self.cells} - self.uncovered
        states = [*STATES, *sorted({state for _, state in self.cells} - STATES.keys())]
        return {
            "totals": _sum(cells),
            "states": [
                {
                    "state": state,
                    "covered": state in covered,
                    **_sum(cell for cell in cells if cell["state"] == state),
                }
                for state in states
            ],
            "parents_by_state": sorted(cells, key=_worst_first),
        }

    def as_state(self) -> dict[str, Any]:
        """Everything, as JSON-ready data a later step reads back."""
        return {
            "cells": [[parent, state, *asdict(count).values()] for (parent, state), count in self.cells.items()],
            "only_cms": [asdict(missing) for missing in self.only_cms],
            "only_aequalis": [asdict(missing) for missing in self.only_aequalis],
            "uncovered": sorted(self.uncovered),
        }

    @classmethod
    def from_state(cls, data: Mapping[str, Any]) -> "Completeness":
        """The reverse of `as_state`."""
        return cls(
            cells={(parent, state): Count(*numbers) for parent, state, *numbers in data["cells"]},
            only_cms=[Missing(**missing) for missing in data["only_cms"]],
            only_aequalis=[Missing(**missing) for missing in data["only_aequalis"]],
            uncovered=frozenset(data["uncovered"]),
        )


_NUMBERS = ("cms", "aequalis", "both", "only_cms", "only_aequalis")


def _sum(cells: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    found = list(cells)
    return {number: sum(cell[number] for cell in found) for number in _NUMBERS}


def _worst_first(cell: Mapping[str, Any]) -> tuple[object, ...]:
    return -(cell["only_cms"] + cell["only_aequalis"]), cell["parent"].casefold(), cell["state"]


def compare_listings(
    cms: Mapping[Any, Listing], aequalis: Mapping[Any, Listing], *, covered: Collection[str] | None = None
) -> Completeness:
    """Compare two lists of plans by key.

    Args:
        cms: plans of the leading source, as published.
        aequalis: plans of Aequalis.
        covered: states the leading source speaks of; all when None.
    """
    found = Completeness()
    every = {state for listing in aequalis.values() for state in listing.states}
    found.uncovered = frozenset() if covered is None else frozenset(every - set(covered))
    for key in sorted({*cms, *aequalis}, key=str):
        ours, theirs = cms.get(key), aequalis.get(key)
        here = ours or theirs
        assert here is not None
        listed = theirs.states if theirs is not None else frozenset[str]()
        states = (ours.states or listed or frozenset([""])) if ours is not None else frozenset[str]()
        for state in sorted(states | listed):
            cell = found.cells.setdefault((here.parent, state), Count())
            missing = Missing(state, here.parent, here.plan_id, here.plan)
            if state in states and state in listed:
                cell.both += 1
            elif state in states:
                cell.only_cms += 1
                found.only_cms.append(missing)
            else:
                cell.only_aequalis += 1
                if state not in found.uncovered:
                    found.only_aequalis.append(missing)
    return found


def merged(listings: Iterable[tuple[Any, Listing]]) -> dict[Any, Listing]:
    """Listings by key; one that repeats adds its states to the first."""
    found: dict[Any, Listing] = {}
    for key, listing in listings:
        first = found.get(key, listing)
        found[key] = Listing(first.plan_id, first.plan, first.parent, first.states | listing.states)
    return found


def parent_names(nodes: Iterable[Node], dictionary: Dictionary, day: date) -> Callable[[str | None], str]:
    """How a spelling of a parent payer is shown: as the candidate's node that agrees with it, else as it stands."""
    shown: dict[str, str] = {}
    for node in sorted(nodes, key=lambda node: node.node_id):
        if node.tier == Tier.PARENT_PAYER:
            shown.setdefault(agreement_key(node.name), node.name)

    def name_of(spelling: str | None) -> str:
        entry = dictionary.find(spelling or "", day)
        reviewed = entry.name_on(day) if entry is not None else spelling or ""
        return shown.get(agreement_key(reviewed), reviewed)

    return name_of
