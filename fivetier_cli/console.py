"""What every command shares: where output goes, `--json`, and exit codes."""

import json
import sys
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any

from fivetier.domain import errors
from fivetier.web.report_page import render_report
from fivetier.web.text_report import summary_lines
from rich.console import Console

#: Piped output is as wide as it needs to be.
_WIDTH = None if sys.stdout.isatty() else 200
out = Console(soft_wrap=True, highlight=False, width=_WIDTH)
err = Console(stderr=True, soft_wrap=True, highlight=False)


class Exit(IntEnum):
    """Exit codes are contract (DECISIONS, Layout): 0 covers done and awaiting."""

    OK = 0
    USAGE = 2
    REFUSED = 3
    RUN_FAILED = 4


def print_json(data: Any) -> None:
    """One JSON document on standard output, nothing else."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def show_report(report: Mapping[str, Any], *, html: Path | None, as_json: bool) -> None:
    """Show a report as JSON or as text, and write it as a page where asked for."""
    if html is not None:
        html.write_text(render_report(report), encoding="utf-8")
    if as_json:
        print_json(report)
        return
    for line in summary_lines(report):
        out.print(line, markup=False)
    if html is not None:
        out.print(f"\nThe whole report: {html}", markup=False)


def exit_code(error: errors.FivetierError) -> Exit:
    """Which exit code an error means."""
    if isinstance(error, errors.InvalidSubVersion | errors.UnknownSource | errors.NotFound | UsageError):
        return Exit.USAGE
    if isinstance(error, errors.IntegrityError):
        return Exit.RUN_FAILED
    return Exit.REFUSED


class UsageError(errors.FivetierError):
    """The command line cannot be carried out as typed."""


class RefusedByApi(errors.FivetierError):
    """The API refused; code and message are its own."""

    def __init__(self, *, error: str, message: str) -> None:
        self.error = error
        super().__init__(message)

    @property
    def code(self) -> str:
        """The error the API named."""
        return self.error
