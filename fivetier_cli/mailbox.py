"""`fivetier mail`: what the local stack would have sent. It delivers nothing and keeps mails until it stops."""

import json
import urllib.request
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from fivetier_cli.console import UsageError, out, print_json
from fivetier_cli.stack import DEFAULT_STATE, AsJson, Deployed, StateDir, attach

_CAUGHT = "/_ministack/ses/messages"


def mail(
    number: Annotated[int | None, typer.Argument(metavar="N", help="Show this mail; 1 is the oldest.")] = None,
    last: Annotated[bool, typer.Option("--last", help="Show the newest mail.")] = False,
    state: StateDir = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """List the mails the local stack caught, newest last, or show one."""
    if last and number is not None:
        raise UsageError("give either N or --last")
    found = caught(attach(state))
    if last or number is not None:
        one = _pick(found, len(found) if number is None else number)
        print_json(one) if as_json else _show(one)
    elif as_json:
        print_json(found)
    else:
        _list(found)


def caught(deployed: Deployed) -> list[dict[str, Any]]:
    """Every mail since the stack was started, oldest first."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{deployed.stack.endpoint_url}{_CAUGHT}", timeout=10) as answer:
        accounts: dict[str, list[dict[str, Any]]] = json.load(answer)["messages"]
    messages = sorted((each for listed in accounts.values() for each in listed), key=lambda each: each["Timestamp"])
    return [
        {
            "number": number,
            "sent_at": datetime.fromtimestamp(each["Timestamp"], UTC).isoformat(timespec="seconds"),
            "from": each["Source"],
            "to": each["To"],
            "subject": each["Subject"],
            "text": each["BodyText"],
            "html": each["BodyHtml"],
        }
        for number, each in enumerate(messages, start=1)
    ]


def _pick(found: list[dict[str, Any]], number: int) -> dict[str, Any]:
    if not found:
        raise UsageError("no mail was sent since the stack was started; a run that reaches its sign-off sends one")
    if not 1 <= number <= len(found):
        raise UsageError(f"there is no mail {number}: they are numbered 1 to {len(found)}, the oldest first")
    return found[number - 1]


def _list(found: list[dict[str, Any]]) -> None:
    if not found:
        out.print("No mail since the stack was started. A run that reaches its sign-off sends one: fivetier refresh.")
        return
    table = Table()
    for heading in ("", "sent (UTC)", "to", "subject"):
        table.add_column(heading, no_wrap=heading != "to")
    for each in found:
        table.add_row(str(each["number"]), each["sent_at"][:19], "\n".join(each["to"]), each["subject"])
    out.print(table)
    out.print("Read one: fivetier mail N, or fivetier mail --last")


def _show(one: dict[str, Any]) -> None:
    head = (("Sent", one["sent_at"]), ("From", one["from"]), ("To", ", ".join(one["to"])), ("Subject", one["subject"]))
    for label, text in head:
        out.print(f"{label}: {text}", markup=False)
    out.print()
    out.print(one["text"].rstrip(), markup=False)
