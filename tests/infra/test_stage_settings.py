"""Settings: what may be deployed, and what is refused with words that say what to set."""

import json
from pathlib import Path
from typing import Any

import pytest
from fivetier.app.policy import policies
from fivetier.domain.calendar import MARKET_ZONE, SCHEDULES, Schedule, check, refreshed_lobs
from fivetier.domain.signoff import Role
from fivetier.domain.tiers import Lob

from infra.app import main
from infra.settings import ROLES, InvalidSetting, MissingSetting, load_context, load_settings

HTTPS = "https://issuer.example.test"
LOOPBACK = "http://127.0.0.1:9000"


def _context(stage: str, **values: str) -> dict[str, Any]:
    return load_context({"stage": stage, **values})


@pytest.mark.parametrize("stage", ["dev", "prod", "local"])
def test_without_an_issuer_nothing_is_deployed(stage: str) -> None:
    context = _context(stage, oidc_audience="fivetier")
    context["stages"][stage]["oidc_issuer"] = None
    with pytest.raises(MissingSetting, match=rf"stage {stage}: oidc_issuer is not set.*-c oidc_issuer=VALUE"):
        load_settings(context)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_without_an_audience_nothing_is_deployed(stage: str) -> None:
    with pytest.raises(MissingSetting, match="oidc_audience is not set"):
        load_settings(_context(stage, oidc_issuer=HTTPS))


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_without_a_folder_of_layers_nothing_is_deployed(stage: str) -> None:
    context = _context(stage)
    assert load_settings(context).layers_dir == "build/layers"
    context["stages"][stage]["layers_dir"] = None
    with pytest.raises(MissingSetting, match=rf"stage {stage}: layers_dir is not set.*make layers builds them"):
        load_settings(context)


def test_a_stage_whose_layers_are_not_built_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = tmp_path / "build" / "layers"
    with pytest.raises(SystemExit) as refusal:
        main(["--stage", "dev", "-c", f"layers_dir={absent}", "--out", str(tmp_path / "out")])
    assert refusal.value.code == 2
    said = "stage dev: LayersNotBuilt: the third-party layers in build/layers cannot be deployed: they are not built. "
    assert said + "Run make layers." in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_user_pool_is_what_cdk_json_names(stage: str) -> None:
    settings = load_settings(_context(stage))
    assert (settings.makes_user_pool, settings.oidc_audience) == (True, None)
    other = load_settings(_context(stage, oidc_issuer=HTTPS, oidc_audience="fivetier"))
    assert not other.makes_user_pool


def test_a_user_pool_is_its_own_audience_and_not_for_the_local_stack() -> None:
    with pytest.raises(InvalidSetting, match="leave oidc_audience out"):
        load_settings(_context("prod", oidc_audience="fivetier"))
    with pytest.raises(InvalidSetting, match="a test issuer of its own"):
        load_settings(_context("local", oidc_issuer="cognito"))


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_an_issuer_in_aws_is_https(stage: str) -> None:
    with pytest.raises(InvalidSetting, match="https issuers only"):
        load_settings(_context(stage, oidc_issuer=LOOPBACK, oidc_audience="fivetier"))


def test_the_local_stack_has_an_issuer_on_loopback() -> None:
    settings = load_settings(_context("local", oidc_issuer=LOOPBACK))
    assert (settings.oidc_issuer, settings.oidc_audience) == (LOOPBACK, "fivetier")
    assert (settings.account, settings.region) == ("000000000000", "us-east-1")
    assert not settings.schedules_enabled


def test_the_cli_of_cdk_hands_its_context_over(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"stage": "dev", "oidc_issuer": HTTPS, "oidc_audience": "people", "account": "123456789012"}
    monkeypatch.setenv("CDK_CONTEXT_JSON", json.dumps(given))
    settings = load_settings(load_context())
    assert (settings.name, settings.oidc_audience, settings.account) == ("dev", "people", "123456789012")


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="stages are dev, prod, local"):
        load_settings(_context("test", oidc_issuer=HTTPS))


def test_an_unknown_setting_is_refused() -> None:
    context = _context("local", oidc_issuer=LOOPBACK)
    context["stages"]["local"]["oidc_isuer"] = "x"
    with pytest.raises(InvalidSetting, match="no setting has this name"):
        load_settings(context)


def test_a_test_may_shorten_the_time_to_sign_and_prod_may_not() -> None:
    settings = load_settings(_context("local", oidc_issuer=LOOPBACK, sign_off_seconds="5"))
    assert settings.sign_off_seconds == 5
    with pytest.raises(InvalidSetting, match="signed policy decides"):
        load_settings(_context("prod", oidc_issuer=HTTPS, oidc_audience="fivetier", sign_off_seconds="5"))
    with pytest.raises(InvalidSetting, match="whole number"):
        load_settings(_context("local", oidc_issuer=LOOPBACK, sign_off_seconds="soon"))
    with pytest.raises(InvalidSetting, match="at least a second"):
        load_settings(_context("local", oidc_issuer=LOOPBACK, sign_off_seconds="0"))


def test_the_command_line_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--stage", "local"])
    assert ended.value.code == 2
    assert "oidc_issuer is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    ["http://door.example.test", "https://door.example.test/", "https://door.example.test/x", "door.example.test"],
)
def test_the_front_door_is_a_whole_address_people_may_trust(url: str) -> None:
    with pytest.raises(InvalidSetting, match=r"front_door_url.*without a slash at the end"):
        load_settings(_context("prod", oidc_issuer=HTTPS, oidc_audience="fivetier", front_door_url=url))


