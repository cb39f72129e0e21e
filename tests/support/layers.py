"""Third-party layers as small as can be, made by the real machinery from packages that are not installed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.layers import packages
from infra.layers.build import build
from infra.layers.families import LAMBDA, Target

Install = Callable[[str, Target, Path], None]


def install_a_little(name: str, target: Target, folder: Path) -> None:
    """In place of uv: one package that names its family."""
    (folder / "only").mkdir(parents=True)
    (folder / "only" / "__init__.py").write_text(f"FAMILY = {name!r}\n")
    (folder / "only-1.0.dist-info").mkdir()
    (folder / "only-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: only\nVersion: 1.0\n")


def write_layers(folder: Path, *, install: Install = install_a_little, target: Target = LAMBDA) -> Path:
    """A folder that `PipelineStack` takes layers from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packages, "install", install)
        build(target, folder)
    return folder
