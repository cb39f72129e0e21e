"""The pages behind the login, as a browser meets them: who may read, who may decide, and what changes nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fivetier.aws import pages, wiring
from fivetier.aws.front_door import FrontDoor
from fivetier.aws.oidc import OidcIssuer
from fivetier.aws.settings import Settings
from fivetier.domain.runs import RunState

from tests.support.cms import directory, entries
from tests.support.oidc_issuer import AUDIENCE, Issuer, running_issuer
from tests.support.rehearsal import Rehearsal
from tests.support.visitor import Answer, Visitor

DOOR = "https://sign.example.test"
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:fivetier-dev-medicare_advantage"
HOSTILE = '<script>alert(1)</script> & "Sons"'


@dataclass
class Office:
    """A run that waits for its signers, behind the front door."""

    rehearsal: Rehearsal
    issuer: Issuer
    run_id: str
    digest: str

    @property
    def path(self) -> str:
        return f"/sign-offs/{self.run_id}/1"

    def visitor(self, login: str = "", *roles: str, **claims: Any) -> Visitor:
        visitor = Visitor(DOOR)
        if login:
            visitor.sign_in(self.issuer, login, *roles, **claims)
        return visitor

    def decisions(self) -> list[tuple[str, str, str]]:
        found = self.rehearsal.world.runs.decisions(self.run_id, 1)
        return [(d.login, d.role, d.verdict) for d in found]

    def decide(self, visitor: Visitor, decision: str = "approve", **changes: str) -> Answer:
        """Fill in the form of the page and send it."""
        form = visitor.get(self.path).form
        ticks = {name.replace("why:", "tick:"): "yes" for name in form if name.startswith("why:")}
        whys = {name: "looked at it" for name in form if name.startswith("why:")}
        filled = {**form, **ticks, **whys, "reason": "read it", "decision": decision, **changes}
        return visitor.post(self.path, {name: value for name, value in filled.items() if value != "(none)"})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running_issuer() as made:
        yield made


@pytest.fixture
def office(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Office:
    rehearsal = Rehearsal()
    rows = entries()
    rehearsal.published("2024_08", directory(rows))
    moved = [e.moved(HOSTILE) if e.parent == "Summit Plans" else e for e in rows]
    rehearsal.land("2025_06", directory(moved))
    run_id = rehearsal.start("2025_06").run_id
    digest = rehearsal.to_sign_off(run_id)
    door = FrontDoor(OidcIssuer(issuer.url, AUDIENCE), DOOR)
    settings = Settings(state_machines={"medicare_advantage": MACHINE}, console_url="https://console.example.test")
    monkeypatch.setattr(pages, "ports", lambda: rehearsal.world)
    monkeypatch.setattr(wiring, "door", lambda: door)
    monkeypatch.setattr(wiring, "settings", lambda: settings)
    return Office(rehearsal, issuer, run_id, digest)


# ---- reading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/runs/{run}", "/sign-offs/{run}/1", "/sign-offs/no-such-run/1"])
def test_without_a_session_a_page_says_nothing_but_where_to_sign_in(office: Office, path: str) -> None:
    answer = office.visitor().get(path.format(run=office.run_id))
    assert answer.status == 401
    assert f"/login?next={path.format(run=office.run_id)}" in answer.body.replace("&amp;", "&")
    assert office.digest not in answer.body and "Summit" not in answer.body


def test_every_page_but_those_of_the_login_asks_who_is_there(office: Office) -> None:
    routes = [*pages.app._static_routes, *pages.app._dynamic_routes]
    found = {(route.method, route.path) for route in routes}
    login = {("GET", "/login"), ("GET", "/callback"), ("POST", "/logout")}
    assert len(found) == 7 and login < found
    for method, path in found - login:
        filled = path.replace("<run_id>", office.run_id).replace("<round_number>", "1")
        assert office.visitor().send(method, filled, headers={"origin": DOOR}).status == 401


def test_the_review_page_shows_what_is_signed_to_whom_it_is_asked(office: Office) -> None:
    answer = office.visitor("engineering_lead", name="Erin Example").get(office.path)
    assert answer.status == 200
    assert answer.form["manifest_digest"] == office.digest
    assert answer.form["role"] == "engineering_lead"
    for text in ("Erin Example", "Open until", "Still to decide", "Run history", "Approve publication", office.run_id):
        assert text in answer.body
    link = f"https://console.example.test/states/home?region=us-east-1#/v2/executions/details/{MACHINE}:{office.run_id}"
    assert link.replace("stateMachine:", "execution:") in answer.body


def test_a_company_name_is_text_whatever_it_holds(office: Office) -> None:
    body = office.visitor("data_lead").get(office.path).body
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;Sons&#34;" in body
    assert "<script>alert" not in body


def test_every_page_forbids_what_it_does_not_need(office: Office) -> None:
    visitor = office.visitor("data_lead")
    for path in ("/", f"/runs/{office.run_id}", office.path, "/runs/nothing"):
        answer = visitor.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["strict-transport-security"]
        assert not re.search(r"\son[a-z]+=|\sstyle=", answer.body)


def test_the_first_page_lists_runs_and_the_run_page_tells_its_story(office: Office) -> None:
    visitor = office.visitor("nobody", "viewer")
    home = visitor.get("/").body
    assert home.count(f'href="/runs/{office.run_id}"') == 2  # waiting, and among all
    story = visitor.get(f"/runs/{office.run_id}").body
    for text in ("Waiting for sign-off", "Still to decide", "What landed", "Reconcile", office.path):
        assert text in story


def test_a_run_or_round_that_does_not_exist_is_not_found(office: Office) -> None:
    visitor = office.visitor("data_lead")
    missing = "medicare_advantage-2025_06-000000000000-01"
    for path in (f"/runs/{missing}", f"/sign-offs/{missing}/1", f"/sign-offs/{office.run_id}/one"):
        assert visitor.get(path).status == 404


# ---- deciding --------------------------------------------------------------------------------------------


def test_two_persons_sign_and_each_sees_the_other(office: Office) -> None:
    engineer, data = office.visitor("engineering_lead", name="Erin"), office.visitor("data_lead")
    sent = office.decide(engineer)
    assert (sent.status, sent.headers["location"]) == (303, f"{office.path}#decision")
    assert "You decided as engineering lead" in engineer.get(office.path).body
    assert "Approved</strong> by <bdi>Erin (engineering_lead)</bdi>" in data.get(office.path).body
    assert office.decide(data).status == 303
    assert [role for _, role, _ in office.decisions()] == ["engineering_lead", "data_lead"]
    assert "Everybody has decided" in engineer.get(office.path).body
    assert 'data-pending="yes"' in engineer.get(office.path).body


def test_a_rejection_ends_it_with_its_reason(office: Office) -> None:
    visitor = office.visitor("data_lead")
    assert office.decide(visitor, "reject", reason="the drop is not explained").status == 303
    assert office.decisions() == [("data_lead", "data_lead", "reject")]
    office.rehearsal.settle()
    office.rehearsal.close(office.run_id, RunState.REJECTED)
    body = visitor.get(office.path).body
    assert "It was rejected, so nothing was published" in body and "the drop is not explained" in body
    assert "Approve publication" not in body


def test_a_second_click_is_no_second_decision(office: Office) -> None:
    visitor = office.visitor("data_lead")
    form = {**visitor.get(office.path).form, "reason": "read it", "decision": "approve"}
    form |= {name.replace("why:", "tick:"): "yes" for name in form if name.startswith("why:")}
    form |= {name: "seen" for name in form if name.startswith("why:")}
    assert [visitor.post(office.path, form).status for _ in range(3)] == [303, 303, 303]
    assert len(office.decisions()) == 1
    other = visitor.post(office.path, {**form, "decision": "reject"})
    assert other.status == 409 and "never changed" in other.body
    assert office.decisions() == [("data_lead", "data_lead", "approve")]


REFUSED: dict[str, dict[str, str]] = {
    "no tick": {"tick:DRIFT_PARENT": "(none)"},
    "a tick without a reason": {"why:DRIFT_PARENT": " "},
    "no reason": {"reason": " "},
    "a reason too long": {"reason": "x" * 2001},
    "a role they lack": {"role": "engineering_lead"},
    "no role": {"role": ""},
    "neither approve nor reject": {"decision": "perhaps"},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_a_decision_against_a_rule_is_refused_in_words_and_nothing_typed_is_lost(
    office: Office, changes: dict[str, str]
) -> None:
    answer = office.decide(office.visitor("data_lead"), **changes)
    assert answer.status == 409
    assert 'role="alert"' in answer.body
    assert office.decisions() == []
    assert changes.get("reason", "read it") in answer.body


@pytest.mark.parametrize(
    ("login", "roles", "words"),
    [
        ("data_ops_reviewer", ("data_lead", "data_ops_reviewer"), "You requested this run"),
        ("viewer", ("data_ops_reviewer",), "holds data operations reviewer, which does not sign"),
        ("nobody", ("staff",), "which does not sign this run"),
    ],
)
def test_who_may_not_sign_reads_why(office: Office, login: str, roles: tuple[str, ...], words: str) -> None:
    body = office.visitor(login, *roles).get(office.path).body
    assert words in body and "Approve publication" not in body
    assert "Sign in as somebody else" in body


def test_one_person_with_both_roles_signs_once(office: Office) -> None:
    both = office.visitor("ada", "engineering_lead", "data_lead")
    form = both.get(office.path).body
    assert form.count('type="radio"') == 2
    assert office.decide(both, role="data_lead").status == 303
    body = both.get(office.path).body
    assert "The other signature is another person" in body and "Approve publication" not in body
    assert len(office.decisions()) == 1


# ---- links that are no longer good -----------------------------------------------------------------------


def test_a_replaced_round_says_so_and_leads_on(office: Office) -> None:
    run = office.rehearsal.world.runs.get_run(office.run_id)
    expires = office.rehearsal.world.runs.get_ask(office.run_id).expires_at.isoformat()  # type: ignore[union-attr]
    stale = office.visitor("data_lead")
    form = {**stale.get(office.path).form, "reason": "read it", "decision": "reject"}
    office.rehearsal.ask(office.run_id, office.digest, expires, run.requested_by)
    body = stale.get(office.path).body
    assert "round 2 asks now" in body and f'href="/sign-offs/{office.run_id}/2"' in body
    assert "Approve publication" not in body
    assert stale.post(office.path, form).status == 409
    assert office.decisions() == [] and office.rehearsal.world.runs.decisions(office.run_id, 2) == []
    assert "There is no round 7" in stale.get(f"/sign-offs/{office.run_id}/7").body


def test_an_expired_question_cannot_be_answered(office: Office) -> None:
    visitor = office.visitor("data_lead")
    form = {**visitor.get(office.path).form, "reason": "read it", "decision": "approve"}
    office.rehearsal.world.clock.advance(days=8)
    assert "the time to decide ended on" in visitor.get(office.path).body
    assert visitor.post(office.path, form).status == 409
    office.rehearsal.close(office.run_id, RunState.EXPIRED)
    assert "ended before everybody had signed" in visitor.get(office.path).body
    assert office.decisions() == []


def test_a_superseded_run_leads_to_the_one_that_replaced_it(office: Office) -> None:
    office.rehearsal.land("2025_07", directory(entries(13)))
    newer = office.rehearsal.start("2025_07").run_id
    office.rehearsal.to_sign_off(newer)
    office.rehearsal.close(office.run_id, RunState.SUPERSEDED)
    body = office.visitor("data_lead").get(office.path).body
    assert "A newer run replaced this one" in body and f'href="/runs/{newer}">Open the newer run' in body


# ---- forms that are not ours -----------------------------------------------------------------------------


def test_a_form_counts_only_in_the_session_round_and_digest_it_was_drawn_for(office: Office) -> None:
    visitor, other = office.visitor("data_lead"), office.visitor("dora", "data_lead")
    form = {**visitor.get(office.path).form, "reason": "read it", "decision": "reject"}
    assert other.post(office.path, form).status == 403
    assert visitor.post(f"/sign-offs/{office.run_id}/2", form).status == 403
    assert visitor.post(office.path, {**form, "manifest_digest": "0" * 64}).status == 403
    assert visitor.post(office.path, {**form, "csrf": ""}).status == 403
    for origin in (None, "null", "https://evil.example.test", DOOR + ".evil.example.test", "http://sign.example.test"):
        assert visitor.post(office.path, form, origin=origin).status == 403
        assert visitor.post("/logout", {}, origin=origin).status == 403
    assert office.decisions() == []
    assert visitor.post(office.path, form).status == 303


def test_a_decision_without_a_session_is_not_recorded(office: Office) -> None:
    visitor = office.visitor("data_lead")
    form = {**visitor.get(office.path).form, "reason": "read it", "decision": "reject"}
    visitor.jar.clear()
    answer = visitor.post(office.path, form)
    assert answer.status == 401 and "nothing was recorded" in answer.body
    assert office.decisions() == []


CLIENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Safe Links",
    "Mozilla/5.0 (compatible; Proofpoint URL Defense)",
    "Mimecast-URL-Protect/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0) SkypeUriPreview",
    "facebookexternalhit/1.1",
    "GoogleImageProxy",
    "curl/8.14",
)


@pytest.mark.parametrize("is_signed_in", [False, True])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_scanner_changes_nothing_with_any_method_on_any_link(office: Office, client: str, is_signed_in: bool) -> None:
    visitor = office.visitor("data_lead") if is_signed_in else office.visitor()
    before = _everything(office)
    links = (office.path, f"{office.path}?decision=approve&reason=x&role=data_lead", f"/runs/{office.run_id}", "/")
    for link in (*links, "/login", "/callback", "/callback?code=x&state=y", "/logout"):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for body in ("", "decision=approve&reason=x&role=data_lead"):
                visitor.send(method, link, body=body, headers={"user-agent": client})
    assert _everything(office) == before


def _everything(office: Office) -> tuple[object, ...]:
    world, run_id = office.rehearsal.world, office.run_id
    events = [event.event_id for event in world.runs.pending_events("medicare_advantage")]
    return (world.runs.list_runs(), world.runs.get_ask(run_id), office.decisions(), events, world.executions.answers)


# ---- login -----------------------------------------------------------------------------------------------


def test_a_login_ends_where_it_began_and_the_session_is_for_this_site_only(office: Office) -> None:
    visitor = office.visitor()
    answer = visitor.sign_in(office.issuer, "data_lead", next_path=office.path)
    assert answer.status == 200 and f'content="0; url={office.path}"' in answer.body
    session = next(cookie for cookie in answer.cookies if cookie.startswith("__Host-fivetier="))
    assert all(part in session for part in ("; Path=/", "; HttpOnly", "; Secure", "; SameSite=Strict", "; Max-Age="))
    assert visitor.get("/login", next=office.path).headers["location"] == office.path
    assert list(visitor.jar) == ["__Host-fivetier"]


@pytest.mark.parametrize("path", ["https://evil.example.test/", "//evil.example.test", "/\\evil", "/runs/../x?y", ""])
def test_a_login_never_leads_to_another_site(office: Office, path: str) -> None:
    answer = office.visitor().sign_in(office.issuer, "data_lead", next_path=path)
    assert 'content="0; url=/"' in answer.body


def test_a_login_that_was_not_begun_here_signs_nobody_in(office: Office) -> None:
    victim, attacker = office.visitor(), office.visitor()
    sent = attacker.get("/login")
    planted = office.issuer.sign_in(sent.headers["location"], "mallory", "data_lead")
    assert victim.get("/callback", **planted).status == 401
    victim.get("/login")
    assert victim.get("/callback", **planted).status == 401
    assert planted["code"] in office.issuer.codes, "the code of somebody else's login was redeemed"
    assert victim.get("/").status == 401


def test_an_issuers_refusal_is_a_page_and_no_session(office: Office) -> None:
    visitor = office.visitor()
    visitor.get("/login")
    assert visitor.get("/callback", error="access_denied").status == 401
    sent = visitor.get("/login")
    answer = office.issuer.sign_in(sent.headers["location"], "data_lead")
    office.issuer.codes.clear()
    refused = visitor.get("/callback", **answer)
    assert refused.status == 401 and "did not accept this login" in refused.body
    for status, body in ((500, b""), (200, b"<html>"), (200, b"[]"), (200, b'{"id_token": 1}')):
        office.issuer.token_answer = (status, body)
        sent = visitor.get("/login")
        assert visitor.get("/callback", **office.issuer.sign_in(sent.headers["location"], "data_lead")).status == 401
    office.issuer.token_answer = None
    assert visitor.get("/").status == 401


def test_a_token_of_another_login_is_not_taken(office: Office) -> None:
    visitor = office.visitor()
    sent = visitor.get("/login")
    answer = office.issuer.sign_in(sent.headers["location"], "data_lead", nonce="another")
    assert visitor.get("/callback", **answer).status == 401


def test_signing_out_forgets_the_session_and_the_issuer_asks_again(office: Office) -> None:
    visitor = office.visitor("engineering_lead")
    answer = visitor.post("/logout", {"next": office.path})
    assert f"/login?again&amp;next={office.path}" in answer.body
    assert visitor.jar == {}
    assert "prompt=login" in visitor.get(f"/login?again&next={office.path}").headers["location"]


def test_an_ended_session_reads_nothing(office: Office) -> None:
    visitor = office.visitor("data_lead", exp=1_000_000_000)
    assert visitor.get(office.path).status == 401


def test_what_breaks_on_our_side_is_a_page_in_words(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = office.visitor("data_lead")
    monkeypatch.setattr(office.rehearsal.world.runs, "list_runs", lambda *_: 1 / 0)
    answer = visitor.get("/")
    assert answer.status == 500 and "ZeroDivisionError" not in answer.body and "went wrong on our side" in answer.body


# ---- what a link, a page address or a log could give away ------------------------------------------------


def test_no_address_or_log_line_lets_anybody_else_sign(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    visitor = office.visitor("data_lead")
    sent = office.decide(visitor)
    session = visitor.jar["__Host-fivetier"]
    assert session not in str(sent.headers) and session not in caplog.text
    body = visitor.get(office.path).body
    assert session not in body and f"token-{office.run_id}" not in body
