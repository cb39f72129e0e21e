"""One local stack for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.stack import LocalStack, env_for
from tests.support.emulator import Aws, Sql, unique


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One stack for this folder; without docker, node or java in reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path_factory.mktemp("empty-path")))
        with LocalStack.start(tmp_path_factory.mktemp("local-stack")) as running:
            for name, value in env_for(running).items():
                patch.setenv(name, value)
            yield running


@pytest.fixture(scope="package")
def aws(stack: LocalStack) -> Aws:
    """The session's stack, in the words of the tests."""
    return Aws(stack)


@pytest.fixture(scope="package")
def database(aws: Aws) -> str:
    """A Glue database."""
    name = unique("db").replace("-", "_")
    aws.client("glue").create_database(DatabaseInput={"Name": name})
    return name


@pytest.fixture(scope="package")
def lake_bucket(aws: Aws) -> str:
    """The bucket of the lake's tables and query results."""
    return aws.bucket()


@pytest.fixture(scope="package")
def sql(aws: Aws, database: str, lake_bucket: str) -> Sql:
    """Athena on the test database."""
    return Sql(aws, database, lake_bucket)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A state folder for a stack of the test's own."""
    return tmp_path / "state"
