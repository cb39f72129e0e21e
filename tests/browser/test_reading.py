"""The pages as eyes, screen readers, keyboards and phones find them."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.desk import Desk
from tests.support.people import Someone

Arrive = Callable[..., Someone]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1360, "height": 900}
#: WCAG 2.2, level AA, and what axe calls good practice.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def asked(desk: Desk) -> str:
    """A run that waits, read by every test here and decided by none."""
    return desk.asks()


@pytest.fixture(scope="module")
def storage(browser: Browser, desk: Desk) -> Iterator[str]:
    """The session of a data lead, signed in once."""
    someone = Someone.arrives(browser, desk.url)
    someone.signs_in("data_lead", "/")
    yield someone.context.storage_state()
    someone.context.close()


def barriers(page: Page) -> list[str]:
    """What axe finds in the way of people, as `rule: element`."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_page_puts_a_barrier_in_anybodys_way(
    asked: str, arrive: Arrive, storage: str, scheme: str, viewport: dict[str, int]
) -> None:
    reader = arrive(viewport=viewport, color_scheme=scheme, storage_state=storage)
    paths = ("/runs/nothing", f"/runs/{asked}", f"/sign-offs/{asked}/1", f"/sign-offs/{asked}/2", "/")
    for path in paths:
        reader.opens(path)
        assert barriers(reader.page) == [], path
        width = reader.page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], f"{path} is {width} wide"
    reader.page.get_by_role("button", name="Sign out").click()
    expect(reader.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert barriers(reader.page) == []


def test_a_decision_can_be_made_by_keyboard_alone(asked: str, arrive: Arrive, storage: str) -> None:
    reader = arrive(storage_state=storage)
    reader.opens(f"/sign-offs/{asked}/1")
    reader.page.get_by_role("checkbox").first.focus()
    reader.page.keyboard.press("Space")
    expect(reader.page.get_by_role("checkbox").first).to_be_checked()
    reached = []
    for _ in range(400):
        reader.page.keyboard.press("Tab")
        reached.append(reader.page.evaluate("document.activeElement.value || document.activeElement.id"))
        if reached[-1] == "reject":
            break
    assert reached[-1] == "reject" and "reason" in reached


def test_what_is_pressed_on_a_phone_is_large_enough(asked: str, arrive: Arrive, storage: str) -> None:
    reader = arrive(viewport=PHONE, storage_state=storage)
    reader.opens(f"/sign-offs/{asked}/1")
    pressed = (reader.reject, reader.approve, *reader.page.locator(".ticking .check").all())
    assert len(pressed) > 2
    for target in pressed:
        box = target.bounding_box()
        assert box is not None and box["height"] >= 44, target


def test_the_answer_to_what_changed_stands_on_the_first_screen(asked: str, arrive: Arrive, storage: str) -> None:
    for viewport in (PHONE, DESKTOP):
        reader = arrive(viewport=viewport, storage_state=storage)
        reader.opens(f"/sign-offs/{asked}/1")
        for text in ("The checks recommend", "What changed"):
            box = reader.page.get_by_text(text).first.bounding_box()
            assert box is not None and box["y"] < viewport["height"]
