"""`fivetier calendar` where no stack runs: what is due is known anyway."""

from pathlib import Path

import pytest

from tests.support.cli import run


def ask(folder: Path, *options: str) -> list[dict[str, object]]:
    answer = run("calendar", "--state-dir", str(folder / "none"), "--json", *options)
    assert answer.exit_code == 0, answer.err
    assert "is not running" in answer.err
    rows: list[dict[str, object]] = answer.json
    return rows


def test_days_are_new_yorks_and_both_count(tmp_path: Path) -> None:
    rows = ask(tmp_path, "--from", "2027-01-02", "--until", "2027-01-05")
    assert sorted((row["due_at"], row["lob"], row["sub_version"]) for row in rows) == [
        ("2027-01-02T11:00:00.000000Z", "medicare_advantage", "2027_01"),
        ("2027-01-02T11:30:00.000000Z", "aca_exchange", "2027_01"),
        ("2027-01-05T11:00:00.000000Z", "commercial", "2027_01"),
        ("2027-01-05T11:00:00.000000Z", "medicaid", "2027_01"),
    ]


def test_without_days_the_last_and_the_next_ones_of_each_are_shown(tmp_path: Path) -> None:
    for ahead in (1, 3):
        rows = ask(tmp_path, "--next", str(ahead), "--lob", "commercial")
        assert len(rows) == ahead + 1
    assert len(ask(tmp_path, "--next", "2")) == 4 * 3


def test_a_year_is_shown_where_only_its_beginning_is_given(tmp_path: Path) -> None:
    assert len(ask(tmp_path, "--from", "2027-01-01", "--lob", "commercial")) == 12


def test_people_read_a_table(tmp_path: Path) -> None:
    window = ("--from", "2027-10-10", "--until", "2027-10-10")
    answer = run("calendar", "--state-dir", str(tmp_path / "none"), "--lob", "medicare_advantage", *window)
    assert "2027-10-10 06:00" in answer.out
    assert "stage_october, quarterly" in answer.out
    assert "only looks" not in answer.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "tomorrow"), "a day is written YYYY-MM-DD"),
        (("--from", "2027-02-01", "--until", "2027-01-01"), "--until lies behind --from"),
        (("--from", "2027-02-01", "--until", "2031-01-01"), "by three years at most"),
    ],
)
def test_days_that_cannot_be_are_refused(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    answer = run("calendar", "--state-dir", str(tmp_path / "none"), *options)
    assert answer.exit_code == 2
    assert said in answer.err
