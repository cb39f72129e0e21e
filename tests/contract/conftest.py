"""Every suite runs on every side: the fixture `scene` builds what the suite's class names."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.contract.suites")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in this process, empty, and no way out of it."""
    from moto import mock_aws

    from fivetier.aws import clients

    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield
    clients.client.cache_clear()


@pytest.fixture(params=["fake", "moto"])
def scene(request: pytest.FixtureRequest) -> object:
    """The suite's scene on one side; a class names it with `kind`."""
    kind = request.cls.kind
    if request.param == "fake":
        from tests.contract.sides import fake

        return fake.SCENES[kind]()
    request.getfixturevalue("aws")
    from tests.contract.sides import moto

    return moto.SCENES[kind](request.getfixturevalue("monkeypatch"))
