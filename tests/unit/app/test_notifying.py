"""Who is written to when a round opens or a run ends, what the mail says, and what it never says."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fivetier.app import chaining, keys
from fivetier.app.notifying import ASKED, OUTCOMES, TOLD, Mailing, ask_by_mail, tell_news
from fivetier.app.records import Mail
from fivetier.app.world import Occasion
from fivetier.domain.audit import verify
from fivetier.domain.runs import RunState
from fivetier.web import mails

from tests.support.cms import directory, entries, monthly, plans_of
from tests.support.rehearsal import MA, MONTHLY, Rehearsal

PAGES = "https://pages.example.test"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:fivetier-prod-medicare_advantage"
MAILING = Mailing(
    addresses={
        "engineering_lead": ["emil@example.test", "erna@example.test"],
        "data_lead": ["dora@example.test", "emil@example.test"],
        "data_ops_reviewer": ["olga@example.test"],
    },
    front_door_url=PAGES,
    console_url="https://us-east-1.console.aws.amazon.com",
    state_machines={MA.value: MACHINE},
    write_ask=mails.ask_letter,
    write_reminder=mails.reminder_letter,
    write_outcome=mails.outcome_letter,
    write_absence=mails.absence_letter,
)
EVERYBODY = ("emil@example.test", "erna@example.test", "dora@example.test", "olga@example.test")
REASON = "Summit Plans cannot hold H1009 any more"


class Post(Rehearsal):
    """A rehearsal whose stream reaches the mail function as well; every record comes twice."""

    def __init__(self) -> None:
        super().__init__()
        self.mailing = MAILING

    @property
    def sent(self) -> list[Mail]:
        return self.world.mailer.sent

    def deliver_ask(self, run_id: str) -> None:
        ask = self.world.runs.get_ask(run_id)
        assert ask is not None
        for _ in range(2):
            ask_by_mail(ask, self.world, self.mailing)

    def deliver_events(self, run_id: str) -> None:
        events = [event for event in self.world.runs.reported.values() if event.run_id == run_id]
        for event in [*events, *events]:
            tell_news(event, self.world, self.mailing)

    def asked(self, month: str, data: bytes, **more: bytes) -> str:
        """A run whose signers got their mail."""
        self.land(month, data)
        for source, content in more.items():
            self.land(month, content, source)
        run_id = self.start(month).run_id
        self.to_sign_off(run_id)
        self.deliver_ask(run_id)
        self.deliver_events(run_id)
        return run_id

    def outcome(self, run_id: str, state: RunState, **failure: str) -> Mail:
        """End the run; the one mail that follows."""
        before = len(self.sent)
        self.close(run_id, state, **failure)
        self.deliver_events(run_id)
        (mail,) = self.sent[before:]
        assert mail.to == EVERYBODY
        return mail


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def moved(post: Post) -> tuple[Post, str]:
    """A second month with a parent change and a dropped contract, asked about."""
    rows = entries()
    post.published("2024_08", directory(rows), **{MONTHLY: monthly(plans_of(rows))})
    after = [e.moved("Harbor Mutual") if e.parent == "Summit Plans" else e for e in rows[1:]]
    run_id = post.asked("2025_06", directory(after), **{MONTHLY: monthly(plans_of(after))})
    return post, run_id


def lines_of(mail: Mail) -> dict[str, str]:
    """`label: text` lines of the plain text."""
    return dict(line.split(": ", 1) for line in mail.text.splitlines() if ": " in line and "//" not in line)


# ---- asking ------------------------------------------------------------------------------------------------


def test_signers_and_data_operations_are_asked_once_with_what_they_need_to_know(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    (mail,) = post.sent
    report = json.loads(post.world.staging.get_bytes(keys.report_key(run_id)))
    assert mail.to == EVERYBODY
    assert mail.subject == "Sign-off asked: Medicare Advantage 2025_06 (review: 1 finding to tick)"
    ask = post.world.runs.get_ask(run_id)
    assert ask is not None
    said = lines_of(mail)
    assert said["Sign-off asked"] == "Medicare Advantage, June 2025"
    assert said["The checks recommend"].startswith("Review. 1 finding needs a tick and a reason from each signer")
    assert said["Compared with"] == "August 2024"
    assert said["Contracts"] == "11 kept, 3 of them changed; 1 removed; 0 added"
    assert said["Events"] == str(sum(report["event_counts"].values()))
    p2 = sum(found["severity"] == "P2" for found in report["findings"])
    assert said["Findings"] == f"0 blocking (P0), 1 to tick (P1), {p2} for information (P2)"
    assert said["Who must sign"].startswith("engineering lead and data lead; not the one who requested it")
    assert said["Requested by"] == "data_ops_reviewer"
    assert said["Open until"] == "November 29, 2026, 09:00 UTC, which is November 29, 2026, 04:00 in New York"
    assert (said["Run"], said["Round"]) == (run_id, "1")
    assert said["Manifest digest begins"] == ask.manifest_digest[:12]


def test_a_mail_has_one_pointer_and_the_read_only_execution(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    (mail,) = post.sent
    console = f"https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/{MACHINE}"
    links = [f"{PAGES}/sign-offs/{run_id}/1", f"{console.replace(':stateMachine:', ':execution:')}:{run_id}"]
    assert re.findall(r"https?://\S+", mail.text) == links
    assert re.findall(r'href="([^"]+)"', mail.html) == links
    assert "decides nothing" in mail.text


def test_where_there_is_no_console_no_mail_links_to_one(post: Post) -> None:
    post.mailing = replace(MAILING, console_url=None)
    post.asked("2024_08", directory(entries()))
    (mail,) = post.sent
    assert len(re.findall(r"https?://", mail.text)) == 1
    assert "Step Functions" not in mail.text + mail.html


def test_the_first_publication_says_so_and_asks_for_nothing_but_a_signature(post: Post) -> None:
    rows = entries()
    post.asked("2024_08", directory(rows), **{MONTHLY: monthly(plans_of(rows))})
    (mail,) = post.sent
    assert mail.subject.endswith("2024_08 (approve: nothing stands in the way)")
    assert lines_of(mail)["Compared with"] == "Nothing: this is the first publication"


def test_a_candidate_that_nobody_can_approve_says_that_it_is_blocked(post: Post) -> None:
    rows = entries()
    post.published("2024_08", directory(rows))
    post.asked("2025_06", directory(rows[:6]))
    (mail,) = post.sent
    assert "(reject: 1 finding blocks)" in mail.subject
    assert lines_of(mail)["The checks recommend"].startswith("Reject. 1 finding blocks publication.")


def test_a_rollback_is_asked_about_and_told_as_one(moved: tuple[Post, str]) -> None:
    post, newer = moved
    for role in ("engineering_lead", "data_lead"):
        post.sign(newer, role)
    run = post.world.runs.get_run(newer)
    older, digest = run.base_snapshot, run.manifest_digest
    assert older is not None
    assert digest is not None
    post.publish(newer, digest)
    run_id = post.roll_back(older).run_id
    post.to_sign_off(run_id)
    before = len(post.sent)
    post.deliver_ask(run_id)
    (mail,) = post.sent[before:]
    assert mail.subject.startswith("Sign-off asked: Medicare Advantage, roll back to 2024_08 (")
    assert mail.text.startswith(
        f"Sign-off asked: Medicare Advantage: Roll back to the release of August 2024 ({older})\n"
    )
    assert lines_of(mail)["Compared with"] == "June 2025"
    post.sign(run_id, "data_lead", "reject", reason=REASON)
    assert post.outcome(run_id, RunState.REJECTED).subject == "Rejected: Medicare Advantage, roll back to 2024_08"


def test_a_new_round_asks_again_and_says_so(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    ask = post.world.runs.get_ask(run_id)
    assert ask is not None
    post.ask(run_id, ask.manifest_digest, ask.expires_at.isoformat(), ask.requested_by)
    post.deliver_ask(run_id)
    assert len(post.sent) == 2
    assert post.sent[1].subject.startswith("Sign-off asked again (round 2): ")
    assert f"{PAGES}/sign-offs/{run_id}/2" in post.sent[1].text


def test_a_round_that_closed_before_its_mail_asks_nobody(post: Post) -> None:
    post.land("2024_08", directory(entries()))
    run_id = post.start("2024_08").run_id
    post.to_sign_off(run_id)
    post.world.clock.advance(days=7, seconds=1)
    post.deliver_ask(run_id)
    post.world.clock.advance(days=-1)
    post.close(run_id, RunState.REJECTED)
    post.deliver_ask(run_id)
    assert post.sent == []


def test_a_mail_that_was_not_taken_is_tried_again(post: Post) -> None:
    post.land("2024_08", directory(entries()))
    run_id = post.start("2024_08").run_id
    post.to_sign_off(run_id)
    post.world.mailer.is_down = True
    with pytest.raises(ConnectionError):
        post.deliver_ask(run_id)
    assert post.world.runs.find_event(Occasion(run_id, MA).event_id(ASKED, "1")) is None
    post.world.mailer.is_down = False
    post.deliver_ask(run_id)
    assert len(post.sent) == 1


# ---- telling -----------------------------------------------------------------------------------------------


def test_a_publication_is_told_with_who_signed(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    post.sign(run_id, "engineering_lead")
    post.sign(run_id, "data_lead")
    mail = post.outcome(run_id, RunState.PUBLISHED)
    assert mail.subject == "Published: Medicare Advantage 2025_06"
    said = lines_of(mail)
    assert said["Engineering lead"] == "Approved by engineering_lead"
    assert said["Data lead"] == "Approved by data_lead"
    assert re.findall(r"https?://\S+", mail.text) == [f"{PAGES}/runs/{run_id}"]


def test_a_rejection_is_told_with_who_and_leaves_why_to_the_page(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    post.sign(run_id, "data_lead", "reject", reason=REASON)
    answer = post.world.executions.answers[f"token-{run_id}"]
    mail = post.outcome(run_id, RunState.REJECTED, Error=answer["error"], Cause=answer["cause"])
    assert mail.subject == "Rejected: Medicare Advantage 2025_06"
    assert lines_of(mail)["Data lead"] == "Rejected by data_lead"
    assert "The reason is on the page." in mail.text


def test_an_expiry_is_told_with_who_had_signed(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    post.sign(run_id, "data_lead")
    mail = post.outcome(run_id, RunState.EXPIRED, Error="SignOffExpired", Cause="not every signer decided in time")
    assert mail.subject == "Expired without a decision: Medicare Advantage 2025_06"
    assert lines_of(mail)["Data lead"] == "Approved by data_lead"
    assert "nothing was published" in mail.text


def test_a_replaced_run_points_to_the_newer_one(moved: tuple[Post, str]) -> None:
    post, old = moved
    post.land("2025_07", directory(entries()[2:]))
    new = post.start("2025_07").run_id
    post.to_sign_off(new)
    post.settle()
    mail = post.outcome(old, RunState.SUPERSEDED, Error="Superseded", Cause=f"superseded by {new}")
    assert mail.subject == "Replaced by a newer run: Medicare Advantage 2025_06"
    assert re.findall(r"https?://\S+", mail.text) == [f"{PAGES}/runs/{old}", f"{PAGES}/runs/{new}"]


def test_a_failure_is_told_by_its_name_only(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    cause = json.dumps({"errorMessage": "H1009 of Summit Plans moved", "stackTrace": ["line 1"]})
    mail = post.outcome(run_id, RunState.FAILED, Error="BaseMoved", Cause=cause)
    assert mail.subject == "Failed: Medicare Advantage 2025_06 (BaseMoved)"
    assert "It ended with BaseMoved; the cause is on the page." in mail.text


def test_a_run_stopped_from_outside_is_told(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    mail = post.outcome(run_id, RunState.ABANDONED)
    assert mail.subject == "Abandoned: Medicare Advantage 2025_06"
    assert "stopped without closing itself" in mail.text


def test_every_end_after_an_ask_has_a_mail() -> None:
    ended = {state for state in RunState if state.has_ended}
    assert set(OUTCOMES.values()) == ended - {RunState.NO_CHANGE}
    assert set(OUTCOMES) == {f"run_{state.value.lower()}" for state in OUTCOMES.values()}


def test_nobody_hears_of_a_run_they_were_not_asked_about(post: Post) -> None:
    post.land("2024_08", directory(entries()))
    run_id = post.start("2024_08").run_id
    post.close(run_id, RunState.FAILED, Error="TruncatedFile", Cause="cut off")
    post.deliver_events(run_id)
    assert post.sent == []


def test_what_was_sent_stands_in_the_audit_chain_and_sends_nothing_itself(moved: tuple[Post, str]) -> None:
    post, run_id = moved
    post.sign(run_id, "data_lead", "reject", reason=REASON)
    post.outcome(run_id, RunState.REJECTED)
    chaining.settle(MA, post.world)
    post.deliver_events(run_id)
    post.deliver_ask(run_id)
    assert len(post.sent) == 2
    events = post.world.audit.read_from(MA, 0)
    assert verify(events, lob=MA) == []
    found = [e.event for e in events if e.event.run_id == run_id and e.event.event_type in (ASKED, TOLD)]
    assert [event.event_type for event in found] == [ASKED, TOLD]
    for event in found:
        roles = ["engineering_lead", "data_lead", "data_ops_reviewer"]
        assert (event.details, event.actor) == ({"round_number": 1, "roles": roles}, "fivetier")


# ---- what no mail ever holds -------------------------------------------------------------------------------


def every_mail() -> Iterator[Mail]:
    """A mail of each kind, from a run full of names, with a reason and a cause that quote them."""
    rows = entries()
    after = [e.moved("Harbor Mutual") if e.parent == "Summit Plans" else e for e in rows[1:]]
    for state in (*OUTCOMES.values(), None):
        post = Post()
        post.published("2024_08", directory(rows), **{MONTHLY: monthly(plans_of(rows))})
        run_id = post.asked("2025_06", directory(after), **{MONTHLY: monthly(plans_of(after))})
        post.sign(run_id, "engineering_lead", reason=REASON)
        if state is not None:
            post.sign(run_id, "data_lead", "reject", reason=REASON)
            post.outcome(run_id, state, Error="SomethingElse", Cause=REASON)
        yield from post.sent


def test_no_mail_holds_a_record_value_a_reason_or_a_token() -> None:
    rows = entries()
    names = {text for e in rows for text in (e.contract, e.parent, e.legal, e.marketing)}
    ordinary = {"advantage", "care", "group", "health", "inc.", "of", "partners", "plans", "state", "0,"}
    words = {word for name in names for word in name.casefold().split()} - ordinary
    said = (REASON, "cannot hold", "looked at it", "looked at the report", "token-", "bearer")
    forbidden = {*names, *words, "harbor", *said}
    assert {"summit", "h1000", "harbor mutual", "sunrise"} < {word.casefold() for word in forbidden}
    seen = list(every_mail())
    assert len(seen) == 2 * len(OUTCOMES) + 1
    for mail in seen:
        for part in (mail.subject, mail.text, mail.html):
            # The run's id holds the start of a digest, in which anything may stand.
            shown = re.sub(r"medicare_advantage-\d{4}_\d\d-[0-9a-f]{12}-\d\d", "", part).casefold()
            assert not [word for word in forbidden if word.casefold() in shown], part


def test_a_login_neither_breaks_the_html_nor_starts_a_line_of_its_own(post: Post) -> None:
    post.land("2024_08", directory(entries()))
    run_id = post.start("2024_08", by="<b>olga</b>\nRun: another").run_id
    post.to_sign_off(run_id)
    post.deliver_ask(run_id)
    (mail,) = post.sent
    assert "&lt;b&gt;olga&lt;/b&gt;" in mail.html
    assert "<b>" not in mail.html
    assert lines_of(mail)["Run"] == run_id
    assert "Requested by: <b>olga</b>\\x0aRun: another" in mail.text
