"""The bundled sample has the form of CMS's files and none of their content."""

import csv
import io
from pathlib import Path

import pytest

from fivetier_cli.vintages import SAMPLE

pytestmark = pytest.mark.real

NAME = "MA_Contract_directory_{month}.csv"
OURS_TOO = {"The Cigna Group", "Health Care Service Corporation"}
NAMES = ("Legal Entity Name", "Organization Marketing Name", "Parent Organization", "Contract Number")


@pytest.mark.parametrize("month", ["2024_08", "2025_06"])
def test_the_header_is_cmss_and_no_name_or_number_is(real_data: Path, month: str) -> None:
    name = NAME.format(month=month)
    real = _rows(real_data / "medicare_advantage" / name)
    ours = _rows(SAMPLE / "medicare_advantage" / month / name)
    assert list(ours[0]) == list(real[0])
    for column in NAMES:
        shared = {row[column].casefold() for row in real} & {row[column].casefold() for row in ours}
        assert shared <= {each.casefold() for each in OURS_TOO} | {"li net"}, column


def test_our_contracts_are_of_neither_month(real_data: Path) -> None:
    months = ("2024_08", "2025_06")
    real, ours = set(), set()
    for month in months:
        name = NAME.format(month=month)
        real |= {row["Contract Number"] for row in _rows(real_data / "medicare_advantage" / name)}
        ours |= {row["Contract Number"] for row in _rows(SAMPLE / "medicare_advantage" / month / name)}
    assert not real & ours


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))
