"""The messages of an .xmodel against real files."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from net2bit.proto import xir
from net2bit.proto.xir import ATTR_FIELDS


def unknown(message: Any) -> int:
    """Count the fields of *message*, and of all inside it, that the table does not name."""
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = list(value.values()) if field.message_type.fields_by_name["value"].message_type else []
        else:
            inner = list(value) if field.is_repeated else [value]
        count += sum(unknown(one) for one in inner)
    return count


@pytest.mark.parametrize("name", ["VoxelNet_int", "dpu_mnist_classifier", "tf2_custom_op_2.5_zcu102_zcu104_kv260"])
def test_the_table_names_every_field_of_real_files(reference: Path, name: str) -> None:
    """No field of a vendor's file is unknown, in any message, and the sizes agree: the table is complete."""
    content = (reference / "xmodel" / f"{name}.xmodel").read_bytes()
    message = xir.Graph.FromString(content)
    assert unknown(message) == 0
    assert len(message.SerializeToString()) == len(content)


def test_attributes_have_the_published_numbers() -> None:
    """The 29 types of attribute values stand at 4 to 32, scalars first, then vectors, then maps."""
    assert list(ATTR_FIELDS) == list(range(4, 33))
    known = {4: "bool", 8: "uint64", 12: "bytes", 14: "int32_vec", 18: "float_vec", 20: "string_vec", 22: "map_string_2_int32"}
    known |= {26: "map_string_2_string", 27: "map_string_2_bytes", 28: "map_string_2_int32_vec", 32: "map_string_2_string_vec"}
    assert {number: ATTR_FIELDS[number] for number in known} == known
