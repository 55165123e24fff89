"""The .xmodel format: real files, our own, and damaged ones."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import random_graph

from net2bit.errors import ModelError
from net2bit.proto import xir as proto
from net2bit.xir import build, xmodel
from net2bit.xir.attrs import Wire, typed, wire_of
from net2bit.xir.graph import Attr, DataKind, DataType, Graph, Op, Subgraph, Tensor

INT = "VoxelNet_int.xmodel"
MNIST = "dpu_mnist_classifier.xmodel"
CUSTOM = "tf2_custom_op_2.5_zcu102_zcu104_kv260.xmodel"


def small() -> Graph:
    """Return a graph of one convolution."""
    graph = Graph("small")
    build.data(graph, "x", (1, 4, 4, 2))
    build.conv2d(graph, "conv", "x", np.ones((3, 1, 1, 2)), np.zeros(3))
    return graph


@pytest.mark.parametrize("name", [INT, MNIST, CUSTOM])
def test_a_real_file_survives_whole(reference: Path, name: str) -> None:
    """Reading and writing a vendor's file gives its bytes again, apart from the order of map entries, which is ours: sorted."""
    content = (reference / "xmodel" / name).read_bytes()
    written = xmodel.encode(xmodel.decode(content, name))
    assert len(written) == len(content)
    assert written == proto.Graph.FromString(content).SerializeToString(deterministic=True)


def test_the_quantizers_file_reads_as_it_is(reference: Path) -> None:
    """Ops, attributes, constants and fix positions of a real vai_q_pytorch file."""
    graph = xmodel.read(reference / "xmodel" / INT)
    counts = {kind: len(graph.of_type(kind)) for kind in ("data", "const", "fix", "conv2d", "transposed-conv2d", "relu", "concat")}
    assert counts == {"data": 2, "const": 46, "fix": 70, "conv2d": 20, "transposed-conv2d": 3, "relu": 20, "concat": 1}
    assert len(graph) == 166
    conv = graph.of_type("conv2d")[0]
    assert conv.attrs["kernel"] == [1, 1]
    assert (conv.attrs["in_dim"], conv.attrs["out_dim"], conv.attrs["pad_mode"]) == (4, 64, "FLOOR")
    bias = graph.op("VoxelNet__rpn_conv_box_bias")
    assert bias.data is not None
    assert (bias.data.dtype, bias.data.shape, bias.data[0]) == (np.float32, (42,), np.float32(0.00537109375))
    assert graph.op("VoxelNet__input_0_fix").attrs == {"bit_width": 8, "fix_point": 6, "if_signed": True, "round_mode": "DPU_ROUND"}
    assert graph.root is None
    assert wire_of(graph.attrs["return_ops"]) is Wire.STRING_VEC


def test_a_compiled_file_reads_as_it_is(reference: Path) -> None:
    """The tree of subgraphs with its devices, the parameters and the machine code of a real compiled file."""
    graph = xmodel.read(reference / "xmodel" / MNIST)
    assert graph.root is not None
    assert [child.attrs["device"] for child in graph.root.children] == ["USER", "DPU", "CPU"]
    dpu = graph.root.children[1].attrs
    parameters, code = dpu["reg_id_to_parameter_value"], dpu["mc_code"]
    assert isinstance(parameters, dict)
    assert isinstance(code, bytes)
    assert (dpu["dpu_fingerprint"], len(parameters["REG_0"]), len(code)) == (0x101000056010407, 712704, 4572)
    conv = graph.op("quant_conv2d")
    assert wire_of(conv.attrs["workload"], Wire.UINT64) is Wire.UINT64
    assert (conv.attrs["nonlinear"], conv.attrs["shift_hswish"], conv.tensor.attrs["fix_point"]) == ("RELU", -128, 7)
    assert conv.tensor.dtype == DataType(DataKind.XINT, 8)
    assert graph.op("quant_conv2d_weights").data is None


def test_a_vendors_own_op_survives(reference: Path) -> None:
    """An op type of somebody's own keeps its definition, its arguments and its attributes."""
    graph = xmodel.read(reference / "xmodel" / INT)
    op = graph.of_type("PPScatterV2")[0]
    assert (op.attrs["nx"], op.attrs["ny"], op.tensor.shape) == (432, 496, (1, 64, 496, 432))
    assert "PPScatterV2" in {known.name for known in graph.op_defs}


@given(st.integers(0, 2**32 - 1))
def test_a_graph_survives_a_file(seed: int) -> None:
    """Law: decode(encode(g)) has the ops, links, attributes, shapes and values of g, and encodes to the same bytes."""
    graph = random_graph(seed)
    content = xmodel.encode(graph)
    again = xmodel.decode(content)
    assert [(op.name, op.type, op.args, op.attrs, op.tensor) for op in again] == [
        (op.name, op.type, op.args, op.attrs, op.tensor) for op in graph
    ]
    for one, other in zip(graph, again, strict=True):
        assert (one.data is None) == (other.data is None)
        assert one.data is None or (other.data is not None and np.array_equal(one.data, other.data))
    assert xmodel.encode(again) == content


