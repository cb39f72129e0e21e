"""Files are found by the names their publishers give them; what is missing is named."""

from pathlib import Path

import pytest
from fivetier.domain.errors import InvalidSubVersion

from fivetier_cli.console import UsageError
from fivetier_cli.vintages import find_vintages

DIRECTORY, MONTHLY, AEQUALIS = "cms_ma_contract_directory", "cms_monthly_report_by_plan", "aequalis"


def folder(tmp_path: Path, *names: str) -> Path:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def found(where: Path, months: tuple[str, str] | None = None) -> list[tuple[str, dict[str, str]]]:
    return [(str(v.month), {s: path.name for s, path in v.files.items()}) for v in find_vintages(where, months)]


def test_the_first_and_the_last_month_are_taken_wherever_they_lie(tmp_path: Path) -> None:
    where = folder(
        tmp_path,
        "a/MA_Contract_directory_2024_08.csv",
        "MA_Contract_Directory_2025_01.csv",
        "b/c/ma_contract_directory_2025_06.xlsx",
        "payer_insights_2025_06.parquet",
        "Read_Me_MA_Contract_Directory_2024.txt",
        "MA_Contract_directory_2023_13.csv",
        "MA_Contract_directory_2026_01.pdf",
    )
    assert found(where) == [
        ("2024_08", {DIRECTORY: "MA_Contract_directory_2024_08.csv"}),
        ("2025_06", {DIRECTORY: "ma_contract_directory_2025_06.xlsx", AEQUALIS: "payer_insights_2025_06.parquet"}),
    ]
    assert [month for month, _ in found(where, ("2024_08", "2025_01"))] == ["2024_08", "2025_01"]


def test_an_optional_file_may_be_as_far_off_as_a_run_accepts(tmp_path: Path) -> None:
    where = folder(
        tmp_path,
        "MA_Contract_directory_2024_08.csv",
        "MA_Contract_directory_2025_06.csv",
        "Monthly_Report_By_Plan_2024_12.csv",
        "Monthly_Report_By_Plan_2025_04.csv",
        "Monthly_Report_By_Plan_2025_07_condensed.json.gz",
    )
    assert [files.get(MONTHLY) for _, files in found(where)] == [
        None,
        "Monthly_Report_By_Plan_2025_07_condensed.json.gz",
    ]


def test_of_one_month_in_two_formats_the_csv_is_taken(tmp_path: Path) -> None:
    names = [f"MA_Contract_directory_{m}.{f}" for m in ("2025_05", "2025_06") for f in ("xlsx", "csv", "zip")]
    assert [files[DIRECTORY][-3:] for _, files in found(folder(tmp_path, *names))] == ["csv", "csv"]


def test_two_files_of_one_month_are_a_question_for_a_person(tmp_path: Path) -> None:
    where = folder(tmp_path, "MA_Contract_directory_2025_06.csv", "old/MA_Contract_directory_2025_06.csv")
    with pytest.raises(UsageError, match=r"MA_Contract_directory_2025_06\.csv and .*old.* of 2025_06; keep one"):
        find_vintages(where)


@pytest.mark.parametrize(
    ("names", "months", "message"),
    [
        (["Monthly_Report_By_Plan_2025_06.csv"], None, "two months of MA_Contract_directory_YYYY_MM.csv are needed"),
        (["MA_Contract_directory_2025_06.csv"], None, "has 2025_06 only"),
        (["MA_Contract_directory_2025_06.csv"], ("2025_05", "2025_06"), "no MA_Contract_directory_2025_05.csv"),
        (["MA_Contract_directory_2025_06.csv"], ("2025_06", "2025_05"), "earlier month first"),
        (["MA_Contract_directory_2025_06.csv"], ("2025_06", "2025_06"), "earlier month first"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, names: list[str], months: tuple[str, str] | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        find_vintages(folder(tmp_path, *names), months)


def test_a_month_is_written_as_everywhere(tmp_path: Path) -> None:
    with pytest.raises(InvalidSubVersion):
        find_vintages(folder(tmp_path, "MA_Contract_directory_2025_06.csv"), ("2025-05", "2025_06"))
