"""The suites' scenes on the AWS adapters, over moto in this process."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import awswrangler as wr
import boto3
import pytest
from fivetier.app.records import Mail
from fivetier.aws.dynamo_runs import DynamoRunStore
from fivetier.aws.glue_catalog import GlueStagedCatalog
from fivetier.aws.iceberg_lake import IcebergLake
from fivetier.aws.s3_audit import S3Audit
from fivetier.aws.s3_landing import S3Landing
from fivetier.aws.s3_staging import S3Staging
from fivetier.aws.ses_mail import SesMailer
from fivetier.aws.sfn_executions import SfnExecutions
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import JsonRESTError
from moto.core.responses import EmptyResult
from moto.glue.responses import GlueResponse
from moto.ses.models import ses_backends
from moto.stepfunctions.models import stepfunctions_backends
from pyiceberg.catalog.glue import GlueCatalog

from tests.contract.sides.scenes import (
    LOB,
    AuditScene,
    CatalogScene,
    ExecutionsScene,
    LakeScene,
    LandingScene,
    MailScene,
    RunsScene,
    StagingScene,
)
from tests.fakes.world import FakeClock

REGION = "us-east-1"
SENDER = "fivetier@example.test"
FILE_IO = {"py-io-impl": "fivetier.aws.iceberg_io.S3FileIO"}
_ASL = Path(__file__).parents[3] / "statemachines" / "refresh.asl.json"


@cache
def client(service: str) -> Any:
    """A client for all tests of a module: making one takes longer than most tests."""
    return boto3.client(service)


def bucket(name: str, **options: Any) -> Any:
    """A versioned bucket; returns the client."""
    s3 = client("s3")
    s3.create_bucket(Bucket=name, **options)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return s3


def remover(s3: Any, name: str) -> Callable[[str], None]:
    def remove(key: str) -> None:
        for version in s3.list_object_versions(Bucket=name, Prefix=key)["Versions"]:
            s3.delete_object(Bucket=name, Key=key, VersionId=version["VersionId"])

    return remove


def landing(monkeypatch: pytest.MonkeyPatch) -> LandingScene:
    s3, shift = bucket("landing"), [timedelta()]
    monkeypatch.setattr("moto.s3.models.utcnow", lambda: datetime.now(UTC).replace(tzinfo=None) + shift[0])

    def let_time_pass() -> None:
        shift[0] += timedelta(seconds=2)

    def land(key: str, data: bytes) -> None:
        s3.put_object(Bucket="landing", Key=key, Body=data)

    return LandingScene(S3Landing(s3, "landing"), land, remover(s3, "landing"), let_time_pass)


def staging(monkeypatch: pytest.MonkeyPatch) -> StagingScene:
    s3 = bucket("staging")
    return StagingScene(S3Staging(s3, "staging"), remover(s3, "staging"))


def audit(monkeypatch: pytest.MonkeyPatch) -> AuditScene:
    s3 = bucket("audit", ObjectLockEnabledForBucket=True)
    # moto keeps objects until a real time, so the clock must not stand in the past.
    return AuditScene(S3Audit(s3, "audit", retention_days=1, clock=FakeClock(datetime.now(UTC))))


def ops_table(name: str = "ops") -> Any:
    """The operations table as the stacks define it; returns the client."""
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "lob", "started_at")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_lob",
                "KeySchema": [
                    {"AttributeName": "lob", "KeyType": "HASH"},
                    {"AttributeName": "started_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return dynamodb


def runs(monkeypatch: pytest.MonkeyPatch) -> RunsScene:
    return runs_on("ops")


def runs_on(table: str) -> RunsScene:
    """The run store on a table of its own."""
    dynamodb = ops_table(table)
    # The state machine's own transaction, so that the items it writes and the items we read cannot drift apart.
    transaction = json.loads(_ASL.read_text())["States"]["RequestSignOff"]["Parameters"]

    def ask(run_id: str, digest: str, expires_at: str, requested_by: str, token: str) -> None:
        paths = {
            "States.Format('RUN#{}', $.run_id)": f"RUN#{run_id}",
            "States.Format('TOKEN#{}', $.run_id)": f"TOKEN#{run_id}",
            "$.run_id": run_id,
            "$.ask.manifest_digest": digest,
            "$.ask.expires_at": expires_at,
            "$.ask.requested_by": requested_by,
            "$$.Task.Token": token,
        }
        dynamodb.transact_write_items(**_filled(transaction, paths | {"${OpsTable}": table}))

    return RunsScene(DynamoRunStore(dynamodb, table), ask)


def _filled(template: Any, paths: dict[str, str]) -> Any:
    """A payload template as Step Functions fills it."""
    if isinstance(template, dict):
        return {
            key.removesuffix(".$"): paths[value] if key.endswith(".$") else _filled(value, paths)
            for key, value in template.items()
        }
    if isinstance(template, list):
        return [_filled(value, paths) for value in template]
    return paths.get(template, template)


def lake(monkeypatch: pytest.MonkeyPatch) -> LakeScene:
    monkeypatch.setattr(GlueResponse, "update_table", update_table_as_glue_does)
    s3 = bucket("staging")
    bucket("lake")
    glue = client("glue")
    glue.create_database(DatabaseInput={"Name": "production"})
    return LakeScene(open_lake(glue), S3Staging(s3, "staging"))


def open_lake(glue: Any) -> IcebergLake:
    """A publisher of its own, with its own view of the catalog."""
    return IcebergLake(
        GlueCatalog("glue", client=glue, **FILE_IO),
        client("s3"),
        database="production",
        lake_bucket="lake",
        staging_bucket="staging",
    )


def catalog(monkeypatch: pytest.MonkeyPatch) -> CatalogScene:
    s3 = bucket("staging")
    glue = client("glue")
    glue.create_database(DatabaseInput={"Name": "staged"})

    def folder_of(name: str, lob: str) -> str:
        found = glue.get_partition(DatabaseName="staged", TableName=name, PartitionValues=[lob])["Partition"]
        return str(found["StorageDescriptor"]["Location"]).removeprefix("s3://staging/")

    def query(name: str) -> list[str]:
        """moto has no Athena that reads files: awswrangler reads what the catalog names."""
        partitions = glue.get_partitions(DatabaseName="staged", TableName=name)["Partitions"]
        folders = [each["StorageDescriptor"]["Location"] for each in partitions]
        frames = [wr.s3.read_parquet(folder, columns=["node_id"], use_threads=False) for folder in folders]
        return [str(node) for frame in frames for node in frame["node_id"]]

    registered = GlueStagedCatalog(glue, database="staged", staging_bucket="staging")
    return CatalogScene(registered, S3Staging(s3, "staging"), folder_of, query)


def executions(monkeypatch: pytest.MonkeyPatch) -> ExecutionsScene:
    stepfunctions = client("stepfunctions")
    arn = stepfunctions.create_state_machine(
        name="refresh",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/refresh",
    )["stateMachineArn"]

    def end(lob: str, run_id: str, error: str = "", cause: str = "") -> None:
        execution = arn.replace(":stateMachine:", ":execution:") + f":{run_id}"
        stepfunctions.stop_execution(executionArn=execution)
        if error:  # which moto does not take from who stops it
            found = stepfunctions_backends[DEFAULT_ACCOUNT_ID][REGION].describe_execution(execution)
            found.error, found.cause = error, cause

    return ExecutionsScene(SfnExecutions(stepfunctions, {LOB: arn}), end)


def mail(monkeypatch: pytest.MonkeyPatch) -> MailScene:
    ses, texts = boto3.client("sesv2"), []
    ses.create_email_identity(EmailIdentity=SENDER)

    def note(params: dict[str, Any], **_: Any) -> None:
        """moto keeps a mail's HTML only."""
        texts.append(params["Content"]["Simple"]["Body"]["Text"]["Data"])

    ses.meta.events.register("provide-client-params.sesv2.SendEmail", note)

    def outbox() -> list[Mail]:
        sent = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
        assert {message.source for message in sent} <= {SENDER}
        return [
            Mail(to=tuple(m.destinations["ToAddresses"]), subject=m.subject, text=text, html=m.body)
            for m, text in zip(sent, texts, strict=True)
        ]

    def close() -> None:
        ses.delete_email_identity(EmailIdentity=SENDER)
        ses.meta.events.unregister("provide-client-params.sesv2.SendEmail", note)

    return MailScene(SesMailer(ses, SENDER), outbox, close)


def update_table_as_glue_does(response: GlueResponse) -> Any:
    """UpdateTable with the version check that moto leaves out, without which commits are lost without a word."""
    name, table = response.parameters["DatabaseName"], response.parameters["TableInput"]
    seen, current = response.parameters.get("VersionId"), response.glue_backend.get_table(name, table["Name"])
    if seen is not None and seen != current.as_dict()["VersionId"]:
        raise JsonRESTError("ConcurrentModificationException", f"{table['Name']} was changed since version {seen}")
    response.glue_backend.update_table(name, table["Name"], table)
    return EmptyResult()


SCENES: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    scene.__name__: scene for scene in (landing, staging, audit, runs, lake, catalog, executions, mail)
}
