"""Installs a lock for another machine, and takes away what no function needs (ARCHITECTURE §7)."""

import os
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from importlib.metadata import distributions
from pathlib import Path

from infra.layers import elf
from infra.layers.families import LayersError, Target, requirements

#: Left out of every layer; matched against `/` and the path inside the layer, `*` crosses folders.
#: libarrow_substrait stays: importing pyarrow.dataset needs it.
DROPPED = (
    "/bin/*",
    "/.lock",
    # True of the machine and the moment of installing, or no longer true after pruning.
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_*.json",
    # For those who test, type-check or compile against a package.
    "*/tests/*",
    "*.pyi",
    "*.pyx",
    "*.pxd",
    "*.pxi",
    "*.h",
    "*.hpp",
    "/numpy/f2py/*",
    "/pyarrow/include/*",
    "/pyarrow/src/*",
    # Nobody speaks Flight here.
    "/pyarrow/*flight*",
    # A command line and a catalog nobody uses here.
    "/pyiceberg/cli/*",
    "/hive_metastore/*",
    # The backend of other Pythons; CPython takes backend_c.
    "/zstandard/_cffi*",
    # The loader asks for libarrow_python.so.<N>; these are copies of it under other names.
    "/pyarrow/libarrow_python*.so",
    "/pyarrow/libarrow_python*.so.*.*.*",
)


class NotInstalled(LayersError):
    """uv could not install a lock."""


def install(name: str, target: Target, folder: Path) -> None:
    """Install the lock of a family into an empty folder, for a machine that need not be this one.

    Files are copied: hard links into uv's cache would let pruning change the cache.

    Raises:
        NotInstalled: uv refuses; the message is its own.
    """
    lock = requirements(name)
    command = [
        *(_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
        *("--link-mode", "copy", "--python-platform", target.uv_platform, "--python-version", target.python),
        *("--target", str(folder), "--requirement", str(lock)),
    ]
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_PYTHON": sys.executable}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise NotInstalled(f"layers/{name}/requirements.txt for {target.uv_platform}: {done.stderr.strip()}")


def prune(folder: Path) -> None:
    """Remove what `DROPPED` names, and from shared objects what only a debugger reads."""
    for file in sorted(path for path in folder.rglob("*") if not path.is_dir()):
        if any(fnmatchcase(f"/{file.relative_to(folder).as_posix()}", pattern) for pattern in DROPPED):
            file.unlink()
        elif elf.is_elf(file):
            file.write_bytes(elf.stripped(file.read_bytes()))
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def versions(folder: Path) -> dict[str, str]:
    """Installed packages by name."""
    found = (
        (each.metadata["Name"].lower().replace("_", "-"), each.version) for each in distributions(path=[str(folder)])
    )
    return dict(sorted(found))


def weights(folder: Path) -> dict[str, int]:
    """Bytes of each package's folder or module, the heaviest first."""
    sizes = {path.name: _size(path) for path in folder.iterdir() if not path.name.endswith(".dist-info")}
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def unzipped(folder: Path) -> int:
    """Bytes of everything in it."""
    return _size(folder)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise NotInstalled("uv is not installed; run make setup")
    return found
