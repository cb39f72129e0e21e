"""What every format reader hands over: records of text cells, numbered as a spreadsheet shows them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

#: The header stands within the first records; above it only title rows.
HEADER_DEPTH: Final = 20

#: A workbook's last possible row, and the most rows read of any file.
MAX_ROWS: Final = 1_048_576

#: Far more than any publisher uses; in a workbook one cell far to the right makes a row that wide.
MAX_COLUMNS: Final = 1_000

#: What fits easily into a function's memory as text; a source that needs more says so in its mapping.
MAX_CELLS: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `misfit` says what stands in the place of a row that is none (JSON)."""

    number: int
    cells: tuple[str | None, ...]
    misfit: str | None = None

    @property
    def filled(self) -> list[str]:
        """The cells that are not blank."""
        return [cell for cell in self.cells if cell is not None and cell.strip()]


@dataclass(frozen=True, slots=True)
class Grid:
    """One table of text as it stands in the file.

    `header` is None where the header is one of the records and has to be found (CSV, XLSX). `delimiter` is given for
    text tables only: there a row may have too few or too many cells, and the text may end early. Of its first records
    those before `sound` are quoted correctly.
    """

    records: Sequence[Record]
    header: tuple[str, ...] | None = None
    delimiter: str | None = None
    ends_with_newline: bool = True
    sound: int = HEADER_DEPTH


def as_text(value: object) -> str | None:
    """Write a typed cell as the text a CSV of the same table would hold: 90091.0 is `90091`, midnight has no time.

    Lists and objects are named, not written: no mapping reads them, and they may hold what a contact column holds.
    """
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.replace(tzinfo=None).isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "[list]"
    if isinstance(value, dict):
        return "[object]"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    # A lone surrogate of broken JSON fits no Arrow string.
    return str(value).encode("utf-8", "replace").decode()


def as_json(row: dict[str, str | None]) -> str:
    """Write a row for quarantine, keys in file order."""
    return json.dumps(row, ensure_ascii=False)
