"""Roles are enforced: what a function, a state machine or a schedule does, its role's policies must allow.

ministack judges signed requests by the policies in its IAM store when AUTH=true. Put right here: what it derives
less exactly than AWS (`iam_requests.py`), what it lets pass because it cannot tell, and the calls AWS makes in a
role's name that are no requests in the emulator: state machines, schedules, the readers of streams.
People and tools, who come with the account's own key, may do everything, as an administrator may.
"""

from __future__ import annotations

import contextvars
import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalResult
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import sts

from infra.local import iam_requests
from infra.local.iam_requests import KNOWN_CONDITIONS, UNREADABLE, Need, Request

Response = tuple[int, dict[str, str], bytes]

_LOG = logging.getLogger(__name__)
_UNKNOWN_ACTION: Final = "unknown:Unknown"
#: ministack's own wording names no resource for these; AWS's does.
_WORDED_BY_SERVICE: Final = ("iot", "iot-data", "ssm", "logs")

_request: contextvars.ContextVar[Request | None] = contextvars.ContextVar("fivetier_request", default=None)
_denied: contextvars.ContextVar[Need | None] = contextvars.ContextVar("fivetier_denied", default=None)
_enforce: Callable[..., Any] = iam_evaluator.enforce


@dataclass(frozen=True, order=True)
class Use:
    """What a role did, or tried to do."""

    role: str
    action: str
    resource: str
    is_allowed: bool


class Ledger:
    """Every different use of a right since the start, for whoever compares it with what is granted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses: set[Use] = set()

    def note(self, use: Use) -> None:
        """Remember a use."""
        with self._lock:
            self._uses.add(use)

    def uses(self) -> list[Use]:
        """All of them, sorted."""
        with self._lock:
            return sorted(self._uses)


LEDGER: Final = Ledger()


class Refused(PermissionError):
    """A role may not do what AWS would do in its name."""


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role."""

    access_key: str
    secret_key: str
    session_token: str


def credentials_of(role_arn: str, session_name: str) -> Credentials:
    """Temporary credentials of a role, as AWS hands them to one of its services.

    The same ones each time, as the session outlives no restart and clients are kept.
    """
    made = [
        hashlib.sha256(f"{part}:{role_arn}:{session_name}".encode()).hexdigest() for part in ("key", "secret", "token")
    ]
    given = Credentials(f"ASIA{made[0][:16].upper()}", made[1], made[2])
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    sts.register_session(
        given.access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}",
            "UserId": f"{name}:{session_name}",
            "SecretAccessKey": given.secret_key,
            "SessionToken": given.session_token,
        },
    )
    return given


def demand(role_arn: str, session_name: str, *needs: Need) -> None:
    """Check what AWS does in a role's name without a request of its own.

    Raises:
        Refused: the role's policies do not allow it; the message is AWS's.
    """
    key = credentials_of(role_arn, session_name).access_key
    for need in (*needs, *(of_key for each in needs for of_key in iam_requests.encryption_of(each))):
        denied = _judge(key, need, {})
        if denied is not None:
            who = denied.principal_arn if isinstance(denied, EvalResult) else role_arn
            raise Refused(iam_actions.identity_denial_message(need.action, who, need.resource, _is_explicit(denied)))


def _judged(
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: Mapping[str, Any] | None = None,
) -> EvalResult | AuthError | None:
    """Stand-in for `iam_evaluator.enforce`: None allows."""
    if _needs_no_judging(access_key_id, iam_action):
        return _enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
    try:
        wanted = list(iam_requests.needs(iam_action, resource_arn, _request.get() or Request()))
        wanted += [of_key for need in wanted for of_key in iam_requests.encryption_of(need)]
    except UNREADABLE as unknown:
        return _cannot_tell(access_key_id, Need(iam_action, resource_arn), str(unknown))
    for need in wanted:
        denied = _judge(access_key_id, need, service_context or {}, service)
        if denied is not None:
            _denied.set(need)
            return denied
    return None


def _judge(
    access_key_id: str, need: Need, context: Mapping[str, Any], service: str = ""
) -> EvalResult | AuthError | None:
    """Judge one need by the role's policies, and by those of the resource; the service is that of the request."""
    if need.action.startswith("kms:") or not service:
        service = need.action.partition(":")[0]
    principal = iam_evaluator.resolve_principal(access_key_id, get_account_id())
    if isinstance(principal, AuthError):
        return principal
    if strange := _conditions(principal.policies or []) - KNOWN_CONDITIONS:
        return _cannot_tell(access_key_id, need, f"condition {', '.join(sorted(strange))}")
    denied = _enforce(access_key_id, need.action, service, get_region(), need.resource, {**context, **need.context})
    role = principal.arn.partition(":assumed-role/")[2].partition("/")[0]
    if not isinstance(denied, AuthError):
        LEDGER.note(Use(role, need.action, need.resource, denied is None))
    return denied


