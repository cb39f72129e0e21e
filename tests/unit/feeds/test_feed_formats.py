"""What a landed file may be, and what each unusable one is called."""

import datetime as dt
import gzip
import io
import re
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from files import (
    AEQUALIS,
    AEQUALIS_HEADER,
    DIRECTORY,
    DIRECTORY_HEADER,
    MONTHLY,
    MONTHLY_HEADER,
    aequalis,
    as_csv,
    as_gzip,
    as_json,
    as_xlsx,
    as_zip,
    contract,
    directory,
    facts,
    insight,
    monthly,
    plan,
    read,
    reasons,
)
from fivetier.domain.errors import (
    AmbiguousContent,
    DuplicateColumn,
    EmptyFile,
    ExpandsTooFar,
    InputError,
    MissingColumn,
    NoDataRows,
    TruncatedFile,
    UnreadableEncoding,
    UnsupportedFormat,
    WrongFileInSlot,
)
from fivetier.feeds import content, csv_format, parquet_format, xlsx_format
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.reader import read_feed

GOOD = directory(contract(), contract("X0001"), contract("90091"))


def parquet(header: tuple[object, ...] | list[object], *rows: list[object]) -> bytes:
    columns = [pa.array([None if cell == "" else str(cell) for cell in column]) for column in zip(*rows, strict=True)]
    data = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names=[str(name) for name in header]), data)
    return data.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    batch = read(DIRECTORY, as_csv(DIRECTORY_HEADER, contract(), delimiter=delimiter))
    assert facts(batch) == facts(read(DIRECTORY, directory(contract())))


@pytest.mark.parametrize(
    ("codec", "named"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("cp1252", "Windows-1252")],
)
def test_the_encoding_is_found_and_names_survive(codec: str, named: str) -> None:
    rows = (DIRECTORY_HEADER, contract(parent_organization="Médico \u2013 Salud, Inc."))
    batch = read(DIRECTORY, as_csv(*rows, encoding=codec))
    assert batch.encoding == named
    assert batch.rows.column("parent_name").to_pylist() == ["Médico \u2013 Salud, Inc."]
    assert batch.repaired_cells == 0


def test_mojibake_is_repaired_and_counted() -> None:
    broken = "Médico".encode().decode("cp1252")
    batch = read(DIRECTORY, directory(contract(parent_organization=broken, organization_type="Local CCP")))
    assert batch.rows.column("parent_name").to_pylist() == ["Médico"]
    assert batch.repaired_cells == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_read(end: str) -> None:
    assert read(DIRECTORY, as_csv(DIRECTORY_HEADER, contract(), end=end)).landed_rows == 1


def test_a_cell_may_span_lines() -> None:
    batch = read(DIRECTORY, directory(contract(parent_organization="Example\nHealth Group ")))
    assert batch.rows.column("parent_name").to_pylist() == ["Example Health Group"]


def test_a_workbook_gives_the_same_rows_as_the_csv() -> None:
    rows = [contract(), contract("X0001", contract_effective_date="01/01/2024")]
    assert facts(read(DIRECTORY, as_xlsx([DIRECTORY_HEADER, *rows]))) == facts(read(DIRECTORY, directory(*rows)))


def test_a_workbook_has_titles_totals_numbers_and_dates() -> None:
    sheet = [
        ["Medicare Advantage Contract Directory"],
        ["As of June 2025"],
        [],
        DIRECTORY_HEADER,
        contract(90091, contract_effective_date=dt.datetime(2015, 5, 1)),  # noqa: DTZ001 (workbooks know no zone)
        contract(90092.0, contract_effective_date=dt.date(2015, 5, 1)),
        [],
        ["Total", None, None, None, None, None, None, None, 5144],
        ["* 10 or fewer"],
    ]
    batch = read(DIRECTORY, as_xlsx(sheet), file_name="directory_2024_01.xlsx")
    assert batch.rows.column("contract_id").to_pylist() == ["90091", "90092"]
    assert batch.rows.column("effective_date").to_pylist() == [dt.date(2015, 5, 1)] * 2
    assert batch.rows.column("row_number").to_pylist() == [5, 6]
    assert str(batch.period) == "2025_06", "content goes before the name"
    assert (batch.landed_rows, batch.non_data_rows) == (2, 6)


