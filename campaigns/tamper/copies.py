"""The exported folder spoiled: each of its files, and each fact its index states."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from campaigns.tamper.attacks import BEYOND, NEEDS_ANCHOR, Attack, flipped
from fivetier_cli.evidence_folder import INDEX

#: What the index says and nothing signed repeats: the exporter's own word.
_ON_TRUST = ("taken_at", "covered", "unreadable")


def every_spoiled_copy(good: Path, folder: Path, rng: random.Random) -> Iterator[tuple[Attack, Path]]:
    """Spoil one thing at a time; each copy is gone when the next is asked for."""
    files = sorted(path.relative_to(good) for path in good.rglob("*") if path.is_file() and path.name != INDEX)
    for n, name in enumerate(files):
        data, other = (good / name).read_bytes(), (good / files[(n + 1) % len(files)]).read_bytes()
        spoiled: dict[str, bytes | None] = {
            "flip a byte": flipped(data, rng.randrange(len(data))),
            "delete": None,
            "truncate": data[: rng.randrange(len(data))],
            "replace by the next": other,
            "append": data + b"\n",
        }
        is_last = name.parts[0] == "audit" and files[n + 1].parts[0] != "audit"
        for mutation, content in spoiled.items():
            limit = NEEDS_ANCHOR if mutation == "delete" and is_last else None
            yield _attack("copied file", mutation, str(name), limit), _spoil(good, folder, name, content)
    index = json.loads((good / INDEX).read_bytes())
    for path, value in _facts(index):
        changed = _with(index, path, _other(value))
        limit = BEYOND if path[0] in _ON_TRUST else None
        content = json.dumps(changed).encode()
        label = ".".join(map(str, path))
        yield _attack("copied fact", f"edit {_kind_of(path)}", label, limit), _spoil(good, folder, Path(INDEX), content)


def _attack(kind: str, mutation: str, target: str, limit: str | None) -> Attack:
    return Attack(kind, mutation, target, lambda _: None, limit)


def _spoil(good: Path, folder: Path, name: Path, content: bytes | None) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(good, folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    return folder


def _facts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every leaf with its path."""
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _facts(inner, (*path, key))
    else:
        yield path, value


def _kind_of(path: tuple[Any, ...]) -> str:
    """A path without the names of runs, files and places."""
    return {"staged": f"staged {path[-1]}", "rows": f"rows {path[-1]}", "current": f"current {path[-1]}"}.get(
        path[0], path[0]
    )


def _other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, str) and value[:4].isdigit() and "T" in value:
        return f"{int(value[:4]) + 1}{value[4:]}"
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    return ["x"] if isinstance(value, list) else "x"


def _with(index: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The index with another leaf."""
    copy = json.loads(json.dumps(index))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy
