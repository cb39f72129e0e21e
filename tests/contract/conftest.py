"""Every suite runs on every side: the fixture `scene` builds what the suite's class names as its `kind`."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.contract.suites")

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def moto_in_process() -> Iterator[None]:
    """AWS in this process for one module, so that clients are made once and no other module notices."""
    from fivetier.aws import clients
    from moto import mock_aws

    from tests.contract.sides import moto

    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"):
            patch.delenv(name, raising=False)
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        clients.client.cache_clear()
        with mock_aws():
            yield
    clients.client.cache_clear()
    moto.client.cache_clear()


@pytest.fixture
def aws(moto_in_process: None) -> None:
    """An empty AWS."""
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()


@pytest.fixture(params=["fake", "moto"])
def scene(request: pytest.FixtureRequest) -> object:
    """The suite's scene on one side."""
    kind = request.cls.kind
    if request.param == "fake":
        from tests.contract.sides import fake

        return fake.SCENES[kind]()
    request.getfixturevalue("aws")
    from tests.contract.sides import moto

    return moto.SCENES[kind](request.getfixturevalue("monkeypatch"))
