"""The checks. Each reads; what it must write is its own marked object (`smoke/`), and it takes that away again."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError
from fivetier.domain.calendar import SCHEDULES

from infra.smoke.account import Account, Failed, status_of
from infra.stacks.function_table import FUNCTIONS

#: Functions that read their event first: an empty one is refused by name, which proves that their layers load.
_PARSE_FIRST = [
    spec.name
    for spec in FUNCTIONS
    if spec.name not in ("settle_outbox", "send_mail", "watch_runs", "serve_api", "serve_pages")
]
_QUERY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold.

    Attributes:
        name: short name.
        run: says what it found.
        mend: what to do if it does not hold.
        needs_aws: the local stack cannot show it.
    """

    name: str
    run: Callable[[Account], str]
    mend: str
    needs_aws: bool = False


def _identity(account: Account) -> str:
    found = account.client("sts").get_caller_identity()
    if account.settings.account not in (None, found["Account"]):
        raise Failed(f"credentials are of {found['Account']}, the stage's account is {account.settings.account}")
    return str(found["Arn"])


def _stacks(account: Account) -> str:
    return f"{len(account.outputs)} outputs"


def _audit_lock(account: Account) -> str:
    name = account.outputs["AuditBucket"]
    found = account.client("s3").get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    kept = found["Rule"]["DefaultRetention"]
    if (kept["Mode"], kept["Days"]) != ("COMPLIANCE", account.settings.audit_retention_days):
        raise Failed(f"{name} keeps objects {kept['Days']} days in mode {kept['Mode']}")
    return f"COMPLIANCE, {kept['Days']} days"


def _audit_append_only(account: Account) -> str:
    name, s3 = account.outputs["AuditBucket"], account.client("s3")
    statements = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    if not [each for each in statements if each.get("Sid") == "AppendOnly" and each["Effect"] == "Deny"]:
        raise Failed(f"the policy of {name} has no Deny named AppendOnly")
    if account.settings.name == "prod":
        return "the policy says so (not tried: what it let through would be locked for years)"
    try:
        s3.put_object(Bucket=name, Key=f"smoke/{uuid.uuid4().hex}", Body=b"must be refused")
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            return "a write without If-None-Match was refused"
        raise
    raise Failed(f"{name} took an object without If-None-Match")


def _buckets(account: Account) -> str:
    s3 = account.client("s3")
    kinds = [account.outputs[f"{kind}Bucket"] for kind in ("Landing", "Staging", "Lake", "Audit", "Results")]
    for name in kinds:
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        if not all(block.values()):
            raise Failed(f"{name} is not closed to the public: {block}")
        if rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] != "aws:kms":
            raise Failed(f"{name} is not encrypted with our key")
        if s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
            raise Failed(f"{name} keeps no versions")
    return f"{len(kinds)} buckets closed, encrypted, versioned"


def _key(account: Account) -> str:
    kms, alias = account.client("kms"), f"alias/{account.settings.prefix}-data"
    key = kms.describe_key(KeyId=alias)["KeyMetadata"]
    if key["KeyState"] != "Enabled" or not kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]:
        raise Failed(f"{alias} is {key['KeyState']}, or does not rotate")
    return f"{alias} enabled, rotating"


def _landing(account: Account) -> str:
    """Write, read and take away one marked object."""
    name, s3 = account.outputs["LandingBucket"], account.client("s3")
    key, data = f"smoke/{uuid.uuid4().hex}", b"fivetier smoke test"
    version = s3.put_object(Bucket=name, Key=key, Body=data)["VersionId"]
    try:
        if s3.get_object(Bucket=name, Key=key, VersionId=version)["Body"].read() != data:
            raise Failed(f"{name}/{key} came back changed")
    finally:
        s3.delete_object(Bucket=name, Key=key, VersionId=version)
    return f"{key} written, read, removed"


def _table(account: Account) -> str:
    name, dynamodb = account.outputs["OpsTable"], account.client("dynamodb")
    table = dynamodb.describe_table(TableName=name)["Table"]
    if table.get("DeletionProtectionEnabled", False) != account.settings.protect_from_deletion:
        raise Failed(f"{name}: deletion protection is not as the settings say")
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED":
        raise Failed(f"{name} cannot be set back in time")
    return f"{name} {table['TableStatus']}, can be set back in time"


