"""`layers.json` beside the zips: what was built from what; whoever deploys reads it and believes nothing unchecked."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.layers import weight
from infra.layers.archive import file_digest
from infra.layers.families import FAMILIES, LAMBDA, LayersError, Target, requirements

NAME = "layers.json"


class LayersNotBuilt(LayersError):
    """There are no layers to deploy, or others than this source asks for."""

    def __init__(self, *, folder: Path, why: str) -> None:
        self.folder = folder
        shown = "/".join(folder.parts[-2:])
        super().__init__(f"the third-party layers in {shown} cannot be deployed: {why}. Run make layers.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One built layer.

    Attributes:
        zip_sha256: of the archive.
        content_sha256: of names and contents, whatever compressed them: what CDK takes for the layer's identity.
        requirements_sha256: of the lock it was built from.
        zipped: bytes of the archive.
        unzipped: bytes in Lambda.
        packages: versions by name.
        heaviest: unzipped bytes by folder or module, the heaviest first.
    """

    zip_sha256: str
    content_sha256: str
    requirements_sha256: str
    zipped: int
    unzipped: int
    packages: Mapping[str, str]
    heaviest: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One build.

    Attributes:
        machine: what the layers run on, as `uname -m` says it.
        python: minor version they run on.
        bytecode: the Python that compiled them, or why nothing is compiled.
        layers: by family.
    """

    machine: str
    python: str
    bytecode: str
    layers: Mapping[str, Layer]

    def write(self, folder: Path) -> None:
        """Write it, with each function's weight for who reads it."""
        weights = weight.weigh({name: layer.unzipped for name, layer in self.layers.items()})
        functions = {each.function: each.total for each in weights}
        text = json.dumps({**asdict(self), "functions": functions, "limit": weight.LIMIT}, indent=2)
        (folder / NAME).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Manifest:
    """A build as it was written.

    Raises:
        LayersNotBuilt: there is none.
    """
    try:
        values: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LayersNotBuilt(folder=folder, why="they are not built") from error
    layers = {name: Layer(**layer) for name, layer in values["layers"].items()}
    return Manifest(**{key: values[key] for key in ("machine", "python", "bytecode")}, layers=layers)


def read_checked(folder: Path, *, target: Target = LAMBDA) -> Manifest:
    """A build that may be deployed: for Lambda, from the present locks, unchanged, and light enough.

    Raises:
        LayersNotBuilt: it is absent, stale or changed.
        FunctionTooHeavy: our own code has grown since.
    """
    manifest = read(folder)
    if (manifest.machine, manifest.python) != (target.machine, target.python):
        raise LayersNotBuilt(folder=folder, why=f"they are for {manifest.machine} and Python {manifest.python}")
    for family in FAMILIES:
        layer, archive = manifest.layers[family], folder / f"{family}.zip"
        if file_digest(requirements(family)) != layer.requirements_sha256:
            raise LayersNotBuilt(folder=folder, why=f"layers/{family}/requirements.txt has changed since")
        if not archive.is_file() or file_digest(archive) != layer.zip_sha256:
            raise LayersNotBuilt(folder=folder, why=f"{archive.name} is not the file {NAME} tells of")
    weights = weight.weigh({name: layer.unzipped for name, layer in manifest.layers.items()})
    weight.check(weights, heaviest={name: layer.heaviest for name, layer in manifest.layers.items()})
    return manifest
