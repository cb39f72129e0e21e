"""Evidence in a folder: chain, manifests and reports as the files they are, everything else in `evidence.json`."""

import json
from pathlib import Path

from fivetier.app.evidence import Evidence

from fivetier_cli.console import UsageError

INDEX = "evidence.json"
#: Fields whose values are the files' own bytes.
_AS_FILES = ("audit", "documents")


def require_empty(folder: Path) -> None:
    """Two exports must not mix.

    Raises:
        UsageError: something is there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder; name a new one")


def write(evidence: Evidence, folder: Path) -> int:
    """Write it, each file under its key; returns how many files."""
    files = {**evidence.audit, **evidence.documents}
    for key, data in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)
    index = evidence.model_dump(mode="json", exclude=set(_AS_FILES))
    (folder / INDEX).write_text(json.dumps(index, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(files) + 1


def read(folder: Path) -> Evidence:
    """Read it back.

    Raises:
        UsageError: this is no export, or its index cannot be read.
    """
    index = folder / INDEX
    try:
        facts = json.loads(index.read_bytes())
        under = {name: _files(folder, name) for name in ("audit", "staging")}
        return Evidence.model_validate(facts | {"audit": under["audit"], "documents": under["staging"]})
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{folder} is no folder `fivetier audit export` wrote, or was damaged: {error}") from error


def _files(folder: Path, name: str) -> dict[str, bytes]:
    found = sorted(path for path in (folder / name).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
