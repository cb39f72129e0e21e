"""Tries layers with nothing else around them: run by a Python that sees no other package."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infra.layers import packages
from infra.layers.build import assemble
from infra.layers.bytecode import find_python
from infra.layers.families import CORE, FAMILIES, LAMBDA, LAMBDA_PYTHON, RUNTIME, LayersError, Target, functions_of
from infra.layers.manifest import read_checked
from infra.settings import ROOT

#: Lambda's own first: the nearer the Python, the more the smoke run says.
PYTHONS = (LAMBDA_PYTHON, "3.12", "3.11")
#: Where an arm64 system with Python lies that qemu may start.
ARM64_ROOT = "FIVETIER_ARM64_ROOT"
_EMULATORS = ("qemu-aarch64-static", "qemu-aarch64")


class SmokeFailed(LayersError):
    """Something does not work with a family's layers alone."""


class NothingToRunOn(LayersError):
    """This machine has no Python for the layers' target."""


def smoke_here() -> list[dict[str, Any]]:
    """Assemble the layers for this machine and try them; what is deployed differs by the machine, by nothing else.

    Raises:
        NothingToRunOn: this is no x86_64 Linux, or has no Python the project runs on.
        SmokeFailed: a handler or something it lives on does not work.
    """
    found = ((Target("x86_64", minor), find_python(minor)) for minor in PYTHONS)
    target, python = next(((t, p) for t, p in found if t.is_this_machine and p), (None, None))
    if target is None or python is None:
        raise NothingToRunOn(
            f"the smoke run needs Linux on x86_64 and a Python {', '.join(PYTHONS)} on PATH; "
            "elsewhere make layers-arm64-smoke tries the layers that are deployed"
        )
    with TemporaryDirectory(prefix="fivetier-smoke-") as temporary:
        folders = {family: Path(temporary) / family for family in FAMILIES}
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda family: assemble(family, target, python, folders[family]), FAMILIES))
        return _try_all([python.path], target, folders)


def smoke_lambda(layers_dir: Path) -> list[dict[str, Any]]:
    """Try the very zips that are deployed: on an arm64 machine, or under qemu.

    Raises:
        LayersNotBuilt: there are none, or stale ones.
        NothingToRunOn: says what to install.
        SmokeFailed: a handler or something it lives on does not work.
    """
    python = _lambda_python()
    read_checked(layers_dir)
    with TemporaryDirectory(prefix="fivetier-smoke-") as temporary:
        for family in FAMILIES:
            with zipfile.ZipFile(layers_dir / f"{family}.zip") as bundle:
                bundle.extractall(Path(temporary) / family)
        return _try_all(python, LAMBDA, {family: Path(temporary) / family / "python" for family in FAMILIES})


def _lambda_python() -> list[str]:
    if LAMBDA.is_this_machine and (native := find_python(LAMBDA_PYTHON)):
        return [native.path]
    emulator = next(filter(None, map(shutil.which, _EMULATORS)), None)
    root = Path(os.environ.get(ARM64_ROOT, ""))
    python = root / "usr" / "bin" / f"python{LAMBDA_PYTHON}"
    if emulator is None:
        raise NothingToRunOn(
            "no qemu for arm64 on PATH; install Debian's package qemu-user-static, or your system's own"
        )
    if ARM64_ROOT not in os.environ or not python.is_file():
        raise NothingToRunOn(
            f"set {ARM64_ROOT} to a folder with an arm64 system that has usr/bin/python{LAMBDA_PYTHON}; "
            "docs/operators.md says how to unpack one"
        )
    return [emulator, "-L", str(root), str(python)]


def _try_all(python: Sequence[str], target: Target, folders: Mapping[str, Path]) -> list[dict[str, Any]]:
    told = []
    with TemporaryDirectory(prefix="fivetier-sdk-") as sdk:
        packages.install(RUNTIME, target, Path(sdk))
        for family, folder in folders.items():
            sys.stderr.write(f"smoke run of layer {family} for {target.machine}, Python {target.python}\n")
            told.append(run(python, family, [folder, CORE / "python", Path(sdk)]))
    return told


def run(python: Sequence[str], family: str, folders: Sequence[Path]) -> dict[str, Any]:
    """Try one family with these folders as all that Python sees beside its own library; tells what was tried.

    Raises:
        SmokeFailed: carries the traceback.
    """
    script = [str(ROOT / "layers" / "smoke.py"), family, *functions_of(family), "--", *map(str, folders)]
    command = [*python, "-I", "-S", "-B", *script]
    done = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    if done.returncode:
        raise SmokeFailed(f"layer {family} alone is not enough: {done.stderr.strip() or done.returncode}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
