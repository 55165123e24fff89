"""XIR's file format: an `.xmodel` is one serialized `Graph` (package `serial_v2` of AMD's public schema).

A scalar attribute stands in `AttrValue` itself; bytes, vectors and maps in a message of one field, `value`.
"""

from typing import Any

from net2bit.proto.declare import Fields, declare

_SCALARS = ("bool", "int32", "uint32", "int64", "uint64", "float", "double", "string")
_INTEGERS = ("int32", "uint32", "int64", "uint64")


def _wrapper(kind: str) -> str:
    """Return the message's name for a field's stem: `map_string_2_int32_vec` -> `MapString2Int32Vec`."""
    return "".join(part.capitalize() for part in kind.split("_"))


def _wrappers() -> dict[str, Fields]:
    """Return the messages of one field that hold bytes, vectors and maps."""
    found: dict[str, Fields] = {"Bytes": {1: "value bytes"}}
    for kind in (*_SCALARS, "bytes"):
        found[_wrapper(f"{kind}_vec")] = {1: f"value {'Bytes' if kind == 'bytes' else kind}*"}
    for kind in (*_INTEGERS, "string", "bytes", *(f"{kind}_vec" for kind in (*_INTEGERS, "string"))):
        found[_wrapper(f"map_string_2_{kind}")] = {1: f"value map<string, {kind if kind in _SCALARS else _wrapper(kind)}>"}
    return found


ATTR_FIELDS: dict[int, str] = dict(
    enumerate(
        [
            *(*_SCALARS, "bytes"),
            *(f"{kind}_vec" for kind in (*_SCALARS, "bytes")),
            *(f"map_string_2_{kind}" for kind in (*_INTEGERS, "string", "bytes")),
            *(f"map_string_2_{kind}_vec" for kind in (*_INTEGERS, "string")),
        ],
        start=4,
    )
)
"""Field number in `AttrValue` -> stem of the field's name, which is `<stem>_value`."""

_CLASSES = declare(
    "serial_v2",
    {
        "Graph": {
            1: "graph_name string",
            5: "op_node OPNode*",
            10: "subg_root SubGraph",
            11: "graph_attr map<string, AttrValue>",
            101: "op_defs OpDef*",
        },
        "OPNode": {
            1: "op_name string",
            2: "op_type string",
            3: "op_attr map<string, AttrValue>",
            4: "args OpArg*",
            5: "output_tensor Tensor",
        },
        "OpArg": {1: "arg_name string", 2: "arg_ops string*"},
        "Tensor": {
            1: "tensor_name string",
            2: "tensor_dim uint32*",
            5: "data_type int32",
            6: "tensor_bit_width int32",
            10: "tensor_attr map<string, AttrValue>",
        },
        "SubGraph": {1: "subgraph_name string", 3: "op_name string*", 5: "subg_attr map<string, AttrValue>", 10: "subg_child SubGraph*"},
        "OpDef": {1: "name string", 2: "input_args OpArgDef*", 3: "attrs AttrDef*", 4: "annotation string"},
        "OpArgDef": {1: "name string", 2: "occur_type int32", 3: "data_type int32", 4: "annotation string"},
        "AttrDef": {1: "name string", 3: "occur_type int32", 4: "default_value AttrValue", 6: "list_length int32", 7: "annotation string"},
        "AttrValue": {
            number: f"{kind}_value {kind if kind in _SCALARS else _wrapper(kind)} |value" for number, kind in ATTR_FIELDS.items()
        },
        **_wrappers(),
    },
)
Graph: Any = _CLASSES["Graph"]
OPNode: Any = _CLASSES["OPNode"]
OpArg: Any = _CLASSES["OpArg"]
Tensor: Any = _CLASSES["Tensor"]
SubGraph: Any = _CLASSES["SubGraph"]
OpDef: Any = _CLASSES["OpDef"]
OpArgDef: Any = _CLASSES["OpArgDef"]
AttrDef: Any = _CLASSES["AttrDef"]
AttrValue: Any = _CLASSES["AttrValue"]
