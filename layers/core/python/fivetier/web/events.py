"""Hierarchy events as a reviewer reads them: moves first, then what went and what came, worst first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fivetier.web.ledger import tier_counts, unit_of
from fivetier.web.words import count, humanized, many, plan_id

Report = Mapping[str, Any]
Event = Mapping[str, Any]

SHOWN = 12  # entries of a group before the rest is folded

_PARENT_NOT_STATED = "(parent payer not stated)"
_SUBSIDIARY_NOT_STATED = "(subsidiary not stated)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a group: what, or from what to what, with the ids it touches."""

    name: str
    ids: tuple[str, ...]
    noun: str
    to: str | None = None
    is_id: bool = False
    note: str = ""
    share: float | None = None

    @property
    def size(self) -> str:
        """How many ids, in words."""
        return many(len(self.ids), self.noun, _PLURALS.get(self.noun, ""))


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events of one kind."""

    anchor: str
    title: str
    count: int
    lead: str
    entries: tuple[Entry, ...]
    listed: int
    noun: str

    @property
    def size(self) -> str:
        """How many events; where each stands for what holds plans, in words, because the title speaks of plans."""
        return many(self.count, self.noun, _PLURALS[self.noun]) if self.noun in _PLURALS else count(self.count)

    @property
    def shown(self) -> tuple[Entry, ...]:
        """Entries that are always in view."""
        return self.entries[:SHOWN]

    @property
    def folded(self) -> tuple[Entry, ...]:
        """The other entries."""
        return self.entries[SHOWN:]

    @property
    def unlisted(self) -> int:
        """Events the report counts but does not list."""
        return self.count - self.listed


#: What holds plans: the title of its groups speaks of plans.
_PLURALS = {"contract": "contracts", "subsidiary": "subsidiaries"}
_MOVES = {
    ("parent_changed", "parent payer"): (
        "Parent changes",
        "{units} in both versions that now belong to another parent payer; one line per pair of parents.",
    ),
    ("merged", "parent payer"): (
        "Parents merged",
        "Parent payers that are reviewed to have become a part of another; one line per pair of parents.",
    ),
    ("subsidiary_changed", "subsidiary"): (
        "Subsidiary changes",
        "{units} whose legal entity changed while the parent payer stayed.",
    ),
}
_RENAMED = ("Renames", "The same organization under another name.")
_COME_AND_GONE = {
    ("removed", "contract"): (
        "Contracts removed",
        "Published, and absent from the new source. Grouped by parent payer, largest first.",
    ),
    ("added", "contract"): ("Contracts added", "New in the source. Grouped by parent payer, largest first."),
}
_RESTORED = {
    "removed": "Published, and not in the release to restore. Grouped by parent payer, largest first.",
    "added": "In the release to restore, and not published. Grouped by parent payer, largest first.",
}
_LED_ON = {
    ("renumbered", "plan"): (
        "Plans renumbered",
        "The same plan, the ID it has now, and beside it the one it had.",
        "(none)",
    ),
    ("merged", "plan"): (
        "Plans merged into others",
        "The publisher's crosswalk leads their members to other plans.",
        "(plans that are not in this run)",
    ),
    ("moved_lob", "plan"): (
        "Plans moved to another line of business",
        "Another line of business has published them under the same ID.",
        "(not stated)",
    ),
}
_PLANS = {
    ("terminated", "plan"): ("Plans terminated", "lost"),
    ("removed", "plan"): ("Plans removed", "lost"),
    ("added", "plan"): ("Plans added", "gained"),
}
#: Why plans are gone that have events of their own, not `removed`.
_STATED_ENDS = ("merged", "terminated", "moved_lob")


def event_groups(report: Report) -> tuple[EventGroup, ...]:
    """Every event of the report, in reading order; kinds this page does not know come last, and are not dropped."""
    by_kind: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in report["events"]:
        by_kind[event["event_type"], event["scope"]].append(event)
    counts = {key: _counted(report, key, len(found)) for key, found in by_kind.items()}
    for text, total in report["event_counts"].items():
        kind, _, scope = text.rstrip(")").partition(" (")
        counts.setdefault((kind, scope), total)
    known = [*_MOVES, *(k for k in counts if k[0] == "renamed"), *_LED_ON, *_COME_AND_GONE, *_PLANS]
    order = [*known, *(k for k in counts if k not in known)]
    return tuple(_group(key, counts[key], by_kind[key], report) for key in order if key in counts)


def _counted(report: Report, key: tuple[str, str], found: int) -> int:
    total: int = report["event_counts"].get(f"{key[0]} ({key[1]})", found)
    return total


def _group(key: tuple[str, str], total: int, events: Sequence[Event], report: Report) -> EventGroup:
    anchor, unit = "-".join([*key[0].split("_"), *key[1].split()]), unit_of(report)
    if key in _COME_AND_GONE:
        title, lead = _COME_AND_GONE[key]
        lead = _RESTORED[key[0]] if report.get("rollback_to") else lead
        return EventGroup(anchor, title, total, lead, _by_parent(events), len(events), "parent payer")
    if key in _LED_ON:
        title, lead, nowhere = _LED_ON[key]
        return EventGroup(anchor, title, total, lead, _led_on(events, nowhere), len(events), "event")
    if key in _PLANS:
        title, verb = _PLANS[key]
        if unit == "contract" and key[0] != "terminated":
            title += " from contracts that remain" if key[0] == "removed" else " to contracts that remain"
        holder = "contract" if unit == "contract" else "subsidiary"
        lead = _plan_lead(report, key, verb, holder, events)
        return EventGroup(anchor, title, total, lead, _plans(events, holder), len(events), holder)
    title, lead = _MOVES.get(key) or (_RENAMED if key[0] == "renamed" else (humanized(key[0]), ""))
    if key not in _MOVES:
        title = f"{title} ({key[1]})"
    lead = lead.format(units=f"{unit}s".capitalize())
    return EventGroup(anchor, title, total, lead, _moves(events, unit), len(events), "event")


def _moves(events: Sequence[Event], unit: str) -> tuple[Entry, ...]:
    ordered = sorted(events, key=lambda event: -len(event["contracts"]))
    shares = _shares([len(event["contracts"]) for event in ordered])
    return tuple(
        Entry(
            event["from"] or "(none)",
            tuple(plan_id(found) for found in event["contracts"]),
            unit,
            to=event["to"] or "(none)",
            note="Possible rename: the old one is gone, the new one was unknown before."
            if event.get("possible_rename")
            else "",
            share=share,
        )
        for event, share in zip(ordered, shares, strict=True)
    )


def _by_parent(events: Sequence[Event]) -> tuple[Entry, ...]:
    parents: dict[str, list[str]] = defaultdict(list)
    for event in events:
        parents[parent_of(event)] += event["contracts"]
    ordered = sorted(parents.items(), key=lambda item: (-len(item[1]), item[0].casefold()))
    shares = _shares([len(ids) for _, ids in ordered])
    return tuple(
        Entry(name, tuple(ids), "contract", share=share) for (name, ids), share in zip(ordered, shares, strict=True)
    )


def _shares(sizes: Sequence[int]) -> list[float | None]:
    """Each size in percent of the largest; nothing where bars would all be alike and say nothing."""
    if len(set(sizes)) < 2:
        return [None] * len(sizes)
    return [round(100 * size / max(sizes), 2) for size in sizes]


def parent_of(event: Event) -> str:
    """The parent payer in the label `H1234 (Name)` of a contract event."""
    label, contract = event["from"] or event["to"] or "", "".join(event["contracts"][:1])
    prefix = f"{contract} ("
    if label.startswith(prefix) and label.endswith(")"):
        return str(label[len(prefix) : -1])
    return label if label and label != contract else _PARENT_NOT_STATED


def plan_ids(event: Event) -> tuple[str, ...]:
    """The plans a plan event names."""
    named = event["to"] if event["event_type"] == "added" else event["from"]
    return tuple(plan_id(found) for found in (named or "").split(", "))


def _plans(events: Sequence[Event], holder: str) -> tuple[Entry, ...]:
    is_id = holder == "contract"
    entries = [
        Entry(
            ", ".join(event["contracts"]) if is_id else event.get("of") or _SUBSIDIARY_NOT_STATED,
            plan_ids(event),
            "plan",
            is_id=is_id,
        )
        for event in events
    ]
    return tuple(sorted(entries, key=lambda entry: (-len(entry.ids), entry.name)))


def _led_on(events: Sequence[Event], nowhere: str) -> tuple[Entry, ...]:
    """From which plans to what; a plan's name of three parts stands as one id."""
    ordered = sorted(events, key=lambda event: (-len(plan_ids(event)), event["from"] or ""))
    return tuple(
        Entry(
            event.get("of") or ", ".join(plan_ids(event)),
            plan_ids(event),
            "plan",
            to=", ".join(plan_id(found) for found in (event["to"] or nowhere).split(", ")),
        )
        for event in ordered
    )


