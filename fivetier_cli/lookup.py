"""What the published tables say of one node: found by id, by name, and laid out line of business by line of business.

Asks SQL through a function, so that it does not matter what answers: Athena's API on a stack, or a test's database.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fivetier.domain.names import agreement_key, equality_key
from fivetier.domain.tiers import Tier

Row = dict[str, Any]
Ask = Callable[[str], list[Row]]

_NODE_ID = re.compile(r"[0-9a-f]{6,32}")
#: Names under which nodes of tiers 1 to 3 are minted; people look names up by name.
_NAME_SYSTEMS = "('parent_name', 'legal_name', 'lob')"


@dataclass(frozen=True, slots=True)
class Match:
    """One node that may be meant."""

    node_id: str
    tier: int
    name: str
    lobs: tuple[str, ...]


def find(asked: str, ask: Ask) -> list[Match]:
    """Nodes somebody may mean: by node id or its beginning, by external id, by name, by a name that agrees.

    The first kind that finds any decides.
    """
    for search in (_by_node_id, _by_external_id, _by_name, _by_agreement):
        ids = sorted(set(search(asked.strip(), ask)))
        if ids:
            return _matches(ids, ask)
    return []


def _by_node_id(asked: str, ask: Ask) -> Iterable[str]:
    prefix = asked.casefold()
    if not _NODE_ID.fullmatch(prefix):
        return []
    return [row["node_id"] for row in ask(_published("node_id", "hierarchy_node", f"t.node_id LIKE '{prefix}%'"))]


def _by_external_id(asked: str, ask: Ask) -> Iterable[str]:
    spelled = f"({_text(asked)}, {_text(asked.upper())})"
    own = f"t.id_value IN {spelled} AND t.id_system NOT IN {_NAME_SYSTEMS}"
    found = [row["node_id"] for row in ask(_published("node_id", "external_id", own))]
    if found:
        return found
    contracts = ask(_published("lob_node_id", "contract", f"t.contract_id IN {spelled}"))
    return [row["lob_node_id"] for row in contracts]


def _by_name(asked: str, ask: Ask) -> Iterable[str]:
    named = [
        row["node_id"] for row in ask(_published("node_id", "node_alias", f"t.alias = {_text(equality_key(asked))}"))
    ]
    return named or [
        row["node_id"]
        for row in ask(
            _published("node_id", "hierarchy_node", f"LOWER(t.name) = LOWER({_text(asked)}) AND t.tier <> 3")
        )
    ]


def _by_agreement(asked: str, ask: Ask) -> Iterable[str]:
    wanted = agreement_key(asked)
    names = ask(_published("node_id, t.name", "node_alias", "t.tier <= 2"))
    return [row["node_id"] for row in names if agreement_key(row["name"]) == wanted]


def _matches(ids: Sequence[str], ask: Ask) -> list[Match]:
    rows = ask(
        _published("node_id, t.tier, t.name, t.lob, t.valid_from", "hierarchy_node", f"t.node_id IN {_list(ids)}")
    )
    found = []
    for node in ids:
        own = sorted((row for row in rows if row["node_id"] == node), key=lambda row: str(row["valid_from"]))
        if own:
            lobs = tuple(sorted({row["lob"] for row in own}))
            found.append(Match(node, int(own[-1]["tier"]), own[-1]["name"], lobs))
    return sorted(found, key=lambda match: (match.tier, match.name.casefold(), match.node_id))


def explain(node: Match, day: str, ask: Ask) -> dict[str, Any]:
    """Everything published of a node: its path on a day, its ids, and every row of its history, per line of business.

    Args:
        node: which.
        day: YYYY-MM-DD; a node that does not hold that day shows the path of the last day it did.
        ask: answers SQL.
    """
    rows = ask(_published(_NODE_COLUMNS, "hierarchy_node", f"t.node_id = {_text(node.node_id)}"))
    ids = ask(_published(_ID_COLUMNS, "external_id", f"t.node_id = {_text(node.node_id)}"))
    return {
        "node_id": node.node_id,
        "tier": node.tier,
        "tier_name": Tier(node.tier).label,
        "name": node.name,
        "as_of": day,
        "lines_of_business": [
            _in_lob(
                lob,
                sorted((_plain(row) for row in rows if row["lob"] == lob), key=lambda row: str(row["valid_from"])),
                [_plain(row) for row in ids if row["lob"] == lob],
                day,
                ask,
            )
            for lob in node.lobs
        ],
    }


_NODE_COLUMNS = (
    "node_id, t.lob, t.tier, t.name, t.parent_node_id, t.state, t.plan_year, t.plan_type, t.program, t.valid_from, "
    "t.valid_to, t.end_reason, t.source, t.trace_id, t.run_id, t.release_id"
)
_ID_COLUMNS = "id_system, t.lob, t.id_value, t.plan_year, t.valid_from, t.valid_to"
_PATH_COLUMNS = "node_id, t.tier, t.name, t.parent_node_id, t.valid_from, t.valid_to"


def _in_lob(lob: str, history: Sequence[Row], ids: Sequence[Row], day: str, ask: Ask) -> dict[str, Any]:
    held = next((row for row in history if _holds(row, day)), None)
    shown = held or _nearest(history, day)
    own_ids = sorted(ids, key=lambda row: (row["id_system"], str(row["valid_from"]), row["id_value"]))
    return {
        "lob": lob,
        "release_id": shown["release_id"],
        "holds": held is not None,
        "path": _path(shown, lob, day if held else str(shown["valid_from"]), ask),
        "ids": [{key: row[key] for key in row if key != "lob"} for row in own_ids],
        "history": [{key: row[key] for key in row if key not in ("lob", "release_id", "node_id")} for row in history],
    }


def _nearest(history: Sequence[Row], day: str) -> Row:
    """The last row that began by then, else the first there will be."""
    begun = [row for row in history if str(row["valid_from"]) <= day]
    return begun[-1] if begun else history[0]


def _path(row: Row, lob: str, day: str, ask: Ask) -> list[dict[str, Any]]:
    """The node and everything above it on a day, the parent payer first."""
    path = [row]
    while path[0]["parent_node_id"] and len(path) < len(Tier):
        above = f"t.lob = {_text(lob)} AND t.node_id = {_text(path[0]['parent_node_id'])}"
        found = [_plain(each) for each in ask(_published(_PATH_COLUMNS, "hierarchy_node", above))]
        if not found:
            break
        found.sort(key=lambda each: str(each["valid_from"]))
        path.insert(0, next((each for each in found if _holds(each, day)), None) or _nearest(found, day))
    return [
        {"tier": int(each["tier"]), "tier_name": Tier(int(each["tier"])).label, **_keep(each, "name", "node_id")}
        for each in path
    ]


def _keep(row: Row, *keys: str) -> Row:
    return {key: row[key] for key in keys}


def _holds(row: Row, day: str) -> bool:
    return str(row["valid_from"]) <= day and (not row["valid_to"] or day < str(row["valid_to"]))


def _plain(row: Row) -> Row:
    """Years as numbers, dates as text, blanks as nothing: as JSON and people read them."""

    def plain(key: str, value: object) -> object:
        if value in (None, ""):
            return None
        return int(str(value)) if key == "plan_year" else str(value)

    return {key: plain(key, value) for key, value in row.items()}


def _published(columns: str, table: str, where: str) -> str:
    """Rows of a table that readers see; `columns` and `where` name them by `t`."""
    return (
        f"SELECT DISTINCT t.{columns} FROM {table} AS t INNER JOIN v_release AS r "
        f"ON r.lob = t.lob AND r.release_id = t.release_id WHERE {where}"
    )


def _list(values: Iterable[str]) -> str:
    return f"({', '.join(_text(value) for value in values)})"


def _text(value: str) -> str:
    """A literal of SQL; what people type never ends it."""
    return "'" + value.replace("'", "''") + "'"
