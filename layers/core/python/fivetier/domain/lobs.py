"""The lines of business, as configuration: `lobs.yaml` beside this module.

A new line of business is an entry there and a mapping per source; nothing else knows how many there are. A change of
the file is signed like a change of policy (DECISIONS, Sign-off).
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

#: Who signs for every line of business; a policy may add others, never remove one (DECISIONS, Sign-off).
REQUIRED_ROLES = ("engineering_lead", "data_lead")

#: What the rows of a source say: contracts with their entities (CMS), benefits plans, networks, which plan follows
#: which, where plans are sold, or the same plans as another publisher has them (R1.9).
SourceRole = Literal["contracts", "plans", "networks", "crosswalk", "service_areas", "reference"]
#: Whether files are due then, so that their absence is told to people, or a look finds what perhaps came (ADR 20).
Expectation = Literal["files", "perhaps"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceSettings(_Strict):
    """One slot files are landed in; its mapping has the slot's name. Absent optional sources are carried forward."""

    source: Name
    role: SourceRole
    required: bool = False
    title: str


class ScheduleSettings(_Strict):
    """One recurring refresh: the six Scheduler fields, read in `domain.calendar.MARKET_ZONE`, and why it is then."""

    name: Name
    cron: str
    expects: Expectation = "files"
    meaning: str


class LobSettings(_Strict):
    """One line of business.

    Attributes:
        label: the field's usual name.
        entity_per_state: an entity is one organization in one state, since sources name no legal entity (R1.7).
        plan_id_systems: id systems of its plans (R1.2); the first is the usual one.
        sources: its slots, the leading source first.
        signing_roles: who signs.
        sign_off_days: how long they are asked.
        row_drop_share: share of what is published that may not be gone at once (ROW_DROP).
        schedules: when it is refreshed (DOMAIN §2).
    """

    label: str
    entity_per_state: bool = False
    plan_id_systems: tuple[Name, ...]
    sources: tuple[SourceSettings, ...]
    signing_roles: tuple[Name, ...] = REQUIRED_ROLES
    sign_off_days: Annotated[int, Field(ge=1, le=90)] = 7
    row_drop_share: Annotated[float, Field(gt=0, le=1)] = 0.30
    schedules: tuple[ScheduleSettings, ...]

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if missing := sorted(set(REQUIRED_ROLES) - set(self.signing_roles)):
            raise ValueError(f"a policy may add signing roles, never remove {', '.join(missing)}")
        names = [source.source for source in self.sources]
        if len(set(names)) != len(names):
            raise ValueError("a source is named twice")
        if self.sources and not any(source.required for source in self.sources):
            raise ValueError("no source is required, so a run could be made of nothing")
        return self

    @property
    def has_contracts(self) -> bool:
        """Whether plans hang on contracts with the publisher (CMS), which tie plans, entities and parents together."""
        return any(source.role == "contracts" for source in self.sources)

    @property
    def sign_off_seconds(self) -> int:
        """How long the wait state waits."""
        return self.sign_off_days * 24 * 3600


@lru_cache(maxsize=1)
def lob_settings() -> Mapping[str, LobSettings]:
    """Every line of business by its name, in the order of the file.

    Raises:
        pydantic.ValidationError: an entry is not as declared here.
    """
    text = resources.files("fivetier.domain").joinpath("lobs.yaml").read_text(encoding="utf-8")
    return {name: LobSettings.model_validate(values) for name, values in yaml.safe_load(text).items()}
