"""Compiles a layer's modules: Lambda's disk is read-only, so what is not compiled is compiled at every cold start."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.layers.families import LayersError

#: Unchecked hashes hold no time; paths are those in Lambda, also in tracebacks; one process, in order of name.
_COMPILE = """
import compileall, py_compile, sys
done = compileall.compile_dir(
    sys.argv[1], quiet=1, force=True, stripdir=sys.argv[1], prependdir="/opt/python", workers=1,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
sys.exit(not done)
"""
_VERSION = "import platform; print(platform.python_version())"


class NotCompiled(LayersError):
    """A package holds a module that its Python does not take."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python on this machine."""

    path: str
    version: str


def find_python(minor: str) -> Interpreter | None:
    """A Python of that minor version: on PATH, or among pyenv's; one that does not start is passed over."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders += [folder / "bin" for folder in sorted(pyenv.glob(f"{minor}.*"), reverse=True)]
    for path in (folder / f"python{minor}" for folder in folders):
        if path.is_file() and (version := _version(path)).startswith(f"{minor}."):
            return Interpreter(str(path), version)
    return None


def compile_all(folder: Path, python: Interpreter) -> None:
    """Write `.pyc` beside every module.

    Raises:
        NotCompiled: a module is not valid for that Python.
    """
    environment = {"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", "")}
    command = [python.path, "-S", "-s", "-P", "-c", _COMPILE, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise NotCompiled(f"Python {python.version} cannot compile: {(done.stdout + done.stderr).strip()}")


def _version(path: Path) -> str:
    done = subprocess.run([str(path), "-I", "-S", "-c", _VERSION], capture_output=True, text=True, check=False)
    return done.stdout.strip()
