"""The ActionResult by hand: what protobuf itself writes is read, what is written is read by protobuf, and nothing else gets in."""

import hashlib
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from net2bit.cache import wire
from net2bit.cache.wire import Malformed, OutputFile, decode, encode

EMPTY = hashlib.sha256(b"").hexdigest()

MESSAGES = {
    "Digest": [("hash", 1, "string"), ("size_bytes", 2, "int64")],
    "OutputFile": [("path", 1, "string"), ("digest", 2, ".t.Digest"), ("is_executable", 4, "bool"), ("contents", 5, "bytes")],
    "Metadata": [("worker", 1, "string")],
    "ActionResult": [
        ("output_files", 2, "*.t.OutputFile"),
        ("exit_code", 4, "int32"),
        ("stdout_raw", 5, "bytes"),
        ("stdout_digest", 6, ".t.Digest"),
        ("execution_metadata", 9, ".t.Metadata"),
    ],
}
TYPES = {"string": 9, "int64": 3, "bool": 8, "bytes": 12, "int32": 5}


def _messages() -> dict[str, Any]:
    """Return protobuf's own classes for the messages, as build.bazel.remote.execution.v2 numbers their fields."""
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            repeated, plain = kind.startswith("*"), kind.lstrip("*")
            one = message.field.add(name=field, number=number, label=3 if repeated else 1, type=11 if "." in plain else TYPES[plain])
            if "." in plain:
                one.type_name = plain
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}")) for name in MESSAGES}


PB = _messages()
digests = st.binary(min_size=1, max_size=4).map(lambda word: hashlib.sha256(word).hexdigest())
files = st.builds(
    OutputFile,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    digests,
    st.integers(0, 2**63 - 1),
    st.booleans(),
    st.none() | st.binary(max_size=40),
)


@given(st.lists(files, max_size=6))
def test_protobuf_reads_what_is_written(given_: list[OutputFile]) -> None:
    """Law: protobuf parses every message that is written, and finds the same in it."""
    found = PB["ActionResult"].FromString(encode(given_))
    assert found.exit_code == 0
    assert [
        OutputFile(one.path, one.digest.hash, one.digest.size_bytes, one.is_executable, one.contents) for one in found.output_files
    ] == [OutputFile(one.path, one.digest, one.size, one.executable, one.contents or b"") for one in given_]


@given(st.lists(files, max_size=6), st.binary(max_size=20), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_what_protobuf_writes_is_read(given_: list[OutputFile], stdout: bytes, worker: str) -> None:
    """Law: a message that a server has parsed and written anew, with things of its own added, is read alike."""
    message = PB["ActionResult"].FromString(encode(given_))
    message.stdout_raw = stdout
    message.stdout_digest.hash = EMPTY
    message.execution_metadata.worker = worker
    found = decode(message.SerializeToString())
    assert [(one.path, one.digest, one.size, one.executable, one.contents or None) for one in found] == [
        (one.path, one.digest, one.size, one.executable, one.contents or None) for one in given_
    ]


@given(st.lists(files, max_size=6))
def test_round_trip(given_: list[OutputFile]) -> None:
    """Law: what is written is read again, whole."""
    assert list(decode(encode(given_))) == given_


@given(st.binary(max_size=200))
def test_anything_may_come(message: bytes) -> None:
    """Law: any bytes are either a message or `Malformed`, and nothing else happens."""
    try:
        found = decode(message)
    except Malformed:
        return
    assert all(len(one.digest) == 64 and one.path for one in found)


@given(st.lists(files, min_size=1, max_size=3), st.data())
def test_damage_is_no_crash(given_: list[OutputFile], data: st.DataObject) -> None:
    """Law: a message with a changed byte, or cut off anywhere, is either a message or `Malformed`."""
    message = bytearray(encode(given_))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] = data.draw(st.integers(0, 255))
    for damaged in (bytes(message), bytes(message[:at])):
        try:
            decode(damaged)
        except Malformed:
            continue


def _field(number: int, kind: int, rest: bytes) -> bytes:
    return bytes([number << 3 | kind]) + rest


FILE = encode([OutputFile("a", EMPTY, 0)])


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (_field(2, 2, b"\xff\xff\xff\xff\x0f"), "cut off"),
        (_field(2, 2, b"\x05abc"), "cut off"),
        (_field(2, 0, b"\x05"), "number in place"),
        (_field(2, 2, b"\x00"), "without a path"),
        (_field(4, 0, b"\x01"), "failed"),
        (_field(1, 3, b""), "unknown wire type"),
        (_field(1, 0, b"\xff" * 10 + b"\x01"), "cut off"),
        (FILE.replace(EMPTY.encode(), EMPTY.upper().encode()), "digest that is none"),
        (FILE.replace(EMPTY.encode(), b"../" + EMPTY[3:].encode()), "digest that is none"),
        (FILE.replace(b"\x01a", b"\x01\xff"), "no text"),
    ],
)
def test_what_is_refused(message: bytes, why: str) -> None:
    """Lengths that lead out of the message, wrong types, digests that are none and runs that failed are refused by name."""
    with pytest.raises(Malformed, match=why):
        decode(message)


def test_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message of too many bytes, or with too many files, is refused before it is kept."""
    monkeypatch.setattr(wire, "MOST", 3)
    with pytest.raises(Malformed, match="too many"):
        decode(FILE * 4)
    monkeypatch.setattr(wire, "LIMIT", 10)
    with pytest.raises(Malformed, match="too large"):
        decode(FILE)
