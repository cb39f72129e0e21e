"""Which runs a file of a month, or of a plan year, may serve."""

import pytest
from fivetier.domain.errors import InvalidSubVersion
from fivetier.domain.ids import SubVersion
from fivetier.domain.periods import PlanYear, is_of, month_of, parse_period, why_not_usable


@pytest.mark.parametrize(
    ("month", "right"),
    [("2015_07", False), ("2015_08", True), ("2016_01", True), ("2016_12", True), ("2017_01", False)],
)
def test_a_plan_year_serves_its_months_and_from_august_of_the_year_before(month: str, right: bool) -> None:
    run = SubVersion.parse(month)
    assert is_of(PlanYear(2016), run) is right
    assert (why_not_usable(PlanYear(2016), run) is None) is right


def test_why_a_plan_year_does_not_serve_says_which_months_it_does() -> None:
    assert why_not_usable(PlanYear(2016), SubVersion(2017, 1)) == "which serves 2015_08 to 2016_12"


@pytest.mark.parametrize(("month", "near"), [("2025_03", True), ("2025_09", True), ("2025_02", False)])
def test_a_month_serves_three_months_around_and_is_of_its_own_only(month: str, near: bool) -> None:
    run = SubVersion.parse(month)
    assert (why_not_usable(SubVersion(2025, 6), run) is None) is near
    assert not is_of(SubVersion(2025, 6), run)
    assert is_of(run, run)


def test_periods_read_what_they_write() -> None:
    for period in (PlanYear(2016), SubVersion(2016, 3)):
        assert parse_period(str(period)) == period
    assert month_of(PlanYear(2016)) == SubVersion(2016, 1)
    assert month_of(SubVersion(2016, 3)) == SubVersion(2016, 3)


@pytest.mark.parametrize("text", ["1999", "2016_13", "2016-01", "soon", ""])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(InvalidSubVersion):
        parse_period(text)
