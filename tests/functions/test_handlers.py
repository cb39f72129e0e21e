"""Each handler stays thin, and imports with nothing but its own layers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANDLERS = sorted((ROOT / "functions").glob("*/handler.py"))
ENGINE = {"normalize_feed"}

#: What a layer does not hold; the other layers' packages, and everything that never reaches Lambda.
NEVER = {"typer", "rich", "aws_cdk", "moto", "ministack", "sqlglot", "hypothesis", "pytest", "infra", "fivetier_cli"}
NOT_IN = {"engine": {"awswrangler", "pyiceberg", "pandas"}, "lake": {"duckdb", "openpyxl"}}

PROBE = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.path[:0] = [{folder!r}, {core!r}]
import handler
assert callable(handler.handler)
"""


def test_there_is_a_handler_for_every_function() -> None:
    assert len(HANDLERS) == 14


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_is_thin_and_imports_inwards(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) < 40
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    allowed = ("fivetier.", "aws_lambda_powertools", "typing")
    assert all(str(module).startswith(allowed) for module in imported), imported


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_imports_with_only_its_own_layers(path: Path) -> None:
    layer = "engine" if path.parent.name in ENGINE else "lake"
    code = PROBE.format(
        names=NEVER | NOT_IN[layer], folder=str(path.parent), core=str(ROOT / "layers" / "core" / "python")
    )
    env = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "POWERTOOLS_TRACE_DISABLED": "true"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
