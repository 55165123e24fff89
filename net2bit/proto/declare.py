"""Protocol buffer messages from a table: what a `.proto` file would say, in a pool of its own.

A pool of its own means that importing TensorFlow or ONNX, which register the same message names in the process-wide pool,
neither breaks nor is broken by these classes. Fields that the table does not name are kept as unknown fields and written back.
"""

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

Fields = Mapping[int, str]
"""Field number -> `"name type"`, with `type*` for a repeated field, `map<string, type>`, and `|union` behind a oneof's members."""

_SCALARS = {
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}
_FIELD = re.compile(r"(?P<name>\w+) (?:map<(?P<key>\w+), (?P<value>\w+)>|(?P<type>\w+)(?P<many>\*?))(?: \|(?P<union>\w+))?")


def declare(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """Return the classes of *messages* by name.

    Args:
        package: The format's package: messages of one package may name each other as field types.
        messages: Message name -> its fields (proto3).

    Raises:
        ValueError: A field is not written in the notation of `Fields`.
    """
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        _fill(file.message_type.add(name=name), package, fields)
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def _fill(message: DescriptorProto, package: str, fields: Fields) -> None:
    for number, text in fields.items():
        found = _FIELD.fullmatch(text)
        if not found:
            raise ValueError(f"field {number} of {message.name} is written '{text}', not 'name type'")
        field = message.field.add(name=found["name"], number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
        if found["key"]:
            field.label = FieldDescriptorProto.LABEL_REPEATED
            _set_type(field, _map_entry(message, package, found), f"{package}.{message.name}")
            continue
        if found["many"]:
            field.label = FieldDescriptorProto.LABEL_REPEATED
        if found["union"]:
            field.oneof_index = _union(message, found["union"])
        _set_type(field, found["type"], package)


def _map_entry(message: DescriptorProto, package: str, found: re.Match[str]) -> str:
    """Add the nested message that stands for one entry of a map, and return its name (protobuf prescribes both)."""
    name = "".join(part.capitalize() for part in found["name"].split("_")) + "Entry"
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    _fill(entry, package, {1: f"key {found['key']}", 2: f"value {found['value']}"})
    return name


def _union(message: DescriptorProto, name: str) -> int:
    known = [union.name for union in message.oneof_decl]
    if name not in known:
        message.oneof_decl.add(name=name)
        return len(known)
    return known.index(name)


def _set_type(field: FieldDescriptorProto, name: str, scope: str) -> None:
    if name in _SCALARS:
        field.type = _SCALARS[name]
    else:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{scope}.{name}"
