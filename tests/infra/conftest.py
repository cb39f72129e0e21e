"""One synthesis of stage prod for all tests here, with every validation CDK and AwsSolutions have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.app import synthesize
from infra.settings import ROLES, StageSettings, load_context, load_settings
from tests.infra.assembly import Assembly
from tests.support.layers import write_layers

ISSUER = "https://issuer.example.test/fivetier"
SENDER = "fivetier@mail.example.test"


@pytest.fixture(scope="session")
def layers_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_layers(tmp_path_factory.mktemp("built") / "layers"))


@pytest.fixture(scope="session")
def settings(layers_dir: str) -> StageSettings:
    given = {"stage": "prod", "oidc_issuer": ISSUER, "oidc_audience": "fivetier", "layers_dir": layers_dir}
    context = load_context(given)
    addresses = {role: [f"{role}@example.test"] for role in ROLES}
    operators = ["operators@example.test"]
    context["stages"]["prod"] |= {"mail_from": SENDER, "mail_to": addresses, "alarm_mail": operators}
    return load_settings(context)


@pytest.fixture(scope="session")
def assembly(settings: StageSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assembly]:
    folder: Path = synthesize(settings, tmp_path_factory.mktemp("assembly"))
    yield Assembly(folder, settings.prefix)
