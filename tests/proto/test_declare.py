"""The table notation for protocol buffer messages."""

import pytest

from net2bit.proto.declare import declare

TABLE = {
    "Tree": {1: "name string", 2: "child Tree*", 3: "sizes map<string, Size>", 4: "count int32 |what", 5: "text string |what"},
    "Size": {1: "width uint64"},
}


def test_fields_of_every_form_survive_a_round_trip() -> None:
    """Scalars, repeated messages, maps and oneofs come back as they were set."""
    tree = declare("forest", TABLE)["Tree"]
    one = tree(name="a", child=[tree(name="b", text="leaf")], count=3)
    one.sizes["x"].width = 7
    again = tree.FromString(one.SerializeToString())
    assert again == one
    assert (again.WhichOneof("what"), again.child[0].WhichOneof("what"), again.sizes["x"].width) == ("count", "text", 7)


def test_unknown_fields_are_written_back() -> None:
    """A message read with a smaller table loses nothing: fields it does not name are kept in bytes."""
    full = declare("forest", TABLE)["Tree"]
    small = declare("forest", {"Tree": {1: "name string"}})["Tree"]
    data = full(name="a", child=[full(name="b")], count=3).SerializeToString()
    assert full.FromString(small.FromString(data).SerializeToString()) == full.FromString(data)


def test_the_wire_format_is_the_published_one() -> None:
    """Field numbers and types decide the bytes, as the protocol buffer encoding prescribes."""
    tree = declare("forest", TABLE)["Tree"]
    assert tree(name="a", count=3).SerializeToString() == b"\x0a\x01a\x20\x03"


def test_a_slip_in_the_table_is_refused() -> None:
    """A field that is not written in the notation stops the import, naming the message and the number."""
    with pytest.raises(ValueError, match="field 4 of Tree is written 'count'"):
        declare("forest", {"Tree": {4: "count"}})
