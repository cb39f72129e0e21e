"""Reads one landed file into canonical rows, quarantine and suppression, and proves that no row is lost."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from fivetier.domain.errors import (
    EmptyFile,
    LedgerDoesNotTie,
    MissingColumn,
    NoDataRows,
    PeriodUnknown,
    TruncatedFile,
    UnknownCrosswalkStatus,
    UnknownSource,
)
from fivetier.domain.ids import SubVersion
from fivetier.domain.periods import Period, PlanYear
from fivetier.domain.tables import NORMALIZED_ROW, QUARANTINE, SUPPRESSED
from fivetier.feeds import sql
from fivetier.feeds.body import Body, BodyReader
from fivetier.feeds.catalog import sources_of
from fivetier.feeds.cells import Evaluated, Refusal, evaluate, subject_of
from fivetier.feeds.content import Content, unpack
from fivetier.feeds.csv_format import read_csv
from fivetier.feeds.header import Binding, bind, find_header
from fivetier.feeds.json_format import read_json
from fivetier.feeds.mapping import Format, Mapping, known_mappings
from fivetier.feeds.parquet_format import read_parquet
from fivetier.feeds.period import period_of
from fivetier.feeds.records import Grid, Record
from fivetier.feeds.settle import Settled, settle
from fivetier.feeds.xlsx_format import read_xlsx


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """What one file held. `landed_rows` always equals rows + quarantined + suppressed (DECISIONS, Ledger).

    `non_data_rows` counts titles, blank lines, repeated headers, totals and footnotes. `dropped_columns` are in the
    file and unread, `absent_columns` are optional and not in the file: together they show a silent rename.
    `repaired_cells` counts cells whose mojibake was undone.
    """

    source: str
    mapping_version: str
    file_name: str
    sha256: str
    format: Format
    encoding: str | None
    period: Period | None
    landed_rows: int
    rows: pa.Table
    quarantined: pa.Table
    suppressed: pa.Table
    non_data_rows: int
    dropped_columns: tuple[str, ...]
    absent_columns: tuple[str, ...]
    repaired_cells: int


def read_feed(
    data: bytes, *, file_name: str, mapping: Mapping, run_id: str, lob: str, sub_version: SubVersion | None = None
) -> FeedBatch:
    """Read a landed file with its source's mapping; `sub_version` is the run's month, which chooses among plan years.

    Raises:
        InputError: the file cannot be used; the subclass says why, and nothing of it is used.
        LedgerDoesNotTie: a defect of ours.
    """
    if lob not in mapping.lobs:
        raise UnknownSource(lob=lob, source=mapping.name, known=[spec.source for spec in sources_of(lob)])
    content = unpack(data, file=file_name, formats=mapping.formats)
    known = list((dict(known_mappings()) | {mapping.name: mapping}).values())
    grid = _grid(content, known, mapping, file=file_name)
    titles, header, body_records = _cut(grid, known, mapping, file=file_name)
    binding = bind(header, mapping, known, file=file_name)
    reader = BodyReader(grid, binding, mapping, file=file_name)
    body = reader.read(body_records)
    if not body.rows and not body.misfits:
        raise NoDataRows(file=file_name)
    sha256 = hashlib.sha256(data).hexdigest()
    names = (file_name, content.name)
    period = period_of(mapping.period, header_year=binding.plan_year, sha256=sha256, titles=titles, names=names)
    if period is None and _needs_period(mapping, binding):
        raise PeriodUnknown(file=file_name, sha256=sha256)
    year = period.year if isinstance(period, PlanYear) else None
    with sql.connect() as connection:
        columns = {name: [_cell(record, at) for record in body.rows] for name, at in binding.column_of.items()}
        evaluated = evaluate(connection, mapping, columns, rows=len(body.rows), plan_year=year)
        numbers = [record.number for record in body.rows]
        _stop_at_unknown(evaluated, binding, numbers, file=file_name)
        settled = settle(
            connection, mapping, evaluated, lob=lob, file=file_name, numbers=numbers, sub_version=sub_version
        )
    writer = _Writer(mapping, binding, reader, sha256, file_name, run_id, lob)
    batch = FeedBatch(
        source=mapping.name,
        mapping_version=mapping.version,
        file_name=file_name,
        sha256=sha256,
        format=content.format,
        encoding=content.encoding,
        period=settled.period or period,
        landed_rows=len(body.rows) + len(body.misfits),
        rows=writer.rows(body, evaluated, settled),
        quarantined=writer.quarantined(body, evaluated, settled),
        suppressed=writer.suppressed(body, settled),
        non_data_rows=body.non_data + len(titles),
        dropped_columns=binding.dropped,
        absent_columns=tuple(f.canonical_field for f in mapping.fields if f.canonical_field not in binding.column_of),
        repaired_cells=evaluated.repaired,
    )
    _prove(batch, records=len(grid.records), header_records=1 if grid.header is None else 0)
    return batch


def _needs_period(mapping: Mapping, binding: Binding) -> bool:
    """Whether rows would be without the plan year only the file can give them."""
    takes = {field.canonical_field for field in mapping.fields if field.null_rule == "period"}
    return mapping.period.unknown == "refuse" and not takes <= set(binding.column_of)


def _stop_at_unknown(evaluated: Evaluated, binding: Binding, numbers: Sequence[int], *, file: str) -> None:
    for index, rule, refusal in evaluated.unknown:
        column = binding.header_of(str(refusal.field))
        raise UnknownCrosswalkStatus(file=file, row=numbers[index], column=column, value=str(refusal.value), rule=rule)


def _cell(record: Record, index: int) -> str | None:
    return record.cells[index] if index < len(record.cells) else None


def _grid(content: Content, known: Sequence[Mapping], mapping: Mapping, *, file: str) -> Grid:
    def score(records: Sequence[Record]) -> int:
        return find_header(records, known)[1]

    if content.format == "xlsx":
        return read_xlsx(content.data, file=file, score=score)
    if content.format == "parquet":
        return read_parquet(content.data, file=file)
    if content.format == "json":
        return read_json(content.text or "", file=file, layout=mapping.records)
    return read_csv(content.text or "", file=file, score=score, max_cells=mapping.max_cells)


def _cut(
    grid: Grid, known: Sequence[Mapping], mapping: Mapping, *, file: str
) -> tuple[list[str], tuple[str | None, ...], Sequence[Record]]:
    """Cut a table into title texts, header and body."""
    if grid.header is not None:
        if not grid.records:
            raise NoDataRows(file=file)
        return [], grid.header, grid.records
    if not any(record.filled for record in grid.records):
        raise EmptyFile(file=file)
    position, fed = find_header(grid.records, known)
    if fed == 0:
        # Nothing here is a header, so nothing of it may be shown: it could be a row with contact data.
        raise MissingColumn(file=file, columns=[f.source_path[0] for f in mapping.fields if f.required], found=[])
    if position >= grid.sound:
        # The "header" may hold the first row; to name its columns in a message could name a person.
        raise TruncatedFile(file=file, row=position + 1, detail="a quote in the header is opened and never closed")
    titles = [" ".join(record.filled) for record in grid.records[:position]]
    return titles, grid.records[position].cells, grid.records[position + 1 :]


def _prove(batch: FeedBatch, *, records: int, header_records: int) -> None:
    out = batch.rows.num_rows + batch.quarantined.num_rows + batch.suppressed.num_rows
    if batch.landed_rows != out:
        raise LedgerDoesNotTie(equation="landed = rows + quarantined + suppressed", left=batch.landed_rows, right=out)
    parts = batch.landed_rows + batch.non_data_rows + header_records
    if records != parts:
        raise LedgerDoesNotTie(equation="records = landed + non-data + header", left=records, right=parts)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the three tables; every row of them carries its trace_id."""

    mapping: Mapping
    binding: Binding
    reader: BodyReader
    sha256: str
    file_name: str
    run_id: str
    lob: str

    def _stamp(self, record: Record) -> dict[str, object]:
        return {
            "lob": self.lob,
            "source": self.mapping.name,
            "source_object": self.file_name,
            "row_number": record.number,
            "trace_id": f"{self.sha256[:16]}-{record.number}",
        }

    def rows(self, body: Body, evaluated: Evaluated, settled: Settled) -> pa.Table:
        stored = [name for name in evaluated.values if name not in self.mapping.working_columns]
        return NORMALIZED_ROW.from_rows(
            [
                self._stamp(body.rows[index]) | {name: evaluated.values[name][index] for name in stored}
                for index in settled.kept
            ]
        )

    def quarantined(self, body: Body, evaluated: Evaluated, settled: Settled) -> pa.Table:
        subjects = [evaluated.texts(name) for name in self.mapping.subject]
        rows = [
            self._refused(body.rows[index], refusal)
            | {
                "subject_id": next((ids[index] for ids in subjects if ids[index] is not None), None),
                "raw_row": self.reader.raw(body.rows[index]),
            }
            for index, refusal in settled.refused.items()
        ]
        rows += [
            self._refused(record, Refusal(code, None, None, message))
            | {"subject_id": self._subject(record), "raw_row": self.reader.raw_misfit(record)}
            for record, code, message in body.misfits
        ]
        return QUARANTINE.from_rows(sorted(rows, key=lambda row: int(str(row["row_number"]))))

    def _subject(self, record: Record) -> str | None:
        cells = {name: _cell(record, at) for name, at in self.binding.column_of.items()}
        return subject_of(self.mapping, cells)

    def _refused(self, record: Record, refusal: Refusal) -> dict[str, object]:
        return self._stamp(record) | {
            "run_id": self.run_id,
            "reason_code": refusal.reason_code,
            "column_name": None if refusal.field is None else self.binding.header_of(refusal.field),
            "value": refusal.value,
            "message": refusal.message,
        }

    def suppressed(self, body: Body, settled: Settled) -> pa.Table:
        return SUPPRESSED.from_rows(
            [
                self._stamp(body.rows[index]) | {"run_id": self.run_id, "rule_id": settled.suppressed[index]}
                for index in sorted(settled.suppressed)
            ]
        )
