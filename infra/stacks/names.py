"""Names every stack agrees on, so that stacks need few references to each other."""

from dataclasses import dataclass
from typing import ClassVar

from infra.constructs.private_bucket import bucket_name
from infra.settings import StageSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DataNames:
    """Physical names of what the data stack holds."""

    RUNS_INDEX: ClassVar[str] = "by_lob"

    landing_bucket: str
    staging_bucket: str
    lake_bucket: str
    audit_bucket: str
    results_bucket: str
    ops_table: str
    lake_database: str
    staging_database: str

    @classmethod
    def of(cls, settings: StageSettings) -> "DataNames":
        """The names in one stage."""
        return cls(
            landing_bucket=bucket_name(settings.prefix, "landing"),
            staging_bucket=bucket_name(settings.prefix, "staging"),
            lake_bucket=bucket_name(settings.prefix, "lake"),
            audit_bucket=bucket_name(settings.prefix, "audit"),
            results_bucket=bucket_name(settings.prefix, "athena-results"),
            ops_table=f"{settings.prefix}-ops",
            lake_database=settings.lake_database,
            staging_database=settings.staging_database,
        )


def machine_name(settings: StageSettings, lob: str) -> str:
    """Name of a LOB's state machine."""
    return f"{settings.prefix}-{lob}"


def function_name(settings: StageSettings, folder: str) -> str:
    """Name of the function whose code lies in `functions/<folder>`."""
    return f"{settings.prefix}-{folder.replace('_', '-')}"


def workgroup_name(settings: StageSettings, kind: str) -> str:
    """Name of an Athena workgroup: kind is `production` or `staging`."""
    return f"{settings.prefix}-{kind}"
