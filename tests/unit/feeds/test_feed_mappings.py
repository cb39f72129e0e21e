"""The declared mapping format: what it accepts, and that every shipped mapping does what its examples say."""

import pytest
import yaml
from files import AEQUALIS, DIRECTORY, MONTHLY, aequalis, as_csv, contract, directory, insight, monthly, plan
from fivetier.domain.errors import InvalidMapping, UnknownSource
from fivetier.domain.tables import NORMALIZED_ROW
from fivetier.domain.tiers import Lob
from fivetier.feeds import sql
from fivetier.feeds.catalog import sources_of
from fivetier.feeds.cells import evaluate
from fivetier.feeds.mapping import FieldMapping, Mapping, Transform, known_mappings, mapping_of, parse_mapping
from fivetier.feeds.reader import read_feed

EXAMPLES = [(mapping, field) for mapping in known_mappings().values() for field in mapping.fields]
MINIMAL = {
    "name": "tiny",
    "version": "1.0.0",
    "lobs": ["medicare_advantage"],
    "title": "Tiny",
    "formats": ["csv"],
    "key": ["contract_id"],
    "agree_on": [],
    "subject": ["contract_id"],
    "null_values": [],
    "contact_columns": ["*Street*"],
    "period": {"file_name_patterns": [r"(?P<year>20\d\d)_(?P<month>\d\d)"]},
    "fields": [
        {
            "canonical_field": "contract_id",
            "source_path": ["Contract"],
            "transform": {"lang": "python", "expr": "contract_id"},
            "null_rule": "required",
            "required": True,
            "example_in": "h1234",
            "example_out": "H1234",
        },
        {
            "canonical_field": "plan_year",
            "source_path": ["Year"],
            "transform": {"lang": "sql", "expr": "CAST(value AS INTEGER)"},
            "null_rule": "default",
            "default": "2025",
            "required": False,
            "example_in": "2024",
            "example_out": "2024",
        },
    ],
}


def tiny(**changes: object) -> Mapping:
    return parse_mapping(yaml.safe_dump(MINIMAL | changes), name="tiny")


def changed_field(index: int, **changes: object) -> list[dict[str, object]]:
    fields: list[dict[str, object]] = [dict(field) for field in MINIMAL["fields"]]  # type: ignore[attr-defined]
    fields[index] |= changes
    return fields


@pytest.mark.parametrize(("mapping", "field"), EXAMPLES, ids=[f"{m.name}-{f.canonical_field}" for m, f in EXAMPLES])
def test_every_example_of_every_mapping_comes_out_as_declared(mapping: Mapping, field: FieldMapping) -> None:
    as_is = Transform(lang="sql", expr="value")
    context = [
        mapping.field(name).model_copy(update={"transform": as_is, "null_rule": "allow"})
        for name in field.transform.with_
    ]
    alone = mapping.model_copy(update={"fields": (*context, field)})
    cells = {name: [text] for name, text in field.example_with.items()} | {field.canonical_field: [field.example_in]}
    with sql.connect() as connection:
        done = evaluate(connection, alone, cells, rows=1)
    assert done.refusals == {}
    assert done.texts(field.canonical_field) == [field.example_out]


def test_every_source_has_a_mapping_that_serves_its_lob() -> None:
    for lob in Lob:
        assert sources_of(lob)
        for spec in sources_of(lob):
            assert lob in mapping_of(spec.source).lobs


def test_every_mapping_belongs_to_a_source() -> None:
    assert set(known_mappings()) == {spec.source for lob in Lob for spec in sources_of(lob)}


def test_medicare_advantage_requires_only_the_directory() -> None:
    assert {spec.source: spec.required for spec in sources_of("medicare_advantage")} == {
        DIRECTORY: True,
        MONTHLY: False,
        "cms_plan_crosswalk": False,
        AEQUALIS: False,
    }


def test_an_unknown_source_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownSource, match=DIRECTORY):
        mapping_of("cms_landscape")


def test_a_source_is_refused_for_a_lob_it_does_not_serve() -> None:
    with pytest.raises(UnknownSource):
        read_feed(b"x", file_name="f", mapping=mapping_of(DIRECTORY), run_id="r", lob="medicaid")


@pytest.mark.parametrize(
    ("source", "data"),
    [(DIRECTORY, directory(contract())), (MONTHLY, monthly(plan())), (AEQUALIS, aequalis(insight()))],
)
def test_rows_have_the_canonical_schema(source: str, data: bytes) -> None:
    batch = read_feed(data, file_name="f", mapping=mapping_of(source), run_id="r", lob="medicare_advantage")
    assert batch.rows.schema == NORMALIZED_ROW.arrow_schema()
    assert batch.rows.num_rows == 1
    assert batch.mapping_version == mapping_of(source).version