SCALARS: dict[Wire, st.SearchStrategy[Any]] = {
    Wire.BOOL: st.booleans(),
    Wire.INT32: st.integers(-(2**31), 2**31 - 1),
    Wire.UINT32: st.integers(0, 2**32 - 1),
    Wire.INT64: st.integers(-(2**63), 2**63 - 1),
    Wire.UINT64: st.integers(0, 2**64 - 1),
    Wire.FLOAT: st.floats(width=32, allow_nan=False),
    Wire.DOUBLE: st.floats(allow_nan=False),
    Wire.STRING: st.text("aä_", max_size=5),
    Wire.BYTES: st.binary(max_size=5),
}


def any_value(wire: Wire) -> st.SearchStrategy[Any]:
    """Return a strategy for values of *wire*."""
    if wire.item is None:
        return SCALARS[wire]
    inner = any_value(wire.item)
    return st.dictionaries(st.text("abc", max_size=2), inner, max_size=3) if wire.is_map else st.lists(inner, max_size=3)


@given(st.sampled_from(list(Wire)).flatmap(lambda wire: st.tuples(st.just(wire), any_value(wire))))
def test_every_type_of_attribute_survives(case: tuple[Wire, Attr]) -> None:
    """Law: an attribute of any of the 29 types, also empty, comes back with its value and its type, on ops, tensors and subgraphs."""
    wire, value = case
    graph = small()
    for attrs in (graph.op("conv").attrs, graph.op("conv").tensor.attrs, graph.attrs):
        attrs["own"] = typed(value, wire)
    graph.op("conv").attrs["group"] = typed(value, wire, Wire.INT32)
    again = xmodel.decode(xmodel.encode(graph))
    for attrs in (again.op("conv").attrs, again.op("conv").tensor.attrs, again.attrs):
        assert (attrs["own"], wire_of(attrs["own"])) == (value, wire)
    assert wire_of(again.op("conv").attrs["group"], Wire.INT32) is wire
    assert xmodel.encode(again) == xmodel.encode(graph)
    assert xmodel.encode(again.copy()) == xmodel.encode(graph)


def test_the_definition_decides_the_type_of_a_plain_value() -> None:
    """XIR insists on the declared type: whole numbers written as a resize's scale become floats, a workload an unsigned long."""
    graph = small()
    build.resize(graph, "up", "conv").attrs["scale"] = [2, 2]
    graph.op("conv").attrs["workload"] = 12
    node = proto.Graph.FromString(xmodel.encode(graph)).op_node
    assert node[-1].op_attr["scale"].WhichOneof("value") == "float_vec_value"
    assert node[-2].op_attr["workload"].WhichOneof("value") == "uint64_value"


def test_a_second_reader_sees_the_same_file() -> None:
    """A walker of the raw wire format, which shares no code with ours, finds the published field numbers and values."""
    fields = walk(xmodel.encode(small()))
    assert fields[1] == [b"small"]
    ops = [walk(op) for op in fields[5]]
    assert [op[2] for op in ops] == [[b"data"], [b"const"], [b"const"], [b"conv2d"]]
    args = [(walk(arg)[1][0], walk(arg)[2]) for arg in ops[3][4]]
    assert args == [(b"input", [b"x"]), (b"weights", [b"conv_weights"]), (b"bias", [b"conv_bias"])]
    attrs = {entry[1][0]: walk(entry[2][0]) for entry in map(walk, ops[3][3])}
    assert attrs[b"kernel"] == {14: [b"\x0a\x02\x01\x01"]}
    assert attrs[b"pad_mode"] == {11: [b"FLOOR"]}
    assert attrs[b"group"] == {5: [1]}
    weights = {entry[1][0]: walk(entry[2][0]) for entry in map(walk, ops[1][3])}
    assert walk(weights[b"data"][12][0])[1] == [np.ones(6, "<f4").tobytes()]
    assert weights[b"data_type"] == {11: [b"float32"]}
    tensor = walk(ops[3][5][0])
    assert (tensor[1], tensor[2], tensor[5], tensor[6]) == ([b"conv"], [bytes([1, 4, 4, 3])], [4], [32])
    root = walk(fields[10][0])
    assert root == {1: [b"root"], 3: [b"x", b"conv_weights", b"conv_bias", b"conv"]}
    assert [walk(known)[1] for known in fields[101]] == [[b"const"], [b"conv2d"], [b"data"]]


def walk(message: bytes) -> dict[int, list[Any]]:
    """Return the values of a serialized message by field number, unread: numbers, and bytes for everything else."""
    found: dict[int, list[Any]] = {}
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            value: Any = number()
        else:
            size = {1: 8, 5: 4}.get(tag & 7) or number()
            value = message[at : at + size]
            at += size
        found.setdefault(tag >> 3, []).append(value)
    return found


