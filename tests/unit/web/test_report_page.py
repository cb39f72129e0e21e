import base64
import copy
import hashlib
import re
import time
from itertools import pairwise

import pytest
from fivetier.domain.errors import InputError
from fivetier.domain.states import STATES
from fivetier.web.grids import sample_grid
from fivetier.web.report_page import render_report
from pages import (
    Page,
    assert_golden,
    empty_report,
    exchange_report,
    large_report,
    live_report,
    rollback_report,
    small_report,
)

REPORTS = {
    "small": small_report,
    "empty": empty_report,
    "live": live_report,
    "rollback": rollback_report,
    "exchange": exchange_report,
    "large": lambda: large_report(60),
}


@pytest.fixture(params=REPORTS)
def html(request: pytest.FixtureRequest) -> str:
    return render_report(REPORTS[request.param]())


def without_style(html: str) -> str:
    html = re.sub(r"<style>.*?</style>", "<style></style>", html, flags=re.DOTALL)
    return re.sub(r"sha256-[^']+", "sha256-", html)


# ---- structure -----------------------------------------------------------------------------------------


def test_headings_start_at_one_and_skip_no_level(html: str) -> None:
    headings = Page(html).headings
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))


def test_ids_are_unique_and_every_reference_has_its_target(html: str) -> None:
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    links = [str(a["href"]) for a in page.find("a")]
    labels = [str(a["aria-labelledby"]) for _, a in page.tags if "aria-labelledby" in a]
    assert {link.removeprefix("#") for link in links} | set(labels) <= set(page.ids)


def test_every_table_has_a_caption_and_scoped_headings_and_scrolls_by_keyboard(html: str) -> None:
    page = Page(html)
    assert len(page.find("table")) == len(page.find("caption"))
    assert all(attributes.get("scope") in {"col", "row"} for attributes in page.find("th"))
    scrollers = [a for a in page.find("div") if a.get("class") == "scroll"]
    assert len(scrollers) == len(page.find("table"))
    assert all(a["tabindex"] == "0" and a["role"] == "region" for a in scrollers)


def test_every_drawing_has_a_text_alternative_or_is_hidden(html: str) -> None:
    for svg in Page(html).find("svg"):
        inside_hidden_key = svg.get("width") == "14"
        assert inside_hidden_key or svg.get("aria-hidden") == "true" or (svg["role"] == "img" and svg["aria-label"])


def test_the_first_link_skips_to_the_report() -> None:
    page = Page(render_report(small_report()))
    assert page.find("a")[0]["href"] == "#main"
    assert page.find("html")[0]["lang"] == "en-US"


# ---- standing alone, and safe --------------------------------------------------------------------------


def test_the_page_needs_nothing_from_outside_and_runs_nothing(html: str) -> None:
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "form", "object", "base"}
    for _, attributes in page.tags:
        assert "src" not in attributes and "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    assert "http:" not in html and "https:" not in html and "@import" not in html


