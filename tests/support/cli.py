"""The `fivetier` command in this process: arguments in, exit code and output out."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fivetier_cli import console, main


@dataclass(frozen=True)
class Answer:
    """What a command did."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str) -> Answer:
    """Run one command line as the shell would."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["fivetier", *arguments])
        patch.setattr(console.out, "file", out)
        patch.setattr(console.err, "file", err)
        try:
            main.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    return Answer(code, out.getvalue(), err.getvalue())


def write(folder: Path, name: str, data: bytes) -> str:
    """Write a file to land; returns its path."""
    path = folder / name
    path.write_bytes(data)
    return str(path)