def test_a_failed_formula_is_no_name() -> None:
    batch = read(DIRECTORY, as_xlsx([DIRECTORY_HEADER, contract(parent_organization="#N/A")]))
    assert reasons(batch) == ["REQUIRED_FIELD_MISSING"]


def test_the_sheet_with_the_header_is_read() -> None:
    batch = read(DIRECTORY, as_xlsx([["Notes"], ["Read me first"]], [DIRECTORY_HEADER, contract()]))
    assert batch.landed_rows == 1


def test_two_sheets_with_the_header_are_ambiguous() -> None:
    with pytest.raises(AmbiguousContent, match="Sheet1, Sheet2"):
        read(DIRECTORY, as_xlsx([DIRECTORY_HEADER, contract()], [DIRECTORY_HEADER, contract()]))


def json_plan(**changes: object) -> dict[str, object]:
    entry: dict[str, object] = {"CONTRACT_ID": "H1234", "Plan ID": "1", "Plan Type": "HMO", "Enrollment ": "*"}
    return entry | changes


def test_json_is_read_with_nan_trailing_spaces_and_nested_keys() -> None:
    rows = [json_plan(**{"meta": {"email": "a@example.com"}}), json_plan(**{"Plan ID": float("nan"), "Plan Type ": 1})]
    rows[1]["Plan Type "] = rows[1].pop("Plan Type")
    batch = read(MONTHLY, as_json(rows), file_name="Monthly_2024_08.json")
    assert batch.rows.column("plan_id").to_pylist() == ["H1234-001"]
    assert reasons(batch) == ["PLAN_ID_MISSING"]
    assert batch.rows.column("row_number").to_pylist() == [1]
    assert batch.quarantined.column("row_number").to_pylist() == [2]
    assert "email" not in batch.quarantined.column("raw_row")[0].as_py()
    assert str(batch.period) == "2024_08"


def test_json_may_wrap_its_list() -> None:
    wrapped = {"title": "report", "tags": ["a"], "data": [json_plan(**{"Plan ID": 1.0})]}
    assert read(MONTHLY, as_json(wrapped)).rows.column("plan_id").to_pylist() == ["H1234-001"]


def test_a_json_item_that_is_no_object_is_quarantined() -> None:
    batch = read(MONTHLY, as_json([json_plan(), "stray", None]))
    assert (batch.landed_rows, reasons(batch)) == (3, ["ROW_NOT_AN_OBJECT"] * 2)


def test_a_repeated_json_key_is_a_duplicate_column() -> None:
    with pytest.raises(DuplicateColumn):
        read(MONTHLY, b'[{"CONTRACT_ID": "H1", "Plan ID": "1", "Plan ID ": "2", "Plan Type": "HMO"}]')


def test_parquet_is_read() -> None:
    batch = read(AEQUALIS, parquet([*AEQUALIS_HEADER], insight(), insight(plan_id="H1234-2")))
    assert batch.rows.column("plan_id").to_pylist() == ["H1234-001", "H1234-002"]
    assert batch.format == "parquet"


@pytest.mark.parametrize(
    "packed",
    [
        as_gzip(GOOD),
        as_zip(MA_Contract_directory_2025_06_dot_csv=GOOD),
        as_zip(
            Read_Me_dot_txt=b"read me",
            MA_2025_06_dot_csv=GOOD,
            MA_2025_06_dot_xlsx=as_xlsx([DIRECTORY_HEADER, contract()]),
        ),
        as_gzip(as_zip(a_dot_csv=GOOD)),
        as_zip(a_dot_csv_dot_gz=as_gzip(GOOD)),
    ],
)
def test_packed_files_give_the_same_rows(packed: bytes) -> None:
    assert facts(read(DIRECTORY, packed)) == facts(read(DIRECTORY, GOOD))