def test_a_domain_of_ones_own_is_the_front_door() -> None:
    door = "https://payers.example.test"
    settings = load_settings(_context("prod", oidc_issuer=HTTPS, oidc_audience="fivetier", front_door_url=door))
    assert settings.front_door_url == door
    local = load_settings(_context("local", oidc_issuer=LOOPBACK, front_door_url="http://localhost:8080"))
    assert local.front_door_url == "http://localhost:8080"


# ---- mail --------------------------------------------------------------------------------------------------


def _with_mail(**mail: Any) -> dict[str, Any]:
    context = _context("prod", oidc_issuer=HTTPS, oidc_audience="fivetier")
    addresses = {role: [f"{role}@example.test"] for role in ROLES}
    context["stages"]["prod"] |= {"mail_from": "fivetier@example.test", "mail_to": addresses} | mail
    return context


def test_the_roles_that_are_written_to_are_those_people_act_in() -> None:
    assert set(ROLES) == {role.value for role in Role}
    assert {role for policy in policies().values() for role in policy.signing_roles} <= set(ROLES)


def test_mail_is_off_where_nobody_said_who_it_comes_from(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, layers_dir: str
) -> None:
    assert load_settings(_context("prod", oidc_issuer=HTTPS, oidc_audience="fivetier")).mail_from is None
    given = ["-c", "oidc_audience=fivetier", "--oidc-issuer", HTTPS, "-c", f"layers_dir={layers_dir}"]
    given += ["--no-validate", "--out", str(tmp_path / "out")]
    assert main(["--stage", "prod", *given]) == 0
    assert "mail_from is not set, so no mail is sent" in capsys.readouterr().err


def test_the_local_stack_writes_to_every_role() -> None:
    settings = load_settings(_context("local", oidc_issuer=LOOPBACK))
    assert settings.mail_from == "fivetier@example.test"
    assert settings.mail_to == {role: [f"{role}@example.test"] for role in ROLES}


@pytest.mark.parametrize(
    ("mail", "rule"),
    [
        ({"mail_to": {"medical_director": ["m@example.test"]}}, "no role is called medical_director"),
        ({"mail_to": {"data_lead": ["dora@example.test"]}}, "data_ops_reviewer, engineering_lead could not be written"),
        ({"mail_to": {role: [] for role in ROLES}}, "could not be written to"),
        ({"mail_to": {role: ["Dora <dora@example.test>"] for role in ROLES}}, "give bare addresses"),
        ({"mail_from": "fivetier"}, "give bare addresses"),
        ({"mail_to": {role: [f"{n}@example.test" for n in range(51)] for role in ROLES}}, "50 recipients"),
    ],
)
def test_mail_that_could_not_arrive_is_refused(mail: dict[str, Any], rule: str) -> None:
    with pytest.raises(InvalidSetting, match=rule):
        load_settings(_with_mail(**mail))


def test_addresses_may_wait_for_their_sender() -> None:
    settings = load_settings(_with_mail(mail_from=None, mail_to={"data_lead": ["dora@example.test"]}))
    assert settings.mail_from is None


# ---- calendar ------------------------------------------------------------------------------------------------


def _schedule(cron: str, name: str = "one") -> Schedule:
    return Schedule(Lob.MEDICARE_ADVANTAGE, name, cron, MARKET_ZONE, "-")


def test_the_calendar_follows_its_rules() -> None:
    check()


def test_medicare_advantage_has_the_calendar_of_the_domain_page() -> None:
    assert {s.expression for s in SCHEDULES if s.lob is Lob.MEDICARE_ADVANTAGE} == {
        "cron(0 6 25-30 9 ? *)",
        "cron(0 6 1-31 10 ? *)",
        "cron(0 6 2 1 ? *)",
        "cron(0 6 20 2 ? *)",
        "cron(0 6 10 4,7,10 ? *)",
    }
    assert {s.timezone for s in SCHEDULES} == {"America/New_York"}


def test_every_line_of_business_has_a_calendar() -> None:
    assert refreshed_lobs() == tuple(Lob)
    assert [lob.value for lob in Lob] == ["medicare_advantage", "aca_exchange", "medicaid", "commercial"]


@pytest.mark.parametrize(
    "cron", ["30 1 1 * ? *", "0 2 1 * ? *", "0 * 1 * ? *", "0 0/2 1 * ? *", "0 6,2 1 * ? *", "0 0-4 1 * ? *"]
)
def test_no_schedule_fires_while_clocks_change(cron: str) -> None:
    with pytest.raises(ValueError, match="when clocks change"):
        check([_schedule(cron)])


@pytest.mark.parametrize("cron", ["0 0 1 * ? *", "0 3 1 * ? *", "0 4-23 1 * ? *", "0 6/6 ? * TUE *"])
def test_other_hours_are_free(cron: str) -> None:
    check([_schedule(cron)])


@pytest.mark.parametrize("cron", ["0 6 1 * TUE *", "0 6 ? * ? *"])
def test_days_are_named_in_one_way(cron: str) -> None:
    with pytest.raises(ValueError, match="exactly one of day of month and day of week"):
        check([_schedule(cron)])


def test_a_schedule_has_six_fields_and_its_own_name() -> None:
    with pytest.raises(ValueError, match="6 fields"):
        check([_schedule("0 6 1 * ?")])
    with pytest.raises(ValueError, match="the name is taken"):
        check([_schedule("0 6 1 * ? *"), _schedule("0 6 2 * ? *")])
