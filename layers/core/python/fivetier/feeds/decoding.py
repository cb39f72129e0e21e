"""From bytes to text, in the encodings publishers use, and never with a guess that could be wrong silently."""

import codecs

from fivetier.domain.errors import TruncatedFile, UnreadableEncoding

_UTF16 = ((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def decode(data: bytes, *, file: str) -> tuple[str, str]:
    """Decode text and name its encoding: UTF-8, else UTF-16 by its byte order mark, else Windows-1252.

    Raises:
        UnreadableEncoding: none of them fits, or the text holds NUL.
        TruncatedFile: the text ends within a character.
    """
    if data.startswith(_UTF32):
        raise UnreadableEncoding(file=file, detail="it is UTF-32")
    if any(data.startswith(mark) for mark, _ in _UTF16):
        text, encoding = _utf16(data, file=file), "UTF-16"
    elif data.startswith(codecs.BOM_UTF8):
        text, encoding = _decode(data, "utf-8-sig", file=file), "UTF-8"
    else:
        text, encoding = _utf8_or_windows(data, file=file)
    if "\0" in text:
        raise UnreadableEncoding(file=file, detail="it holds NUL bytes: binary data, or UTF-16 without byte order mark")
    return text, encoding


def _decode(data: bytes, codec: str, *, file: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as broken:
        _raise_if_cut(broken, file=file)
        raise UnreadableEncoding(file=file, detail=f"{broken.reason} at byte {broken.start}") from broken


def _raise_if_cut(broken: UnicodeDecodeError, *, file: str) -> None:
    if broken.reason in {"unexpected end of data", "truncated data"}:
        raise TruncatedFile(file=file, row=None, detail="it ends within a character") from broken


def _utf16(data: bytes, *, file: str) -> str:
    return _decode(data, "utf-16", file=file)


def _utf8_or_windows(data: bytes, *, file: str) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError as broken:
        if any(byte > 0x7F for byte in data[: broken.start]):
            # UTF-8 up to the last byte: cut, not Windows-1252.
            _raise_if_cut(broken, file=file)
    try:
        return data.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError as broken:
        raise UnreadableEncoding(file=file, detail=f"{broken.reason} at byte {broken.start}") from broken
