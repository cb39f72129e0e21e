"""Granted against observed, both ways; a difference that stays is named here, one right of one function at a time."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from tests.infra.assembly import Right
from tests.rights.uses import LEADING_KEYS

#: Function, action, resource.
Use = tuple[str, str, str]

_READERS = ("send_mail", "settle_outbox")
_ASYNC = ("close_run", "send_mail", "settle_outbox", "start_refresh", "watch_runs")
_FUNCTIONS = (
    *("close_run", "discover_feeds", "freeze_candidate", "normalize_feed", "open_run", "publish_release"),
    *("reconcile_candidate", "resolve_hierarchy", "send_mail", "serve_api", "serve_pages", "settle_outbox"),
    *("start_refresh", "watch_runs"),
)
_POLLER = "Lambda's poller reads the stream with the function's role"
_TRACES = "the tracing extension; X-Ray knows no resources"


def _of(functions: Iterable[str], action: str, resource: str, why: str) -> dict[Use, str]:
    return {(function, action, resource): why for function in functions}


_OTHER_LOBS = "written once a line of business publishes that has it; the paths here are Medicare Advantage's"


def _publishes(table: str) -> dict[Use, str]:
    return _of(["publish_release"], "glue:UpdateTable", f"glue:table/production/{table}", _OTHER_LOBS)


#: What no call of the function shows on these paths, most of it done by AWS in the function's name -> why.
KEPT: Mapping[Use, str] = {
    **_publishes("plan_crosswalk"),
    **_publishes("plan_network"),
    **_publishes("service_area"),
    ("reconcile_candidate", "glue:GetTable", "glue:table/production/release_month"): "READ_LAKE is one right",
    **_of(_READERS, "dynamodb:DescribeStream", "dynamodb:stream", _POLLER),
    **_of(_READERS, "dynamodb:GetRecords", "dynamodb:stream", _POLLER),
    **_of(_READERS, "dynamodb:GetShardIterator", "dynamodb:stream", _POLLER),
    **_of(_READERS, "dynamodb:ListStreams", "*", f"{_POLLER}; it knows no resources"),
    **_of(_FUNCTIONS, "logs:CreateLogStream", "logs:own", "the runtime writes the log"),
    **_of(_FUNCTIONS, "logs:PutLogEvents", "logs:own", "the runtime writes the log"),
    **_of(_ASYNC, "sqs:SendMessage", "sqs:failures", "Lambda sets aside what failed"),
    **_of(_FUNCTIONS, "xray:PutTelemetryRecords", "*", _TRACES),
    **_of(_FUNCTIONS, "xray:PutTraceSegments", "*", _TRACES),
}


def granted(function: str, rights: Iterable[Right]) -> Iterator[Use]:
    """What a function is allowed, as `uses` writes it.

    Raises:
        ValueError: a resource or a condition nobody wrote down here.
    """
    for right in rights:
        if right.is_denied:
            continue
        yield function, right.action, short(right.resource)
        for kind in re.findall(r'"(\w+#)\*"', right.condition):
            yield function, LEADING_KEYS, f"dynamodb:ops/{kind}"


def unused(granted: Iterable[Use], observed: Iterable[Use]) -> list[Use]:
    """Granted, and used on no path."""
    seen = set(observed)
    return sorted(right for right in set(granted) if right not in KEPT and not any(_covers(right, use) for use in seen))


def missing(granted: Iterable[Use], observed: Iterable[Use]) -> list[Use]:
    """Used, and not granted."""
    rights = set(granted)
    return sorted(use for use in set(observed) if not any(_covers(right, use) for right in rights))


def stale(granted: Iterable[Use], observed: Iterable[Use]) -> list[Use]:
    """Exceptions for what is not granted any more, or is seen in use."""
    seen, rights = set(observed), set(granted)
    return sorted(kept for kept in KEPT if kept not in rights or any(_covers(kept, use) for use in seen))


def short(resource: str) -> str:
    """A granted resource as `uses` writes it.

    Raises:
        ValueError: of no kind that is known here.
    """
    for pattern, text in (
        (r".*:s3:::fivetier-prod-(\w+)-[^/]*(/.*)?$", r"s3:\1\2"),
        (r".*:dynamodb:.*:table/fivetier-prod-ops(/index/\w+)?$", r"dynamodb:ops\1"),
        (r"<import .*Ops\w+StreamArn\w+>$", "dynamodb:stream"),
        (r"<import .*Key\w+Arn\w+>$", "kms:key"),
        (r".*:glue:.*:catalog$", "glue:catalog"),
        (r".*:glue:.*:(database|table)/fivetier_prod_staging(/.*)?$", r"glue:\1/staged\2"),
        (r".*:glue:.*:(database|table)/fivetier_prod(/.*)?$", r"glue:\1/production\2"),
        (r".*:states:.*:(stateMachine|execution):.*$", r"states:\1"),
        (r".*:ses:.*:identity/.*$", "ses:identity"),
        (r"<(\w+)Logs\w+\.Arn>$", "logs:own"),
        (r"<\w*(?:Failures|Unheard|Letters)\w*\.Arn>$", "sqs:failures"),
        (r"\*$", "*"),
    ):
        if found := re.match(pattern, resource):
            return found.expand(text)
    raise ValueError(f"{resource}: write down what it is, in tests/rights/compare.py")


def _covers(right: Use, use: Use) -> bool:
    return right[:2] == use[:2] and fnmatchcase(use[2], right[2])
