"""Bazel's ActionResult on the wire: the protobuf message behind `/ac/<key>`, encoded and decoded by hand.

Specification: build.bazel.remote.execution.v2 (https://github.com/bazelbuild/remote-apis), messages ActionResult, OutputFile and Digest.
Only the output files are read and written; what other programs add (a server's own metadata) is skipped. A message is a stranger's:
every length is checked against what is there, and nothing is read twice.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

LIMIT: Final = 40 * 2**20
"""Greatest size in bytes of a message that is read; a statement of the greatest size and inlined files fit in."""
MOST: Final = 200_000
"""Greatest number of files in one message."""

_FILES: Final = 2  # ActionResult.output_files
_EXIT: Final = 4  # ActionResult.exit_code
_PATH, _DIGEST, _EXECUTABLE, _CONTENTS = 1, 2, 4, 5  # of OutputFile
_HASH, _SIZE = 1, 2  # of Digest
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_WIDE: Final = 10  # bytes of the longest varint
_HEX: Final = re.compile(rb"[0-9a-f]{64}")

Value = int | memoryview


class Malformed(Exception):  # noqa: N818 - a verdict, told in a notice; no mistake of the user's
    """A message is no ActionResult."""


@dataclass(frozen=True)
class OutputFile:
    """One file of a result.

    Attributes:
        path: Relative, with slashes.
        digest: SHA-256 of its content.
        size: Bytes.
        executable: Whether it is a program.
        contents: Its content where it travels within the message; None where it lies under `/cas/<digest>`.
    """

    path: str
    digest: str
    size: int
    executable: bool = False
    contents: bytes | None = None


def encode(files: Sequence[OutputFile]) -> bytes:
    """Return the ActionResult of a run that succeeded (exit code 0) and left *files*."""
    return b"".join(_field(_FILES, _encode_file(one)) for one in files)


def _encode_file(one: OutputFile) -> bytes:
    digest = _field(_HASH, one.digest.encode()) + _number(_SIZE, one.size)
    parts = [_field(_PATH, one.path.encode()), _field(_DIGEST, digest), _number(_EXECUTABLE, int(one.executable))]
    return b"".join(parts if one.contents is None else [*parts, _field(_CONTENTS, one.contents)])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value) if value else b""  # zero is what a missing field means


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits in a byte
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def decode(message: bytes) -> tuple[OutputFile, ...]:
    """Return the output files of an ActionResult.

    Raises:
        Malformed: It is none, is too large, or is about a run that failed.
    """
    if len(message) > LIMIT:
        raise Malformed("it is too large")
    found: list[OutputFile] = []
    for number, value in _fields(memoryview(message)):
        if number == _FILES:
            found.append(_decode_file(_content(value)))
        elif number == _EXIT and value != 0:
            raise Malformed("it is about a run that failed")
        if len(found) > MOST:
            raise Malformed("it has too many files")
    return tuple(found)


def _decode_file(message: memoryview) -> OutputFile:
    path, digest, size, executable, contents = "", "", 0, False, None
    for number, value in _fields(message):
        if number == _PATH:
            path = _text(_content(value))
        elif number == _DIGEST:
            digest, size = _decode_digest(_content(value))
        elif number == _EXECUTABLE:
            executable = bool(value)
        elif number == _CONTENTS:
            contents = bytes(_content(value))
    if not path or not digest:
        raise Malformed("a file without a path or a digest")
    return OutputFile(path, digest, size, executable, contents)


def _decode_digest(message: memoryview) -> tuple[str, int]:
    digest, size = b"", 0
    for number, value in _fields(message):
        if number == _HASH:
            digest = bytes(_content(value))
        elif number == _SIZE:
            size = value if isinstance(value, int) else -1
    if not _HEX.fullmatch(digest) or not 0 <= size < 1 << 63:
        raise Malformed("a digest that is none")
    return digest.decode(), size


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield (field number, value) of a message, whatever it is about."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _read_varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _read_varint(message, at)
        elif kind in {_FIXED64, _FIXED32}:
            length = 8 if kind == _FIXED64 else 4
        else:
            raise Malformed("an unknown wire type")
        if length > end - at or not number:
            raise Malformed("it is cut off")
        yield number, message[at : at + length]
        at += length


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(message[at : at + _WIDE]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:  # noqa: PLR2004 - the last one
            return value, at + shift + 1
    raise Malformed("it is cut off")


def _content(value: Value) -> memoryview:
    if isinstance(value, int):
        raise Malformed("a number in place of a text")
    return value


def _text(value: memoryview) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise Malformed("a path that is no text") from None
