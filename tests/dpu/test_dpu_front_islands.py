"""Fake-quantized networks with ops that have no fixed-point form compile: those run on the processor, in floating point."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.compile import compile_graph
from net2bit.dpu.compiler.front import network
from net2bit.dpu.runner import Runner
from net2bit.errors import ModelError
from net2bit.quant.arith import dequantize, quantize
from net2bit.quant.floating import run_float
from net2bit.xir import build
from net2bit.xir.graph import Graph, Op
from net2bit.xir.verify import verify
from net2bit.xir.xmodel import read


class Fake:
    """Appends fake-quantized layers with random weights."""

    def __init__(self) -> None:
        """Start with a quantized image."""
        self.random = np.random.default_rng(2)
        self.graph = Graph("net")
        self.image = self.fix(build.data(self.graph, "image", (1, 9, 11, 3)), 5)

    def fix(self, source: Op, at: int) -> Op:
        """Append a quantizer."""
        return build.fix(self.graph, f"{source.name}_fix", source, at)

    def conv(self, name: str, source: Op, outputs: int, act: str = "") -> Op:
        """Append a convolution, its activation, and the quantizer behind."""
        weights, bias = self.random.normal(size=(outputs, 3, 3, source.tensor.shape[3])) * 0.3, self.random.normal(size=outputs)
        parts = [
            self.fix(build.const(self.graph, f"{name}_{part}", dequantize(quantize(values, at), at)), at)
            for part, values, at in (("weights", weights, 7), ("bias", bias, 6))
        ]
        op = build.conv2d(self.graph, name, source, *parts, pad=[1, 1, 1, 1])
        if act:
            op = build.place(self.graph, act, f"{name}_{act}", {"input": [op]})
        return self.fix(op, 4)

    def silu(self, source: Op) -> Op:
        """Append a SiLU as quantizers write it: a sigmoid, quantized, and a product."""
        gate = self.fix(build.place(self.graph, "sigmoid", f"{source.name}_sigmoid", {"input": [source]}), 7)
        return self.fix(build.mul(self.graph, f"{source.name}_mul", source, gate), 4)


def with_silu() -> Graph:
    net = Fake()
    net.conv("last", net.silu(net.conv("first", net.image, 8)), 5, "relu")
    return net.graph


def with_passing() -> Graph:
    """Return a network with a transposition that has no quantizer, and a softmax behind its end."""
    net = Fake()
    first = net.conv("first", net.image, 8, "relu")
    turned = build.place(net.graph, "transpose", "turned", {"input": [first]}, {"order": [0, 2, 1, 3]})
    build.softmax(net.graph, "scores", net.conv("last", turned, 5))
    return net.graph


def with_bare() -> Graph:
    """Return a network whose pooling has no quantizer of its own ahead of a function that the DPU lacks."""
    net = Fake()
    first = net.conv("first", net.image, 8, "relu")
    bare = build.maxpool2d(net.graph, "bare", first)
    net.conv("last", net.fix(build.place(net.graph, "tanh", "tanh", {"input": [bare]}), 6), 5)
    return net.graph


def with_rectifier() -> Graph:
    """Return a network with a ReLU behind a concatenation, into which nothing can fuse it."""
    net = Fake()
    joined = net.fix(build.concat(net.graph, "joined", net.conv("first", net.image, 8), net.conv("second", net.image, 7)), 4)
    net.conv("last", net.fix(build.relu(net.graph, "alone", joined), 4), 5)
    return net.graph


def with_leaky() -> Graph:
    """Return a network with a leaky ReLU by itself that also changes the position."""
    net = Fake()
    joined = net.fix(build.concat(net.graph, "joined", net.conv("first", net.image, 8), net.conv("second", net.image, 7)), 4)
    net.conv("last", net.fix(build.leaky_relu(net.graph, "alone", joined), 2), 5)
    return net.graph


def values(graph: Graph) -> tuple[dict[str, NDArray[np.int8]], NDArray[np.float32]]:
    codes = np.random.default_rng(5).integers(-128, 128, (1, 9, 11, 3)).astype(np.int8)
    (found,) = run_float(graph, {"image": dequantize(codes, 5)}).values()
    return {"image": codes}, np.asarray(found)


@pytest.mark.parametrize(("graph", "parts"), [(with_silu(), 2), (with_passing(), 2), (with_bare(), 2), (with_rectifier(), 1)])
def test_islands_compute_the_fake_quantized_network(graph: Graph, parts: int) -> None:
    """Protects the border between fixed and floating point: the compiled model gives the numbers of the quantized one, exactly."""
    made = compile_graph(graph, standard("B1152").fingerprint)
    verify(made.graph)
    assert len(made.networks) == parts
    codes, expected = values(graph)
    (found,) = Runner(made.graph).run(codes, reals=True).values()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("bit", "parts"), [(0, 2), (29, 1)])
def test_a_leaky_relu_by_itself_needs_an_alu_that_has_it(bit: int, parts: int) -> None:
    """Protects the ALU's leaky ReLU, and its way to the processor on targets without it."""
    graph = with_leaky()
    made = compile_graph(graph, standard("B1152").fingerprint | (1 << bit if bit else 0))
    assert len(made.networks) == parts
    codes, expected = values(graph)
    (found,) = Runner(made.graph).run(codes, reals=True).values()
    np.testing.assert_array_equal(found, expected)


def test_a_silu_says_what_to_use_instead() -> None:
    """Protects the advice for the op that most often cuts networks."""
    part = network(with_silu(), standard("B4096"))
    (reason,) = [reason for reason in part.cpu if reason.type == "sigmoid"]
    assert "0.1015625" in reason.remedy
    with pytest.raises(ModelError, match=r"2 DPU subgraphs, 1 allowed.*SiLU"):
        compile_graph(with_silu(), standard("B4096").fingerprint, max_subgraphs=1)


def test_a_detector_of_the_vendors_is_cut_where_it_must(reference: Path) -> None:
    """Protects real files: a point-cloud network with an op of its own type in its middle."""
    part = network(read(reference / "xmodel" / "VoxelNet_int.xmodel"), standard("B4096"))
    assert len(part.dpu) == 2
    assert {"PPScatterV2", "reduction_max", "transpose"} <= {reason.type for reason in part.cpu}
    assert sum(len(one.network.layers) for one in part.dpu) > 24
