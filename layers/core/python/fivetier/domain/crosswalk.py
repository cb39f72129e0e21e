"""What publishers say becomes of a plan when the year turns (R1.10, R1.11): same node, other node, or an end.

An end is never inferred from a missing row, and attributions do not follow an edge by themselves (R1.12).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from fivetier.domain.resolution import Refused, SourceRow
from fivetier.domain.slice import Crosswalk, Node, Origin, Slice

PLAN_NOT_IN_RUN = "PLAN_NOT_IN_RUN"
FIRST_FILES = 8  # the month in which files of the coming plan year begin to arrive
MERGED, TERMINATED = "merged", "terminated"

#: The plan goes on; a change of id is a change of number (R1.10).
RENEWED = frozenset({"renewed", "renewed_area_added", "renewed_area_reduced", "same"})
#: Its members are led to another plan (R1.10, R1.11).
LED_ON = frozenset({"consolidated", "plan", "county", "zip"})
ENDED = frozenset({"terminated", "contract_terminated", "discontinued", "withdrawn"})
BEGUN = frozenset({"new", "new_contract"})
#: Canonical statuses a mapping may give.
STATUSES = RENEWED | LED_ON | ENDED | BEGUN


@dataclass(frozen=True, slots=True)
class Links:
    """Edges to publish, why plans ended, and rows about plans this run does not know."""

    edges: tuple[Crosswalk, ...] = ()
    end_reasons: Mapping[str, str] | None = None
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True)
class PlanCrosswalk:
    """The crosswalk rows of a run beside the plans that were ever published.

    Attributes:
        known: plan id -> node of every plan ever published.
        renumbered: new id -> node of the plan that bore another id before.
    """

    rows: Sequence[SourceRow]
    known: dict[str, str]
    renumbered: dict[str, str]

    @classmethod
    def of(cls, rows: Sequence[SourceRow] | None, id_system: str, published: Slice) -> "PlanCrosswalk":
        """Take a run's rows."""
        known = {e.id_value: e.node_id for e in published.external_ids if e.id_system == id_system}
        ordered = sorted(rows or (), key=lambda row: (str(row["plan_id"]), str(row["next_plan_id"]), row["trace_id"]))
        renumbered: dict[str, str] = {}
        for row in ordered:
            old, new = row["plan_id"], row["next_plan_id"]
            if row["crosswalk_status"] in RENEWED and old in known and new is not None and new not in known:
                renumbered.setdefault(new, known[old])
        return cls(ordered, known, renumbered)

    def links(
        self, plans: Mapping[str, Node], node_of: Mapping[str, str], origin: Callable[[SourceRow], Origin], day: date
    ) -> Links:
        """Join the rows to nodes.

        Args:
            plans: the candidate's plans by node.
            node_of: plan id -> node, of this run.
            origin: where a row came from.
            day: first day of the run's month; a file that does not say its plan year is of the next one to begin.
        """
        coming = day.year + 1 if day.month >= FIRST_FILES else day.year
        edges: list[Crosswalk] = []
        refused: list[Refused] = []
        led: dict[str, set[str]] = {}
        for row in self.rows:
            if row["crosswalk_status"] in BEGUN:
                continue
            before = self.known.get(row["plan_id"] or "")
            after = node_of.get(row["next_plan_id"] or "")
            unknown = row["plan_id"] if before is None else row["next_plan_id"] if after is None else None
            if unknown is not None:
                message = f"plan {unknown} is neither published nor in the files of this run"
                refused.append(Refused(row, PLAN_NOT_IN_RUN, message))
                continue
            assert before is not None
            status, year = row["crosswalk_status"], row["plan_year"] or coming
            # Where nothing follows, members are led nowhere, whatever the level says.
            if after is not None or status not in LED_ON:
                led.setdefault(before, set()).add(status)
            edges.append(
                Crosswalk(
                    before,
                    after or "",
                    year,
                    status,
                    row["area"] or "",
                    row["zip_code"] or "",
                    date(year, 1, 1),
                    origin(row),
                )
            )
        return Links(tuple(edges), _end_reasons(led, plans), tuple(refused))


def _end_reasons(said: Mapping[str, set[str]], plans: Mapping[str, Node]) -> dict[str, str]:
    """Why plans that are gone ended; one that is led on anywhere was merged, whatever else is said of it (R1.10)."""
    reasons = {}
    for node, statuses in said.items():
        if node not in plans:
            reasons[node] = MERGED if statuses & LED_ON else TERMINATED if statuses & ENDED else ""
    return {node: reason for node, reason in reasons.items() if reason}
