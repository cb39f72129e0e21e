"""Zips that depend on nothing but their content."""

import hashlib
import zipfile
from pathlib import Path

#: The first moment a zip can tell.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
_UNIX = 3


def write_zip(folder: Path, archive: Path) -> None:
    """Zip a folder's files below `python/`, sorted by name, without times, owners or rights of this machine."""
    with zipfile.ZipFile(archive, "w") as bundle:
        for name, file in _sorted_files(folder):
            entry = zipfile.ZipInfo(f"python/{name}", _EPOCH)
            entry.create_system, entry.external_attr, entry.compress_type = _UNIX, _READABLE, zipfile.ZIP_DEFLATED
            bundle.writestr(entry, file.read_bytes(), compresslevel=6)


def content_digest(folder: Path) -> str:
    """SHA-256 over names and contents: the same wherever it is built, whatever library compressed it."""
    lines = (f"{file_digest(file)}  {name}\n" for name, file in _sorted_files(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sorted_files(folder: Path) -> list[tuple[str, Path]]:
    return sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
