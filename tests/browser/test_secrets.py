"""After two people signed: what they signed with stands in no log, mail, address, answer or run history."""

import json
from collections.abc import Callable

import boto3
from playwright.sync_api import Request, expect

from tests.support.desk import CIGNA, Desk
from tests.support.people import Someone


def history_of(desk: Desk, run_id: str) -> list[dict[str, object]]:
    """Events of the run's execution, whole."""
    machine = desk.pipeline.deployed.outputs["StateMachineMedicareAdvantage"]
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{run_id}"
    pages = boto3.client("stepfunctions").get_paginator("get_execution_history")
    return [event for page in pages.paginate(executionArn=execution) for event in page["events"]]


def task_token(desk: Desk, run_id: str) -> str:
    key = {"pk": {"S": f"TOKEN#{run_id}"}, "sk": {"S": "TOKEN"}}
    table = desk.pipeline.deployed.outputs["OpsTable"]
    return str(boto3.client("dynamodb").get_item(TableName=table, Key=key)["Item"]["task_token"]["S"])


def test_nothing_anybody_can_read_lets_them_sign(desk: Desk, arrive: Callable[..., Someone]) -> None:
    run_id = desk.asks(to=CIGNA)  # published, it leaves the other tests what they move
    token = task_token(desk, run_id)
    addresses: list[str] = []
    secrets: dict[str, str] = {"task token": token}
    pages: list[str] = []
    for login in ("engineering_lead", "data_lead"):
        someone = arrive()

        def note(request: Request) -> None:
            # The code is good once, for a minute, and only with the verifier in this browser's own cookie.
            addresses.append(request.url.split("?code=")[0])

        someone.page.on("request", note)
        someone.signs_in(login, f"/sign-offs/{run_id}/1")
        pages.append(someone.page.content().replace(someone.page.locator("[name=csrf]").input_value(), ""))
        secrets[f"form of {login}"] = someone.page.locator("[name=csrf]").input_value()
        cookies = {cookie["name"]: cookie for cookie in someone.context.cookies()}
        secrets[f"session of {login}"] = cookies["fivetier"]["value"]
        assert cookies["fivetier"]["httpOnly"] and cookies["fivetier"]["sameSite"] == "Strict"
        assert someone.page.evaluate("document.cookie") == ""
        someone.ticks_everything()
        someone.says("read it")
        someone.approve.click()
        expect(someone.section("decision")).not_to_contain_text("You sign manifest digest")
    assert desk.pipeline.ended(run_id)["state"] == "PUBLISHED"

    history = history_of(desk, run_id)
    # Step Functions itself shows the token of a waiting task to whoever may read histories; it is of use only to
    # the one role that may send it back (tests/infra/test_rights.py).
    waiting = [event for event in history if token in json.dumps(event, default=str)]
    assert {event["type"] for event in waiting} <= {"TaskScheduled", "TaskSubmitted"}
    readable = {
        "logs": "".join(path.read_text() for path in (desk.pipeline.deployed.stack.state_dir / "logs").glob("*.log")),
        "mails": desk.pipeline.command("mail", "--json").out,
        "addresses": "\n".join(addresses),
        "pages": "".join(pages),
        "run": json.dumps(desk.pipeline.run(run_id)) + json.dumps(desk.pipeline.report(run_id)),
        "history": json.dumps([event for event in history if event not in waiting], default=str),
    }
    assert all(len(text) > 500 for text in readable.values()), {name: len(text) for name, text in readable.items()}
    found = [(secret, place) for secret, value in secrets.items() for place, text in readable.items() if value in text]
    assert found == []
