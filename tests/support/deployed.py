"""The template on the local stack, as `fivetier up` leaves it, for the tests of one folder."""

import os
from collections.abc import Iterator

import pytest

from fivetier_cli.stack import start
from tests.support.pipeline import Pipeline


def deployed_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Start a stack, without docker, node or java in reach, and stop it."""
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
