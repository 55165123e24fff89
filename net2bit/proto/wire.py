"""Parsing a message with an error worth reading: protobuf says only that it failed; this says at which byte, and in which field."""

from collections import Counter
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from net2bit.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_TYPE_STRING = 9


def parse(message: Any, data: bytes, file: Path | str, kind: str) -> Any:
    """Return *data* as a *message* (a class of `net2bit.proto`).

    Args:
        message: The class of the outermost message.
        data: The file's content.
        file: Named in errors.
        kind: What the file should be, for errors: "xmodel", "frozen graph".

    Raises:
        ModelError: The bytes are not such a message; it names the file, the byte and the field.
    """
    try:
        return message.FromString(data)
    except DecodeError:
        where, why = _damage(data, 0, len(data), message.DESCRIPTOR, "") or ("the file", "it does not parse")
    what = f"{Path(file).name} is no {kind}, or is damaged: {why}"
    raise ModelError(what, where=f"{file}, {where}", remedy="make the file again, or copy it again from its source")


def _damage(data: bytes, start: int, end: int, descriptor: Any, path: str) -> tuple[str, str] | None:
    """Return where and why the fields between *start* and *end* break, or None."""
    at = start
    counts: Counter[int] = Counter()
    while at < end:
        begin = at
        tag, at = _varint(data, at, end)
        if tag < 0:
            return f"byte {begin}, {path.rstrip('.') or 'the file'}", _ENDS
        field = descriptor.fields_by_number.get(tag >> 3) if descriptor else None
        name = field.name if field else f"field {tag >> 3}"
        if field and field.is_repeated:
            name += f"[{counts[tag >> 3]}]"
        counts[tag >> 3] += 1
        size, at = _size(data, at, end, tag & 7)
        here = f"byte {begin}, {path}{name}"
        if size < 0:
            return here, f"a field of the unknown wire type {tag & 7}" if size == _NO_TYPE else _ENDS
        if at + size > end:
            return here, f"{size} bytes are announced, {max(end - at, 0)} are left"
        if tag & 7 == _BYTES and field:
            found = _inside(data, at, at + size, field, f"{path}{name}.", here)
            if found:
                return found
        at += size
    return None


def _inside(data: bytes, start: int, end: int, field: Any, path: str, here: str) -> tuple[str, str] | None:
    if field.message_type:
        return _damage(data, start, end, field.message_type, path)
    if field.type == _TYPE_STRING:
        try:
            data[start:end].decode()
        except UnicodeDecodeError:
            return here, "a text that is not UTF-8"
    return None


_NO_TYPE, _CUT = -2, -1
_ENDS = "it ends in the middle of a number"


def _size(data: bytes, at: int, end: int, wire: int) -> tuple[int, int]:
    """Return how many bytes a field's value takes and where it begins; a negative size stands for damage."""
    if wire == _BYTES:
        return _varint(data, at, end)
    if wire == _VARINT:
        value, behind = _varint(data, at, end)
        return (_CUT, at) if value < 0 else (0, behind)
    return {_FIXED64: 8, _FIXED32: 4}.get(wire, _NO_TYPE), at


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number and where it ends; -1 where it does not end."""
    value = 0
    for place, byte in enumerate(data[at : min(end, at + _LONGEST_VARINT)]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004  the top bit says that more follows
            return value, at + place + 1
    return _CUT, end
