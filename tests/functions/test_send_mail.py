"""The mail function: stream records in, mails out, nothing of either in the log."""

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from fivetier.app.notifying import Mailing
from fivetier.domain.runs import RunState
from fivetier.web import mails

from tests.functions.test_stream_records import batch, record
from tests.support.cms import directory, entries
from tests.support.rehearsal import MA, Rehearsal

HANDLER = Path(__file__).parents[2] / "functions" / "send_mail" / "handler.py"
MAILING = Mailing(
    addresses={role: [f"{role}@example.test"] for role in ("engineering_lead", "data_lead", "data_ops_reviewer")},
    front_door_url="https://pages.example.test",
    console_url=None,
    state_machines={MA.value: "arn:aws:states:us-east-1:123456789012:stateMachine:refresh"},
    write_ask=mails.ask_letter,
    write_reminder=mails.reminder_letter,
    write_outcome=mails.outcome_letter,
    write_absence=mails.absence_letter,
)
CONTEXT = SimpleNamespace(aws_request_id="request-1", function_name="send_mail")


@pytest.fixture
def rehearsal() -> Rehearsal:
    return Rehearsal()


@pytest.fixture
def function(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function's own module on the ports of a rehearsal."""
    spec = importlib.util.spec_from_file_location("send_mail_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ports", lambda: rehearsal.world)
    monkeypatch.setattr(module, "mailing", lambda: MAILING)
    return module


def test_an_ask_and_an_end_in_one_batch_are_mailed_once_each(
    function: ModuleType, rehearsal: Rehearsal, caplog: pytest.LogCaptureFixture
) -> None:
    rehearsal.land("2024_08", directory(entries()))
    asked = rehearsal.start("2024_08").run_id
    rehearsal.to_sign_off(asked)
    ask = record(f"RUN#{asked}", "ASK")
    for _ in range(2):
        assert function.handler(batch(ask, ask), CONTEXT) == {"asked": 2, "events": 0}
    rehearsal.close(asked, RunState.EXPIRED)
    events = [e for e in rehearsal.world.runs.reported.values() if e.run_id == asked]
    ended = batch(*(record(f"OUTBOX#{MA}", f"{e.at}#{e.event_id}") for e in events))
    for _ in range(2):
        assert function.handler(ended, CONTEXT) == {"asked": 0, "events": len(events)}
    assert [mail.subject for mail in rehearsal.world.mailer.sent] == [
        "Sign-off asked: Medicare Advantage 2024_08 (approve: nothing stands in the way)",
        "Expired without a decision: Medicare Advantage 2024_08",
    ]
    logged = "".join(str(vars(line)) for line in caplog.records)
    assert "noticed" in logged
    assert "@" not in logged
    assert "//" not in logged.replace(str(HANDLER), "")


def test_a_run_whose_ask_is_gone_is_passed_over(function: ModuleType, rehearsal: Rehearsal) -> None:
    assert function.handler(batch(record("RUN#nobody", "ASK")), CONTEXT) == {"asked": 1, "events": 0}
    assert rehearsal.world.mailer.sent == []
