"""Says by its bytes what a file is, and unpacks .gz and .zip under caps. The file name is never trusted for this."""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fivetier.domain.errors import (
    AmbiguousContent,
    EmptyFile,
    ExpandsTooFar,
    InputError,
    TruncatedFile,
    UnsupportedFormat,
)
from fivetier.feeds.decoding import decode
from fivetier.feeds.mapping import Format

#: The largest source, a national landscape, is about 150 MB of text; real workbooks and gzips pack 30 to 1 at most.
MAX_EXPANDED: Final = 192 * 1024 * 1024
MAX_RATIO: Final = 200
MAX_ENTRIES: Final = 1_000
#: Below this the ratio says nothing: a short file of blanks packs well.
_RATIO_FROM: Final = 4 * 1024 * 1024
_LAYERS: Final = 3

_BINARY = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls); save it as .xlsx or CSV"),
    (b"%PDF", "a PDF"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
)
_UNPACK_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, LookupError)
_README = re.compile(r"read[ _-]?me", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Content:
    """Unpacked bytes and what they are. `name` is the innermost member's: it may carry the period."""

    data: bytes
    format: Format
    name: str
    text: str | None = None
    encoding: str | None = None


def unpack(data: bytes, *, file: str, formats: Sequence[Format]) -> Content:
    """Find the table in landed bytes, through gzip and zip.

    Raises:
        InputError: nothing usable is in it; the subclass says why.
    """
    name = file
    for _ in range(_LAYERS):
        if not data.strip():
            raise EmptyFile(file=file)
        if data.startswith(b"\x1f\x8b"):
            data = _gunzip(data, file=file)
        elif data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            names = _member_names(data, file=file)
            if office := _office_kind(names):
                return _accepted(
                    Content(data, _xlsx_or_refuse(office, file, formats), name), file=file, formats=formats
                )
            data, name = _usable_member(data, file=file, formats=formats)
        else:
            return _accepted(_plain(data, file=file, name=name, formats=formats), file=file, formats=formats)
    raise UnsupportedFormat(file=file, found="an archive within archives", accepted=formats)


def _accepted(content: Content, *, file: str, formats: Sequence[Format]) -> Content:
    if content.format not in formats:
        raise UnsupportedFormat(file=file, found=f"a {content.format} file", accepted=formats)
    return content


def _plain(data: bytes, *, file: str, name: str, formats: Sequence[Format]) -> Content:
    _check_size(len(data), len(data), file=file)
    if data.startswith(b"PAR1"):
        return Content(data, "parquet", name)
    if found := next((kind for magic, kind in _BINARY if data.startswith(magic)), None):
        raise UnsupportedFormat(file=file, found=found, accepted=formats)
    text, encoding = decode(data, file=file)
    head = text.lstrip()[:64].casefold()
    if not head:
        raise EmptyFile(file=file)
    if head.startswith(("<!doctype", "<html", "<?xml", "<table", "<head", "<body")):
        kind = "an HTML page, perhaps an error page saved as data" if "html" in head else "an XML or HTML document"
        raise UnsupportedFormat(file=file, found=kind, accepted=formats)
    return Content(data, "json" if head[0] in "[{" else "csv", name, text, encoding)


def _check_size(expanded: int, packed: int, *, file: str) -> None:
    if expanded > MAX_EXPANDED:
        raise ExpandsTooFar(file=file, limit=f"{MAX_EXPANDED // 1024 // 1024} MiB")
    if expanded > _RATIO_FROM and expanded > packed * MAX_RATIO:
        raise ExpandsTooFar(file=file, limit=f"{MAX_RATIO} times its packed size")


def _gunzip(data: bytes, *, file: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while chunk := stream.read(1024 * 1024):
                parts.append(chunk)
                size += len(chunk)
                _check_size(size, len(data), file=file)
    except _UNPACK_FAULTS as broken:
        raise TruncatedFile(file=file, row=None, detail=f"the gzip stream is damaged ({broken})") from broken
    return b"".join(parts)


def _member_names(data: bytes, *, file: str) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except _UNPACK_FAULTS as broken:
        raise TruncatedFile(file=file, row=None, detail=f"the zip archive is damaged ({broken})") from broken
    if len(infos) > MAX_ENTRIES:
        raise ExpandsTooFar(file=file, limit=f"{MAX_ENTRIES} archive entries")
    # A declared size that lies is cut off by zipfile at the declared size, and then fails its checksum.
    _check_size(sum(info.file_size for info in infos), len(data), file=file)
    return [info.filename for info in infos]


def _office_kind(names: Sequence[str]) -> str | None:
    present = set(names)
    kinds = (
        ("xl/workbook.xml", "xlsx"),
        ("xl/workbook.bin", "xlsb"),
        ("word/document.xml", "docx"),
        ("mimetype", "odf"),
    )
    return next((kind for member, kind in kinds if member in present), None)


def _xlsx_or_refuse(kind: str, file: str, formats: Sequence[Format]) -> Format:
    if kind != "xlsx":
        raise UnsupportedFormat(file=file, found=f"an office document of kind {kind}", accepted=formats)
    return "xlsx"


def _usable_member(data: bytes, *, file: str, formats: Sequence[Format]) -> tuple[bytes, str]:
    """Take the one member that is a table this source accepts.

    CMS packs the same rows as workbook and CSV: of several formats the mapping's first wins; two members of that
    format are ambiguous.
    """
    found: list[tuple[int, str, bytes]] = []
    refused: list[InputError] = []
    for name, member in _members(data, file=file, formats=formats):
        try:
            inner = _member_format(member, file=file, formats=formats)
        except InputError as unusable:
            refused.append(unusable)
        else:
            found.append((formats.index(inner), name, member))
    if not found:
        raise (
            refused[0]
            if len(refused) == 1
            else UnsupportedFormat(file=file, found="a zip archive without a usable file", accepted=formats)
        )
    best = min(rank for rank, _, _ in found)
    candidates = [(name, member) for rank, name, member in found if rank == best]
    if len(candidates) > 1:
        raise AmbiguousContent(file=file, what="archive members", candidates=[name for name, _ in candidates])
    return candidates[0][1], candidates[0][0]


def _member_format(member: bytes, *, file: str, formats: Sequence[Format]) -> Format:
    """Say of what format an archive member is; an archive within an archive may only be a workbook or a gzip."""
    if member.startswith(b"PK") and _office_kind(_member_names(member, file=file)) is None:
        raise UnsupportedFormat(file=file, found="an archive within an archive", accepted=formats)
    return unpack(member, file=file, formats=formats).format


def _members(data: bytes, *, file: str, formats: Sequence[Format]) -> list[tuple[str, bytes]]:
    members: list[tuple[str, bytes]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                base = info.filename.rsplit("/", 1)[-1]
                if info.is_dir() or base.startswith(".") or "__MACOSX" in info.filename or _README.search(base):
                    continue
                if info.flag_bits & 1:
                    raise UnsupportedFormat(file=file, found="an encrypted archive", accepted=formats)
                members.append((info.filename, archive.read(info)))
    except NotImplementedError as exotic:
        raise UnsupportedFormat(
            file=file, found=f"a zip archive we cannot unpack ({exotic})", accepted=formats
        ) from exotic
    except _UNPACK_FAULTS as broken:
        raise TruncatedFile(file=file, row=None, detail=f"the zip archive is damaged ({broken})") from broken
    return members
