"""Adapters for the functions: one lazy factory per port.

What a factory needs beyond the core layer (Arrow, awswrangler, pyiceberg, PyJWT) is imported inside it, so that a
function deployed without a layer fails only if it asks for a port of that layer.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fivetier.aws import clients
from fivetier.aws.settings import Settings

if TYPE_CHECKING:
    from fivetier.app import ports
    from fivetier.app.notifying import Mailing
    from fivetier.aws.front_door import FrontDoor
    from fivetier.aws.oidc import OidcIssuer


@cache
def settings() -> Settings:
    """What the environment says, read once."""
    return Settings.from_environment()


@cache
def clock() -> ports.Clock:
    """The machine's clock."""
    from fivetier.aws.clock import SystemClock

    return SystemClock()


@cache
def landing() -> ports.LandingStore:
    """Landed files."""
    from fivetier.aws.s3_landing import S3Landing

    return S3Landing(clients.client("s3"), settings().need("landing_bucket"))


@cache
def staging() -> ports.StagingStore:
    """Staged files; needs Arrow."""
    from fivetier.aws.s3_staging import S3Staging

    return S3Staging(clients.client("s3"), settings().need("staging_bucket"))


@cache
def lake() -> ports.Lake:
    """Production; needs the lake layer."""
    from pyiceberg.catalog.glue import GlueCatalog

    from fivetier.aws.iceberg_io import S3FileIO
    from fivetier.aws.iceberg_lake import IcebergLake

    file_io = f"{S3FileIO.__module__}.{S3FileIO.__qualname__}"
    return IcebergLake(
        GlueCatalog("glue", client=clients.client("glue"), **{"py-io-impl": file_io}),
        clients.client("s3"),
        database=settings().need("lake_database"),
        lake_bucket=settings().need("lake_bucket"),
        staging_bucket=settings().need("staging_bucket"),
    )


@cache
def catalog() -> ports.StagedCatalog:
    """Staged tables in Glue."""
    from fivetier.aws.glue_catalog import GlueStagedCatalog

    database, bucket = settings().need("staging_database"), settings().need("staging_bucket")
    return GlueStagedCatalog(clients.client("glue"), database=database, staging_bucket=bucket)


@cache
def runs() -> ports.RunStore:
    """Run records, leases, sign-offs and the outbox."""
    from fivetier.aws.dynamo_runs import DynamoRunStore

    return DynamoRunStore(clients.client("dynamodb"), settings().need("ops_table"))


@cache
def audit() -> ports.AuditStore:
    """The audit chain."""
    from fivetier.aws.s3_audit import S3Audit

    return S3Audit(
        clients.client("s3"),
        settings().need("audit_bucket"),
        retention_days=settings().audit_retention_days,
        clock=clock(),
    )


@cache
def executions() -> ports.Executions:
    """The state machines."""
    from fivetier.aws.sfn_executions import SfnExecutions

    return SfnExecutions(clients.client("stepfunctions"), settings().state_machines)


@cache
def mailer() -> ports.Mailer:
    """Mail to people."""
    from fivetier.aws.ses_mail import SesMailer

    return SesMailer(clients.client("sesv2"), settings().need("mail_from"))


@cache
def mailing() -> Mailing:
    """Who gets mail, where its links lead, and how it is worded."""
    from fivetier.app.notifying import Mailing
    from fivetier.web import mails

    return Mailing(
        addresses=settings().mail_to,
        front_door_url=settings().need("front_door_url"),
        console_url=settings().console_url,
        state_machines=settings().state_machines,
        write_ask=mails.ask_letter,
        write_reminder=mails.reminder_letter,
        write_outcome=mails.outcome_letter,
        write_absence=mails.absence_letter,
    )


@cache
def verifier() -> ports.TokenVerifier:
    """The issuer's tokens."""
    from fivetier.aws.oidc import OidcVerifier

    return OidcVerifier(issuer())


@cache
def issuer() -> OidcIssuer:
    """Who says who people are."""
    from fivetier.aws.oidc import OidcIssuer

    return OidcIssuer(settings().need("oidc_issuer"), settings().need("oidc_audience"))


@cache
def door() -> FrontDoor:
    """Login and sessions of the pages."""
    from fivetier.aws.front_door import FrontDoor

    return FrontDoor(issuer(), settings().need("front_door_url"))