def _layers(account: Account) -> str:
    client = account.client("lambda")
    for folder in _PARSE_FIRST:
        answer = client.invoke(FunctionName=account.name_of(folder), Payload=b"{}")
        said = json.loads(answer["Payload"].read())
        if said.get("errorType") != "ValidationError":
            raise Failed(f"{folder} answered {said.get('errorType')}: {str(said.get('errorMessage'))[:200]}")
    return f"{len(_PARSE_FIRST)} functions load and refuse an empty event"


def _rights(account: Account) -> str:
    lake, table = (
        f"arn:aws:s3:::{account.outputs['LakeBucket']}/lake/x/y.parquet",
        account.client("dynamodb").describe_table(TableName=account.outputs["OpsTable"])["Table"]["TableArn"],
    )
    token = [
        {"ContextKeyName": "dynamodb:LeadingKeys", "ContextKeyValues": ["TOKEN#x"], "ContextKeyType": "stringList"}
    ]
    for folder, action, resource, context, expected in (
        ("normalize_feed", "s3:PutObject", lake, [], "implicitDeny"),
        ("publish_release", "s3:PutObject", lake, [], "allowed"),
        ("send_mail", "dynamodb:GetItem", table, token, "explicitDeny"),
        ("publish_release", "dynamodb:GetItem", table, token, "explicitDeny"),
        ("settle_outbox", "dynamodb:GetItem", table, token, "allowed"),
    ):
        (found,) = account.client("iam").simulate_principal_policy(
            PolicySourceArn=account.role_of(folder),
            ActionNames=[action],
            ResourceArns=[resource],
            ContextEntries=context,
        )["EvaluationResults"]
        if found["EvalDecision"] != expected:
            raise Failed(f"{folder}: {action} on {resource} is {found['EvalDecision']}, not {expected}")
    return "publisher alone writes the lake; resumer alone reads tokens"


def _views(account: Account) -> str:
    athena = account.client("athena")
    query = athena.start_query_execution(
        QueryString="SELECT count(*) AS publications FROM v_release",
        QueryExecutionContext={"Database": account.settings.lake_database},
        WorkGroup=account.outputs["ProductionWorkgroup"],
    )["QueryExecutionId"]
    deadline = time.monotonic() + _QUERY_SECONDS
    while time.monotonic() < deadline:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
            return f"v_release has {rows[1]['Data'][0]['VarCharValue']} rows"
        if status["State"] in ("FAILED", "CANCELLED"):
            raise Failed(status.get("StateChangeReason", status["State"]))
        time.sleep(0.5)
    raise Failed(f"no answer in {_QUERY_SECONDS} seconds")


def _mail(account: Account) -> str:
    sender, ses = account.settings.mail_from, account.client("sesv2")
    if sender is None:
        raise Failed("mail_from is not set, so nobody is asked by mail")
    may = ses.get_account()
    if not (may["SendingEnabled"] and may["ProductionAccessEnabled"]):
        raise Failed("the account may not send, or is in SES's sandbox")
    verified = []
    for identity in (sender, sender.partition("@")[2]):
        try:
            verified.append(ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"])
        except ses.exceptions.NotFoundException:
            continue
    if not any(verified):
        raise Failed(f"neither {sender} nor its domain is verified")
    if account.mail_to is None:
        return f"{sender} may send (none sent: --mail-to ADDRESS sends one)"
    text = {"Data": "fivetier smoke test: this deployment can send mail."}
    ses.send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": [account.mail_to]},
        Content={"Simple": {"Subject": text, "Body": {"Text": text}}},
    )
    return f"one mail sent to {account.mail_to}"


def _sign_in(account: Account) -> str:
    door = account.outputs["FrontDoorUrl"]
    status, _ = status_of(f"{account.issuer}/.well-known/openid-configuration")
    if status != 200:
        raise Failed(f"the issuer {account.issuer} answers {status}")
    status, leads_to = status_of(f"{door}/login")
    if status not in (302, 303) or not leads_to:
        raise Failed(f"{door}/login answers {status} and leads nowhere")
    status, _ = status_of(leads_to)
    if status >= 400:
        raise Failed(f"the sign-in page answers {status}: {leads_to.partition('?')[0]}")
    return f"{door}/login leads to a page that answers {status}"


def _closed_api(account: Account) -> str:
    status, _ = status_of(f"{account.outputs['FrontDoorUrl']}/api/runs")
    if status != 401:
        raise Failed(f"GET /api/runs without a token answers {status}")
    return "401 without a token"


