"""One synthesis of stage prod for all tests here, with every validation CDK and AwsSolutions have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.app import synthesize
from infra.settings import ROLES, StageSettings, load_context, load_settings
from tests.infra.assembly import Assembly

ISSUER = "https://issuer.example.test/fivetier"
SENDER = "fivetier@mail.example.test"


@pytest.fixture(scope="session")
def settings() -> StageSettings:
    context = load_context({"stage": "prod", "oidc_issuer": ISSUER, "oidc_audience": "fivetier"})
    addresses = {role: [f"{role}@example.test"] for role in ROLES}
    operators = ["operators@example.test"]
    context["stages"]["prod"] |= {"mail_from": SENDER, "mail_to": addresses, "alarm_mail": operators}
    return load_settings(context)


@pytest.fixture(scope="session")
def assembly(settings: StageSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assembly]:
    folder: Path = synthesize(settings, tmp_path_factory.mktemp("assembly"))
    yield Assembly(folder, settings.prefix)
