"""What differs between deployments, in one frozen object; values come from `cdk.json` (ARCHITECTURE §7).

Nothing in the stacks asks for the stage's name to decide something: each difference is a field here, so that two
stages differ exactly where this file says.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("dev", "prod", "local")
#: Context that may be given by `-c` and wins over the stage's own value.
OVERRIDES = ("account", "region", "oidc_issuer", "oidc_audience", "front_door_url", "layers_dir", "sign_off_seconds")

#: Instead of an issuer's URL: the stage's own Cognito user pool.
COGNITO = "cognito"
#: Who may be written to: the roles people act in (`fivetier.domain.signoff.Role`, of which a test reminds us).
ROLES = ("data_ops_reviewer", "engineering_lead", "data_lead")
_ADDRESS = re.compile(r"[^@\s<>,;:\"()]+@[^@\s<>,;:\"()]+\.[^@\s<>,;:\"()]+")
#: What SES takes in one mail.
_MOST_RECIPIENTS = 50

StageName = Literal["dev", "prod", "local"]


class SettingsError(ValueError):
    """The settings do not make a deployment; the message says what to set."""


class MissingSetting(SettingsError):
    """A value without which nothing may be deployed is absent."""

    def __init__(self, *, stage: str, setting: str, why: str) -> None:
        self.stage, self.setting = stage, setting
        super().__init__(
            f"stage {stage}: {setting} is not set; {why}. "
            f"Set it with -c {setting}=VALUE, or as stages.{stage}.{setting} in cdk.json."
        )


class InvalidSetting(SettingsError):
    """A value has the wrong form."""

    def __init__(self, *, stage: str, setting: str, value: object, rule: str) -> None:
        self.stage, self.setting, self.value = stage, setting, value
        super().__init__(f"stage {stage}: {setting} is {value!r}; {rule}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """One deployment.

    Attributes:
        name: stage; part of every physical name.
        account: AWS account, or None for the one the caller's credentials belong to.
        region: AWS region, or None likewise.
        oidc_issuer: who says who people are; without one nobody could sign, so nothing is deployed. `cognito` makes
            a user pool of the stage's own.
        oidc_audience: what tokens must be made out to; a pool of the stage's own knows it by itself.
        front_door_url: where people open the pages, if that is not the HTTP API's own address.
        has_console: whether the AWS console shows what runs here.
        layers_dir: folder of the built third-party layers, seen from the project's own; without one their ARNs are
            parameters, which will do for the local stack only: it runs functions with the project's own packages.
        mail_from: who mail comes from, verified with SES by address or by domain; without one no mail is sent.
        mail_to: addresses of each role.
        alarm_mail: who alarms are mailed to; each address confirms once. Without one nobody hears an alarm.
        audit_retention_days: how long Object Lock (COMPLIANCE) keeps audit events; nobody can shorten it later.
        staging_retention_days: how long candidates, reports and manifests are kept as evidence.
        results_retention_days: how long Athena results are kept.
        log_retention_days: how long logs are kept; one of CloudWatch's own steps.
        sign_off_seconds: how long people are asked, instead of what the LOB's policy says; for tests only.
        schedules_enabled: whether the refresh calendar runs by itself.
        retain_data: whether buckets, table and key outlive their stack.
        protect_from_deletion: termination protection of the data stack, deletion protection of the table.
        light_memory_mb: memory of functions that read and write records.
        heavy_memory_mb: memory of functions that hold a slice of the hierarchy.
        scan_limit_gb: bytes one Athena query may scan.
        api_requests_per_second: throttle of the API; bursts may be twice that.
        api_concurrency: most instances of the API at once; reserved from the account's total.
    """

    name: StageName
    account: str | None = None
    region: str | None = None
    oidc_issuer: str
    oidc_audience: str | None = None
    front_door_url: str | None = None
    has_console: bool
    layers_dir: str | None = None
    mail_from: str | None = None
    mail_to: Mapping[str, Sequence[str]] = field(default_factory=dict)
    alarm_mail: Sequence[str] = ()
    audit_retention_days: int
    staging_retention_days: int
    results_retention_days: int
    log_retention_days: int
    sign_off_seconds: int | None = None
    schedules_enabled: bool
    retain_data: bool
    protect_from_deletion: bool
    light_memory_mb: int
    heavy_memory_mb: int
    scan_limit_gb: int
    api_requests_per_second: int
    api_concurrency: int | None = None

    def __post_init__(self) -> None:
        self._check_issuer()
        self._check_front_door()
        self._check_mail()
        if self.layers_dir is None and not self.is_local:
            why = "functions would have no third-party packages; make layers builds them into build/layers"
            raise MissingSetting(stage=self.name, setting="layers_dir", why=why)
        if self.sign_off_seconds is not None and self.sign_off_seconds < 1:
            rule = "people need at least a second"
            raise InvalidSetting(stage=self.name, setting="sign_off_seconds", value=self.sign_off_seconds, rule=rule)
        if self.name == "prod" and self.sign_off_seconds is not None:
            rule = "in prod the LOB's signed policy decides"
            raise InvalidSetting(stage=self.name, setting="sign_off_seconds", value=self.sign_off_seconds, rule=rule)

    def _check_issuer(self) -> None:
        issuer, rule = urlsplit(self.oidc_issuer), ""
        if self.makes_user_pool:
            if self.is_local:
                rule = "the local stack has a test issuer of its own"
            elif self.oidc_audience is not None:
                rule = "its tokens are made out to its own client, so leave oidc_audience out"
        elif issuer.scheme != "https" and not (self.is_local and issuer.scheme == "http"):
            rule = "API Gateway accepts tokens of https issuers only (http is for stage local)"
        elif not issuer.netloc:
            rule = "give the issuer's whole URL"
        if rule:
            raise InvalidSetting(stage=self.name, setting="oidc_issuer", value=self.oidc_issuer, rule=rule)
        if self.oidc_audience is None and not self.makes_user_pool:
            why = "tokens made out to anybody else must be refused"
            raise MissingSetting(stage=self.name, setting="oidc_audience", why=why)

    def _check_front_door(self) -> None:
        """Links are made by appending to it, and issuers compare callbacks letter by letter."""
        if self.front_door_url is None:
            return
        door = urlsplit(self.front_door_url)
        is_safe = door.scheme == "https" or (self.is_local and door.scheme == "http")
        if not is_safe or not door.netloc or door.geturl() != f"{door.scheme}://{door.netloc}":
            rule = "give scheme and host only, https, without a slash at the end (http is for stage local)"
            raise InvalidSetting(stage=self.name, setting="front_door_url", value=self.front_door_url, rule=rule)

    def _check_mail(self) -> None:
        """Whoever signs must be written to; a sender without readers, or a typing error, would be noticed too late."""
        if unknown := sorted(self.mail_to.keys() - set(ROLES)):
            rule = f"no role is called {unknown[0]}; roles are {', '.join(ROLES)}"
            raise InvalidSetting(stage=self.name, setting="mail_to", value=dict(self.mail_to), rule=rule)
        addresses = {address for listed in self.mail_to.values() for address in listed}
        given = [("mail_from", self.mail_from), *(("mail_to", each) for each in sorted(addresses))]
        for setting, address in (*given, *(("alarm_mail", each) for each in self.alarm_mail)):
            if address is not None and not _ADDRESS.fullmatch(address):
                rule = "give bare addresses, like name@example.com"
                raise InvalidSetting(stage=self.name, setting=setting, value=address, rule=rule)
        if len(addresses) > _MOST_RECIPIENTS:
            rule = f"SES takes {_MOST_RECIPIENTS} recipients in one mail; use a mailing list"
            raise InvalidSetting(stage=self.name, setting="mail_to", value=len(addresses), rule=rule)
        if self.mail_from is not None and (silent := [role for role in ROLES if not self.mail_to.get(role)]):
            rule = f"{', '.join(silent)} could not be written to; give each role an address, or set mail_from to null"
            raise InvalidSetting(stage=self.name, setting="mail_to", value=dict(self.mail_to), rule=rule)

    @property
    def is_local(self) -> bool:
        """Whether this is the stack on a developer's own machine."""
        return self.name == "local"

    @property
    def makes_user_pool(self) -> bool:
        """Whether people are kept in a Cognito user pool of this stage."""
        return self.oidc_issuer == COGNITO

    @property
    def prefix(self) -> str:
        """How physical names begin."""
        return f"fivetier-{self.name}"

    @property
    def lake_database(self) -> str:
        """Glue database of what is published."""
        return f"fivetier_{self.name}"

    @property
    def staging_database(self) -> str:
        """Glue database of what people are asked to sign."""
        return f"fivetier_{self.name}_staging"