def _schedules(account: Account) -> str:
    scheduler, prefix = account.client("scheduler"), account.settings.prefix
    wanted = {
        (prefix, f"{s.lob.value}-{s.name}".replace("_", "-")): (
            s.expression,
            s.timezone,
            "ENABLED" if account.settings.schedules_enabled else "DISABLED",
        )
        for s in SCHEDULES
    } | {(f"{prefix}-watch", "watch-runs"): ("rate(1 hour)", None, "ENABLED")}
    for (group, name), (expression, zone, state) in wanted.items():
        found = scheduler.get_schedule(GroupName=group, Name=name)
        same_zone = zone in (None, found.get("ScheduleExpressionTimezone"))
        if (found["ScheduleExpression"], found["State"]) != (expression, state) or not same_zone:
            raise Failed(f"{name} is {found['ScheduleExpression']} {found['State']}, not {expression} {state}")
    return f"{len(wanted)} as the calendar says"


def _alarms(account: Account) -> str:
    pages = account.client("cloudwatch").get_paginator("describe_alarms")
    found = {
        alarm["AlarmName"].removeprefix(f"{account.settings.prefix}-"): alarm["StateValue"]
        for page in pages.paginate(AlarmNamePrefix=f"{account.settings.prefix}-")
        for alarm in page["MetricAlarms"]
    }
    if "watch-silent" not in found or "run-not-started" not in found:
        raise Failed(f"absence alarms are missing among {len(found)} alarms")
    if ringing := sorted(name for name, state in found.items() if state == "ALARM"):
        raise Failed(f"in ALARM: {', '.join(ringing)}")
    silent = sum(state == "INSUFFICIENT_DATA" for state in found.values())
    return f"{len(found)} alarms, none in ALARM, {silent} without data yet"


def _listeners(account: Account) -> str:
    found = account.client("sns").list_subscriptions_by_topic(TopicArn=account.outputs["AlarmTopic"])["Subscriptions"]
    confirmed = {each["Endpoint"] for each in found if each["SubscriptionArn"].startswith("arn:")}
    if not account.settings.alarm_mail or (missing := sorted(set(account.settings.alarm_mail) - confirmed)):
        raise Failed(f"not confirmed: {', '.join(missing) if account.settings.alarm_mail else 'nobody is subscribed'}")
    return f"{len(confirmed)} confirmed"


def _heartbeat(account: Account) -> str:
    now = datetime.now(UTC)
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace=account.settings.prefix,
        MetricName="WatchHeartbeat",
        Dimensions=[{"Name": "service", "Value": "watch_runs"}],
        StartTime=now - timedelta(hours=3),
        EndTime=now,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    if not points:
        raise Failed("no WatchHeartbeat in three hours")
    return f"{sum(point['Sum'] for point in points):.0f} in three hours"


CHECKS = (
    Check("identity", _identity, "use credentials of the stage's account (aws sso login, AWS_PROFILE)"),
    Check("stacks", _stacks, "cdk deploy --all; see the stack's events in CloudFormation"),
    Check("key", _key, "kms enable-key-rotation; a key pending deletion: kms cancel-key-deletion, at once"),
    Check("buckets", _buckets, "somebody changed a bucket by hand: cdk deploy the data stack", needs_aws=True),
    Check("landing", _landing, "may you write to the bucket and use the key? look at both policies"),
    Check("audit-lock", _audit_lock, "Object Lock cannot be mended: tear the empty stage down and deploy anew"),
    Check("audit-append-only", _audit_append_only, "cdk deploy the data stack: its policy was changed", needs_aws=True),
    Check("table", _table, "cdk deploy the data stack: the table was changed by hand", needs_aws=True),
    Check(
        "layers", _layers, "an import error: build the layers anew (make layers, make layers-arm64-smoke) and deploy"
    ),
    Check("rights", _rights, "cdk deploy the pipeline stack: a role was changed by hand", needs_aws=True),
    Check("views", _views, "before the first publication there is no table to read: publish, then run this again"),
    Check("mail", _mail, "docs/operators.md, Mail: verify the sender, leave the sandbox", needs_aws=True),
    Check("sign-in", _sign_in, "oidc_issuer and its client's callback: docs/operators.md, Who may sign in"),
    Check("closed-api", _closed_api, "stop people from using it, and cdk deploy the pipeline stack"),
    Check("schedules", _schedules, "cdk deploy the pipeline stack; schedules_enabled says whether they fire"),
    Check("alarms", _alarms, "docs/runbook.md has a section for each"),
    Check("alarm-mail", _listeners, "set alarm_mail, deploy, and click the link SNS mails", needs_aws=True),
    Check(
        "heartbeat",
        _heartbeat,
        "an hour after the deployment at the latest; docs/runbook.md, watch-silent",
        needs_aws=True,
    ),
)
