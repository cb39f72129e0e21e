"""What a suite needs beside the port it tests: ways to do what others do (people, the state machine, an intruder).

A side (the fakes, moto, a local stack) builds these; a suite knows no side.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fivetier.app import ports
from fivetier.app.records import Mail

LOB = "medicare_advantage"


@dataclass(frozen=True)
class LandingScene:
    landing: ports.LandingStore
    #: Put an object under a key, as a person who lands a file.
    land: Callable[[str, bytes], None]
    #: Delete every version of a key, as an intruder.
    remove: Callable[[str], None]
    #: Let so much time pass that S3 tells two objects apart.
    let_time_pass: Callable[[], None]


@dataclass(frozen=True)
class StagingScene:
    staging: ports.StagingStore
    remove: Callable[[str], None]


@dataclass(frozen=True)
class AuditScene:
    audit: ports.AuditStore


@dataclass(frozen=True)
class RunsScene:
    runs: ports.RunStore
    #: ask(run_id, digest, expires_at, requested_by, token), as the state machine in RequestSignOff.
    ask: Callable[[str, str, str, str, str], None]


@dataclass(frozen=True)
class LakeScene:
    lake: ports.Lake
    staging: ports.StagingStore


@dataclass(frozen=True)
class CatalogScene:
    catalog: ports.StagedCatalog
    staging: ports.StagingStore
    #: folder_of(name, lob): the folder a registered name shows of a LOB, as a key prefix.
    folder_of: Callable[[str, str], str]
    #: The node ids a query of a registered name finds.
    query: Callable[[str], list[str]]


@dataclass(frozen=True)
class ExecutionsScene:
    executions: ports.Executions
    #: end(lob, run_id) or end(lob, run_id, error, cause): the execution ends.
    end: Callable[..., None]


@dataclass(frozen=True)
class MailScene:
    mailer: ports.Mailer
    #: The mails that were taken, oldest first.
    outbox: Callable[[], list[Mail]]
    #: Stop the service from taking any.
    close: Callable[[], None]
