"""Nested JSON laid out as rows, and files of several plan years: what a mapping may declare of both."""

import tracemalloc
from typing import Any

import pytest
import yaml
from files import as_csv, as_json, reasons
from fivetier.domain.errors import AmbiguousContent, ExpandsTooFar, InputError, NoDataRows, UnsupportedFormat
from fivetier.domain.ids import SubVersion
from fivetier.feeds import layout
from fivetier.feeds.json_format import read_json
from fivetier.feeds.mapping import Mapping, RecordLayout, parse_mapping
from fivetier.feeds.reader import FeedBatch, read_feed
from fivetier.feeds.records import Grid
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SHOPS = RecordLayout(path="shops", keep=("owner",), explode=("plans", "nets", "nets.names"))
FLAT = RecordLayout()


def grid(document: object, records: RecordLayout = SHOPS) -> Grid:
    return read_json(as_json(document).decode(), file="f.json", layout=records)


def table(document: object, records: RecordLayout = SHOPS) -> list[dict[str, str]]:
    """The rows as header -> text, blanks left out."""
    found = grid(document, records)
    assert [record.number for record in found.records] == list(range(1, len(found.records) + 1))
    names = found.header or ()
    return [
        {name: cell for name, cell in zip(names, record.cells, strict=True) if cell is not None}
        for record in found.records
    ]


def shop(**changes: object) -> dict[str, object]:
    return {"plans": [{"id": "1"}, {"id": "2"}], "nets": [{"file": "a"}, {"file": "b"}]} | changes


def test_each_combination_of_exploded_lists_is_a_row_in_file_order() -> None:
    assert table({"owner": "O", "shops": [shop()]}) == [
        {"owner": "O", "plans.id": plan, "nets.file": net} for plan in "12" for net in "ab"
    ]


def test_an_object_with_an_empty_or_absent_list_does_not_vanish() -> None:
    for nothing in ({"nets": []}, {"nets": None}):
        assert table({"shops": [shop(**nothing)]}) == [{"plans.id": "1"}, {"plans.id": "2"}]
    assert table({"shops": [{"x": 1}, {"plans": [], "nets": []}, shop()]})[:2] == [{"x": "1"}, {}]


def test_a_list_within_an_exploded_list_is_exploded_too() -> None:
    nets = [{"file": "a", "names": ["N", "M"]}, {"file": "b"}]
    assert table({"shops": [shop(plans=[{"id": "1"}], nets=nets)]}) == [
        {"plans.id": "1", "nets.file": "a", "nets.names": "N"},
        {"plans.id": "1", "nets.file": "a", "nets.names": "M"},
        {"plans.id": "1", "nets.file": "b"},
    ]


def test_a_single_element_may_stand_without_its_list() -> None:
    assert table({"shops": [shop(plans={"id": "1"}, nets=[7])]}) == [{"plans.id": "1", "nets": "7"}]


def test_a_list_of_plain_values_is_json_text_and_others_are_named() -> None:
    rows = [{"a": ["x", 1, None, 2.0], "b": [], "c": [{"d": 1}], "e": {"f": 1}, "g": [["h"]]}]
    assert table(rows, FLAT) == [{"a": '["x", "1", "2"]', "b": "[]", "c": "[list]", "e": "[object]", "g": "[list]"}]


def test_without_a_path_the_only_list_of_objects_is_taken() -> None:
    assert table({"total": 2, "rows": [{"a": 1}]}, FLAT) == [{"a": "1"}]
    with pytest.raises(AmbiguousContent):
        grid({"rows": [{"a": 1}], "errors": [{"b": 1}]}, FLAT)
    assert table({"SHOPS": [{"a": 1}], "errors": [{"b": 1}]}) == [{"a": "1"}]


@pytest.mark.parametrize("document", [[{"a": 1}], {}, {"shops": {}}, {"shops": "x"}, {"shops": [1]}, {"other": []}])
def test_a_document_without_the_list_is_refused_and_the_path_named(document: object) -> None:
    with pytest.raises(UnsupportedFormat, match="shops"):
        grid(document)


def test_a_path_that_stands_twice_is_refused() -> None:
    with pytest.raises(AmbiguousContent):
        read_json('{"shops": [{"a": 1}], "shops": [{"a": 2}]}', file="f.json", layout=SHOPS)


def test_an_empty_list_has_no_data_rows() -> None:
    assert list(grid({"shops": []}).records) == []


