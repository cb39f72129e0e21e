"""`fivetier compare`: two vintages of files, one report; needs no stack."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from fivetier.app.candidate import Feed
from fivetier.app.comparing import compare_feeds, read_file, split_vintages
from fivetier.domain.ids import SubVersion
from fivetier.domain.tiers import Lob
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fivetier_cli.console import UsageError, err, show_report

MonthOption = Annotated[str | None, typer.Option(help="Month as YYYY_MM, where the file name does not say it.")]


def compare(
    files: Annotated[list[Path], typer.Argument(help="OLD files, then NEW files; or two folders.", exists=True)],
    lob: Annotated[Lob, typer.Option(help="Line of business of the files.")] = Lob.MEDICARE_ADVANTAGE,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    old_month: MonthOption = None,
    new_month: MonthOption = None,
) -> None:
    """Compare two vintages of a line of business's files and report what changed.

    Give the earlier month's files first, then the later month's. Each file is recognised by its columns; the list
    is cut where a source occurs for the second time. Two folders work as well.
    """
    old, new = _feeds(files, lob, quiet=as_json)
    report = compare_feeds(
        old,
        new,
        lob=lob,
        now=datetime.now(UTC).replace(tzinfo=None),
        old_month=None if old_month is None else SubVersion.parse(old_month),
        new_month=None if new_month is None else SubVersion.parse(new_month),
    )
    show_report(report, html=html, as_json=as_json)


def _feeds(paths: list[Path], lob: Lob, *, quiet: bool) -> tuple[list[Feed], list[Feed]]:
    if len(paths) == 2 and all(path.is_dir() for path in paths):
        return _read(_inside(paths[0]), lob, quiet=quiet), _read(_inside(paths[1]), lob, quiet=quiet)
    folders = [path for path in paths if path.is_dir()]
    if folders:
        raise UsageError(f"{folders[0]} is a folder: give exactly two folders, or files only")
    return split_vintages(_read(paths, lob, quiet=quiet))


def _inside(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not files:
        raise UsageError(f"{folder} holds no file")
    return files


def _read(paths: list[Path], lob: Lob, *, quiet: bool) -> list[Feed]:
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True, disable=quiet) as progress:
        task = progress.add_task("", total=len(paths))
        feeds = []
        for path in paths:
            progress.update(task, description=f"reading {path.name}")
            feeds.append(read_file(path.name, path.read_bytes(), lob))
            progress.advance(task)
    return feeds
