"""The compiled graph has the form of the vendor's: the same subgraphs, attributes and types."""

from pathlib import Path

import pytest
from fixed_nets import network

from net2bit.dpu.arch import arch, standard
from net2bit.dpu.compiler.assemble import target_name
from net2bit.dpu.compiler.compile import compile_graph
from net2bit.xir.attrs import wire_of
from net2bit.xir.graph import Graph, Subgraph
from net2bit.xir.opdefs import COMMON, OP_DEFS, SUBGRAPH_ATTRS, TENSOR_ATTRS, attr_wire
from net2bit.xir.verify import verify
from net2bit.xir.xmodel import decode, encode, read

OWN = {"ac_code", "run_mode", "net2bit_layers", "net2bit_layer_of"}


@pytest.fixture(scope="module")
def pair(reference: Path) -> tuple[Graph, Graph]:
    """Return the vendor's MNIST file, and ours made of it."""
    theirs = read(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    return theirs, decode(encode(compile_graph(theirs, 0x101000056010407).graph))


def parts(graph: Graph) -> dict[str, Subgraph]:
    assert graph.root is not None
    return {str(child.attrs["device"]): child for child in graph.root.children}


def test_devices_and_runners(pair: tuple[Graph, Graph]) -> None:
    """Protects the tree of subgraphs: one for the input, one for the DPU, one for the processor."""
    theirs, ours = map(parts, pair)
    assert list(theirs) == list(ours) == ["USER", "DPU", "CPU"]
    for device in theirs:
        assert theirs[device].name == ours[device].name or device == "CPU"
        assert theirs[device].attrs.get("runner") == ours[device].attrs.get("runner")


def test_the_dpu_subgraph_has_the_vendors_attributes(pair: tuple[Graph, Graph]) -> None:
    """Protects names and types of what VART reads, and the values that do not depend on the code."""
    theirs, ours = (parts(graph)["DPU"].attrs for graph in pair)
    assert set(ours) - OWN == set(theirs)
    for name in theirs:
        known = SUBGRAPH_ATTRS.get(name) or COMMON.get(name)
        assert wire_of(ours[name], known) is wire_of(theirs[name], known), name
    same = ("dpu_name", "dpu_fingerprint", "workload", "workload_on_arch", "device", "debug_mode")
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    for name in ("reg_id_to_context_type", "reg_id_to_context_type_v2", "reg_id_to_hw_segment"):
        assert ours[name] == theirs[name]


def test_parameters_lie_where_the_vendor_puts_them(pair: tuple[Graph, Graph]) -> None:
    """Protects the parameter blob: content and the address of every constant."""
    blobs = [parts(graph)["DPU"].attrs["reg_id_to_parameter_value"]["REG_0"] for graph in pair]  # type: ignore[index,call-overload]
    size = min(map(len, blobs))
    assert bytes(blobs[0])[:size] == bytes(blobs[1])[:size]
    theirs, ours = pair
    for op in theirs.of_type("const-fix"):
        assert ours.op(op.name).tensor.attrs["ddr_addr"] == op.tensor.attrs["ddr_addr"]


def test_ops_and_tensors_have_the_vendors_attributes(pair: tuple[Graph, Graph]) -> None:
    """Protects every op and tensor attribute, and its type."""
    theirs, ours = pair
    assert {op.name: op.type for op in theirs} == {op.name: op.type for op in ours}
    for op in theirs:
        made = ours.op(op.name)
        assert made.args == op.args
        assert set(made.attrs) == set(op.attrs), op.name
        for name, value in op.attrs.items():
            known = attr_wire(op.type, name)
            assert wire_of(made.attrs[name], known) is wire_of(value, known)
            assert made.attrs[name] == value, (op.name, name)
        assert set(made.tensor.attrs) ^ set(op.tensor.attrs) <= {"stride"}
        assert made.tensor.name == op.tensor.name
        for name in set(made.tensor.attrs) & set(op.tensor.attrs):
            known = TENSOR_ATTRS.get(name)
            assert wire_of(made.tensor.attrs[name], known) is wire_of(op.tensor.attrs[name], known)


@pytest.mark.parametrize("name", ["unet", "head", "swish"])
def test_own_networks_make_sound_graphs(name: str) -> None:
    """Protects the compiled graph against the rules of XIR."""
    made = compile_graph(network(name), standard("B2304").fingerprint).graph
    verify(made)
    assert {op.type for op in made} <= set(OP_DEFS)


@pytest.mark.parametrize(
    ("fingerprint", "name"),
    [
        (0x101000016010407, "DPUCZDX8G_ISA1_B4096"),
        (0x101000056010407, "DPUCZDX8G_ISA1_B4096"),
        (0x101000016010203, "DPUCZDX8G_ISA1_B1152"),
        (0x101000036010405, "DPUCZDX8G_ISA1_B2304_0101000036010405"),
    ],
)
def test_target_names(fingerprint: int, name: str) -> None:
    """Protects the names of the vendor's targets, and of all others."""
    assert target_name(arch(fingerprint)) == name
