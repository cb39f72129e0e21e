"""The page for a first deployment says what is there."""

import re

from infra.settings import ROOT
from infra.smoke.checks import CHECKS

PAGE = (ROOT / "docs" / "first-deploy.md").read_text(encoding="utf-8")


def test_the_page_says_which_checks_were_tried_and_which_only_a_real_account_shows() -> None:
    rows = {
        row.strip(): cell.strip() for cell, row in re.findall(r"^\| (.+) \| (on the local.+|written.+) \|$", PAGE, re.M)
    }
    tried, only_real = (set(cell.split(", ")) for cell in rows.values())
    assert only_real == {check.name for check in CHECKS if check.needs_aws}
    assert tried == {check.name for check in CHECKS} - only_real


def test_the_page_counts_the_checks() -> None:
    assert f"{len(CHECKS)} ok, 0 failed, 0 left out" in PAGE
    assert f"{len(CHECKS) - 3} ok, 3 failed, 0 left out" in PAGE


def test_every_page_it_leads_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE) + re.findall(r"`(docs/[a-z-]+\.md)`", PAGE)
    assert links
    for link in links:
        assert (ROOT / link if link.startswith("docs/") else ROOT / "docs" / link).is_file(), link
