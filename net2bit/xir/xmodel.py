"""Reading and writing .xmodel files, losslessly: what a vendor's tool wrote comes back with every value and every type.

Only the order of a map's entries is not kept, since the format leaves it open; ours is sorted, so that equal graphs give equal bytes.
"""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError
from net2bit.proto import xir as proto
from net2bit.proto.wire import parse
from net2bit.xir.attrs import Wire
from net2bit.xir.codec import Known, read_attrs, read_def, write_attrs, write_defs
from net2bit.xir.graph import CONSTANTS, DataKind, DataType, Graph, Op, Subgraph, Tensor
from net2bit.xir.opdefs import COMMON, OP_DEFS, SUBGRAPH_ATTRS, TENSOR_ATTRS, attr_wire

SOURCES = ("data", "data-fix", *CONSTANTS)
ROOT = "root"


def read(path: Path) -> Graph:
    """Return the graph in an .xmodel, float, quantized or compiled.

    Raises:
        ModelError: The file is missing, damaged, or no .xmodel; it names the file and the place in it.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", where=str(path), remedy="give the path of an .xmodel file") from error
    return decode(content, path)


def write(graph: Graph, path: Path) -> None:
    """Write *graph* as an .xmodel; the same graph always gives the same bytes.

    Raises:
        ModelError: A value has no place in the format.
    """
    Path(path).write_bytes(encode(graph))


def decode(content: bytes, path: Path | str = "an .xmodel") -> Graph:
    """Return the graph in the bytes of an .xmodel; *path* is named in errors.

    Raises:
        ModelError: The bytes are damaged or no .xmodel.
    """
    message = parse(proto.Graph, content, path, "xmodel")
    if not message.op_node:
        raise ModelError(
            f"{Path(path).name} is no xmodel: it holds no ops",
            where=str(path),
            remedy="make the file again, or copy it again from its source",
        )
    try:
        return _read_graph(message)
    except ModelError as error:
        where = ", ".join(part for part in (str(path), error.where) if part)
        raise ModelError(error.what, where=where, remedy=error.remedy, suggestion=error.suggestion) from error


def encode(graph: Graph) -> bytes:
    """Return the bytes of *graph* as an .xmodel.

    Raises:
        ModelError: A value has no place in the format.
    """
    message = proto.Graph(graph_name=graph.name)
    for op in graph:
        _write_op(message.op_node.add(), op, graph)
    _write_subgraph(message.subg_root, _root(graph))
    write_attrs(message.graph_attr, graph.attrs, SUBGRAPH_ATTRS.get, f"graph '{graph.name}'")
    brought = {known.name for known in graph.op_defs}
    used = {op.type for op in graph} - brought
    write_defs(message.op_defs, [*graph.op_defs, *(OP_DEFS[name] for name in sorted(used & OP_DEFS.keys()))])
    return bytes(message.SerializeToString(deterministic=True))


def _read_graph(message: Any) -> Graph:
    graph = Graph(message.graph_name)
    graph.op_defs = [read_def(known) for known in message.op_defs]
    for node in message.op_node:
        graph.add(_read_op(node, graph))
    graph.attrs = read_attrs(message.graph_attr, SUBGRAPH_ATTRS.get, f"graph '{graph.name}'")
    if message.HasField("subg_root"):
        root = _read_subgraph(message.subg_root)
        graph.root = None if root == _whole(graph) else root
    return graph


def _read_op(node: Any, graph: Graph) -> Op:
    where = f"op '{node.op_name}'"
    tensor = _read_tensor(node.output_tensor, where)
    attrs = read_attrs(node.op_attr, _known(node.op_type, graph), where)
    args = {arg.arg_name: list(arg.arg_ops) for arg in node.args}
    op = Op(node.op_name, node.op_type, tensor, attrs, args)
    if op.type in SOURCES:
        _take_source(op)
    return op


def _write_op(node: Any, op: Op, graph: Graph) -> None:
    node.op_name, node.op_type = op.name, op.type
    attrs = dict(op.attrs)
    if op.type in SOURCES:
        attrs.setdefault("shape", list(op.tensor.shape))
        attrs.setdefault("data_type", _word(op))
    if op.type in CONSTANTS and "data" not in attrs:
        attrs["data"] = _bytes(op)
    write_attrs(node.op_attr, attrs, _known(op.type, graph), f"op '{op.name}'")
    for name, producers in op.args.items():
        node.args.add(arg_name=name, arg_ops=producers)
    tensor = node.output_tensor
    tensor.tensor_name, tensor.data_type, tensor.tensor_bit_width = op.tensor.name, op.tensor.dtype.kind.value, op.tensor.dtype.bits
    tensor.tensor_dim.extend(int(size) for size in op.tensor.shape)
    write_attrs(tensor.tensor_attr, op.tensor.attrs, TENSOR_ATTRS.get, f"the tensor of op '{op.name}'")


def _known(op_type: str, graph: Graph) -> Known:
    def known(name: str) -> Wire | None:
        return attr_wire(op_type, name, graph.op_defs)

    return known


def _read_tensor(message: Any, where: str) -> Tensor:
    try:
        dtype = DataType(DataKind(message.data_type), message.tensor_bit_width)
    except ValueError as error:
        raise ModelError(f"the tensor of {where} has the unknown element type {message.data_type}", where=where) from error
    attrs = read_attrs(message.tensor_attr, TENSOR_ATTRS.get, f"the tensor of {where}")
    return Tensor(message.tensor_name, tuple(message.tensor_dim), dtype, attrs)


def _take_source(op: Op) -> None:
    """Turn the attributes that repeat what the tensor says, and a constant's bytes, into the op's own fields."""
    if op.attrs.get("shape") == list(op.tensor.shape):
        del op.attrs["shape"]
    if op.attrs.get("data_type") == _word(op):
        del op.attrs["data_type"]
    dtype = numpy_type(op.tensor.dtype)
    content = op.attrs.get("data", b"")
    if op.type in CONSTANTS and isinstance(content, bytes) and (dtype is not None or not content):
        op.attrs.pop("data", None)
        op.data = _values(op, content, dtype) if content and dtype is not None else None


def _values(op: Op, content: bytes, dtype: np.dtype[Any]) -> NDArray[Any]:
    if len(content) != prod(op.tensor.shape) * dtype.itemsize:
        what = f"constant '{op.name}' has {len(content)} bytes, but its shape {list(op.tensor.shape)} of {dtype} takes another number"
        raise ModelError(what, where=f"op '{op.name}'")
    return np.frombuffer(content, dtype).reshape(op.tensor.shape).copy()


def _bytes(op: Op) -> bytes:
    """Return a constant's values as they stand in a file; none where the compiler has moved them into the subgraph's parameters."""
    if op.data is None:
        return b""
    dtype = numpy_type(op.tensor.dtype)
    if dtype is None or op.data.shape != tuple(op.tensor.shape) or op.data.dtype.newbyteorder("<") != dtype:
        tensor = f"{list(op.tensor.shape)} of {op.tensor.dtype.kind.name}{op.tensor.dtype.bits}"
        what = f"constant '{op.name}' holds {list(op.data.shape)} of {op.data.dtype}, but its tensor is {tensor}"
        raise ModelError(what, where=f"op '{op.name}'")
    return np.ascontiguousarray(op.data, dtype).tobytes()


def numpy_type(dtype: DataType) -> "np.dtype[Any] | None":
    """Return NumPy's element type for *dtype*, or None where it has none (24 bits, bfloat16)."""
    letter = {DataKind.INT: "i", DataKind.XINT: "i", DataKind.UINT: "u", DataKind.XUINT: "u", DataKind.FLOAT: "f"}.get(dtype.kind)
    sizes = (16, 32, 64) if letter == "f" else (8, 16, 32, 64)
    return np.dtype(f"<{letter}{dtype.bits // 8}") if letter and dtype.bits in sizes else None