def test_the_period_may_come_from_the_archive_member() -> None:
    assert str(read(DIRECTORY, as_zip(MA_2025_06_dot_csv=GOOD), file_name="ma.zip").period) == "2025_06"


@pytest.mark.parametrize(
    ("source", "data", "error"),
    [
        (DIRECTORY, b"", EmptyFile),
        (DIRECTORY, b" \r\n\n", EmptyFile),
        (DIRECTORY, b"\xef\xbb\xbf\n", EmptyFile),
        (DIRECTORY, b",,\n,,\n", EmptyFile),
        (DIRECTORY, directory(), NoDataRows),
        (MONTHLY, b"[]", NoDataRows),
        (DIRECTORY, as_xlsx([DIRECTORY_HEADER]), NoDataRows),
        (DIRECTORY, as_xlsx([]), EmptyFile),
        (DIRECTORY, directory(contract())[:-40], TruncatedFile),
        (DIRECTORY, GOOD.replace(b'"EXAMPLE', b'"EXAMPLE"', 1).rsplit(b'"', 1)[0], TruncatedFile),
        (DIRECTORY, as_xlsx([DIRECTORY_HEADER, contract()])[:-300], TruncatedFile),
        (DIRECTORY, as_gzip(GOOD)[:-20], TruncatedFile),
        (MONTHLY, as_json([json_plan()])[:-9], TruncatedFile),
        (AEQUALIS, parquet([*AEQUALIS_HEADER], insight())[:-30], TruncatedFile),
        (DIRECTORY, "Médico".encode() + "é".encode()[:1], TruncatedFile),
        (DIRECTORY, directory(contract()).replace(b"Example", b"Ex\0mple"), UnreadableEncoding),
        (DIRECTORY, directory(contract()).replace(b"Example", b"Ex\x81mple"), UnreadableEncoding),
        (DIRECTORY, "a,b".encode("utf-32"), UnreadableEncoding),
        (DIRECTORY, "Contract".encode("utf-16-le"), UnreadableEncoding),
        (DIRECTORY, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 rest", UnsupportedFormat),
        (DIRECTORY, b"%PDF-1.7 rest", UnsupportedFormat),
        (DIRECTORY, b"<!DOCTYPE html><html></html>", UnsupportedFormat),
        (DIRECTORY, b"<?xml version='1.0'?><a/>", UnsupportedFormat),
        (DIRECTORY, as_json([json_plan()]), UnsupportedFormat),
        (MONTHLY, b"[1, 2]", UnsupportedFormat),
        (MONTHLY, b'{"a": 1}', UnsupportedFormat),
        (MONTHLY, b"[" * 100_000, UnsupportedFormat),
        (MONTHLY, b'{"a": [{"b": 1}], "c": [{"d": 1}]}', AmbiguousContent),
        (DIRECTORY, as_zip(word_document=b"x"), MissingColumn),
        (DIRECTORY, as_zip(a_dot_pdf=b"%PDF", b_dot_pdf=b"%PDF"), UnsupportedFormat),
        (DIRECTORY, as_zip(inner_dot_zip=as_zip(a_dot_csv=GOOD)), UnsupportedFormat),
        (DIRECTORY, as_zip(), UnsupportedFormat),
        (DIRECTORY, as_zip(a_dot_csv=GOOD, b_dot_csv=GOOD), AmbiguousContent),
        (DIRECTORY, as_gzip(as_gzip(as_gzip(as_gzip(GOOD)))), UnsupportedFormat),
        (DIRECTORY, GOOD.split(b"\r\n", 1)[1], MissingColumn),
        (DIRECTORY, monthly(plan()), WrongFileInSlot),
        (MONTHLY, directory(contract()), WrongFileInSlot),
        (DIRECTORY, aequalis(insight()), WrongFileInSlot),
    ],
)
def test_an_unusable_file_is_refused_by_name(source: str, data: bytes, error: type[InputError]) -> None:
    with pytest.raises(InputError) as refused:
        read(source, data)
    assert type(refused.value) is error, refused.value
    assert "feed.csv" in str(refused.value)


def test_a_file_without_header_shows_nothing_of_its_rows() -> None:
    with pytest.raises(MissingColumn) as refused:
        read(DIRECTORY, as_csv(contract()))
    assert "Contactperson" not in str(refused.value)


@pytest.mark.parametrize("column", [b"Parent Organization", b"Directory Contact Email"])
def test_a_header_that_swallows_a_row_shows_nothing_of_it(column: bytes) -> None:
    with pytest.raises(TruncatedFile, match="quote in the header") as refused:
        read(DIRECTORY, directory(contract(), contract("H5678")).replace(column, b'"' + column))
    assert "ontactperson" not in str(refused.value)


def test_a_renamed_column_is_suggested() -> None:
    renamed = directory(contract()).replace(b"Parent Organization", b"Parent Organisation")
    with pytest.raises(MissingColumn, match="Was 'Parent Organization' renamed to 'Parent Organisation'"):
        read(DIRECTORY, renamed)


def test_two_columns_for_one_field_are_refused() -> None:
    doubled = as_csv([*DIRECTORY_HEADER, "contract_number"], [*contract(), "H9999"])
    with pytest.raises(DuplicateColumn, match="3, 14"):
        read(DIRECTORY, doubled)


def test_columns_may_be_reordered_and_spelled_otherwise() -> None:
    spelled = {
        "Contract Number": " CONTRACT\n#",
        "Parent Organization": "parent\u00a0organization  name",
        "Plan Type": "PLAN-TYPE",
    }
    header = [spelled.get(str(name), name) for name in DIRECTORY_HEADER][::-1]
    batch = read(DIRECTORY, as_csv(header, contract()[::-1]))
    assert facts(batch) == facts(read(DIRECTORY, directory(contract())))


def test_unread_and_absent_columns_are_listed() -> None:
    batch = read(MONTHLY, monthly(plan()))
    assert batch.dropped_columns == ("Offers Part D", "Enrollment")
    assert batch.absent_columns == ("plan_name",)


def test_a_gzip_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExpandsTooFar, match="200 times"):
        read(DIRECTORY, gzip.compress(b" " * 30_000_000))
    monkeypatch.setattr(content, "MAX_EXPANDED", 1000)
    with pytest.raises(ExpandsTooFar):
        read(DIRECTORY, as_gzip(directory(*[contract(f"H{n:04}") for n in range(50)])))


