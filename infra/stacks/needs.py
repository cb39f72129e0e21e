"""What each need of a function means: environment variables, and exactly the rights behind them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Aws
from fivetier.domain.calendar import refreshed_lobs
from fivetier.domain.tables import PUBLICATIONS, RELEASE_TABLES

from infra.constructs.acknowledge import Excuse
from infra.constructs.grants import Grant
from infra.constructs.private_bucket import bucket_arn
from infra.settings import StageSettings
from infra.stacks.function_table import FunctionSpec, Items, Need
from infra.stacks.names import DataNames, machine_name

_WRITE_OBJECTS = ("s3:PutObject",)
_READ_TABLES = ("glue:GetTable",)
_READ_ITEMS = ("dynamodb:GetItem", "dynamodb:Query")
_WRITE_ITEMS = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem")
LEADING_KEYS = "dynamodb:LeadingKeys"
#: Partitions of the task tokens: written by the state machines, read by the resumer.
TOKENS = "TOKEN#*"
_RUN_DEPENDENT = Excuse(
    "Keys hold a run, a landed file or a place in the audit chain, so objects are known by their folder only.",
    until="2027-11-30",
)
_STAGED_TABLES = Excuse(
    "Staged tables are named after the month (tmp_<table>_<YYYY_MM>); the prefix is theirs alone.", until="2027-11-30"
)
_LIST_STREAMS = Excuse(
    "dynamodb:ListStreams, which Lambda asks of a stream's reader, knows no resources.", until="2027-11-30"
)
#: Where people look at state machines and logs.
CONSOLE_URL = f"https://{Aws.REGION}.console.aws.amazon.com"

_EXECUTIONS = Excuse("Executions are named after the run; the state machine is named.", until="2027-11-30")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose tokens say who people are, and what they are made out to."""

    issuer: str
    audience: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a need is answered with."""

    environment: Mapping[str, str] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()


class Needs:
    """Answers every need in one stage."""

    def __init__(
        self, settings: StageSettings, *, key_arn: str, stream_arn: str, front_door_url: str, identity: Identity
    ) -> None:
        self._settings = settings
        self._key_arn = key_arn
        names = self._names = DataNames.of(settings)
        machines = {lob.value: machine_arn(settings, lob.value) for lob in refreshed_lobs()}
        landing = {"FIVETIER_LANDING_BUCKET": names.landing_bucket}
        staging = {"FIVETIER_STAGING_BUCKET": names.staging_bucket}
        # The lake adapter is built with the name of the bucket it publishes from; reading gives no right there.
        lake = {
            "FIVETIER_LAKE_BUCKET": names.lake_bucket,
            "FIVETIER_LAKE_DATABASE": names.lake_database,
            **staging,
        }
        self._answers: dict[Need, Answer] = {
            Need.PIN_LANDED: Answer(
                landing,
                (
                    _bucket(names.landing_bucket, ("s3:ListBucketVersions",)),
                    _objects(names.landing_bucket, "landing/*", ("s3:GetObjectVersion",)),
                    self._key("kms:Decrypt"),
                ),
            ),
            Need.READ_LANDED: Answer(
                landing,
                (_objects(names.landing_bucket, "landing/*", ("s3:GetObjectVersion",)), self._key("kms:Decrypt")),
            ),
            Need.WRITE_STAGED: Answer(
                staging,
                (
                    _objects(names.staging_bucket, "staging/*", _WRITE_OBJECTS),
                    self._key("kms:Decrypt", "kms:GenerateDataKey"),
                ),
            ),
            Need.READ_STAGED: Answer(
                staging,
                (
                    _bucket(names.staging_bucket, ("s3:ListBucket",)),
                    _objects(names.staging_bucket, "staging/*", ("s3:GetObject",)),
                    self._key("kms:Decrypt"),
                ),
            ),
            Need.VERIFY_STAGED: Answer(
                grants=(_objects(names.staging_bucket, "staging/*", ("s3:GetObjectVersion",)),),
            ),
            Need.READ_REPORT: Answer(
                staging,
                (
                    _objects(names.staging_bucket, "staging/*/report.json", ("s3:GetObject",)),
                    self._key("kms:Decrypt"),
                ),
            ),
            Need.WRITE_QUARANTINE: Answer(staging, (_objects(names.staging_bucket, "quarantine/*", _WRITE_OBJECTS),)),
            Need.READ_QUARANTINE: Answer(staging, (_objects(names.staging_bucket, "quarantine/*", ("s3:GetObject",)),)),
            Need.SHOW_STAGED: Answer(
                {"FIVETIER_STAGING_DATABASE": names.staging_database},
                (
                    Grant(
                        actions=("glue:CreateTable", "glue:CreatePartition", "glue:BatchUpdatePartition"),
                        resources=glue_arns(names.staging_database, ["tmp_*"]),
                        excuse=_STAGED_TABLES,
                    ),
                ),
            ),
            Need.READ_RELEASE: Answer(
                lake,
                (
                    Grant(
                        actions=_READ_TABLES,
                        resources=glue_arns(names.lake_database, [table.name for table in PUBLICATIONS]),
                    ),
                    *(_objects(names.lake_bucket, f"lake/{table.name}/*", ("s3:GetObject",)) for table in PUBLICATIONS),
                    self._key("kms:Decrypt"),
                ),
            ),
            Need.READ_SCHEMAS: Answer(
                lake,
                (
                    Grant(
                        actions=_READ_TABLES,
                        resources=glue_arns(names.lake_database, [table.name for table in RELEASE_TABLES]),
                    ),
                    _objects(names.lake_bucket, "lake/*/metadata/*", ("s3:GetObject",)),
                    self._key("kms:Decrypt"),
                ),
            ),
            Need.READ_LAKE: Answer(
                lake,
                (
                    lake_tables(settings, _READ_TABLES),
                    _objects(names.lake_bucket, "lake/*", ("s3:GetObject",)),
                    self._key("kms:Decrypt"),
                ),
            ),
            Need.WRITE_LAKE: Answer(
                lake,
                (
                    lake_tables(settings, (*_READ_TABLES, "glue:CreateTable", "glue:UpdateTable")),
                    Grant(actions=("glue:GetDatabase",), resources=glue_arns(names.lake_database, [])),
                    _objects(names.lake_bucket, "lake/*", _WRITE_OBJECTS),
                    self._key("kms:Decrypt", "kms:GenerateDataKey"),
                ),
            ),
            Need.APPEND_AUDIT: Answer(
                {
                    "FIVETIER_AUDIT_BUCKET": names.audit_bucket,
                    "FIVETIER_AUDIT_RETENTION_DAYS": str(settings.audit_retention_days),
                },
                (
                    _bucket(names.audit_bucket, ("s3:ListBucketVersions",)),
                    _objects(
                        names.audit_bucket, "audit/*", ("s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectRetention")
                    ),
                    self._key("kms:Decrypt", "kms:GenerateDataKey"),
                ),
            ),
            Need.FOLLOW_OUTBOX: Answer(
                grants=(
                    Grant(
                        actions=("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
                        resources=(stream_arn,),
                    ),
                    Grant(actions=("dynamodb:ListStreams",), resources=("*",), excuse=_LIST_STREAMS),
                    self._key("kms:Decrypt"),
                ),
            ),
            Need.START_RUNS: Answer(
                {"FIVETIER_STATE_MACHINES": json.dumps(machines)},
                (Grant(actions=("states:StartExecution",), resources=tuple(machines.values())),),
            ),
            Need.SEE_ENDS: Answer(
                {"FIVETIER_STATE_MACHINES": json.dumps(machines)},
                (
                    Grant(
                        actions=("states:DescribeExecution",),
                        resources=tuple(
                            f"{arn.replace(':stateMachine:', ':execution:')}:*" for arn in machines.values()
                        ),
                        excuse=_EXECUTIONS,
                    ),
                ),
            ),
            Need.ANSWER_ASK: Answer(
                grants=(
                    Grant(
                        actions=("states:SendTaskSuccess", "states:SendTaskFailure"),
                        resources=tuple(machines.values()),
                    ),
                ),
            ),
            Need.SIGN_OFF_TIME: Answer(
                {}
                if settings.sign_off_seconds is None
                else {"FIVETIER_SIGN_OFF_SECONDS": str(settings.sign_off_seconds)},
            ),
            Need.IDENTITY: Answer(
                {
                    "FIVETIER_OIDC_ISSUER": identity.issuer,
                    "FIVETIER_OIDC_AUDIENCE": identity.audience,
                },
            ),
            Need.WATCH: Answer(
                {
                    "FIVETIER_IS_CALENDAR_ON": str(settings.schedules_enabled).lower(),
                    "POWERTOOLS_METRICS_NAMESPACE": settings.prefix,
                },
            ),
            Need.SEND_MAIL: _mail(settings),
            Need.LINKS: Answer(
                {
                    "FIVETIER_FRONT_DOOR_URL": front_door_url,
                    "FIVETIER_STATE_MACHINES": json.dumps(machines),
                    **({"FIVETIER_CONSOLE_URL": CONSOLE_URL} if settings.has_console else {}),
                },
            ),
        }

    def environment(self, spec: FunctionSpec) -> dict[str, str]:
        """Variables of a function, sorted; what Powertools reads is everybody's."""
        variables = {
            "FIVETIER_STAGE": self._settings.name,
            "FIVETIER_OPS_TABLE": self._names.ops_table,
            "POWERTOOLS_SERVICE_NAME": spec.name,
            "LOG_LEVEL": "INFO",
        }
        for need in spec.needs:
            variables.update(self._answers[need].environment)
        return dict(sorted(variables.items()))

    def grants(self, spec: FunctionSpec) -> list[Grant]:
        """Rights of a function, in the order of `Need`."""
        grants = [grant for need in Need if need in spec.needs for grant in self._answers[need].grants]
        return [
            *grants,
            *self._on_items(spec.items),
            self._never_the_token(may_read=Need.ANSWER_ASK in spec.needs),
        ]

    def _on_items(self, items: Items) -> Iterator[Grant]:
        """Rights on the operations table; DynamoDB uses the table's key in the caller's name."""
        table = table_arn(self._names)
        yield Grant(actions=items.actions, resources=(table,), conditions=of_partitions(*items.of))
        if items.lists_runs:
            yield Grant(actions=("dynamodb:Query",), resources=(f"{table}/index/{DataNames.RUNS_INDEX}",))
        yield self._key("kms:Decrypt", *(("kms:GenerateDataKey",) if items.has_writes else ()))

    def _never_the_token(self, *, may_read: bool) -> Grant:
        """No function writes a task token, and only the resumer reads one; to others it would be of no use either."""
        return Grant(
            actions=_WRITE_ITEMS if may_read else (*_READ_ITEMS, *_WRITE_ITEMS),
            resources=(table_arn(self._names),),
            conditions={"ForAnyValue:StringLike": {LEADING_KEYS: [TOKENS]}},
            is_denied=True,
        )

    def _key(self, *actions: str) -> Grant:
        return Grant(actions=actions, resources=(self._key_arn,))


