"""One deployed stack for all end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.support.deployed import deployed_pipeline
from tests.support.pipeline import Pipeline


@pytest.fixture(scope="package")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A deployed stack the tests of this folder share."""
    yield from deployed_pipeline(tmp_path_factory)


@pytest.fixture(scope="module")
def real_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A stack on which nothing was published yet."""
    yield from deployed_pipeline(tmp_path_factory)
