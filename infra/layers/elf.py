"""Cuts from a shared object what only linkers and debuggers read, the same on every machine.

`strip` of one machine refuses the other machine's objects or lays them out by its own version. What the dynamic loader
maps is named by the program headers; symbol tables, debug information and the section headers lie behind it. So the
object ends after its last segment. Symbols that other objects link to are inside a segment (`.dynsym`).
"""

import struct
from pathlib import Path

_MAGIC = b"\x7fELF"
_ELF64, _LITTLE_ENDIAN = 2, 1
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")


def is_elf(file: Path) -> bool:
    """Whether it is a shared object or program."""
    with file.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def stripped(data: bytes) -> bytes:
    """The object without what lies behind its last segment; untouched if it is of a kind we do not build for."""
    if data[4] != _ELF64 or data[5] != _LITTLE_ENDIAN:
        return data
    header = list(_HEADER.unpack_from(data))
    segments_at, segment_size, segments = header[5], header[9], header[10]
    if not segments:
        return data
    end = segments_at + segment_size * segments
    for number in range(segments):
        _, _, offset, _, _, size, _, _ = _SEGMENT.unpack_from(data, segments_at + number * segment_size)
        end = max(end, offset + size)
    header[6] = header[12] = header[13] = 0  # no section headers: e_shoff, e_shnum, e_shstrndx
    return _HEADER.pack(*header) + data[_HEADER.size : end]
