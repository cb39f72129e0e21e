"""The one place that reads the environment: `FIVETIER_*`, as the stacks set it for each function."""

import json
import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from fivetier.domain.errors import SettingMissing

_PREFIX = "FIVETIER_"


class Settings(BaseModel):
    """What a deployed function knows about its surroundings; a function lacks what it has no right to use.

    The field `ops_table` is the variable `FIVETIER_OPS_TABLE`, and so on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str | None = None
    ops_table: str | None = None
    landing_bucket: str | None = None
    staging_bucket: str | None = None
    lake_bucket: str | None = None
    audit_bucket: str | None = None
    lake_database: str | None = None
    staging_database: str | None = None
    #: ARN of each LOB's state machine; a JSON object in the environment.
    state_machines: dict[str, str] = {}
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    #: Where the pages begin, without a slash at the end.
    front_door_url: str | None = None
    #: Where the AWS console begins; the local stack has none.
    console_url: str | None = None
    #: Who mail comes from; without a sender there is none.
    mail_from: str | None = None
    #: Addresses of each role; a JSON object in the environment.
    mail_to: dict[str, tuple[str, ...]] = {}
    #: Whether the calendar starts refreshes here, so that one can be overdue.
    is_calendar_on: bool = False
    #: How long people are asked, instead of what the LOB's policy says; for rehearsals only.
    sign_off_seconds: int | None = None
    #: Six years, as HIPAA wants (45 CFR 164.316), leap days counted.
    audit_retention_days: int = 2192

    @field_validator("state_machines", "mail_to", mode="before")
    @classmethod
    def _parse_json(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read every variable that is set; other `FIVETIER_*` variables belong to somebody else.

        Raises:
            pydantic.ValidationError: a value has the wrong form, for example JSON that does not parse.
        """
        names = {name: f"{_PREFIX}{name.upper()}" for name in cls.model_fields}
        return cls.model_validate({name: environment[var] for name, var in names.items() if var in environment})

    def need(self, name: str) -> str:
        """One setting an adapter cannot do without.

        Raises:
            SettingMissing: the variable is not set, or empty.
        """
        value = getattr(self, name)
        if not value:
            raise SettingMissing(variable=f"{_PREFIX}{name.upper()}")
        return str(value)
