"""One deployed stack for all end-to-end tests, without docker, node or java in reach."""

import os
from collections.abc import Iterator

import pytest

from fivetier_cli.stack import start
from tests.support.pipeline import Pipeline


@pytest.fixture(scope="package")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The template on the local stack, as `fivetier up` leaves it."""
    yield from _deployed(tmp_path_factory)


@pytest.fixture(scope="module")
def real_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A stack on which nothing was published yet."""
    yield from _deployed(tmp_path_factory)


def _deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    before = dict(os.environ)
    os.environ["PATH"] = str(tmp_path_factory.mktemp("empty-path"))
    _forget_clients()
    deployed, _ = start(tmp_path_factory.mktemp("stack"), port=0, detach=False, sign_off_seconds=None)
    try:
        yield Pipeline(deployed, tmp_path_factory.mktemp("files"))
    finally:
        deployed.stack.stop()
        os.environ.clear()
        os.environ.update(before)
        _forget_clients()


def _forget_clients() -> None:
    """Adapters and clients are made once per process; another stack needs others."""
    from fivetier.aws import clients, runtime, wiring

    clients.client.cache_clear()
    runtime.ports.cache_clear()
    for factory in vars(wiring).values():
        if hasattr(factory, "cache_clear"):
            factory.cache_clear()
