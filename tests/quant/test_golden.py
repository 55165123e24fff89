"""Every engine against AMD's open runtime: one-op cases of its cpu-runner, and a compiled network run as machine code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from net2bit.errors import ToolError
from net2bit.quant import engines
from net2bit.quant.executor import run_integer
from net2bit.xir import build, xmodel
from net2bit.xir.graph import Attr, Graph, Op

Arrays = dict[str, NDArray[np.int8]]


def cases(reference: Path) -> Iterator[tuple[str, Arrays]]:
    """Walk the cases: their names, which hold the parameters, and their arrays."""
    with np.load(reference / "golden" / "op_cases_cpu_runner.npz") as stored:
        for name in sorted({key.rsplit("/", 1)[0] for key in stored.files}):
            yield name, {key.rsplit("/", 1)[1]: stored[key] for key in stored.files if key.startswith(f"{name}/")}


def numbers(words: list[str]) -> list[int]:
    """Read `fi5 fw7` or `4 4 3`."""
    return [int(word.lstrip("abcdefghijklmnopqrstuvwxyz")) for word in words]


class Case:
    """Builds the graph of one case."""

    def __init__(self, name: str, arrays: Arrays) -> None:
        self.kind, *self.words = name.replace("upsample nearest", "upsample").split()
        self.arrays, self.graph = arrays, Graph(name)

    def feed(self, positions: list[int]) -> list[Op]:
        """Append an input for each position."""
        return [build.data_fix(self.graph, f"in{i}", self.arrays[f"in{i}"].shape, at) for i, at in enumerate(positions)]

    def conv(self) -> None:
        """Append a 3x3 convolution."""
        fi, fw, fb, fo = numbers(self.words[1:])
        act, alpha = (self.words[0][:9], self.words[0][9:]) if self.words[0].startswith("LEAKY") else (self.words[0], "")
        args = {
            "input": self.feed([fi]),
            "weights": [build.const_fix(self.graph, "weights", self.arrays["in1"], fw)],
            "bias": [build.const_fix(self.graph, "bias", self.arrays["in2"], fb)],
        }
        extra: dict[str, Attr] = {"LEAKYRELU_alpha": float(alpha)} if alpha else {}
        extra |= {"prelu_in": 26, "prelu_shift": 8} if act == "PRELU" else {}
        window: dict[str, Attr] = {"kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1], "pad": [1, 1, 1, 1]}
        build.fixed(self.graph, "conv2d-fix", "out", args, fo, nonlinear=act, **window, **extra)

    def pool(self, kind: str, kernel: int, stride: int, positions: list[int]) -> None:
        """Append a pooling."""
        window: dict[str, Attr] = {"kernel": [kernel] * 2, "stride": [stride] * 2, "pad": [0] * 4}
        build.fixed(self.graph, "pool-fix", "out", {"input": self.feed(positions[:1])}, positions[1], type=kind, **window)

    def eltwise(self) -> None:
        """Append an addition or a multiplication."""
        kind, act = self.words[0], self.words[1] if self.words[0] == "ADD" else "NONE"
        *positions, out = numbers(self.words[-3:])
        build.fixed(self.graph, "eltwise-fix", "out", {"input": self.feed(positions)}, out, type=kind, nonlinear=act)

    def build(self) -> Graph:
        """Return the graph."""
        if self.kind == "conv":
            self.conv()
        elif self.kind == "avgpool":
            self.pool("AVG", int(self.words[0]), 1, numbers(self.words[1:]))
        elif self.kind == "maxpool":
            self.pool("MAX", 2, 2, numbers(self.words))
        elif self.kind == "eltwise":
            self.eltwise()
        elif self.kind == "concat":
            *positions, out = numbers(self.words)
            build.fixed(self.graph, "concat-fix", "out", {"input": self.feed(positions)}, out, axis=3)
        elif self.kind == "upsample":
            fi, fo = numbers(self.words)
            build.fixed(self.graph, "upsample-fix", "out", {"input": self.feed([fi])}, fo, mode="NEAREST", scale=[2.0, 2.0])
        else:
            assert self.kind == "hard-sigmoid"
            fi, shift = numbers(self.words)
            build.fixed(self.graph, "hard-sigmoid-fix", "out", {"input": self.feed([fi])}, 7, hsigmoid_in=fi, shift_hsigmoid=shift)
        return self.graph


def engine_or_skip(name: str) -> Any:
    """Return the engine, or skip where this machine cannot run it."""
    try:
        return engines.create(name)
    except ToolError as error:
        pytest.skip(error.what)


@pytest.mark.parametrize("engine", engines.available())
def test_one_op_cases_equal_the_cpu_runner(reference: Path, engine: str) -> None:
    """All 74 cases of AMD's cpu-runner match in full: convolutions with every activation, pools, eltwise, concat, upsampling."""
    made = engine_or_skip(engine)
    count, wrong = 0, []
    for name, arrays in cases(reference):
        graph = Case(name, arrays).build()
        got = run_integer(graph, {op.name: arrays[op.name] for op in graph.inputs()}, made)["out"]
        count += 1
        if got.shape != arrays["out"].shape or (got != arrays["out"]).any():
            wrong.append(name)
    assert (count, wrong) == (74, [])


