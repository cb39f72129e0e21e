"""Domain, use cases, feeds and pages read no environment, no clock and no file system of their own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers" / "core" / "python" / "fivetier"
PURE = sorted(path for name in ("domain", "app", "feeds", "web") for path in (PACKAGE / name).rglob("*.py"))
FORBIDDEN = ("os", "socket", "subprocess", "random", "uuid", "time", "pyarrow.fs", "boto3", "urllib")
CLOCK = {"now", "utcnow", "today"}


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_pure_module_asks_the_machine_for_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found = [m for m in modules if any(m == f or m.startswith(f"{f}.") for f in FORBIDDEN)]
            assert not found, f"line {node.lineno} imports {found}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK:
            owner = node.func.value
            assert not (isinstance(owner, ast.Name) and owner.id in ("datetime", "date")), f"line {node.lineno}"