def _word(op: Op) -> str:
    """Return the element type as the vendor's tools spell it in the attribute `data_type`: in lower case for a float constant."""
    word = f"{op.tensor.dtype.kind.name}{op.tensor.dtype.bits}"
    return word.lower() if op.type == "const" else word


def _read_subgraph(message: Any) -> Subgraph:
    where = f"subgraph '{message.subgraph_name}'"
    attrs = read_attrs(message.subg_attr, _subgraph_attr, where)
    return Subgraph(message.subgraph_name, list(message.op_name), attrs, [_read_subgraph(child) for child in message.subg_child])


def _write_subgraph(message: Any, subgraph: Subgraph) -> None:
    message.subgraph_name = subgraph.name
    message.op_name.extend(subgraph.ops)
    write_attrs(message.subg_attr, subgraph.attrs, _subgraph_attr, f"subgraph '{subgraph.name}'")
    for child in subgraph.children:
        _write_subgraph(message.subg_child.add(), child)


def _subgraph_attr(name: str) -> Wire | None:
    return SUBGRAPH_ATTRS.get(name) or COMMON.get(name)


def _whole(graph: Graph) -> Subgraph:
    """Return the root of a graph that is not cut into subgraphs."""
    return Subgraph(ROOT, [op.name for op in graph])


def _root(graph: Graph) -> Subgraph:
    """Return the tree to write: the graph's own, but a childless root always lists the ops that are there now."""
    if graph.root is None:
        return _whole(graph)
    names = [op.name for op in graph]
    if not graph.root.children and sorted(graph.root.ops) != sorted(names):
        return Subgraph(graph.root.name, names, graph.root.attrs)
    return graph.root