def test_a_new_shape_is_only_a_new_mapping() -> None:
    mapping = tiny()
    batch = read_feed(
        as_csv(["Year", "Contract"], ["2024", "R1234"], ["", "H1234"], ["soon", "H9999"]),
        file_name="t_2025_03.csv",
        mapping=mapping,
        run_id="r",
        lob="medicare_advantage",
    )
    assert batch.rows.column("plan_year").to_pylist() == [2024, 2025]
    assert batch.quarantined.column("reason_code").to_pylist() == ["VALUE_UNREADABLE"]
    assert str(batch.period) == "2025_03"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"color": "red"}, "color"),
        ({"version": "1"}, "version"),
        ({"name": "other"}, "other"),
        ({"fields": []}, "fields"),
        ({"key": ["plan_id"]}, "plan_id"),
        ({"period": {"file_name_patterns": [r"20\d\d"]}}, "year"),
        ({"period": {"file_name_patterns": ["(?P<year>"]}}, "regular expression"),
        ({"period": {"grain": "plan_year", "file_name_patterns": ["year"]}}, "year"),
        ({"period": {"grain": "quarter", "file_name_patterns": []}}, "grain"),
        ({"fields": changed_field(1, null_rule="period", default=None)}, "grain"),
        ({"one_per": [{"each": "contract_id", "one": "state", "reason_code": "X", "why": "-"}]}, "state"),
        ({"period": {"file_name_patterns": [], "lag_years": 1}}, "lag_years"),
        ({"suppress": [{"rule_id": "X", "when": "plan_year <> file_year", "why": "-"}]}, "file_year"),
        ({"records": {"keep": ["date"]}}, "path"),
        ({"records": {"explode": ["plans.networks"]}}, "plans.networks"),
        ({"suppress": [{"rule_id": "X", "when": "nosuch = 1", "why": "-"}]}, "nosuch"),
        ({"fields": changed_field(0, canonical_field="color")}, "color"),
        ({"fields": changed_field(0, canonical_field="trace_id")}, "trace_id"),
        ({"fields": changed_field(0, source_path=["Street"])}, "contact"),
        ({"evidence_columns": ["Street"]}, "contact"),
        ({"fields": changed_field(0, transform={"lang": "python", "expr": "eval"})}, "eval"),
        ({"fields": changed_field(0, transform={"lang": "sql", "expr": "(SELECT 1)"})}, "SELECT 1"),
        ({"fields": changed_field(0, transform={"lang": "sql", "expr": "random()"})}, "random"),
        ({"fields": changed_field(0, transform={"lang": "sql", "expr": "value) FROM cells --"})}, "cannot be run"),
        ({"fields": changed_field(1, default=None)}, "default"),
        ({"fields": changed_field(1, canonical_field="contract_id")}, "twice"),
        (
            {
                "fields": changed_field(
                    0,
                    transform={"lang": "python", "expr": "ma_plan_id", "with": ["plan_year"]},
                    example_with={"plan_year": "1"},
                )
            },
            "not declared before",
        ),
        (
            {"fields": changed_field(1, transform={"lang": "sql", "expr": "value", "with": ["contract_id"]})},
            "example_with",
        ),
    ],
)
def test_a_mapping_that_breaks_the_format_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidMapping, match="tiny") as refused:
        tiny(**changes)
    assert says in str(refused.value)


YEARLY = {"grain": "plan_year", "unknown": "refuse", "field": "plan_year", "file_name_patterns": [r"(?P<year>20\d\d)"]}


def test_a_blank_plan_year_is_the_files_and_a_written_one_its_own() -> None:
    yearly = tiny(period=YEARLY, fields=changed_field(1, null_rule="period", default=None))
    data = as_csv(["Year", "Contract"], ["", "R1234"], ["2024", "H1234"], ["", "H5678"])
    batch = read_feed(data, file_name="t_2025.csv", mapping=yearly, run_id="r", lob="medicare_advantage")
    assert batch.rows.column("plan_year").to_pylist() == [2025, 2025]
    assert batch.quarantined.column("reason_code").to_pylist() == ["PERIOD_INVALID"]
    assert str(batch.period) == "2025"


def test_one_per_refuses_every_row_of_a_subject_with_two_values() -> None:
    rule = {"each": "plan_year", "one": "contract_id", "reason_code": "TWO_CONTRACTS", "why": "one is a slip"}
    data = as_csv(["Year", "Contract"], ["2024", "R1234"], ["2025", "H1234"], ["2025", "H1234"], ["2025", "H5678"])
    mapping = tiny(one_per=[rule], key=["contract_id", "plan_year"])
    batch = read_feed(data, file_name="t.csv", mapping=mapping, run_id="r", lob="medicare_advantage")
    assert batch.quarantined.column("reason_code").to_pylist() == ["TWO_CONTRACTS"] * 3
    assert batch.quarantined.column("value").to_pylist() == ["H1234", "H1234", "H5678"]
    assert "H1234 on row 3 and H5678 on row 5; one is a slip" in batch.quarantined.column("message").to_pylist()[0]
    assert batch.rows.column("contract_id").to_pylist() == ["R1234"]


def test_a_mapping_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(InvalidMapping, match="no YAML"):
        parse_mapping("a: [", name="tiny")


def test_a_mapping_cannot_reach_files() -> None:
    with pytest.raises(InvalidMapping):
        tiny(suppress=[{"rule_id": "X", "when": "EXISTS (FROM read_text('pyproject.toml'))", "why": "-"}])
