"""Builds the layers of one target: install, prune, compile, zip, weigh."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.layers import archive, bytecode, packages, weight
from infra.layers.families import FAMILIES, Target, requirements
from infra.layers.manifest import NAME, Layer, Manifest

NOT_COMPILED = "none: no Python {minor} on this machine, so every cold start compiles; install one and build again"


def build(target: Target, out_dir: Path) -> Manifest:
    """Build every family's zip and `layers.json`.

    Two builds of one lock with one Python give the same bytes. The manifest is written last: a build that fails
    leaves none.

    Raises:
        NotInstalled: a lock cannot be installed for that target.
        NotCompiled: a module is not valid there.
        FunctionTooHeavy: Lambda would refuse a function.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    (out_dir / NAME).unlink(missing_ok=True)
    python = bytecode.find_python(target.python)
    with ThreadPoolExecutor() as pool:
        built = pool.map(lambda family: _build_one(family, target, python, out_dir), FAMILIES)
        layers = dict(zip(FAMILIES, built, strict=True))
    manifest = Manifest(
        machine=target.machine,
        python=target.python,
        bytecode=python.version if python else NOT_COMPILED.format(minor=target.python),
        layers=layers,
    )
    weights = weight.weigh({family: layer.unzipped for family, layer in layers.items()})
    weight.check(weights, heaviest={family: layer.heaviest for family, layer in layers.items()})
    manifest.write(out_dir)
    return manifest


def assemble(family: str, target: Target, python: bytecode.Interpreter | None, folder: Path) -> None:
    """Put into a folder what a layer holds below `python/`.

    Raises:
        NotInstalled: the lock cannot be installed for that target.
        NotCompiled: a module is not valid there.
    """
    sys.stderr.write(f"layer {family} for {target.machine}, Python {target.python}\n")
    packages.install(family, target, folder)
    packages.prune(folder)
    if python:
        bytecode.compile_all(folder, python)


def _build_one(family: str, target: Target, python: bytecode.Interpreter | None, out_dir: Path) -> Layer:
    with TemporaryDirectory(dir=out_dir, prefix=f".{family}-") as temporary:
        folder = Path(temporary) / "python"
        assemble(family, target, python, folder)
        zipped = out_dir / f"{family}.zip"
        archive.write_zip(folder, zipped)
        return Layer(
            zip_sha256=archive.file_digest(zipped),
            content_sha256=archive.content_digest(folder),
            requirements_sha256=archive.file_digest(requirements(family)),
            zipped=zipped.stat().st_size,
            unzipped=packages.unzipped(folder),
            packages=packages.versions(folder),
            heaviest=packages.weights(folder),
        )