def test_the_content_policy_allows_the_own_style_sheet_and_nothing_else(html: str) -> None:
    style = re.search(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(a["content"] for a in Page(html).find("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def poisoned(value: object) -> object:
    """Every text of a report made hostile; what the page looks up by (codes, labels, counts) stays."""
    kept = {"report_version", "severity", "event_type", "scope", "advice", "state", "expires_at", "signed_at"}
    if isinstance(value, dict):
        return {key: item if key in kept else poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) else value


def test_text_from_data_stays_text_wherever_it_stands() -> None:
    html = render_report(poisoned(live_report()))  # type: ignore[arg-type]
    names = {tag for tag, _ in Page(html).tags}
    assert not names & {"script", "img"}
    assert "<script" not in html
    assert Page(html).text.count("<script>alert(1)</script>") > 30


def test_nothing_in_data_turns_the_text_or_hides_in_it() -> None:
    report = small_report()
    report["quarantine"][0]["samples"][0]["value"] = "\u202eevil\u2066 \x1b[31m\x9b A\tB"
    html = render_report(report)
    assert not set(html) & {"\u202e", "\u2066", "\x1b", "\x9b"}
    assert "\\x202eevil\\x2066 \\x1b[31m\\x9b A" in Page(html).text


def test_a_formula_is_shown_as_it_came() -> None:
    report = small_report()
    report["quarantine"][0]["samples"][0]["value"] = '=HYPERLINK("x")'
    assert '=HYPERLINK("x")' in Page(render_report(report)).text


# ---- what a reviewer reads -----------------------------------------------------------------------------


def test_the_page_of_a_small_report_is_the_golden_one() -> None:
    assert_golden("web_report_page.html", without_style(render_report(live_report())))


def test_every_sum_of_the_ledger_is_on_the_page() -> None:
    text = Page(render_report(small_report())).text
    for line in (
        "1,234 landed rows = 1,228 normalized + 3 quarantined + 3 suppressed ✓ ties",
        "1,200 landed rows of directory = 1,198 normalized + 2 quarantined + 0 suppressed ✓ ties",
        "14 nodes published = 10 unchanged + 2 changed + 2 removed ✓ ties",
        "15 nodes in the candidate = 10 unchanged + 2 changed + 3 added ✓ ties",
        "9 published at tier 4 (benefits plan) = 7 unchanged + 1 changed + 1 removed ✓ ties",
        "5 contracts published = 4 kept + 1 removed ✓ ties",
        "5 contracts in the candidate = 4 kept + 1 added ✓ ties",
    ):
        assert line in text
    assert "DOES NOT TIE" not in text


@pytest.mark.parametrize(
    ("path", "by"),
    [
        (("ledger", "removed"), 1),
        (("ledger", "contracts", "kept"), 1),
        (("ledger", "tiers", 0, "added"), -1),
        (("sources", 1, "suppressed_rows"), 1),
        (("programs", "MA", "candidate"), 1),
        (("quarantine", 0, "count"), 1),
        (("suppressed", "R1.3"), 1),
        (("event_counts", "removed (contract)"), 1),
        (("completeness", "totals", "both"), 1),
        (("completeness", "states", 3, "aequalis"), -1),
    ],
)
def test_a_number_that_does_not_tie_is_shouted_in_the_banner(path: tuple[str | int, ...], by: int) -> None:
    report = copy.deepcopy({**small_report(), "completeness": exchange_report()["completeness"]})
    at = report
    for step in path[:-1]:
        at = at[step]  # type: ignore[index]
    at[path[-1]] += by  # type: ignore[index]
    text = Page(render_report(report)).text
    assert "Do not sign" in text and "DOES NOT TIE" in text


def test_a_live_report_says_who_decided_who_is_waited_for_and_what_was_ticked() -> None:
    text = Page(render_report(live_report())).text
    assert "Waiting for sign-off Still to decide: Data lead" in text
    assert "✓ Approved by ada, Engineering lead, June 21, 2025, 10:00 UTC: Looks right." in text
    assert "Ticked by ada (Engineering lead): Announced sale." in text
    assert "f" * 64 in text


def test_moved_production_is_told_while_the_run_is_open_and_not_after() -> None:
    moved = {**live_report(), "current_release": "another-run"}
    assert "Production has moved" in render_report(moved)
    assert "Production has moved" not in render_report(live_report())
    assert "Production has moved" not in render_report({**moved, "state": "PUBLISHED"})


def test_a_rollback_says_so_and_to_what() -> None:
    report = rollback_report()
    restored = report["rollback_to"]
    page = Page(render_report(report))
    assert f"Medicare Advantage: Roll back to the release of June 2025 ({restored})" in page.text
    assert f"Restores{restored}" in page.text
    assert "ReasonThe sale was called off." in page.text
    assert "A rollback reads no file." in page.text
    assert "Published, and not in the release to restore." in page.text
    assert "Readers see again a release that was signed and published before" in page.text
    assert "the source" not in page.text.rsplit("Glossary", 1)[0], "nothing here comes from a source"


def test_a_rollback_that_is_live_already_has_not_moved_production() -> None:
    report = {**rollback_report(), "state": "PUBLISHING"}
    assert "Production has moved" not in render_report({**report, "current_release": report["rollback_to"]})
    assert "Production has moved" in render_report({**report, "current_release": "another-run"})


def test_an_empty_first_publication_reads_well() -> None:
    text = Page(render_report(empty_report())).text
    assert "Nothing: this is the first publication" in text
    assert "No finding stands in the way" in text
    assert "No check found anything" in text
    assert "No parent, contract or plan came, went or moved" in text
    assert "None" not in text


def test_parent_changes_come_first_and_contracts_are_grouped_by_parent() -> None:
    text = Page(render_report(small_report())).text
    places = [text.index(title) for title in ("Parent changes: 1", "Renames", "Contracts removed: 1", "Plans removed")]
    assert places == sorted(places)
    assert "Gone Health 1 contract: H0009" in text.replace("  ", " ")
    assert "Fresh Health (NM)" in text


def test_nothing_is_cut_without_saying_so() -> None:
    report = large_report(60)
    text = Page(render_report(report)).text
    assert "The other 48 of 60 contracts" in text
    assert all(plan in text for event in report["events"] for plan in event["from"].split(", "))
    report["event_counts"]["removed (plan)"] = 75
    assert "The report lists 60 of 75 events; the other 15 are in its counts only." in Page(render_report(report)).text


def test_a_kind_of_event_this_page_does_not_know_is_shown_all_the_same() -> None:
    report = small_report()
    report["events"].append({**report["events"][0], "event_type": "split", "from": "A Health", "to": "B Health"})
    report["event_counts"]["split (parent payer)"] = 1
    text = Page(render_report(report)).text
    assert "Split (parent payer): 1" in text and "A Health" in text and "B Health" in text


def test_where_there_are_no_contracts_nothing_speaks_of_them() -> None:
    text = Page(render_report(exchange_report())).text
    assert "ontract" not in text
    for line in (
        "1 parent change. Largest: 2 plans from Old Health to New Health.",
        "1 merger of parents.",
        "Plans: 6 removed, 2 added, 1 changed, of 12 published.",
        "2 plans renumbered",
        "4 published at tier 5 (network) = 4 unchanged + 0 changed + 0 removed ✓ ties",
        "Edition1.0.0",
    ):
        assert line in text


def test_every_end_of_a_plan_has_its_section_and_they_add_up_to_the_ledger() -> None:
    text = Page(render_report(exchange_report())).text
    titles = ("Parents merged: 1", "Plans renumbered: 2", "Plans merged into others: 1", "Plans moved to another line")
    places = [text.index(title) for title in (*titles, "Plans terminated: 1", "Plans removed: 1", "Plans added: 1")]
    assert places == sorted(places)
    assert "1 subsidiary lost 2 plans. Most plans first. Another 4 merged, ended or moved as stated above: 6" in text
    assert "NM / centennial care / old name" in text
    assert "Acme Health Plan 2 plans: 11111NM0010006, 11111NM0010007" in text


def test_completeness_tells_totals_every_state_and_the_worst_parents() -> None:
    page = Page(render_report(exchange_report()))
    assert "9 plans listed by CMS = 7 listed by both + 2 by CMS only ✓ ties" in page.text
    assert "13 plans listed by Aequalis = 7 listed by both + 6 by Aequalis only ✓ ties" in page.text
    tiles = {str(a["title"]).partition(":")[0]: a for a in page.find("li") if "tile" in str(a.get("class"))}
    assert len(tiles) == len(STATES)
    shades = {name: str(tiles[name]["class"]) for name in ("New Mexico", "Texas", "California", "Guam")}
    assert shades == {
        **{"New Mexico": "tile gap3", "Texas": "tile same", "California": "tile beyond", "Guam": "tile none"},
    }
    assert "1 of 3 pairs of parent payer and state agree in full." in page.text
    assert "Nothing to compare" in Page(render_report(small_report())).text


def test_samples_speak_in_words() -> None:
    page = Page(render_report(exchange_report()))
    for words in ("Leading source says", "Other source says", "Taken for", "In the other line of business"):
        assert words in page.text
    assert "Reviewed in the parent dictionary" in page.text and "Medicare Advantage" in page.text


def test_a_report_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match="report version"):
        render_report({**small_report(), "report_version": 2})


def test_five_thousand_events_stay_small_and_fast() -> None:
    report = large_report()
    started = time.perf_counter()
    html = render_report(report)
    assert time.perf_counter() - started < 2
    assert len(html.encode()) < 3_000_000


# ---- colors --------------------------------------------------------------------------------------------

TEXT_PAIRS = [
    *[(ink, ground) for ink in ("text", "muted", "link", "good", "warn", "bad") for ground in ("surface", "ground")],
    *[(ink, f"{tone}-ground") for tone in ("good", "warn", "bad") for ink in ("text", tone, "link")],
]
DRAWN = ("unchanged", "changed", "added", "removed")


def schemes() -> dict[str, dict[str, str]]:
    light, dark = render_report(empty_report()).split("prefers-color-scheme: dark")[:2]
    pattern = r"--([a-z-]+): (#[0-9a-f]{6})"
    return {"light": dict(re.findall(pattern, light)), "dark": dict(re.findall(pattern, dark))}


def luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_wcag_aa_asks_for(scheme: str) -> None:
    colors = schemes()[scheme]
    low = {pair: round(contrast(colors[pair[0]], colors[pair[1]]), 2) for pair in TEXT_PAIRS}
    assert not {pair: ratio for pair, ratio in low.items() if ratio < 4.5}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_stand_out_from_their_ground(scheme: str) -> None:
    colors = schemes()[scheme]
    assert not [part for part in DRAWN if contrast(colors[part], colors["surface"]) < 3]


def test_samples_say_what_differs_first_and_ids_of_ours_last() -> None:
    sample = {"name": "Acme", "name_before": "Acme", "node_id": "n1", "parent": "New", "parent_before": "Old"}
    grid = sample_grid("a", "Samples", [sample, {**sample, "parent": None}])
    assert grid is not None
    assert [head.label for head in grid.heads] == ["Name", "Parent", "Parent before", "Node ID"]
    assert grid.rows[1][1].kind == "blank"