def test_a_zip_bomb_is_stopped() -> None:
    with pytest.raises(ExpandsTooFar, match="200 times"):
        read(DIRECTORY, as_zip(a_dot_csv=b" " * 30_000_000))
    with pytest.raises(ExpandsTooFar, match="1000 archive entries"):
        read(DIRECTORY, as_zip(**{f"f{n}": b"" for n in range(1001)}))


def test_a_parquet_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_format, "MAX_ROWS", 1)
    with pytest.raises(ExpandsTooFar):
        read(AEQUALIS, parquet([*AEQUALIS_HEADER], insight(), insight()))


def test_json_with_a_key_per_row_is_stopped() -> None:
    with pytest.raises(ExpandsTooFar, match="different keys"):
        read(MONTHLY, as_json([{f"k{n}": 1} for n in range(1001)]))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("before", ["", f"<!--{'x' * 8192}-->"])
@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_workbook_with_xml_entities_is_refused(name: str, before: str, encoding: str) -> None:
    good = as_xlsx([DIRECTORY_HEADER, contract()])
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(data, "w") as target:
        for info in source.infolist():
            part = source.read(info)
            if info.filename == name:
                body = re.sub(r"^<\?xml[^>]*>", "", part.decode())
                head = f'<?xml version="1.0" encoding="{encoding}"?>{before}<!DOCTYPE a [<!ENTITY b "c">]>'
                part = (head + body).encode(encoding)
            target.writestr(info.filename, part)
    with pytest.raises(UnsupportedFormat, match="entities"):
        read(DIRECTORY, data.getvalue())


