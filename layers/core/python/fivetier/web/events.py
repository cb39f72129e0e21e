"""Hierarchy events as a reviewer reads them: moves first, then what went and what came, worst first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fivetier.web.words import count, humanized, many

Report = Mapping[str, Any]
Event = Mapping[str, Any]

SHOWN = 12  # entries of a group before the rest is folded

_PARENT_NOT_STATED = "(parent payer not stated)"


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
        return many(len(self.ids), self.noun)


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
        """How many events; where each stands for a contract, in words, because the title speaks of plans."""
        return many(self.count, self.noun) if self.noun == "contract" else count(self.count)

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


_MOVES = {
    ("parent_changed", "parent payer"): (
        "Parent changes",
        "Contracts in both versions that now belong to another parent payer; one line per pair of parents.",
    ),
    ("subsidiary_changed", "subsidiary"): (
        "Subsidiary changes",
        "Contracts whose legal entity changed while the parent payer stayed.",
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
_PLANS = {
    ("removed", "plan"): ("Plans removed from contracts that remain", "lost"),
    ("added", "plan"): ("Plans added to contracts that remain", "gained"),
}


def event_groups(report: Report) -> tuple[EventGroup, ...]:
    """Every event of the report, in reading order; kinds this page does not know come last, and are not dropped."""
    by_kind: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in report["events"]:
        by_kind[event["event_type"], event["scope"]].append(event)
    counts = {key: _counted(report, key, len(found)) for key, found in by_kind.items()}
    for text, total in report["event_counts"].items():
        kind, _, scope = text.rstrip(")").partition(" (")
        counts.setdefault((kind, scope), total)
    known = [*_MOVES, *(k for k in counts if k[0] == "renamed"), *_COME_AND_GONE, *_PLANS]
    order = [*known, *(k for k in counts if k not in known)]
    return tuple(_group(key, counts[key], by_kind[key], report) for key in order if key in counts)


def _counted(report: Report, key: tuple[str, str], found: int) -> int:
    total: int = report["event_counts"].get(f"{key[0]} ({key[1]})", found)
    return total


def _group(key: tuple[str, str], total: int, events: Sequence[Event], report: Report) -> EventGroup:
    anchor = "-".join([*key[0].split("_"), *key[1].split()])
    if key in _COME_AND_GONE:
        title, lead = _COME_AND_GONE[key]
        lead = _RESTORED[key[0]] if report.get("rollback_to") else lead
        return EventGroup(anchor, title, total, lead, _by_parent(events), len(events), "parent payer")
    if key in _PLANS:
        title, verb = _PLANS[key]
        lead = _plan_lead(report, key, verb, events)
        return EventGroup(anchor, title, total, lead, _plans(events), len(events), "contract")
    title, lead = _MOVES.get(key) or (_RENAMED if key[0] == "renamed" else (humanized(key[0]), ""))
    if key not in _MOVES:
        title = f"{title} ({key[1]})"
    return EventGroup(anchor, title, total, lead, _moves(events), len(events), "event")


def _moves(events: Sequence[Event]) -> tuple[Entry, ...]:
    ordered = sorted(events, key=lambda event: -len(event["contracts"]))
    shares = _shares([len(event["contracts"]) for event in ordered])
    return tuple(
        Entry(
            event["from"] or "(none)",
            tuple(event["contracts"]),
            "contract",
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
    return tuple((event["from"] or event["to"] or "").split(", "))


def _plans(events: Sequence[Event]) -> tuple[Entry, ...]:
    entries = [Entry(", ".join(event["contracts"]), plan_ids(event), "plan", is_id=True) for event in events]
    return tuple(sorted(entries, key=lambda entry: (-len(entry.ids), entry.name)))


def _plan_lead(report: Report, key: tuple[str, str], verb: str, events: Sequence[Event]) -> str:
    """How many plans, and how many more went or came with whole contracts: together the ledger's number."""
    here = sum(len(plan_ids(event)) for event in events)
    lead = f"{many(len(events), 'contract')} {verb} {many(here, 'plan')}. Most plans first."
    total = next((int(t[key[0]]) for t in report["ledger"]["tiers"] if t["label"] == "benefits plan"), None)
    if total is None or total < here or len(events) < _counted(report, key, len(events)):
        return lead
    other = "left with removed contracts" if key[0] == "removed" else "came with added contracts"
    return f"{lead} Another {count(total - here)} {other}: {many(total, 'plan')} {key[0]} in all."
