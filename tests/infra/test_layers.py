"""The build of third-party layers: locks, pruning, compiling, zipping, the limit, and what a deployment believes."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from infra.layers import elf, packages, weight
from infra.layers.archive import write_zip
from infra.layers.bytecode import compile_all, find_python
from infra.layers.families import FAMILIES, LAMBDA, LIMIT, RUNTIME, Target, requirements
from infra.layers.manifest import NAME, LayersNotBuilt, read_checked
from infra.layers.smoke import ARM64_ROOT, NothingToRunOn, SmokeFailed, run, smoke_lambda
from infra.layers.weight import FunctionTooHeavy, check, weigh
from infra.settings import ROOT
from tests.support.layers import install_a_little, write_layers

_PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; (.+?))? \\\n((?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE)
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = Path(importlib.metadata.distribution("pyarrow").locate_file(""))

# ---- locks -----------------------------------------------------------------------------------------------------


def _pins(lock: Path) -> set[tuple[str, str, str, str]]:
    """Name, version, marker and hashes of every pin."""
    found = [match.groups(default="") for match in _PIN.finditer(lock.read_text(encoding="utf-8"))]
    return {(*pin, " ".join(sorted(re.findall(r"sha256:\w+", hashes)))) for *pin, hashes in found}


@pytest.mark.parametrize("name", [*FAMILIES, RUNTIME])
def test_a_layers_lock_is_a_part_of_the_one_lock(name: str) -> None:
    everything = {(package, version): hashes for package, version, _, hashes in _pins(ROOT / "requirements-dev.txt")}
    pins = _pins(requirements(name))
    assert len(pins) > 5
    assert {(package, version): hashes for package, version, _, hashes in pins}.items() <= everything.items()


def test_the_groups_hold_what_the_product_depends_on_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    depended = {re.split(r"[<>=]", each)[0] for each in project["project"]["dependencies"]}
    groups = project["dependency-groups"]
    assert groups.keys() == {*FAMILIES, RUNTIME}
    assert {package for group in groups.values() for package in group} == depended


def test_the_aws_sdk_comes_with_lambdas_python_only() -> None:
    for family in FAMILIES:
        assert not {"boto3", "botocore", "s3transfer"} & {package for package, *_ in _pins(requirements(family))}


# ---- pruning ----------------------------------------------------------------------------------------------------


def test_only_what_a_function_may_need_is_kept(tmp_path: Path) -> None:
    kept = [
        "pyarrow/libarrow.so.2500",
        "pyarrow/libarrow_substrait.so.2500",
        "pyarrow/libarrow_python.so.2500",
        "numpy/testing/__init__.py",
        "a-1.dist-info/METADATA",
        "zstandard/backend_c.so",
    ]
    dropped = [
        "pyarrow/include/arrow/NOTICE",
        "pyarrow/libarrow_flight.so.2500",
        "pyarrow/_flight.so",
        "pyarrow/lib.pyi",
        "pyarrow/libarrow_python.so",
        "pyarrow/libarrow_python.so.2500.1.0",
        "pandas/tests/test_all.py",
        ".lock",
        "numpy/f2py/__init__.py",
        "a-1.dist-info/RECORD",
        "bin/tool",
        "zstandard/_cffi.so",
    ]
    for name in (*kept, *dropped):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    packages.prune(tmp_path)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)
    assert not (tmp_path / "bin").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="shared objects of Linux")
def test_a_stripped_object_is_smaller_and_still_works(tmp_path: Path) -> None:
    shutil.copytree(SITE / "yaml", tmp_path / "yaml")
    (extension,) = (tmp_path / "yaml").glob("_yaml*.so")
    data = extension.read_bytes()
    smaller = elf.stripped(data)
    assert len(smaller) < 0.6 * len(data)
    assert elf.stripped(smaller) == smaller
    extension.write_bytes(smaller)
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import yaml; print(yaml.load('a: [1]', yaml.CSafeLoader))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "{'a': [1]}", done.stderr


def test_what_is_no_object_of_a_target_stays_as_it_is() -> None:
    of_32_bits = b"\x7fELF\x01\x01" + bytes(200)
    assert elf.stripped(of_32_bits) == of_32_bits


# ---- the same bytes again ------------------------------------------------------------------------------------------


def _install_late(name: str, target: Target, folder: Path) -> None:
    """The same package, made in another order, at another time, with other rights."""
    install_a_little(name, target, folder)
    module = folder / "only" / "__init__.py"
    text = module.read_text()
    module.unlink()
    module.write_text(text)
    module.chmod(0o600)
    os.utime(module, (1, 1))


def test_two_builds_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    target = Target("aarch64", HERE)
    first = write_layers(tmp_path / "a", target=target)
    second = write_layers(tmp_path / "elsewhere" / "b", install=_install_late, target=target)
    for file in ("engine.zip", "lake.zip", NAME):
        assert (first / file).read_bytes() == (second / file).read_bytes(), file
    with zipfile.ZipFile(first / "lake.zip") as bundle:
        names = bundle.namelist()
        assert any(name.endswith(".pyc") for name in names)
        assert all(name.startswith("python/") for name in names)
        assert {entry.date_time for entry in bundle.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_compiled_modules_are_used_whatever_their_source_looks_like(tmp_path: Path) -> None:
    """Lambda's zip extraction gives files other times: a checked `.pyc` would be compiled again at each cold start."""
    module = tmp_path / "answer.py"
    module.write_text("ANSWER = 42\n")
    python = find_python(HERE)
    assert python is not None
    compile_all(tmp_path, python)
    module.write_text("raise RuntimeError('compiled again')\n")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import answer; print(answer.ANSWER)"
    done = subprocess.run([python.path, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "42", done.stderr
    (compiled,) = tmp_path.rglob("*.pyc")
    assert b"/opt/python/answer.py" in compiled.read_bytes()


def test_without_its_python_nothing_is_compiled_and_the_manifest_says_so(tmp_path: Path) -> None:
    built = json.loads((write_layers(tmp_path, target=Target("aarch64", "3.99")) / NAME).read_text())
    assert built["bytecode"].startswith("none: no Python 3.99 on this machine")
    with zipfile.ZipFile(tmp_path / "lake.zip") as bundle:
        assert not [name for name in bundle.namelist() if name.endswith(".pyc")]


# ---- the limit --------------------------------------------------------------------------------------------------


def test_a_function_over_the_limit_is_named_with_what_is_heavy() -> None:
    weights = weigh({"engine": 1, "lake": LIMIT})
    said = r"function \w+ would have 262,\d{3},\d{3} bytes unzipped, [\d,]+ more than Lambda takes \(262,144,000\).*"
    with pytest.raises(FunctionTooHeavy, match=said + "Heaviest in lake: pandas 9, numpy 8"):
        check(weights, heaviest={"engine": {}, "lake": {"pandas": 9, "numpy": 8}})


def test_our_own_code_counts() -> None:
    (lightest,) = {each.core for each in weigh(dict.fromkeys(FAMILIES, 0))}
    assert lightest > 400_000
    assert all(each.total == each.code + each.core and each.code > 0 for each in weigh(dict.fromkeys(FAMILIES, 0)))
    exact = LIMIT - max(each.total for each in weigh(dict.fromkeys(FAMILIES, 0)))
    check(weigh(dict.fromkeys(FAMILIES, exact)), heaviest={family: {} for family in FAMILIES})
    with pytest.raises(FunctionTooHeavy, match=" 1 more than"):
        check(weigh(dict.fromkeys(FAMILIES, exact + 1)), heaviest={family: {} for family in FAMILIES})


def test_a_build_over_the_limit_leaves_no_manifest(tmp_path: Path) -> None:
    write_layers(tmp_path)

    def install_too_much(name: str, target: Target, folder: Path) -> None:
        install_a_little(name, target, folder)
        (folder / "only" / "data.bin").write_bytes(bytes(2_000_000))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weight.check, "__kwdefaults__", {"limit": 1_000_000})
        with pytest.raises(FunctionTooHeavy, match=r"Heaviest in .*: only 2,000"):
            write_layers(tmp_path, install=install_too_much)
    assert not (tmp_path / NAME).exists()


# ---- what a deployment believes -----------------------------------------------------------------------------------


def test_layers_that_are_not_those_of_this_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayersNotBuilt, match=r"they are not built\. Run make layers\."):
        read_checked(tmp_path)
    folder = write_layers(tmp_path / "layers")
    assert set(read_checked(folder).layers) == set(FAMILIES)
    stated = json.loads((folder / NAME).read_text())
    (folder / NAME).write_text(json.dumps(stated | {"machine": "x86_64"}))
    with pytest.raises(LayersNotBuilt, match=r"they are for x86_64 and Python 3\.13"):
        read_checked(folder)
    stale = json.loads(json.dumps(stated))
    stale["layers"]["lake"]["requirements_sha256"] = "0" * 64
    (folder / NAME).write_text(json.dumps(stale))
    with pytest.raises(LayersNotBuilt, match=r"layers/lake/requirements\.txt has changed since"):
        read_checked(folder)
    (folder / NAME).write_text(json.dumps(stated))
    (folder / "engine.zip").write_bytes(b"another")
    with pytest.raises(LayersNotBuilt, match=r"engine\.zip is not the file layers\.json tells of"):
        read_checked(folder)


