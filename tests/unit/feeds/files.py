"""Small feed files of ours, built in memory."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence

import openpyxl
from fivetier.feeds.mapping import mapping_of
from fivetier.feeds.reader import FeedBatch, read_feed

DIRECTORY = "cms_ma_contract_directory"
MONTHLY = "cms_monthly_report_by_plan"
AEQUALIS = "aequalis"
MA = "medicare_advantage"

Row = Sequence[object]

DIRECTORY_HEADER: Row = (
    "Legal Entity Name",
    "Organization Marketing Name",
    "Contract Number",
    "Organization Type",
    "Plan Type",
    "Contract Effective Date",
    "Tax Status",
    "Parent Organization",
    "Enrollment",
    "Legal Entity Street",
    "Legal Entity State Code",
    "Directory Contact Last Name",
    "Directory Contact Email",
)
MONTHLY_HEADER: Row = ("Contract Number", "Plan ID", "Organization Type", "Plan Type", "Offers Part D", "Enrollment")
AEQUALIS_HEADER: Row = (
    "feed_version",
    "period",
    "lob",
    "parent_name",
    "subsidiary_name",
    "state",
    "id_system",
    "plan_id",
    "plan_name",
    "plan_type",
    "plan_year",
    "state_program",
    "effective_date",
    "end_date",
)


def contract(number: object = "H1234", **changes: object) -> list[object]:
    """A directory row; `changes` go by words of the header, joined with _."""
    row: dict[str, object] = dict(
        zip(
            map(str, DIRECTORY_HEADER),
            (
                "EXAMPLE HEALTH PLAN OF OHIO, INC.",
                "Example Medicare",
                number,
                "Local CCP",
                "HMO/HMOPOS",
                "05/01/2015",
                "For Profit",
                "Example Health Group",
                "2,572",
                "1 Example Road",
                "OH",
                "Contactperson",
                "contactperson@example.com",
            ),
            strict=True,
        )
    )
    return _changed(row, changes)


def plan(number: object = "H1234", plan_id: object = "1", **changes: object) -> list[object]:
    values = (number, plan_id, "Local CCP", "HMO", "Yes", "*")
    return _changed(dict(zip(map(str, MONTHLY_HEADER), values, strict=True)), changes)


def insight(**changes: object) -> list[object]:
    values = (
        "1.0.0",
        "2025_06",
        MA,
        "Example Health Group",
        "EXAMPLE HEALTH PLAN OF OHIO, INC.",
        "OH",
        "cms_contract_pbp",
        "H1234-001",
        "Example Medicare Choice (HMO)",
        "HMO",
        "2025",
        "",
        "2025-01-01",
        "",
    )
    return _changed(dict(zip(map(str, AEQUALIS_HEADER), values, strict=True)), changes)


def _changed(row: dict[str, object], changes: dict[str, object]) -> list[object]:
    by_name = {name.casefold().replace(" ", "_"): name for name in row}
    return list((row | {by_name[name]: value for name, value in changes.items()}).values())


def as_csv(*rows: Row, delimiter: str = ",", encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue().encode(encoding)


def directory(*rows: Row) -> bytes:
    return as_csv(DIRECTORY_HEADER, *rows)


def monthly(*rows: Row) -> bytes:
    return as_csv(MONTHLY_HEADER, *rows)


def aequalis(*rows: Row) -> bytes:
    return as_csv(AEQUALIS_HEADER, *rows)


def as_xlsx(*sheets: Sequence[Row]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(list(row))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def as_json(document: object) -> bytes:
    return json.dumps(document).encode()


def as_gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def as_zip(**members: bytes) -> bytes:
    """A zip archive; `_dot_` in a name stands for a dot."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return data.getvalue()


def read(source: str, data: bytes, *, file_name: str = "feed.csv", lob: str = MA) -> FeedBatch:
    return read_feed(data, file_name=file_name, mapping=mapping_of(source), run_id="run-1", lob=lob)


def reasons(batch: FeedBatch) -> list[str]:
    found: list[str] = batch.quarantined.column("reason_code").to_pylist()
    return found


def facts(batch: FeedBatch) -> list[dict[str, object]]:
    """The accepted rows without what differs from file to file."""
    return [
        {name: value for name, value in row.items() if name not in {"source_object", "trace_id"}}
        for row in batch.rows.to_pylist()
    ]