def _mail(settings: StageSettings) -> Answer:
    """Mail from one address. SES checks the identity it was verified by: the address itself, or its domain."""
    sender = settings.mail_from
    if sender is None:
        return Answer()
    identities = f"arn:{Aws.PARTITION}:ses:{Aws.REGION}:{Aws.ACCOUNT_ID}:identity"
    return Answer(
        {"FIVETIER_MAIL_FROM": sender, "FIVETIER_MAIL_TO": json.dumps(settings.mail_to)},
        (
            Grant(
                actions=("ses:SendEmail",),
                resources=(f"{identities}/{sender}", f"{identities}/{sender.partition('@')[2]}"),
                conditions={"StringEquals": {"ses:FromAddress": sender}},
            ),
        ),
    )


def table_arn(names: DataNames) -> str:
    """ARN of the operations table."""
    return f"arn:{Aws.PARTITION}:dynamodb:{Aws.REGION}:{Aws.ACCOUNT_ID}:table/{names.ops_table}"


def of_partitions(*kinds: str) -> dict[str, Any]:
    """The condition that keeps a role to kinds of partitions: `RUN` are those whose key begins with `RUN#`."""
    return {"ForAllValues:StringLike": {LEADING_KEYS: [f"{kind}#*" for kind in sorted(kinds)]}}


