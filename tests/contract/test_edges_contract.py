"""Task tokens by stubbed answers, settings, wiring, and staged tables as awswrangler reads them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import awswrangler as wr
import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from fivetier.aws import clients, iso, wiring
from fivetier.aws.iceberg_lake import IcebergLake
from fivetier.aws.settings import Settings
from fivetier.aws.sfn_executions import SfnExecutions
from fivetier.domain.errors import SettingMissing
from fivetier.domain.tables import HIERARCHY_NODE
from pydantic import ValidationError

from tests.contract.sides import moto
from tests.contract.sides.scenes import LOB
from tests.contract.suites.rows import NOW, node

# ---- task tokens -----------------------------------------------------------------------------------------


@pytest.fixture
def stepfunctions(moto_in_process: None) -> Any:
    return boto3.client("stepfunctions")


def test_an_answer_reaches_the_waiting_task(stepfunctions: Any) -> None:
    with Stubber(stepfunctions) as stub:
        stub.add_response("send_task_success", {}, {"taskToken": "t", "output": '{"outcome": "approve"}'})
        stub.add_response("send_task_failure", {}, {"taskToken": "t", "error": "SignOffRejected", "cause": "no"})
        executions = SfnExecutions(stepfunctions, {})
        assert executions.resume("t", {"outcome": "approve"})
        assert executions.refuse("t", "SignOffRejected", "no")


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_task_that_is_gone_is_no_error(stepfunctions: Any, code: str) -> None:
    with Stubber(stepfunctions) as stub:
        stub.add_client_error("send_task_success", code)
        stub.add_client_error("send_task_failure", code)
        executions = SfnExecutions(stepfunctions, {})
        assert not executions.resume("t", {})
        assert not executions.refuse("t", "SignOffRejected", "no")


def test_a_task_we_may_not_answer_is_an_error(stepfunctions: Any) -> None:
    with Stubber(stepfunctions) as stub:
        stub.add_client_error("send_task_success", "AccessDeniedException")
        with pytest.raises(ClientError):
            SfnExecutions(stepfunctions, {}).resume("t", {})


def test_an_execution_that_ran_before_is_not_started_again(stepfunctions: Any) -> None:
    with Stubber(stepfunctions) as stub:
        stub.add_client_error("start_execution", "ExecutionAlreadyExists")
        SfnExecutions(stepfunctions, {LOB: "arn:aws:states:::stateMachine:x"}).start(LOB, "r1", {})


def test_a_lob_without_a_state_machine_is_told_by_its_setting(stepfunctions: Any) -> None:
    with pytest.raises(SettingMissing, match=r"FIVETIER_STATE_MACHINES.*medicaid"):
        SfnExecutions(stepfunctions, {LOB: "arn"}).start("medicaid", "r1", {})


# ---- staged tables ---------------------------------------------------------------------------------------


def test_a_registered_table_is_read_with_its_columns_and_their_meaning(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = moto.catalog(monkeypatch)
    key = "staging/r1/hierarchy_node/part-00000.parquet"
    scene.staging.put_table(key, HIERARCHY_NODE.from_rows([node("n1"), node("n2")]))
    name = scene.catalog.register(HIERARCHY_NODE, lob="medicaid", sub_version="2025_06", key=key)
    described = wr.catalog.table(database="staged", table=name)
    by_name = {column["Name"]: column for column in HIERARCHY_NODE.glue_columns()}
    columns = [*(column for name, column in by_name.items() if name != "lob"), by_name["lob"]]  # keys stand last
    assert list(described["Column Name"]) == [column["Name"] for column in columns]
    assert list(described["Type"]) == [column["Type"] for column in columns]
    assert list(described["Comment"]) == [column["Comment"] for column in columns]
    ((location, values),) = wr.catalog.get_partitions(database="staged", table=name).items()
    assert values == ["medicaid"]
    rows = wr.s3.read_parquet(location, use_threads=False)
    assert sorted(rows["node_id"]) == ["n1", "n2"]


# ---- settings and wiring ---------------------------------------------------------------------------------

ENVIRONMENT = {
    "FIVETIER_STAGE": "local",
    "FIVETIER_OPS_TABLE": "ops",
    "FIVETIER_LANDING_BUCKET": "landing",
    "FIVETIER_STAGING_BUCKET": "staging",
    "FIVETIER_LAKE_BUCKET": "lake",
    "FIVETIER_AUDIT_BUCKET": "audit",
    "FIVETIER_LAKE_DATABASE": "production",
    "FIVETIER_STAGING_DATABASE": "staged",
    "FIVETIER_STATE_MACHINES": json.dumps({LOB: "arn:aws:states:us-east-1:123456789012:stateMachine:refresh"}),
    "FIVETIER_OIDC_ISSUER": "http://127.0.0.1:1",
    "FIVETIER_OIDC_AUDIENCE": "fivetier",
    "FIVETIER_AUDIT_RETENTION_DAYS": "7",
    "FIVETIER_FRONT_DOOR_URL": "http://localhost:1",
    "FIVETIER_MAIL_FROM": "fivetier@example.test",
    "FIVETIER_MAIL_TO": json.dumps({"data_lead": ["dora@example.test", "daniel@example.test"]}),
    "FIVETIER_REAL_DATA": "somebody else's",
}
PORTS = ("clock", "landing", "staging", "lake", "catalog", "runs", "audit", "executions", "mailer", "verifier")


def forget_wiring() -> None:
    for factory in ("settings", "mailing", *PORTS):
        getattr(wiring, factory).cache_clear()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    forget_wiring()
    yield monkeypatch
    forget_wiring()


def test_settings_are_read_from_the_environment() -> None:
    settings = Settings.from_environment(ENVIRONMENT)
    assert (settings.ops_table, settings.audit_retention_days, settings.stage) == ("ops", 7, "local")
    assert settings.state_machines[LOB].endswith(":refresh")
    assert settings.mail_to == {"data_lead": ("dora@example.test", "daniel@example.test")}
    assert settings.need("lake_bucket") == "lake"


def test_an_empty_environment_has_defaults_and_names_what_is_missing() -> None:
    settings = Settings.from_environment({"FIVETIER_LAKE_BUCKET": ""})
    assert settings.audit_retention_days == 2192
    for name in ("ops_table", "lake_bucket"):
        with pytest.raises(SettingMissing) as missing:
            settings.need(name)
        assert missing.value.variable == f"FIVETIER_{name.upper()}"


@pytest.mark.parametrize(
    ("name", "value"), [("STATE_MACHINES", "[1]"), ("AUDIT_RETENTION_DAYS", "six years"), ("MAIL_TO", "dora")]
)
def test_a_setting_of_the_wrong_form_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Settings.from_environment({f"FIVETIER_{name}": value})


def test_every_port_is_wired_once(aws: None, environment: pytest.MonkeyPatch) -> None:
    for port in PORTS:
        assert getattr(wiring, port)() is getattr(wiring, port)()


def test_mail_is_wired_with_where_its_links_lead(environment: pytest.MonkeyPatch) -> None:
    mailing = wiring.mailing()
    assert mailing.front_door_url == "http://localhost:1"
    assert mailing.addresses == {"data_lead": ("dora@example.test", "daniel@example.test")}
    assert mailing.state_machines[LOB].endswith(":refresh")
    assert mailing.console_url is None


def test_the_wired_lake_works(aws: None, environment: pytest.MonkeyPatch) -> None:
    moto.lake(environment)
    lake = wiring.lake()
    assert isinstance(lake, IcebergLake)
    lake.ensure_tables()
    assert lake.current_release(LOB) is None
    assert clients.client("s3") is clients.client("s3")


def test_a_function_needs_only_the_layers_of_the_ports_it_asks_for() -> None:
    """Records, chain and state machines work in a function that has no Arrow, no awswrangler and no pyiceberg."""
    code = (
        "import sys; from fivetier.aws import wiring\n"
        "wiring.runs(), wiring.audit(), wiring.executions(), wiring.landing(), wiring.clock(), wiring.mailer()\n"
        "print(sorted({'pyarrow', 'pandas', 'awswrangler', 'pyiceberg', 'jwt'} & set(sys.modules)))"
    )
    paths = [path for path in sys.path if path]
    environment = {**ENVIRONMENT, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": ":".join(paths)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


# ---- instants --------------------------------------------------------------------------------------------


def test_instants_are_of_fixed_width_and_in_utc() -> None:
    moment = iso.parse("2026-11-22T10:00:00+01:00")
    assert (iso.to_micros(moment), iso.to_seconds(moment)) == ("2026-11-22T09:00:00.000000Z", "2026-11-22T09:00:00Z")
    assert iso.parse(iso.to_micros(NOW)) == NOW


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        iso.parse("2026-11-22T10:00:00")