def _needs_no_judging(access_key_id: str, iam_action: str) -> bool:
    """Whether what is asked for, and on what, changes nothing: administrators, and what AWS always allows."""
    if iam_evaluator.is_root_access_key(access_key_id) or iam_action in iam_evaluator._ALWAYS_ALLOWED_ACTIONS:
        return True
    principal = iam_evaluator.resolve_principal(access_key_id, get_account_id())
    if isinstance(principal, AuthError):
        return False
    every = [statement for policy in principal.policies or [] for statement in policy]
    may_all = any((each.actions, each.resources, each.conditions) == (["*"], ["*"], {}) for each in every)
    return may_all and all(each.effect == "Allow" for each in every)


def _cannot_tell(access_key_id: str, need: Need, what: str) -> EvalResult | AuthError:
    """A denial, whatever the policies say; the log tells what is missing here."""
    _LOG.warning("refused %s: the local stack cannot judge %s (infra/local/iam_requests.py)", need.action, what)
    _denied.set(need)
    principal = iam_evaluator.resolve_principal(access_key_id, get_account_id())
    return principal if isinstance(principal, AuthError) else EvalResult("ImplicitDeny", principal_arn=principal.arn)


def _conditions(policies: list[list[Any]]) -> set[str]:
    """Condition keys of a role's policies."""
    every = [statement for policy in policies for statement in policy]
    return {key.lower() for statement in every for block in statement.conditions.values() for key in block}


def _is_explicit(denied: EvalResult | AuthError) -> bool:
    return isinstance(denied, EvalResult) and denied.decision == "Deny"


def _noting_request(extract: Callable[..., str | None]) -> Callable[..., str | None]:
    def action_of(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> str | None:
        _request.set(Request(body, headers))
        action = extract(service, method, path, headers, body, query)
        caller = extract_access_key_id(headers, query)
        if action is None and not _needs_no_judging(caller, _UNKNOWN_ACTION):
            return _UNKNOWN_ACTION  # ministack would let it pass
        return action

    return action_of


def _with_conditional_writes(derive: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def context_of(
        action: str, query: dict[str, Any] | None, path: str = "", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        derived = derive(action, query, path, headers)
        return {**derived, **iam_requests.s3_context(action, query or {}, headers or {})}

    return context_of


def _as_aws_answers(answer: Callable[..., Response]) -> Callable[..., Response]:
    """AWS says on which resource an action is not allowed, and gives every answer a request id."""

    def respond(service: str, action: str, principal_arn: str, request_id: str, **facts: Any) -> Response:
        denied = _denied.get()
        is_worded = facts.get("error_code") or facts.get("message") or facts.get("resource_policy_arn")
        if denied is not None and not is_worded and service not in _WORDED_BY_SERVICE:
            action, resource = denied.action, f'"{denied.resource}"' if service == "s3" else denied.resource
            facts["message"] = iam_actions.identity_denial_message(
                action, principal_arn, resource, facts.get("explicit_deny", False)
            )
        status, headers, body = answer(service, action, principal_arn, request_id, **facts)
        return status, {**headers, "x-amzn-requestid": request_id, "x-amz-request-id": request_id}, body

    return respond


def _over_loopback(pin: Callable[[str, bool], None]) -> Callable[[str, bool], None]:
    """Nobody can listen on loopback: it counts as TLS for policies that demand it."""
    return lambda address, _is_secure: pin(address, True)


def ledger_json() -> list[dict[str, object]]:
    """The ledger, for the control path."""
    return [vars(use) for use in LEDGER.uses()]


def install() -> None:
    """Put the stricter judge in ministack's place.

    ministack looks these functions up at each request, so replacing them in their modules is enough.
    """
    if not app.AUTH:
        raise RuntimeError("ministack was imported without AUTH=true: no role would be enforced")
    iam_evaluator.enforce = _judged
    iam_actions.extract_iam_action = _noting_request(iam_actions.extract_iam_action)
    iam_actions.dynamodb_transaction_checks = lambda action, body, *_: iam_requests.transaction_items(action, body)
    iam_actions.s3_service_context = _with_conditional_writes(iam_actions.s3_service_context)
    iam_actions.access_denied_response = _as_aws_answers(iam_actions.access_denied_response)
    app.pin_request_origin = _over_loopback(app.pin_request_origin)
