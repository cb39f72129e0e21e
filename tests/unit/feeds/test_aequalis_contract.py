"""The Aequalis contract is valid ODCS, and says what our mapping does."""

from pathlib import Path

from files import AEQUALIS, as_csv, read
from fivetier.feeds.mapping import mapping_of
from open_data_contract_standard.model import OpenDataContractStandard, SchemaProperty

CONTRACTS = Path(__file__).parents[3] / "docs" / "contracts"
CONTRACT = OpenDataContractStandard.from_string((CONTRACTS / "aequalis.odcs.yaml").read_text("utf-8"))


def properties() -> list[SchemaProperty]:
    (table,) = CONTRACT.schema_ or []
    return table.properties or []


def test_the_contract_is_complete() -> None:
    assert (CONTRACT.kind, CONTRACT.apiVersion, CONTRACT.version) == ("DataContract", "v3.1.0", "1.0.0")
    assert all(p.description and p.logicalType and len(p.examples or []) == 3 for p in properties())


def test_the_contract_and_the_mapping_name_the_same_columns() -> None:
    mapping = mapping_of(AEQUALIS)
    assert {p.name for p in properties()} == {path for field in mapping.fields for path in field.source_path}
    may_be_blank = {field.source_path[0] for field in mapping.fields if field.null_rule == "allow"} - {"plan_id"}
    assert {p.name for p in properties() if not p.required} == may_be_blank
    assert mapping.feed_version is not None
    assert mapping.feed_version.major == int((CONTRACT.version or "").split(".")[0])


def test_the_contract_has_the_mappings_key() -> None:
    mapping = mapping_of(AEQUALIS)
    key = sorted((p.primaryKeyPosition or 0, p.name) for p in properties() if p.primaryKey)
    paths = {mapping.field(name).source_path[0] for name in mapping.key}
    assert {name for _, name in key} == paths
    assert [position for position, _ in key] == list(range(1, len(paths) + 1))


def test_no_column_of_the_contract_is_about_a_person() -> None:
    mapping = mapping_of(AEQUALIS)
    assert not [p.name for p in properties() if p.name and mapping.is_contact(p.name)]


def test_the_examples_of_the_contract_are_read() -> None:
    rows = list(zip(*(p.examples or [] for p in properties()), strict=True))
    data = as_csv([p.name for p in properties()], *rows)
    for number, lob in enumerate(("medicare_advantage", "aca_exchange", "medicaid"), start=2):
        batch = read(AEQUALIS, data, lob=lob)
        assert batch.rows.column("row_number").to_pylist() == [number]
        assert batch.quarantined.num_rows == 0
        assert batch.suppressed.column("rule_id").to_pylist() == ["AEQUALIS_OTHER_LOB"] * 2


def test_the_readme_shows_a_file_we_read() -> None:
    readme = (CONTRACTS / "README.md").read_text("utf-8")
    sample = readme.split("```csv\n")[1].split("```")[0]
    assert read(AEQUALIS, sample.encode()).rows.num_rows == 1
    for code in ("AEQUALIS_OTHER_LOB", "AEQUALIS_NOT_IN_FORCE", "DUPLICATE_ROW", "ROWS_DISAGREE", "UnknownFeedVersion"):
        assert code in readme
