"""Routes of the JSON API, all under `/api`. GET changes nothing; a decision is a POST by the person its token names.

API Gateway checks the token before it calls us; it is checked here again, because roles come out of it and
because a route without an authorizer must fail closed.
"""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from pydantic import BaseModel, ValidationError

from fivetier.app import signing
from fivetier.app.calendar_view import view_calendar
from fivetier.app.contracts import CalendarQuery, LookbackRequest, RollbackRequest, SignOffRequest, StartRequest
from fivetier.app.looking_back import start_months
from fivetier.app.rolling_back import start_rollback
from fivetier.app.starting import start_refresh
from fivetier.aws.runtime import ports
from fivetier.domain import errors
from fivetier.domain.calendar import refreshed_lobs
from fivetier.domain.manifest import canonical_json
from fivetier.domain.signoff import Person, Role

app = APIGatewayHttpResolver()

_STATUS: tuple[tuple[type[errors.FivetierError], HTTPStatus], ...] = (
    (errors.NotAuthenticated, HTTPStatus.UNAUTHORIZED),
    (errors.RoleNotHeld, HTTPStatus.FORBIDDEN),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.InputError, HTTPStatus.BAD_REQUEST),
    (errors.RuleRefused, HTTPStatus.CONFLICT),
    (errors.IntegrityError, HTTPStatus.CONFLICT),
)


def _person() -> Person:
    return ports().verifier.verify(app.current_event.headers.get("authorization"))


def _requester() -> Person:
    """Who asks for a run: somebody of Data Operations."""
    person = _person()
    if Role.DATA_OPS_REVIEWER not in person.roles:
        held = sorted(person.roles)
        raise errors.RoleNotHeld(person=person.login, role=Role.DATA_OPS_REVIEWER, held=held)
    return person


def _answer(status: HTTPStatus, body: Any) -> Response[str]:
    data = body.model_dump(mode="json") if isinstance(body, BaseModel) else body
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(int(status), content_types.APPLICATION_JSON, canonical_json(data).decode(), headers=headers)


@app.get("/api/runs")
def list_runs() -> Response[str]:
    """Runs, newest first, of one LOB (`?lob=`) or of all."""
    _person()
    return _answer(HTTPStatus.OK, signing.view_runs(app.current_event.query_string_parameters.get("lob"), ports()))


@app.get("/api/runs/<run_id>")
def get_run(run_id: str) -> Response[str]:
    """One run: state, decisions, who is waited for."""
    _person()
    return _answer(HTTPStatus.OK, signing.view_run(run_id, ports()))


@app.get("/api/runs/<run_id>/report")
def get_report(run_id: str) -> Response[str]:
    """The frozen report people sign."""
    _person()
    return _answer(HTTPStatus.OK, signing.view_report(run_id, ports()))


@app.get("/api/calendar")
def get_calendar() -> Response[str]:
    """What is due in (`from`, `until`], and what became of it; of one LOB (`?lob=`) or of all."""
    _person()
    wanted = CalendarQuery.model_validate(app.current_event.query_string_parameters)
    lobs = refreshed_lobs() if wanted.lob is None else (wanted.lob,)
    return _answer(HTTPStatus.OK, view_calendar(lobs, wanted.after, wanted.until, ports()))


@app.post("/api/runs")
def post_run() -> Response[str]:
    """Request a refresh by hand; Data Operations does."""
    person = _requester()
    request = StartRequest.model_validate({**app.current_event.json_body, "requested_by": person.login})
    return _answer(HTTPStatus.ACCEPTED, start_refresh(request, ports()))


@app.post("/api/lookbacks")
def post_lookbacks() -> Response[str]:
    """Request several months by hand, the earlier ones as lookbacks; Data Operations does."""
    person = _requester()
    request = LookbackRequest.model_validate({**app.current_event.json_body, "requested_by": person.login})
    return _answer(HTTPStatus.ACCEPTED, start_months(request, ports()))


@app.post("/api/rollbacks")
def post_rollback() -> Response[str]:
    """Request that readers see again what an earlier run published; Data Operations does."""
    person = _requester()
    request = RollbackRequest.model_validate({**app.current_event.json_body, "requested_by": person.login})
    return _answer(HTTPStatus.ACCEPTED, start_rollback(request, ports()))


@app.post("/api/sign-offs/<run_id>/<round_number>")
def post_sign_off(run_id: str, round_number: str) -> Response[str]:
    """Approve or reject one round of a run."""
    person = _person()
    if not round_number.isdigit():
        raise NotFoundError
    request = SignOffRequest.model_validate(app.current_event.json_body)
    receipt = signing.sign_off(run_id, int(round_number), request, person, ports())
    return _answer(HTTPStatus.CREATED, receipt)


def _refused(error: errors.FivetierError) -> Response[str]:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
    return _answer(status, {"error": error.code, "message": str(error)})


def _malformed(error: ValidationError) -> Response[str]:
    problems = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
    message = "; ".join(f"{p['field']}: {p['problem']}" for p in problems)
    return _answer(HTTPStatus.BAD_REQUEST, {"error": "MalformedRequest", "message": message})


def _not_json(error: ValueError) -> Response[str]:
    return _answer(HTTPStatus.BAD_REQUEST, {"error": "MalformedRequest", "message": "the body is no JSON object"})


app.exception_handler(errors.FivetierError)(_refused)
app.exception_handler(ValidationError)(_malformed)
app.exception_handler(ValueError)(_not_json)
