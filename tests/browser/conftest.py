"""One deployed stack and one Chromium for all tests of the pages."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.deployed import deployed_pipeline
from tests.support.desk import Desk
from tests.support.people import Someone, running_browser


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    for pipeline in deployed_pipeline(tmp_path_factory):
        desk = Desk(pipeline)
        desk.baseline()
        yield desk


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    yield from running_browser()


@pytest.fixture
def arrive(browser: Browser, desk: Desk) -> Iterator[Callable[..., Someone]]:
    """Let somebody arrive with a browser of their own; nothing on a page may have gone wrong in the end."""
    people: list[Someone] = []

    def arrive(**options: Any) -> Someone:
        people.append(Someone.arrives(browser, desk.url, **options))
        return people[-1]

    yield arrive
    for someone in people:
        assert someone.dialogs == []
        someone.context.close()
