"""The suites' scenes on the AWS adapters, over the local stack; every scene has buckets and tables of its own."""

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

import awswrangler as wr
import pytest
from fivetier.app.records import Mail
from fivetier.aws.glue_catalog import GlueStagedCatalog
from fivetier.aws.iceberg_lake import IcebergLake
from fivetier.aws.s3_audit import S3Audit
from fivetier.aws.s3_staging import S3Staging
from fivetier.aws.ses_mail import SesMailer
from pyiceberg.catalog.glue import GlueCatalog

from tests.contract.sides import moto
from tests.contract.sides.scenes import AuditScene, CatalogScene, LakeScene, MailScene, RunsScene, StagingScene
from tests.fakes.world import FakeClock
from tests.support.emulator import unique


def staging() -> StagingScene:
    name = unique("staging")
    s3 = moto.bucket(name)
    return StagingScene(S3Staging(s3, name), moto.remover(s3, name))


def audit() -> AuditScene:
    name = unique("audit")
    s3 = moto.bucket(name, ObjectLockEnabledForBucket=True)
    return AuditScene(S3Audit(s3, name, retention_days=1, clock=FakeClock(datetime.now(UTC))))


def runs() -> RunsScene:
    return moto.runs_on(unique("ops"))


def lake() -> LakeScene:
    staged, produced, database = unique("staging"), unique("lake"), unique("production").replace("-", "_")
    s3 = moto.bucket(staged)
    moto.bucket(produced)
    glue = moto.client("glue")
    glue.create_database(DatabaseInput={"Name": database})
    catalog = GlueCatalog("glue", client=glue, **moto.FILE_IO)
    opened = IcebergLake(catalog, s3, database=database, lake_bucket=produced, staging_bucket=staged)
    return LakeScene(opened, S3Staging(s3, staged))


def catalog() -> CatalogScene:
    bucket, database = unique("staging"), unique("staged").replace("-", "_")
    s3, glue = moto.bucket(bucket), moto.client("glue")
    glue.create_database(DatabaseInput={"Name": database})

    def folder_of(name: str, lob: str) -> str:
        found = glue.get_partition(DatabaseName=database, TableName=name, PartitionValues=[lob])["Partition"]
        return str(found["StorageDescriptor"]["Location"]).removeprefix(f"s3://{bucket}/")

    def query(name: str) -> list[str]:
        rows = wr.athena.read_sql_query(
            f"SELECT node_id FROM {name}", database=database, ctas_approach=False, s3_output=f"s3://{bucket}/results/"
        )
        return [str(node) for node in rows["node_id"]]

    registered = GlueStagedCatalog(glue, database=database, staging_bucket=bucket)
    return CatalogScene(registered, S3Staging(s3, bucket), folder_of, query)


def mail() -> MailScene:
    sender, ses = f"{unique('sender')}@example.test", moto.client("sesv2")
    ses.create_email_identity(EmailIdentity=sender)

    def outbox() -> list[Mail]:
        with urllib.request.urlopen(f"{ses.meta.endpoint_url}/_ministack/ses/messages", timeout=5) as answer:
            accounts = json.load(answer)["messages"].values()
        ours = [each for messages in accounts for each in messages if each["Source"] == sender]
        return [
            Mail(to=tuple(m["To"]), subject=m["Subject"], text=m["BodyText"], html=m["BodyHtml"])
            for m in sorted(ours, key=lambda each: each["Timestamp"])
        ]

    return MailScene(SesMailer(ses, sender), outbox, lambda: ses.delete_email_identity(EmailIdentity=sender))


SCENES: dict[str, Callable[[], object]] = {
    scene.__name__: scene for scene in (staging, audit, runs, lake, catalog, mail)
}


def scene(request: pytest.FixtureRequest) -> object:
    """The scene of the suite a test belongs to."""
    return SCENES[request.cls.kind]()