def test_a_text_of_more_lines_or_cells_than_we_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "MAX_ROWS", 10)
    with pytest.raises(ExpandsTooFar, match="10 lines"):
        read(DIRECTORY, GOOD + b"\r\n" * 10)
    monkeypatch.setattr(csv_format, "MAX_ROWS", 1000)
    monkeypatch.setattr(csv_format, "MAX_CELLS", 500)
    with pytest.raises(ExpandsTooFar, match="500 cells"):
        read(DIRECTORY, GOOD + b"," * 500)


def test_a_source_that_may_have_more_cells_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "MAX_CELLS", 500)
    large = mapping_of(DIRECTORY).model_copy(update={"max_cells": 1_000})
    blank = GOOD + b"," * 600
    assert read_feed(blank, file_name="f", mapping=large, run_id="r", lob="medicare_advantage").rows.num_rows > 0
    with pytest.raises(ExpandsTooFar, match="1,000 cells"):
        read_feed(GOOD + b"," * 1_000, file_name="f", mapping=large, run_id="r", lob="medicare_advantage")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_only_line_ends_end_a_line(end: str) -> None:
    odd = "EXAMPLE\x0bHEALTH\x1c\u2028PLAN"
    rows = read(DIRECTORY, as_csv(DIRECTORY_HEADER, contract(legal_entity_name=odd), contract("H5678"), end=end)).rows
    assert rows.column("legal_name").to_pylist()[0].split()[:1] == ["EXAMPLE"]
    assert rows.num_rows == 2


def test_a_workbook_of_more_cells_than_we_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_format, "_MAX_CELLS", 20)
    with pytest.raises(ExpandsTooFar, match="20 cells"):
        read(DIRECTORY, as_xlsx([DIRECTORY_HEADER, contract()]))


def test_a_plain_file_has_the_limit_of_an_unpacked_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MAX_EXPANDED", 100)
    with pytest.raises(ExpandsTooFar):
        read(DIRECTORY, GOOD)


def test_a_refusal_names_as_many_columns_as_people_read() -> None:
    names = [f"column {n} {'x' * 500}" for n in range(2000)]
    with pytest.raises(MissingColumn) as refused:
        read(DIRECTORY, as_csv(["Contract Number", *names], ["H1234", *names]))
    assert len(str(refused.value)) < 4_000
    assert "more. If the publisher" in str(refused.value)
    assert refused.value.found[-1] == names[-1]


def test_an_encrypted_archive_is_refused() -> None:
    packed = bytearray(as_zip(a_dot_csv=GOOD))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UnsupportedFormat, match="encrypted"):
        read(DIRECTORY, bytes(packed))


def test_other_office_documents_are_named() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("xl/workbook.bin", b"x")
    with pytest.raises(UnsupportedFormat, match="xlsb"):
        read(DIRECTORY, data.getvalue())


def test_the_monthly_report_is_read_as_csv_and_workbook() -> None:
    rows = [plan("H1234", 1), plan("H1234", 2.0), plan(90091, "003")]
    batch = read(MONTHLY, as_xlsx([MONTHLY_HEADER, *rows]))
    assert batch.rows.column("plan_id").to_pylist() == ["H1234-001", "H1234-002", "90091-003"]
    assert facts(batch) == facts(read(MONTHLY, monthly(*rows)))
