"""`fivetier demo --data` finds its way in a folder of public files as it is."""

from pathlib import Path

import pytest

from fivetier_cli.vintages import find_vintages

pytestmark = pytest.mark.real


def test_the_two_directories_and_their_nearest_reports_are_found(real_data: Path) -> None:
    found = [(str(v.month), sorted(path.name for path in v.files.values())) for v in find_vintages(real_data)]
    assert found == [
        ("2024_08", ["MA_Contract_directory_2024_08.csv", "Monthly_Report_By_Plan_2024_08.json.gz"]),
        ("2025_06", ["MA_Contract_directory_2025_06.csv", "Monthly_Report_By_Plan_2025_08_condensed.json"]),
    ]
