"""Per-LOB policy, read from `lobs.yaml`."""

from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, field_validator

from fivetier.domain.signoff import REQUIRED_ROLES
from fivetier.domain.tiers import Lob


class LobPolicy(BaseModel):
    """Who signs a LOB's runs, and for how long they are asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signing_roles: tuple[str, ...]
    sign_off_days: int

    @field_validator("signing_roles")
    @classmethod
    def _never_fewer(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        missing = set(REQUIRED_ROLES) - set(roles)
        if missing:
            raise ValueError(f"a policy may add signing roles, never remove {', '.join(sorted(missing))}")
        return roles

    @property
    def sign_off_seconds(self) -> int:
        """How long the wait state waits."""
        return self.sign_off_days * 24 * 3600


def policies() -> dict[Lob, LobPolicy]:
    """Every LOB with a policy; a LOB without one cannot be refreshed."""
    text = resources.files("fivetier.app").joinpath("lobs.yaml").read_text(encoding="utf-8")
    return {Lob(name): LobPolicy.model_validate(values) for name, values in yaml.safe_load(text).items()}
