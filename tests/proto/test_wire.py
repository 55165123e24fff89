"""Errors of damaged messages: they name the byte and the field."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.errors import ModelError
from net2bit.proto.graphdef import GraphDef, NodeDef
from net2bit.proto.wire import parse

GRAPH = GraphDef(node=[NodeDef(name="first", op="Const"), NodeDef(name="second", op="Conv2D", input=["first"])]).SerializeToString()


def refused(data: bytes) -> str:
    """Return the text of the error that *data* causes."""
    with pytest.raises(ModelError) as caught:
        parse(GraphDef, data, "some/frozen.pb", "frozen graph")
    return str(caught.value)


def test_a_whole_message_is_parsed() -> None:
    """Undamaged bytes give the message."""
    assert [node.name for node in parse(GraphDef, GRAPH, "frozen.pb", "frozen graph").node] == ["first", "second"]


def test_a_cut_file_names_the_field_and_the_byte() -> None:
    """The end is missing: the error says where the field that is cut begins, and how much is missing."""
    text = refused(GRAPH[:-3])
    assert "some/frozen.pb, byte 16, node[1]" in text
    assert "23 bytes are announced, 20 are left" in text
    assert "frozen.pb is no frozen graph" in text


def test_a_text_that_is_none_is_named() -> None:
    """A name that is not UTF-8 is found inside the message it belongs to."""
    text = refused(GRAPH.replace(b"second", b"\xff\xfecond"))
    assert "byte 18, node[1].name" in text
    assert "not UTF-8" in text


def test_foreign_bytes_are_refused() -> None:
    """A picture is no graph, and the error says what was expected."""
    assert "frozen.pb is no frozen graph" in refused(b"\x89PNG\r\n\x1a\n" + bytes(20))


def test_a_number_without_end_is_named() -> None:
    """A number whose every byte says that more follows is damage."""
    assert "in the middle of a number" in refused(b"\xff" * 12)


@given(st.integers(1, len(GRAPH) - 1), st.binary(max_size=4))
def test_damage_never_escapes_as_another_error(cut: int, junk: bytes) -> None:
    """Law: whatever the bytes, the parser returns a message or raises ModelError."""
    with suppress(ModelError):
        parse(GraphDef, GRAPH[:cut] + junk + GRAPH[cut + 1 :], "frozen.pb", "frozen graph")