def load_context(overrides: Mapping[str, str] | None = None) -> dict[str, Any]:
    """CDK context: `cdk.json`, then what the CDK CLI hands over, then `overrides`.

    `python -m infra.app` is not started by the CLI, and only the CLI reads `cdk.json`, so it is read here.
    """
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return {**context, **json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}")), **(overrides or {})}


def load_settings(context: Mapping[str, Any]) -> StageSettings:
    """The settings of the stage that `context` names.

    Raises:
        MissingSetting: the OIDC issuer or another value is absent.
        InvalidSetting: the stage is unknown or a value has the wrong form.
    """
    stage = context.get("stage", "dev")
    stages = context.get("stages", {})
    if stage not in STAGES or stage not in stages:
        raise InvalidSetting(stage=stage, setting="stage", value=stage, rule=f"stages are {', '.join(STAGES)}")
    given = {key: context[key] for key in OVERRIDES if context.get(key) not in (None, "")}
    values = {key: value for key, value in {**stages[stage], **given}.items() if value is not None}
    names = {field.name for field in fields(StageSettings)}
    if unknown := sorted(values.keys() - names):
        raise InvalidSetting(stage=stage, setting=unknown[0], value=values[unknown[0]], rule="no setting has this name")
    if "oidc_issuer" not in values:
        why = "without an issuer nobody can prove who signs, so nothing is deployed"
        raise MissingSetting(stage=stage, setting="oidc_issuer", why=why)
    if "sign_off_seconds" in values:
        values["sign_off_seconds"] = _whole_number(stage, "sign_off_seconds", values["sign_off_seconds"])
    try:
        return StageSettings(name=stage, **values)
    except TypeError as error:
        raise SettingsError(f"stage {stage}: {error}; see stages.{stage} in cdk.json.") from error


def _whole_number(stage: str, setting: str, value: object) -> int:
    """Context given by `-c` is always text."""
    try:
        return int(str(value))
    except ValueError as error:
        raise InvalidSetting(stage=stage, setting=setting, value=value, rule="give a whole number") from error