@pytest.mark.parametrize(("limit", "value"), [("MAX_ROWS", 3), ("MAX_CELLS", 7)])
def test_lists_that_multiply_are_stopped(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(layout, limit, value)
    with pytest.raises(ExpandsTooFar):
        grid({"shops": [shop()]})
    many = {"shops": [shop(plans=[{"id": "1"}], nets=[]) for _ in range(8)]}
    with pytest.raises(ExpandsTooFar):
        grid(many)


def test_a_product_of_lists_is_refused_before_it_is_built() -> None:
    huge = {"shops": [shop(plans=[{"id": str(n)} for n in range(1500)], nets=[{"file": "a"}] * 1500)]}
    tracemalloc.start()
    try:
        with pytest.raises(ExpandsTooFar):
            grid(huge)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


YEARLY: dict[str, Any] = {
    "name": "yearly",
    "version": "1.0.0",
    "lobs": ["medicaid"],
    "title": "Yearly",
    "formats": ["csv", "json"],
    "records": {"explode": ["years"]},
    "key": ["plan_name", "plan_year"],
    "agree_on": [],
    "subject": ["plan_name"],
    "null_values": [],
    "contact_columns": [],
    "period": {"field": "plan_year", "grain": "plan_year", "lag_years": 2},
    "suppress": [{"rule_id": "OTHER_PLAN_YEAR", "when": "plan_year <> file_year", "why": "-"}],
    "fields": [
        {
            "canonical_field": name,
            "source_path": [source],
            "transform": {"lang": "sql", "expr": "value"},
            "null_rule": "required",
            "required": True,
            "example_in": "2021",
            "example_out": "2021",
        }
        for name, source in (("plan_year", "years"), ("plan_name", "plan"))
    ],
}


def yearly(**changes: object) -> Mapping:
    return parse_mapping(yaml.safe_dump(YEARLY | changes), name="yearly")


def read_years(data: bytes, month: str | None, mapping: Mapping) -> FeedBatch:
    run = None if month is None else SubVersion.parse(month)
    return read_feed(data, file_name="f", mapping=mapping, run_id="r", lob="medicaid", sub_version=run)


THREE_YEARS = as_csv(["years", "plan"], *[[year, f"{year} {name}"] for year in (2020, 2021, 2019) for name in "ab"])


@pytest.mark.parametrize(
    ("month", "year", "period"),
    [
        ("2019_01", 2019, "2019_01"),
        ("2020_12", 2020, "2020_12"),
        ("2021_06", 2021, "2021_06"),
        ("2023_12", 2021, "2023_12"),
        ("2024_02", 2021, "2023_12"),
        ("2018_11", 2019, "2018_11"),
        ("2018_07", 2019, "2018_08"),
        (None, 2021, "2021_01"),
    ],
)
def test_of_several_years_the_latest_not_after_the_run_counts(month: str | None, year: int, period: str) -> None:
    batch = read_years(THREE_YEARS, month, yearly())
    assert batch.rows.column("plan_year").to_pylist() == [year, year]
    assert batch.suppressed.column("rule_id").to_pylist() == ["OTHER_PLAN_YEAR"] * 4
    assert (batch.landed_rows, str(batch.period)) == (6, period)


def test_without_a_rule_a_row_of_another_year_is_quarantined() -> None:
    batch = read_years(THREE_YEARS, "2020_05", yearly(suppress=[]))
    assert batch.rows.column("plan_year").to_pylist() == [2020, 2020]
    assert reasons(batch) == ["PERIOD_INVALID"] * 4


def test_a_file_without_a_readable_year_has_no_period() -> None:
    batch = read_years(as_csv(["years", "plan"], ["soon", "a"]), "2020_05", yearly())
    assert (batch.period, reasons(batch)) == (None, ["VALUE_UNREADABLE"])


def test_the_years_of_a_plan_are_rows_of_its_own() -> None:
    data = as_json([{"plan": "a", "years": [2020, 2021]}, {"plan": "b", "years": []}, {"plan": "c", "years": 2021}])
    batch = read_years(data, "2021_05", yearly())
    assert batch.rows.column("plan_name").to_pylist() == ["a", "c"]
    assert batch.rows.column("row_number").to_pylist() == [2, 4]
    assert (batch.landed_rows, reasons(batch), batch.suppressed.num_rows) == (4, ["REQUIRED_FIELD_MISSING"], 1)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["2020", "2021", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["plan", "years", "y"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(json_values, max_size=6))
def test_any_nested_list_is_refused_or_ties(rows: list[object]) -> None:
    try:
        batch = read_years(as_json([{"plan": "a", "years": [2020, 2021]}, *rows]), "2020_05", yearly())
    except InputError as refused:
        assert str(refused)
        return
    traces = [t for part in (batch.rows, batch.quarantined, batch.suppressed) for t in part["trace_id"].to_pylist()]
    assert len(set(traces)) == len(traces) == batch.landed_rows
    assert batch.landed_rows >= len(rows) + 2


def test_a_feed_of_an_empty_list_is_refused() -> None:
    with pytest.raises(NoDataRows):
        read_years(b"[]", None, yearly())