def load_parameters(graph: Graph) -> None:
    """Give the constants of a compiled graph their codes, which lie in the DPU subgraph's REG_0 at each tensor's `ddr_addr`."""
    assert graph.root is not None
    dpu = next(child for child in graph.root.children if child.attrs.get("device") == "DPU")
    registers = dpu.attrs["reg_id_to_parameter_value"]
    assert isinstance(registers, dict)
    memory = np.frombuffer(registers["REG_0"], np.int8)  # type: ignore[arg-type]
    for op in graph.of_type("const-fix"):
        start = int(op.tensor.attrs["ddr_addr"])  # type: ignore[arg-type]
        op.data = memory[start : start + int(np.prod(op.tensor.shape))].reshape(op.tensor.shape)


@pytest.mark.parametrize("engine", engines.available())
def test_compiled_network_equals_its_machine_code(reference: Path, engine: str) -> None:
    """A vendor-compiled MNIST network gives, for 32 images at once, the bytes that its machine code made on AMD's simulator."""
    graph = xmodel.read(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    load_parameters(graph)
    with np.load(reference / "golden" / "dpu_mnist_sim_runner.npz") as stored:
        images = np.concatenate([stored[f"{i}/in"].reshape(1, 28, 28, 1) for i in range(32)])
        wanted = np.concatenate([stored[f"{i}/out"].reshape(1, 10) for i in range(32)])
    last = graph.of_type("download")[0].name
    got = run_integer(graph, {graph.inputs()[0].name: images}, engine_or_skip(engine), keep=[last])
    np.testing.assert_array_equal(got[last], wanted)
    probabilities = got[graph.outputs()[0].name]
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def attrs_of(kernel: int, stride: int, pad: list[int], **more: Attr) -> dict[str, Attr]:
    """Return the attributes of a square window."""
    return {"kernel": [kernel] * 2, "stride": [stride] * 2, "pad": pad, **more}


PROGRAMS: dict[str, tuple[str, dict[str, Attr], int, int, tuple[int, int]]] = {
    # name: op type, attributes, shift_cut, shift_bias (the instruction's field minus its guard bit), addresses of weights and bias
    "dwconv3x3_pad1": ("depthwise-conv2d-fix", attrs_of(3, 1, [1] * 4, nonlinear="RELU6"), 8, 2, (0, 4096)),
    "dwconv3x3_s2_pad1": ("depthwise-conv2d-fix", attrs_of(3, 2, [1, 0, 1, 0], nonlinear="RELU"), 8, 2, (0, 4096)),
    "conv3x3_dilation2": ("conv2d-fix", attrs_of(3, 1, [2] * 4, nonlinear="NONE", dilation=[2, 2]), 12, 3, (0, 4096)),
    "conv3x3_2icg_3ocg": ("conv2d-fix", attrs_of(3, 1, [1] * 4, nonlinear="RELU"), 11, 3, (0, 16384)),
    "conv5x3_s3x2_odd_channels": (
        "conv2d-fix",
        {"kernel": [3, 5], "stride": [2, 3], "pad": [1, 1, 2, 1], "nonlinear": "RELU6"},
        12,
        1,
        (0, 12288),
    ),
    "conv1x1_leaky_5_7": ("conv2d-fix", attrs_of(1, 1, [0] * 4, nonlinear="LEAKYRELU"), 8, 3, (0, 4096)),
    "fc_as_conv_4x4": ("conv2d-fix", attrs_of(4, 1, [0] * 4, nonlinear="NONE"), 13, 4, (0, 12288)),
}


@pytest.mark.parametrize("engine", engines.available())
def test_convolutions_equal_the_instruction_simulator(reference: Path, engine: str) -> None:
    """Depthwise, dilated, strided, odd-sized and leaky convolutions give what hand-assembled machine code gave on AMD's simulator."""
    made, wrong = engine_or_skip(engine), []
    for name, (kind, attrs, cut, raised, (at, bias_at)) in PROGRAMS.items():
        with np.load(reference / "golden" / f"isa_{name}.npz") as stored:
            x, memory, wanted = stored["in0"], stored["reg0"], stored["out"]
        width, height = attrs["kernel"]  # type: ignore[misc, str-unpack]
        shape = (1 if "depthwise" in kind else wanted.shape[3], int(height), int(width), x.shape[3])
        weights = memory[at : at + int(np.prod(shape))].reshape(shape)
        graph = Graph(name)
        args = {
            "input": [build.data_fix(graph, "x", x.shape, 5)],
            "weights": [build.const_fix(graph, "w", weights, 5)],
            "bias": [build.const_fix(graph, "b", memory[bias_at : bias_at + wanted.shape[3]], 10 - raised)],
        }
        build.fixed(graph, kind, "out", args, 10 - cut, **{"dilation": [1, 1], **attrs})
        got = run_integer(graph, {"x": x}, made)["out"]
        if got.shape != wanted.shape or (got != wanted).any():
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("engine", engines.available())
def test_transposed_convolution_equals_the_instruction_simulator(reference: Path, engine: str) -> None:
    """A 3x3 transposed convolution of stride 2 is the four interleaved phase convolutions that the hardware runs."""
    with np.load(reference / "golden" / "isa_transposed_conv3x3_s2.npz") as stored:
        x, memory, wanted = stored["in0"], stored["reg0"], stored["out"]
    weights = np.zeros((16, 3, 3, 16), np.int8)
    for start, rows, columns in ((0, [1], [1]), (8192, [1], [0, 2]), (16384, [0, 2], [1]), (24576, [0, 2], [0, 2])):
        size = 16 * len(rows) * len(columns) * 16
        weights[np.ix_(range(16), rows, columns)] = memory[start : start + size].reshape(16, len(rows), len(columns), 16)
    graph = Graph("transposed")
    args = {
        "input": [build.data_fix(graph, "x", x.shape, 5)],
        "weights": [build.const_fix(graph, "w", weights, 5)],
        "bias": [build.const_fix(graph, "b", memory[4096:4112], 7)],
    }
    attrs = attrs_of(3, 2, [1, 0, 1, 0], dilation=[1, 1], nonlinear="NONE")
    build.fixed(graph, "transposed-conv2d-fix", "out", args, 0, **attrs)
    np.testing.assert_array_equal(run_integer(graph, {"x": x}, engine_or_skip(engine))["out"], wanted)


@pytest.mark.parametrize("engine", engines.available())
def test_alu_programs_equal_the_instruction_simulator(reference: Path, engine: str) -> None:
    """Pools, sums and products of the instruction simulator match; its adder's two guard bits do not matter in these cases."""
    made, wrong = engine_or_skip(engine), []
    cases: dict[str, tuple[str, dict[str, Attr], list[int], int]] = {
        "maxpool3x3_s2_pad1": ("pool-fix", attrs_of(3, 2, [1] * 4, type="MAX"), [5], 4),
        "maxpool_shift_up": ("pool-fix", attrs_of(2, 2, [0] * 4, type="MAX"), [4], 5),
        "avgpool3x3_s1": ("pool-fix", attrs_of(3, 1, [0] * 4, type="AVG"), [4], 4),
        "avgpool7x7": ("pool-fix", attrs_of(7, 1, [0] * 4, type="AVG"), [4], 4),
        "eltwise_add": ("eltwise-fix", {"type": "ADD", "nonlinear": "NONE"}, [3, 5], 4),
        "eltwise_add_relu_neg": ("eltwise-fix", {"type": "ADD", "nonlinear": "RELU"}, [5, 4], 3),
        "eltwise_mul": ("eltwise-fix", {"type": "MUL", "nonlinear": "NONE"}, [5, 6], 4),
        "concat_20_12_by_save": ("concat-fix", {"axis": 3}, [4, 4], 4),
        "upsample_nearest2_by_save": ("upsample-fix", {"mode": "NEAREST", "scale": [2.0, 2.0]}, [4], 4),
        "alu_hard_sigmoid": ("hard-sigmoid-fix", {"hsigmoid_in": 4, "shift_hsigmoid": 11}, [4], 7),
    }
    for name, (kind, attrs, positions, out) in cases.items():
        with np.load(reference / "golden" / f"isa_{name}.npz") as stored:
            maps, wanted = {f"in{i}": stored[f"in{i}"] for i in range(len(positions))}, stored["out"]
        graph = Graph(name)
        sources = [build.data_fix(graph, f"in{i}", maps[f"in{i}"].shape, at) for i, at in enumerate(positions)]
        build.fixed(graph, kind, "out", {"input": sources}, out, **attrs)
        got = run_integer(graph, maps, made)["out"]
        if got.shape != wanted.shape or (got != wanted).any():
            wrong.append(name)
    assert wrong == []
