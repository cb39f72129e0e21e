"""Which files of which months a folder holds, told by the names their publishers give them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fivetier.domain.ids import SubVersion
from fivetier.domain.periods import MAX_PERIOD_DISTANCE
from fivetier.domain.tiers import Lob
from fivetier.feeds.catalog import sources_of

from fivetier_cli.console import UsageError
from infra.settings import ROOT

LOB = Lob.MEDICARE_ADVANTAGE
SAMPLE = ROOT / "sample"

#: How the publishers of each source name its files, before the month.
_STEMS: Mapping[str, str] = {
    "cms_ma_contract_directory": "MA_Contract_directory",
    "cms_monthly_report_by_plan": "Monthly_Report_By_Plan",
    "aequalis": "payer_insights",
}
#: CMS packs the same rows in several formats: the first of these is taken.
_FORMATS = ("csv", "xlsx", "json", "parquet", "zip")
_NAME = re.compile(
    rf"(?P<stem>{'|'.join(_STEMS.values())})_(?P<month>20\d\d_(?:0[1-9]|1[0-2]))(?!\d).*\.(?P<format>{'|'.join(_FORMATS)})"
    r"(?:\.gz)?",
    re.IGNORECASE,
)
_REQUIRED = frozenset(spec.source for spec in sources_of(LOB) if spec.required)
_SOURCES = {stem.casefold(): source for source, stem in _STEMS.items()}

Months = dict[SubVersion, Path]


@dataclass(frozen=True, slots=True)
class Vintage:
    """What to land for one month: a file for each source that has one."""

    month: SubVersion
    files: Mapping[str, Path]


def find_vintages(folder: Path, months: tuple[str, str] | None = None) -> tuple[Vintage, Vintage]:
    """Two months of files below a folder: those asked for, else the first and the last.

    A required source makes a month. An optional one comes with the file of that month, else with the nearest one a
    run accepts.

    Raises:
        UsageError: fewer than two months, a month asked for is missing, or two files say they are the same.
        InvalidSubVersion: a month is not written YYYY_MM.
    """
    found = _files(folder)
    whole = sorted(set.intersection(*(set(found.get(source, {})) for source in _REQUIRED)))
    old, new = _asked(months, whole, folder) if months else _ends(whole, folder)
    return _vintage(found, old), _vintage(found, new)


def _ends(whole: list[SubVersion], folder: Path) -> tuple[SubVersion, SubVersion]:
    if len(whole) < 2:
        has = f"has {whole[0]} only" if whole else "has none"
        raise UsageError(f"two months of {_required_names('YYYY_MM')} are needed, and {folder} {has}")
    return whole[0], whole[-1]


def _asked(months: tuple[str, str], whole: list[SubVersion], folder: Path) -> tuple[SubVersion, SubVersion]:
    old, new = (SubVersion.parse(month) for month in months)
    if not old < new:
        raise UsageError(f"--months wants the earlier month first, not {old} {new}")
    for month in (old, new):
        if month not in whole:
            has = ", ".join(map(str, whole)) or "none"
            raise UsageError(f"{folder} holds no {_required_names(str(month))}; the months it has: {has}")
    return old, new


def _required_names(month: str) -> str:
    return " and ".join(f"{_STEMS[source]}_{month}.csv" for source in sorted(_REQUIRED))


def _vintage(found: Mapping[str, Months], month: SubVersion) -> Vintage:
    reach = {source: 0 if source in _REQUIRED else MAX_PERIOD_DISTANCE for source in found}
    files = {source: _nearest(found[source], month, reach[source]) for source in found}
    return Vintage(month, {source: path for source, path in files.items() if path is not None})


def _nearest(files: Months, month: SubVersion, reach: int) -> Path | None:
    near = [other for other in files if other.months_from(month) <= reach]
    return files[min(near, key=lambda other: (other.months_from(month), other))] if near else None


def _files(folder: Path) -> dict[str, Months]:
    """Source -> month -> the file to use."""
    best: dict[tuple[str, SubVersion], tuple[int, Path]] = {}
    for source, month, rank, path in _named(folder):
        known = best.get((source, month))
        if known is not None and known[0] == rank:
            raise UsageError(f"{known[1]} and {path} are both {_STEMS[source]} of {month}; keep one")
        if known is None or rank < known[0]:
            best[source, month] = rank, path
    found: dict[str, Months] = {}
    for (source, month), (_, path) in best.items():
        found.setdefault(source, {})[month] = path
    return found


def _named(folder: Path) -> Iterator[tuple[str, SubVersion, int, Path]]:
    for path in sorted(folder.rglob("*")):
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            month = SubVersion.parse(match["month"])
            yield _SOURCES[match["stem"].casefold()], month, _FORMATS.index(match["format"].casefold()), path
