"""Each handler stays thin, and imports with nothing but its own layers."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from infra.stacks.function_table import FUNCTIONS

ROOT = Path(__file__).parents[2]
HANDLERS = sorted((ROOT / "functions").glob("*/handler.py"))
#: Ours, and never in Lambda.
NEVER = {"infra", "fivetier_cli", "tests"}

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


@cache
def _absent(family: str) -> set[str]:
    """Every installed import name that neither the family's layer nor Lambda's runtime brings."""
    locks = [ROOT / "layers" / name / "requirements.txt" for name in (family, "runtime")]
    held = {name for lock in locks for name in re.findall(r"^([a-z0-9-]+)==", lock.read_text(), re.MULTILINE)}
    brought_by = packages_distributions()
    absent = {
        name
        for name, distributions in brought_by.items()
        if not held & {re.sub(r"[-_.]+", "-", each).lower() for each in distributions}
    }
    return absent - {"fivetier"} | NEVER


def test_what_a_layer_does_not_hold_is_absent() -> None:
    assert {"awswrangler", "pyiceberg", "pandas", "numpy", "moto", "pytest", "rich"} < _absent("engine")
    assert {"duckdb", "openpyxl", "aws_cdk", "setuptools"} < _absent("lake")
    assert not {"boto3", "pyarrow", "yaml", "aws_lambda_powertools"} & (_absent("engine") | _absent("lake"))


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
    (family,) = {spec.layer for spec in FUNCTIONS if spec.name == path.parent.name}
    code = PROBE.format(names=_absent(family), folder=str(path.parent), core=str(ROOT / "layers" / "core" / "python"))
    env = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "POWERTOOLS_TRACE_DISABLED": "true"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
