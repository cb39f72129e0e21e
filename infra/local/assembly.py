"""Reads a synthesized cloud assembly (`cdk.out`): stacks in order, files, templates."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.local.errors import AssemblyInvalid

_STACK: Final = "aws:cloudformation:stack"
_NESTED: Final = "cdk:cloud-assembly"
# What the bootstrap stack of an account would answer: there is none here.
_BOOTSTRAP_PARTS: Final = (
    ("Parameters", "BootstrapVersion"),
    ("Rules", "CheckBootstrapVersion"),
    ("Conditions", "CDKMetadataAvailable"),
)
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class FileAsset:
    """A file or folder a template refers to in the asset bucket."""

    bucket: str
    key: str
    path: Path
    is_folder: bool

    def content(self) -> bytes:
        """The object to upload; a folder becomes a zip, the same for the same files."""
        if not self.is_folder:
            return self.path.read_bytes()
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(each for each in self.path.rglob("*") if each.is_file()):
                entry = zipfile.ZipInfo(file.relative_to(self.path).as_posix(), _ZIP_TIME)
                entry.external_attr = (file.stat().st_mode & 0xFFFF) << 16
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
        return target.getvalue()


@dataclass(frozen=True)
class AssemblyStack:
    """One stack to deploy."""

    name: str
    template: Mapping[str, Any]
    assets: tuple[FileAsset, ...]


def read_assembly(folder: Path, *, account: str, region: str) -> list[AssemblyStack]:
    """The stacks of an assembly, each after those it depends on.

    Raises:
        AssemblyInvalid: a file is missing or says what we cannot read.
    """
    words = {"${AWS::AccountId}": account, "${AWS::Region}": region, "${AWS::Partition}": "aws"}
    stacks: list[AssemblyStack] = []
    for artifact_folder, artifacts in _manifests(folder):
        stacks.extend(_stack(artifact_folder, artifacts, name, words) for name in _in_order(folder, artifacts))
    if not stacks:
        raise AssemblyInvalid(path=folder, reason="the assembly holds no stack")
    return stacks


def _manifests(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The artifacts of the assembly, then those of its stages."""
    artifacts = _json(folder / "manifest.json").get("artifacts", {})
    yield folder, artifacts
    for artifact in artifacts.values():
        if artifact["type"] == _NESTED:
            yield from _manifests(folder / artifact["properties"]["directoryName"])


def _in_order(folder: Path, artifacts: Mapping[str, Any]) -> list[str]:
    """Stack artifacts, dependencies first, otherwise as the manifest lists them."""
    order: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise AssemblyInvalid(path=folder, reason=f"stacks depend in a circle: {', '.join(path)}")
        artifact = artifacts.get(name, {})
        if artifact.get("type") != _STACK or name in order:
            return
        for dependency in artifact.get("dependencies", []):
            visit(dependency, (*path, name))
        order.append(name)

    for name in artifacts:
        visit(name, ())
    return order


def _stack(folder: Path, artifacts: Mapping[str, Any], name: str, words: Mapping[str, str]) -> AssemblyStack:
    properties = artifacts[name].get("properties", {})
    template = _without_bootstrap(_json(folder / properties["templateFile"]))
    manifests = [
        folder / artifacts[each]["properties"]["file"]
        for each in artifacts[name].get("dependencies", [])
        if artifacts.get(each, {}).get("type") == "cdk:asset-manifest"
    ]
    assets = tuple(asset for file in manifests for asset in _assets(folder, file, words))
    return AssemblyStack(
        name=properties.get("stackName") or artifacts[name].get("displayName") or name,
        template=template,
        assets=assets,
    )


def _assets(folder: Path, file: Path, words: Mapping[str, str]) -> Iterator[FileAsset]:
    manifest = _json(file)
    if manifest.get("dockerImages"):
        raise AssemblyInvalid(path=file, reason="docker images are not deployed locally")
    for asset in manifest.get("files", {}).values():
        source = asset["source"]
        if "path" not in source:
            raise AssemblyInvalid(path=file, reason="an asset made by a command is not deployed locally")
        path = folder / source["path"]
        if not path.exists():
            raise AssemblyInvalid(path=path, reason=f"missing, although {file.name} lists it")
        for destination in asset["destinations"].values():
            yield FileAsset(
                bucket=_filled(destination["bucketName"], words),
                key=_filled(destination["objectKey"], words),
                path=path,
                is_folder=source.get("packaging") == "zip" and path.is_dir(),
            )


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _without_bootstrap(template: dict[str, Any]) -> dict[str, Any]:
    for section, name in _BOOTSTRAP_PARTS:
        template.get(section, {}).pop(name, None)
        if section in template and not template[section]:
            del template[section]
    return template


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise AssemblyInvalid(path=path, reason="no such file: synthesize first") from error
    except ValueError as error:
        raise AssemblyInvalid(path=path, reason=f"not JSON: {error}") from error
    return content
