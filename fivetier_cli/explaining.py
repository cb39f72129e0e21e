"""`fivetier explain`: one node's five-tier path, ids, names over time, and where they came from."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer
from fivetier.domain.tiers import Lob, Tier
from fivetier.web.words import many, plan_id, printable

from fivetier_cli.console import Exit, RefusedByApi, UsageError, err, out, print_json
from fivetier_cli.lookup import Match, Row, explain, find
from fivetier_cli.querying import run_query
from fivetier_cli.stack import DEFAULT_STATE, AsJson, Deployed, StateDir, attach

READER = "data_ops_reviewer"
SHOWN = 10


def explain_node(
    node: Annotated[
        str,
        typer.Argument(metavar="NODE_OR_NAME", help="Node id, an id such as H1234-001, or a name."),
    ],
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Path on this day, YYYY-MM-DD; else today.")] = None,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Explain one node of what is published: path, ids, history, and the source row and run behind each line."""
    day = _day(as_of)
    deployed = attach(state)
    deployed.use()

    def ask(statement: str) -> list[Row]:
        columns, rows = run_query(statement, deployed)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    matches = find(node, ask)
    if not matches:
        raise UsageError(f"nothing published has the id or name {node!r}; ask v_hierarchy for names that resemble it")
    if len(matches) > 1:
        _ask_which(node, matches, as_json=as_json)
    found = explain(matches[0], day, ask)
    _add_files(found, deployed)
    if as_json:
        print_json(found)
        return
    for line in lines_of(found):
        out.print(printable(line), markup=False)


def _day(text: str | None) -> str:
    if text is None:
        return datetime.now(UTC).date().isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as wrong:
        raise UsageError(f"--as-of {text!r} is no date: give YYYY-MM-DD") from wrong


def _ask_which(asked: str, matches: Sequence[Match], *, as_json: bool) -> None:
    if as_json:
        listed = [{"node_id": m.node_id, "tier": m.tier, "name": m.name, "lobs": list(m.lobs)} for m in matches]
        print_json({"asked": asked, "matches": listed})
    else:
        err.print(printable(f"{asked!r} may mean {len(matches)} nodes; ask again with a node id:"), markup=False)
        for match in matches[:SHOWN]:
            where = ", ".join(Lob(lob).label for lob in match.lobs)
            text = f"  {match.node_id}  {match.tier} {Tier(match.tier).label}: {match.name} ({where})"
            err.print(printable(text), markup=False)
        if len(matches) > SHOWN:
            err.print(f"  and {len(matches) - SHOWN:,} more")
    raise typer.Exit(Exit.USAGE)


def _add_files(found: Mapping[str, Any], deployed: Deployed) -> None:
    """Put the landed file beside each row: its run's report names the file whose hash the row's trace begins with."""
    reports: dict[str, Sequence[Mapping[str, Any]]] = {}
    for part in found["lines_of_business"]:
        for row in part["history"]:
            run_id = row["run_id"]
            if run_id not in reports:
                try:
                    reports[run_id] = deployed.call("GET", f"/runs/{run_id}/report", login=READER)["sources"]
                except RefusedByApi:
                    reports[run_id] = ()
            digest, _, number = (row["trace_id"] or "").rpartition("-")
            files = [s["file"] for s in reports[run_id] if digest and s["sha256"].startswith(digest)]
            row["file"] = files[0] if files else None
            row["row_number"] = int(number) if files and number.isdigit() else None


def lines_of(found: Mapping[str, Any]) -> Iterator[str]:
    """The answer as text."""
    yield f"{found['name']}: {found['tier_name']} (tier {found['tier']}), node {found['node_id']}"
    for part in found["lines_of_business"]:
        yield ""
        yield f"{Lob(part['lob']).label}, release {part['release_id']}"
        yield from _path_lines(found, part)
        if part["ids"]:
            yield "  Ids"
        for row in part["ids"]:
            yield f"    {row['id_system']:<20} {plan_id(row['id_value'])}  {_period(row)}"
        yield f"  History: {many(len(part['history']), 'row')}"
        for row in part["history"]:
            facts = [row[key] for key in ("state", "program", "plan_type", "plan_year") if row[key]]
            told = f" ({', '.join(str(fact) for fact in facts)})" if facts else ""
            ended = f", ended: {row['end_reason']}" if row["end_reason"] else ""
            yield f"    {_period(row)}  {row['name']}{told}{ended}"
            place = f"{row['file']} row {row['row_number']}" if row["file"] else f"trace {row['trace_id']}"
            yield f"        from {row['source']}, {place}, run {row['run_id']}"


def _path_lines(found: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[str]:
    yield f"  Path on {found['as_of']}" if part["holds"] else f"  Does not hold on {found['as_of']}; nearest path"
    for step in part["path"]:
        yield f"    {step['tier']} {step['tier_name']:<16} {step['name']}  [{step['node_id'][:12]}]"


def _period(row: Mapping[str, Any]) -> str:
    return f"{row['valid_from']} to {row['valid_to'] or 'now':<10}"