# ---- the smoke run --------------------------------------------------------------------------------------------------


def _site_without(package: str, folder: Path) -> Path:
    """The project's own packages by link, one left out."""
    folder.mkdir()
    for path in SITE.iterdir():
        if path.name.split(".")[0] != package:
            (folder / path.name).symlink_to(path)
    return folder


@pytest.mark.parametrize(("family", "missing"), [("engine", "ftfy"), ("lake", "tzdata")])
def test_the_smoke_run_sees_a_package_that_is_missing(tmp_path: Path, family: str, missing: str) -> None:
    folders = [_site_without(missing, tmp_path / "site"), ROOT / "layers" / "core" / "python"]
    with pytest.raises(SmokeFailed, match=f"layer {family} alone is not enough: (.|\n)*No module named '{missing}'"):
        run([sys.executable], family, folders)


def test_the_smoke_run_passes_with_everything(tmp_path: Path) -> None:
    folders = [_site_without("nothing", tmp_path / "site"), ROOT / "layers" / "core" / "python"]
    assert run([sys.executable], "engine", folders)["handlers"] == 1


def test_without_an_emulator_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if LAMBDA.is_this_machine:
        pytest.skip("this machine needs no emulator")
    monkeypatch.delenv(ARM64_ROOT, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NothingToRunOn, match="qemu-user-static"):
        smoke_lambda(tmp_path)
    (tmp_path / "qemu-aarch64-static").touch(mode=0o755)
    with pytest.raises(NothingToRunOn, match=f"set {ARM64_ROOT} to a folder"):
        smoke_lambda(tmp_path)


def test_a_zip_is_sorted_by_name(tmp_path: Path) -> None:
    for name in ("b.py", "a/z.py", "a.py"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    write_zip(tmp_path / "in", tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as bundle:
        assert bundle.namelist() == ["python/a.py", "python/a/z.py", "python/b.py"]
