"""One synthesis of stage prod for all tests here, with every validation CDK and AwsSolutions have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.app import synthesize
from infra.settings import StageSettings, load_context, load_settings
from tests.infra.assembly import Assembly

ISSUER = "https://issuer.example.test/fivetier"


@pytest.fixture(scope="session")
def settings() -> StageSettings:
    return load_settings(load_context({"stage": "prod", "oidc_issuer": ISSUER, "oidc_audience": "fivetier"}))


@pytest.fixture(scope="session")
def assembly(settings: StageSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assembly]:
    folder: Path = synthesize(settings, tmp_path_factory.mktemp("assembly"))
    yield Assembly(folder, settings.prefix)
