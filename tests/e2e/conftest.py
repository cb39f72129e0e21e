"""One deployed stack for all end-to-end tests, without docker, node or java in reach."""

import os
from collections.abc import Iterator

import pytest

from fivetier_cli.stack import start
from tests.support.pipeline import Pipeline


@pytest.fixture(scope="package")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The template on the local stack, as `fivetier up` leaves it."""
    before = dict(os.environ)
    os.environ["PATH"] = str(tmp_path_factory.mktemp("empty-path"))
    deployed, _ = start(tmp_path_factory.mktemp("stack"), port=0, detach=False, sign_off_seconds=None)
    try:
        yield Pipeline(deployed, tmp_path_factory.mktemp("files"))
    finally:
        deployed.stack.stop()
        os.environ.clear()
        os.environ.update(before)
