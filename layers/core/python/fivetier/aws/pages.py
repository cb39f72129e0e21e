"""Routes of the pages people read and sign on. GET changes nothing; deciding is a POST from a page of ours.

API Gateway lets everybody in here, so each route begins by asking who it is: no session, no data. A decision must
come from our own origin, with the form's own token, by a session of the issuer (RELIABILITY §1.5).
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.shared.cookies import Cookie
from pydantic import ValidationError

from fivetier.app import signing
from fivetier.app.contracts import SignOffRequest
from fivetier.app.desk import Desk, open_desk, open_run_folder
from fivetier.app.links import Execution, execution_of, sign_off_path
from fivetier.aws import wiring
from fivetier.aws.front_door import FrontDoor, Session, own_path, read_cookies
from fivetier.aws.lambda_entry import logger
from fivetier.aws.runtime import ports
from fivetier.domain import errors
from fivetier.web.environment import served_policy
from fivetier.web.pages import Typed, render_desk, render_home, render_message, render_run
from fivetier.web.standing import Link

app = APIGatewayHttpResolver()
_MAX_FIELDS = 200
#: Runs the first page lists.
_NEWEST = 50


def _page(html: str, status: HTTPStatus = HTTPStatus.OK, cookies: list[Cookie] | None = None) -> Response[str]:
    return Response(int(status), content_types.TEXT_HTML, html, headers=_headers(), cookies=cookies)


def _headers() -> dict[str, str | list[str]]:
    headers: dict[str, str | list[str]] = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": served_policy(),
        "Cross-Origin-Opener-Policy": "same-origin",
        # Not no-referrer: with it browsers call the origin of our own forms "null".
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if _door().is_https:
        headers["Strict-Transport-Security"] = "max-age=63072000"
    return headers


def _go(path: str, cookies: list[Cookie] | None = None) -> Response[str]:
    headers = {**_headers(), "Location": path}
    return Response(int(HTTPStatus.SEE_OTHER), content_types.TEXT_HTML, "", headers=headers, cookies=cookies)


def _door() -> FrontDoor:
    return wiring.door()


def _session() -> Session:
    return _door().session(_cookies())


def _cookies() -> dict[str, str]:
    return read_cookies(app.current_event.cookies)


def _own_form() -> dict[str, str]:
    """The fields of a form sent from a page of ours.

    Raises:
        ForeignForm: it came from elsewhere.
    """
    if not _door().is_own_origin(app.current_event.headers.get("origin")):
        raise errors.ForeignForm
    body = app.current_event.decoded_body or ""
    return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_FIELDS))


@app.get("/")
def home() -> Response[str]:
    """All runs, those that wait first."""
    person = _session().person
    return _page(render_home(ports().runs.list_runs()[:_NEWEST], person))


@app.get("/runs/<run_id>")
def run(run_id: str) -> Response[str]:
    """One run."""
    person = _session().person
    folder = open_run_folder(run_id, ports())
    return _page(render_run(folder, person, _execution(str(folder.run["lob"]), run_id)))


@app.get("/sign-offs/<run_id>/<round_number>")
def read_round(run_id: str, round_number: str) -> Response[str]:
    """One round: the report, and what this person may do about it."""
    session = _session()
    return _desk_page(session, open_desk(run_id, _round(round_number), session.person, ports()))


@app.post("/sign-offs/<run_id>/<round_number>")
def decide(run_id: str, round_number: str) -> Response[str]:
    """Approve or reject; the page is shown again with what came of it."""
    session, form = _session(), _own_form()
    asked = _round(round_number)
    if not session.is_own_form(form.get("csrf", ""), run_id, asked, form.get("manifest_digest", "")):
        raise errors.ForeignForm
    problem = _try_to_sign(session, run_id, asked, form)
    if not problem:
        return _go(f"{sign_off_path(run_id, asked)}#decision")
    desk = open_desk(run_id, asked, session.person, ports())
    return _desk_page(session, desk, _typed(form), problem)


def _try_to_sign(session: Session, run_id: str, round_number: int, form: dict[str, str]) -> str:
    """Why the decision was refused; empty once it is recorded."""
    try:
        request = SignOffRequest(
            role=form.get("role", ""),
            decision=form.get("decision", ""),
            reason=form.get("reason", ""),
            manifest_digest=form.get("manifest_digest", ""),
            ticks=_typed(form).ticks,
        )
        signing.sign_off(run_id, round_number, request, session.person, ports())
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    except errors.AlreadyDecided as refused:
        is_mine = refused.person.casefold() == session.person.login.casefold()
        return "" if is_mine and _decided_so(run_id, round_number, form) else str(refused)
    except errors.TickMissing as refused:
        return f"Tick each of these findings and say why: {', '.join(refused.codes)}."
    except errors.RuleRefused as refused:
        return str(refused)
    return ""


def _decided_so(run_id: str, round_number: int, form: dict[str, str]) -> bool:
    """Whether the decision stands already as it is sent: a second click is no second decision."""
    decisions = ports().runs.decisions(run_id, round_number)
    return any(d.role == form.get("role") and d.verdict == form.get("decision") for d in decisions)


def _typed(form: dict[str, str]) -> Typed:
    ticked = {name.removeprefix("tick:") for name in form if name.startswith("tick:")}
    return Typed(form.get("reason", ""), {code: form.get(f"why:{code}", "") for code in sorted(ticked)})


def _desk_page(session: Session, desk: Desk, typed: Typed | None = None, problem: str = "") -> Response[str]:
    report = desk.report
    html = render_desk(
        desk,
        csrf=session.csrf(report["run_id"], desk.round_number, report["manifest_digest"]),
        execution=_execution(str(report["lob"]), str(report["run_id"])),
        typed=typed,
        problem=problem,
    )
    return _page(html, HTTPStatus.CONFLICT if problem else HTTPStatus.OK)


def _execution(lob: str, run_id: str) -> Execution:
    settings = wiring.settings()
    machine = settings.state_machines.get(lob, "")
    return execution_of(machine, run_id, console_url=settings.console_url) if machine else Execution()


@app.get("/login")
def login() -> Response[str]:
    """Send the browser to the issuer; who is signed in already goes on at once."""
    query = app.current_event.query_string_parameters
    next_path, ask_again = own_path(query.get("next", "/")), "again" in query
    if not ask_again:
        try:
            _session()
        except errors.NotAuthenticated:
            pass
        else:
            return _go(next_path)
    url, cookie = _door().begin_login(next_path, ask_again=ask_again)
    return _go(url, [cookie])


@app.get("/callback")
def callback() -> Response[str]:
    """The issuer sends the browser back here."""
    done = _door().finish_login(app.current_event.query_string_parameters, _cookies())
    # A page and not a redirect: on a redirect that began at the issuer's site browsers hold a Strict cookie back.
    html = render_message("You are signed in", link=Link(done.next_path, "Go on"), forward=done.next_path)
    return _page(html, cookies=done.cookies)


@app.post("/logout")
def logout() -> Response[str]:
    """Forget the session of this browser."""
    next_path = own_path(_own_form().get("next", "/"))
    link = Link(f"/login?again&next={next_path}", "Sign in")
    html = render_message("You are signed out", "Sign in again, or as somebody else.", link=link)
    return _page(html, cookies=_door().logout_cookies())


def _round(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise NotFoundError
    return int(text)


def _signed_out(refused: errors.NotAuthenticated) -> Response[str]:
    """Nobody is signed in: a page that leads to the login; it says nothing of what the link points to."""
    event = app.current_event
    if event.path == "/callback":
        link = Link("/login?again", "Sign in again")
        return _page(render_message("You are not signed in", str(refused), link=link), HTTPStatus.UNAUTHORIZED)
    is_read = event.http_method == "GET"
    path = f"/login?next={own_path(event.path)}"
    lines = [] if is_read else ["Your session ended before this was sent, so nothing was recorded."]
    html = render_message("Sign in to go on", *lines, link=Link(path, "Sign in"), forward=path if is_read else "")
    return _page(html, HTTPStatus.UNAUTHORIZED)


def _foreign(_: errors.ForeignForm) -> Response[str]:
    lines = ("Nothing was recorded.", "Open the page again from its link, and decide there.")
    return _page(render_message("This form is not from this page", *lines), HTTPStatus.FORBIDDEN)


def _not_found(_: Any) -> Response[str]:
    html = render_message("There is no such page", link=Link("/", "All runs"))
    return _page(html, HTTPStatus.NOT_FOUND)


def _cannot(error: errors.FivetierError) -> Response[str]:
    return _page(render_message("This cannot be done", str(error), link=Link("/", "All runs")), HTTPStatus.CONFLICT)


def _broken(error: Exception) -> Response[str]:
    logger.exception("unexpected", exc_info=error)
    lines = ("It is written down, and nothing you sent was recorded unless the run's page shows it.", "Try again.")
    html = render_message("Something went wrong on our side", *lines, link=Link("/", "All runs"))
    return _page(html, HTTPStatus.INTERNAL_SERVER_ERROR)


_HANDLERS: tuple[tuple[type[Exception], Callable[[Any], Response[str]]], ...] = (
    (errors.NotAuthenticated, _signed_out),
    (errors.ForeignForm, _foreign),
    (errors.NotFound, _not_found),
    (NotFoundError, _not_found),
    (errors.FivetierError, _cannot),
    (Exception, _broken),
)
for _kind, _answer in _HANDLERS:
    app.exception_handler(_kind)(_answer)
