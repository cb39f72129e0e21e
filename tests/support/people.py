"""People at a browser: they sign in at the test issuer, read, tick and decide."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

PATIENCE_MS = 30_000
#: Found before a test empties PATH. `.ci/run` sets the variable, so that there nobody goes without a browser.
CHROMIUM = os.environ.get("FIVETIER_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), ""
)
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name but this machine's resolves: a page that needs anything from outside shows it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


def running_browser() -> Iterator[Browser]:
    """Chromium without a screen, or a skip where there is none."""
    if not CHROMIUM:
        pytest.skip("no Chromium here: install Debian's chromium, or set FIVETIER_CHROMIUM to a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Someone:
    """One person with a browser of their own."""

    door: str
    context: BrowserContext
    page: Page
    dialogs: list[str]

    @classmethod
    def arrives(cls, browser: Browser, door: str, **options: Any) -> "Someone":
        """Open a fresh browser; a dialog or an error on a page is noted."""
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        someone = cls(door, context, page, [])
        page.on("dialog", lambda dialog: (someone.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: someone.dialogs.append(str(error)))
        return someone

    def opens(self, path: str) -> None:
        self.page.goto(self.door + path)

    def signs_in(self, login: str, path: str) -> None:
        """Follow a link, choose a login at the issuer, and land on the page."""
        self.opens(path)
        self.page.get_by_role("button", name=login, exact=True).click()
        self.page.wait_for_url(self.door + path)

    def section(self, anchor: str) -> Locator:
        return self.page.locator(f"section[aria-labelledby={anchor}]")

    @property
    def approve(self) -> Locator:
        return self.page.get_by_role("button", name="Approve publication")

    @property
    def reject(self) -> Locator:
        return self.page.get_by_role("button", name="Reject", exact=True)

    def ticks_everything(self) -> None:
        for box in self.page.get_by_role("checkbox").all():
            box.check()
        for field in self.page.get_by_label("Why it may be published").all():
            field.fill("looked at it")

    def says(self, reason: str) -> None:
        self.page.get_by_label("Why (kept with your signature)").fill(reason)
