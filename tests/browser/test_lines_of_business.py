"""The report of a line of business without contracts, as a page kept on disk: readable by all, on every screen."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from fivetier.web.report_page import render_report
from playwright.sync_api import Browser, Page

from tests.unit.web.pages import exchange_report

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1360, "height": 900}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def page(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Page:
    file = tmp_path / "report.html"
    file.write_text(render_report(exchange_report()), encoding="utf-8")
    # The page's own policy runs no script; axe is one.
    context = browser.new_context(viewport=request.param, bypass_csp=True)
    request.addfinalizer(context.close)
    page = context.new_page()
    page.goto(file.as_uri())
    return page


def test_the_exchange_s_report_puts_no_barrier_in_anybody_s_way(page: Page) -> None:
    found = Axe().run(page, options=RULES).response["violations"]
    assert [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_it_speaks_of_plans_and_shows_every_state(page: Page) -> None:
    text = page.locator("body").inner_text()
    assert "Plans: 6 removed, 2 added, 1 changed, of 12 published." in text and "ontract" not in text
    assert page.locator(".tiles .tile").count() == 56
    assert "Plans renumbered: 2" in text and "ISSUER_NOT_IN_RUN" in text


def test_a_long_name_of_a_plan_breaks_and_an_id_does_not(page: Page) -> None:
    code = page.locator(".entries code").filter(has_text="11111NM0010006").first
    box, line = code.bounding_box(), page.evaluate("parseFloat(getComputedStyle(document.body).fontSize) * 2")
    assert box is not None and box["height"] < 2 * line