def test_netrons_reader_finds_what_it_asks_for() -> None:
    """Netron needs a root subgraph, a tensor for every producer, and a default value of every declared attribute."""
    message = proto.Graph.FromString(xmodel.encode(random_graph(3)))
    names = {node.op_name for node in message.op_node}
    assert message.HasField("subg_root")
    assert set(message.subg_root.op_name) == names
    for node in message.op_node:
        assert node.HasField("output_tensor")
        assert {producer for arg in node.args for producer in arg.arg_ops} <= names
        assert all(value.WhichOneof("value") for value in node.op_attr.values())
    for known in message.op_defs:
        assert all(attr.default_value.WhichOneof("value") for attr in known.attrs)


def test_a_changed_graph_writes_its_own_root() -> None:
    """A childless root always lists the ops that are there, also after one was added or removed."""
    graph = small()
    graph.root = Subgraph("root", ["x"], {"note": "kept"})
    root = xmodel.decode(xmodel.encode(graph)).root
    assert root is not None
    assert (root.ops, root.attrs) == ([op.name for op in graph], {"note": "kept"})


def test_values_without_a_numpy_type_stay_bytes() -> None:
    """A constant of 24 bit values keeps its bytes as an attribute: nothing is lost, nothing invented."""
    graph = small()
    graph.add(Op("t", "const-fix", Tensor("t", (2,), DataType(DataKind.XINT, 24)), {"data": bytes(range(6))}))
    again = xmodel.decode(xmodel.encode(graph)).op("t")
    assert (again.data, again.attrs["data"]) == (None, bytes(range(6)))


def test_a_truncated_file_names_the_byte_and_the_field(reference: Path, tmp_path: Path) -> None:
    """Half a file is refused, naming the file, the byte and the field that is cut."""
    half = tmp_path / "half.xmodel"
    half.write_bytes((reference / "xmodel" / MNIST).read_bytes()[:300000])
    with pytest.raises(ModelError, match=r"bytes are announced, \d+ are left") as caught:
        xmodel.read(half)
    assert caught.value.where == f"{half}, byte 8297, subg_root"


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "holds no ops"), (b"\x89PNG\r\n\x1a\n0000", "no xmodel"), (b"\x08\x01", "holds no ops")]
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """An empty file, a picture and another message are no xmodel, and the error says so."""
    path = tmp_path / "net.xmodel"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        xmodel.read(path)
    assert str(path) in caught.value.where


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is a plain error."""
    with pytest.raises(ModelError, match="No such file"):
        xmodel.read(tmp_path / "none.xmodel")


def damaged(change: str) -> bytes:
    """Return the small graph's file with one thing wrong that the wire format cannot see."""
    message = proto.Graph.FromString(xmodel.encode(small()))
    if change == "producer":
        message.op_node[3].args[0].arg_ops[0] = "nobody"
    elif change == "twice":
        message.op_node[1].op_name = "x"
    elif change == "values":
        message.op_node[1].op_attr["data"].bytes_value.value = b"1234"
    elif change == "element":
        message.op_node[1].output_tensor.data_type = 77
    elif change == "attribute":
        message.op_node[3].op_attr["kernel"].Clear()
    else:
        message.op_defs[0].attrs[0].occur_type = 9
    return bytes(message.SerializeToString())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("producer", "takes its input from 'nobody'"),
        ("twice", "two ops called 'x'"),
        ("values", "constant 'conv_weights' has 4 bytes"),
        ("element", "unknown element type 77"),
        ("attribute", "attribute 'kernel' of op 'conv' has no value"),
        ("definition", "definition of op type 'const' is damaged"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(change: str, message: str) -> None:
    """What parses but cannot be true is an error that names the op and the file."""
    with pytest.raises(ModelError, match=message) as caught:
        xmodel.decode(damaged(change), "net.xmodel")
    assert caught.value.where.startswith("net.xmodel")


def test_a_value_that_the_format_lacks_is_refused() -> None:
    """Writing an object, or values that are not the tensor's, names the op and the attribute."""
    graph = small()
    graph.op("conv").attrs["own"] = object()  # type: ignore[assignment]
    with pytest.raises(ModelError, match="attribute 'own' of op 'conv' cannot be written"):
        xmodel.encode(graph)
    graph = small()
    graph.op("conv_bias").data = np.zeros(4, np.float32)
    with pytest.raises(ModelError, match=r"constant 'conv_bias' holds \[4\] of float32"):
        xmodel.encode(graph)


@given(st.integers(0, 2**31), st.integers(0, 255))
def test_a_flipped_byte_never_escapes_as_another_error(place: int, value: int) -> None:
    """Law: whatever byte of a file is damaged, reading gives a graph or a ModelError."""
    content = bytearray(xmodel.encode(small()))
    content[place % len(content)] = value
    with suppress(ModelError):
        xmodel.decode(bytes(content), "net.xmodel")
