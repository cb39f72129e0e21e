"""Granted against observed, both ways; every difference that stays is named here with its reason."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

Use = tuple[str, str, str]

#: Used by AWS itself in the function's name, so no call of the function shows it: action -> why.
BY_SERVICE: Mapping[str, str] = {
    "dynamodb:DescribeStream": "Lambda's poller reads the stream with the function's role",
    "dynamodb:GetRecords": "Lambda's poller reads the stream with the function's role",
    "dynamodb:GetShardIterator": "Lambda's poller reads the stream with the function's role",
    "dynamodb:ListStreams": "Lambda's poller reads the stream with the function's role",
    "kms:Decrypt": "S3 and DynamoDB use the key in the caller's name",
    "kms:GenerateDataKey": "S3 and DynamoDB use the key in the caller's name",
    "logs:CreateLogStream": "the runtime writes the log",
    "logs:PutLogEvents": "the runtime writes the log",
    "sqs:GetQueueAttributes": "CDK grants it with SendMessage; Lambda sets failed events aside",
    "sqs:GetQueueUrl": "CDK grants it with SendMessage; Lambda sets failed events aside",
    "sqs:SendMessage": "Lambda sets failed events aside",
    "xray:PutTelemetryRecords": "the tracing extension",
    "xray:PutTraceSegments": "the tracing extension",
}
#: (function, action, resource) patterns that no recorded path uses -> why they stay.
KEPT: Mapping[tuple[str, str, str], str] = {
    ("*", "s3:ListBucket", "s3:*"): "without it S3 says 403, not 404, of an object that is not there",
    (
        "*",
        "dynamodb:*",
        "dynamodb:ops*",
    ): "need RUNS is one right for every function; who needs less is not told apart yet",
    ("*", "glue:GetTable", "glue:table/production/*"): "need READ_LAKE is one right for whoever reads the release",
    ("*", "s3:GetObject", "s3:lake/*"): "serve_pages reads the release once there is one, as serve_api does",
    ("reconcile_candidate", "s3:GetObjectVersion", "s3:staging/staging/*"): "need READ_STAGED: others verify versions",
    ("settle_outbox", "s3:GetObjectVersion", "s3:audit/audit/*"): "read where another writer was faster or was cut off",
    (
        "serve_*",
        "states:DescribeExecution",
        "states:execution",
    ): "the port Executions asks it where runs are cleared up",
    ("start_refresh", "states:DescribeExecution", "states:execution"): "as above",
    ("watch_runs", "states:DescribeExecution", "states:execution"): "as above",
}


def unused(granted: Iterable[Use], observed: Iterable[Use]) -> list[Use]:
    """Granted, and used on no path."""
    seen = set(observed)
    return sorted(
        right
        for right in set(granted)
        if right[1] not in BY_SERVICE and not any(_covers(right, use) for use in seen) and not _is_kept(right)
    )


def missing(granted: Iterable[Use], observed: Iterable[Use]) -> list[Use]:
    """Used, and not granted."""
    rights = set(granted)
    return sorted(use for use in set(observed) if not any(_covers(right, use) for right in rights))


def stale(granted: Iterable[Use], observed: Iterable[Use]) -> list[tuple[str, str, str]]:
    """Exceptions nothing needs any more."""
    seen, rights = set(observed), set(granted)
    idle = {right for right in rights if not any(_covers(right, use) for use in seen)}
    return [kept for kept in KEPT if not any(_matches(kept, right) for right in idle)]


def short(arn: str) -> str | None:
    """A granted ARN as `uses` writes resources; None for what no call of a function can name."""
    for pattern, text in (
        (r".*:s3:::fivetier-prod-(\w+)-[^/]*(/.*)?$", r"s3:\1\2"),
        (r".*:dynamodb:.*:table/fivetier-prod-ops(/index/\w+)?$", r"dynamodb:ops\1"),
        (r".*:glue:.*:catalog$", "glue:catalog"),
        (r".*:glue:.*:(database|table)/fivetier_prod_staging(/.*)?$", r"glue:\1/staged\2"),
        (r".*:glue:.*:(database|table)/fivetier_prod(/.*)?$", r"glue:\1/production\2"),
        (r".*:states:.*:(stateMachine|execution):.*$", r"states:\1"),
        (r".*:ses:.*:identity/.*$", "ses:identity"),
    ):
        if found := re.match(pattern, arn):
            return found.expand(text)
    return None


def _covers(right: Use, use: Use) -> bool:
    return right[:2] == use[:2] and fnmatchcase(use[2], right[2])


def _is_kept(right: Use) -> bool:
    return any(_matches(kept, right) for kept in KEPT)


def _matches(pattern: Use, right: Use) -> bool:
    return all(fnmatchcase(given, wanted) for given, wanted in zip(right, pattern, strict=True))