def _plan_lead(report: Report, key: tuple[str, str], verb: str, holder: str, events: Sequence[Event]) -> str:
    """How many plans; then how many more came or went otherwise, so that together they are the ledger's number."""
    here = sum(len(plan_ids(event)) for event in events)
    lead = f"{many(len(events), holder, _PLURALS[holder])} {verb} {many(here, 'plan')}. Most plans first."
    if key[0] == "terminated":
        return f"The publisher says that they ended. {lead}"
    total = int(tier_counts(report, "benefits plan")[key[0]])
    stated = [e for e in report["events"] if e["event_type"] in _STATED_ENDS and e["scope"] == "plan"]
    ended = sum(len(plan_ids(event)) for event in stated) if key[0] == "removed" else 0
    rest = total - here - ended
    if rest < 0 or len(report["events"]) < sum(report["event_counts"].values()):
        return lead
    others = [f"{count(ended)} merged, ended or moved as stated above"] if ended else []
    if rest:
        others.append(
            f"{count(rest)} {_WITH_CONTRACTS[key[0]]}" if holder == "contract" else f"{count(rest)} otherwise"
        )
    return f"{lead} Another {' and another '.join(others)}: {many(total, 'plan')} {key[0]} in all." if others else lead


_WITH_CONTRACTS = {"removed": "left with removed contracts", "added": "came with added contracts"}