def machine_arn(settings: StageSettings, lob: str) -> str:
    """ARN of a LOB's state machine: from its name, as functions and machine need each other."""
    return f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}:stateMachine:{machine_name(settings, lob)}"


def glue_arns(database: str, tables: Sequence[str]) -> tuple[str, ...]:
    """What Glue checks a right on tables against: catalog, database and each table."""
    root = f"arn:{Aws.PARTITION}:glue:{Aws.REGION}:{Aws.ACCOUNT_ID}"
    return (f"{root}:catalog", f"{root}:database/{database}", *(f"{root}:table/{database}/{t}" for t in tables))


def lake_tables(settings: StageSettings, actions: Sequence[str], views: Sequence[str] = ()) -> Grant:
    """Glue actions on the published tables, each by name, and on views."""
    tables = [table.name for table in (*RELEASE_TABLES, *PUBLICATIONS)]
    return Grant(actions=tuple(actions), resources=glue_arns(settings.lake_database, [*tables, *views]))


def _bucket(name: str, actions: Sequence[str]) -> Grant:
    return Grant(actions=tuple(actions), resources=(bucket_arn(name),))


def _objects(name: str, path: str, actions: Sequence[str]) -> Grant:
    return Grant(actions=tuple(actions), resources=(bucket_arn(name, path),), excuse=_RUN_DEPENDENT)
