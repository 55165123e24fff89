"""The IR's verifier: every law, broken once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import random_graph

from net2bit.errors import ModelError
from net2bit.xir import build, xmodel
from net2bit.xir.attrs import Wire, typed
from net2bit.xir.graph import FLOAT32, XINT8, Graph, Subgraph
from net2bit.xir.verify import verify


def small() -> Graph:
    """Return a graph with a convolution, a fake quantizer and a fixed-point pool."""
    graph = Graph("small")
    build.data(graph, "x", (1, 4, 4, 2))
    build.conv2d(graph, "conv", "x", np.ones((3, 1, 1, 2)), np.zeros(3))
    build.fix(graph, "fix", "conv", 4)
    build.place(graph, "float2fix", "q", {"input": ["fix"]}, build.fix_attrs(4)).tensor.attrs["fix_point"] = 4
    build.fixed(graph, "pool-fix", "pool", {"input": ["q"]}, 4, kernel=[2, 2], stride=[2, 2], type="MAX")
    return graph


@given(st.integers(0, 2**32 - 1))
def test_what_the_builders_make_holds(seed: int) -> None:
    """Law: every graph made with the builders is valid."""
    verify(random_graph(seed))


@pytest.mark.parametrize("name", ["VoxelNet_int", "dpu_mnist_classifier", "tf2_custom_op_2.5_zcu102_zcu104_kv260"])
def test_real_files_hold(reference: Path, name: str) -> None:
    """Shapes, types and definitions of real files satisfy our laws: the inferred shapes equal the vendor's."""
    verify(xmodel.read(reference / "xmodel" / f"{name}.xmodel"))


Change = Callable[[Graph], object]
BROKEN: dict[str, tuple[Change, str]] = {
    "unknown producer": (lambda g: g.op("conv").args.update(input=["y"]), "takes its input from 'y', which is not there"),
    "order": (lambda g: g.op("conv").args.update(input=["fix"]), "'fix', which stands behind it"),
    "renamed": (lambda g: setattr(g.op("conv"), "name", "other"), "has no op 'other'"),
    "type": (lambda g: setattr(g.op("conv"), "type", "conv2"), "op 'conv' has the unknown type 'conv2'"),
    "argument": (lambda g: g.op("conv").args.update(weight=["x"]), "conv2d 'conv' has no argument 'weight'"),
    "too many": (lambda g: g.op("fix").args.update(input=["x", "x"]), "fix 'fix' has 2 producers for its argument 'input'"),
    "too few": (lambda g: g.op("conv").args.pop("weights"), "conv2d 'conv' has 0 producers for its argument 'weights'"),
    "missing attribute": (lambda g: g.op("conv").attrs.pop("stride"), "conv2d 'conv' lacks its attribute 'stride'"),
    "misspelt attribute": (lambda g: g.op("pool").attrs.update(pads=[0, 0, 0, 0]), "pool-fix 'pool' has no attribute 'pads'"),
    "attribute type": (lambda g: g.op("fix").attrs.update(fix_point=0.5), "attribute 'fix_point' of fix 'fix' must be INT32"),
    "attribute length": (lambda g: g.op("conv").attrs.update(stride=[1]), "must have 2 values, not 1"),
    "shape": (
        lambda g: setattr(g.op("conv").tensor, "shape", (1, 4, 4, 4)),
        r"has the shape \[1, 4, 4, 4\], its inputs give \[1, 4, 4, 3\]",
    ),
    "floating": (lambda g: setattr(g.op("conv").tensor, "dtype", XINT8), "makes floating point, but its tensor is XINT"),
    "fixed": (lambda g: setattr(g.op("pool").tensor, "dtype", FLOAT32), "makes fixed point, but its tensor is FLOAT"),
    "no position": (lambda g: g.op("pool").tensor.attrs.clear(), "the tensor of pool-fix 'pool' has no fix_point"),
    "round mode": (lambda g: g.op("fix").attrs.update(round_mode="DPU_ROUNDS"), "must be one of DPU_ROUND"),
    "width": (lambda g: g.op("fix").attrs.update(bit_width=0), "has a width of 0 bits"),
    "values": (lambda g: setattr(g.op("conv_bias"), "data", np.zeros(3)), "constant 'conv_bias' holds"),
    "no constant": (lambda g: setattr(g.op("conv"), "data", np.zeros(3)), "conv2d 'conv' holds values, but is no constant"),
    "no subgraph": (lambda g: setattr(g, "root", Subgraph("root", children=[Subgraph("a", ["x"])])), "stands in 0 subgraphs"),
    "stray subgraph": (
        lambda g: setattr(g, "root", Subgraph("root", children=[Subgraph("a", [*(op.name for op in g), "y"])])),
        "the subgraphs list 'y'",
    ),
}


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law_is_named(law: str) -> None:
    """Each law, broken once, is found, and the error names the op."""
    graph = small()
    verify(graph)
    change, message = BROKEN[law]
    change(graph)
    with pytest.raises(ModelError, match=message) as caught:
        verify(graph)
    assert caught.value.where


def test_near_misses_are_suggested() -> None:
    """A misspelt attribute and a misspelt op type come with the right name."""
    for law, suggestion in (("misspelt attribute", "pad"), ("type", "conv2d"), ("round mode", "DPU_ROUND")):
        graph = small()
        BROKEN[law][0](graph)
        with pytest.raises(ModelError) as caught:
            verify(graph)
        assert caught.value.suggestion == suggestion


def test_an_empty_graph_does_not_hold() -> None:
    """A graph without ops is an error of its own."""
    with pytest.raises(ModelError, match="holds no ops"):
        verify(Graph("nothing"))


def test_somebodys_own_attributes_are_allowed() -> None:
    """Attributes that no definition knows, and known ones in a vendor's older type, are no fault."""
    graph = small()
    graph.op("conv").attrs |= {"note": "mine", "workload": 5, "group": typed(1, Wire.INT64)}
    verify(graph)
