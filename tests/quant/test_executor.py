"""The integer executor: it equals fake quantization, serves any batch, and names what is wrong with a graph."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from quant_nets import Net, images, residual, unet

from net2bit.errors import QuantError
from net2bit.quant.arith import Rounding, average_factor, dequantize, quantize
from net2bit.quant.executor import Executor, run_integer
from net2bit.quant.floating import run_float
from net2bit.quant.lower import lower
from net2bit.quant.points import find
from net2bit.quant.quantize import fake_quantize
from net2bit.xir import build
from net2bit.xir.graph import Attr, Graph, Op, Tensor

WINDOW: dict[str, Attr] = {"kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1], "pad": [1, 1, 1, 1]}


def rare(seed: int) -> Graph:
    """Return a network of what the other two lack: transposed convolution, product, hard sigmoid, padding, ReLU6."""
    net = Net(seed=seed)
    up = build.transposed_conv2d(
        net.graph, "up", net.image, net.weights(5, 3, 3, 3), net.random.normal(size=5), stride=[2, 2], pad=[1, 1, 1, 1]
    )
    capped = net.activate(up, "relu6")
    gate = build.place(net.graph, "hard-sigmoid", "gate", {"input": [net.conv(capped, 5, "inner", act="")]})
    build.pad(net.graph, "wide", build.mul(net.graph, "product", capped, gate), [0, 0, 1, 0, 0, 1, 0, 0])
    return net.graph


def quantized(graph: Graph, seed: int) -> Graph:
    """Fake-quantize *graph* at random positions that the DPU's shifters reach."""
    random, positions = np.random.default_rng(seed), {}
    for point in find(graph).values():
        positions[point.name] = int(random.integers(3, 6))
        if point.activation == "relu6":
            positions[point.name] = 4
        if point.type == "hard-sigmoid":
            positions[point.name] = 7
        if point.weights:
            positions[point.weights] = int(random.integers(6, 9))
        if point.bias:
            lowest = positions[point.inputs[0]] + positions[point.weights]
            positions[point.bias] = lowest - int(random.integers(0 if point.activation == "leaky-relu" else -6, 8))
    return fake_quantize(graph, positions, Rounding.HALF_EVEN)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("net", [unet, residual, rare])
@pytest.mark.parametrize("engine", ["reference", "exact"])
def test_integers_equal_fake_quantization(net: Any, engine: str, seed: int) -> None:
    """Law: executing a fake-quantized network in float32 and its lowered form in integers gives the same numbers, in every tensor."""
    fake = quantized(net(seed), seed)
    whole = lower(fake)
    x = images(2, fake.inputs()[0].tensor.shape[1:], seed)
    points = [op for op in whole if op.type != "const-fix"]
    floats = run_float(fake, {"image": x}, keep=[op.tensor.name for op in points if op.tensor.name in fake])
    position = whole.op("image").tensor.attrs["fix_point"]
    assert isinstance(position, int)
    codes = run_integer(whole, {"image": quantize(x, position)}, engine, keep=[op.name for op in points])
    compared = 0
    for op in points:
        if op.tensor.name in floats:
            at = op.tensor.attrs["fix_point"]
            assert isinstance(at, int)
            np.testing.assert_array_equal(dequantize(codes[op.name], at), floats[op.tensor.name], err_msg=op.name)
            compared += 1
    assert compared >= 5


def test_the_vendors_rescaled_average_is_the_dpus() -> None:
    """A mean that a multiplication corrects to the DPU's factor, as in the vendor's files, is computed exactly, ties included."""
    graph = Graph("net")
    source = build.fix(graph, "x_fix", build.data(graph, "x", (1, 12, 12, 64)), 0)
    pool = build.avgpool2d(graph, "pool", source, (3, 3), stride=[1, 1])
    factor, shift = average_factor(3, 3)
    scale = build.const(graph, "scale", np.asarray([9 * factor / 2**shift]))
    build.fix(graph, "y", build.mul(graph, "scaled", pool, scale), 0)
    codes = np.random.default_rng(0).integers(-128, 128, (1, 12, 12, 64)).astype(np.float32)
    got = run_float(graph, {"x": codes})["y"]
    whole = Graph("int")
    args = {"input": [build.data_fix(whole, "x", (1, 12, 12, 64), 0)]}
    build.fixed(whole, "pool-fix", "y", args, 0, kernel=[3, 3], stride=[1, 1], pad=[0] * 4, type="AVG")
    np.testing.assert_array_equal(got, run_integer(whole, {"x": codes.astype(np.int8)}, "reference")["y"])


def one_conv(**changes: Any) -> tuple[Graph, Op]:
    """Return a graph of one convolution with a flaw."""
    graph = Graph("net")
    source = build.data_fix(graph, "x", (1, 5, 5, 3), 4)
    weights = build.const_fix(graph, "w", np.ones((2, 3, 3, 3), np.int8), 6)
    bias = build.const_fix(graph, "b", np.ones(2, np.int8), 6)
    args = {"input": [source], "weights": [weights], "bias": [bias]}
    op = build.fixed(graph, "conv2d-fix", "conv", args, changes.pop("position", 4), **{"nonlinear": "RELU", **WINDOW, **changes})
    return graph, op


def ones(graph: Graph, batch: int = 1) -> dict[str, NDArray[np.int8]]:
    """Return an input of ones."""
    return {op.name: np.ones((batch, *op.tensor.shape[1:]), np.int8) for op in graph.inputs()}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonlinear": "GELU"}, "unknown activation 'GELU'"),
        ({"nonlinear": "HSWISH", "hsigmoid_in": 4}, "leaves 'shift_hswish' unset"),
        ({"nonlinear": "PRELU"}, "'prelu_in'"),
        ({"position": 40}, "shifts its sums by -30"),
    ],
)
def test_impossible_attributes_are_named(changes: dict[str, Any], words: str) -> None:
    """An unknown activation, a missing parameter and an unreachable shift are errors that name the op."""
    with pytest.raises(QuantError, match=words) as error:
        Executor(one_conv(**changes)[0], "reference")
    assert error.value.where == "conv"


@pytest.mark.parametrize(
    ("attrs", "words"),
    [
        ({"fix_point": 200}, "position 200 of conv2d-fix 'conv' is outside"),
        ({"fix_point": -40}, "position -40"),
        ({"fix_point": "four"}, "has no fix position"),
        ({"bit_width": 16}, "no signed 8-bit"),
        ({"if_signed": False}, "no signed 8-bit"),
        ({"round_mode": "DPU_RUOND"}, "no rounding mode"),
    ],
)
def test_impossible_tensors_are_named(attrs: dict[str, Attr], words: str) -> None:
    """A tensor without a possible fix position, of another width or sign, or with an unknown rounding is an error."""
    graph, op = one_conv()
    op.tensor.attrs |= attrs
    with pytest.raises(QuantError, match=words):
        Executor(graph, "reference")


def test_missing_position_and_attribute_are_named() -> None:
    """No `fix_point`, no `kernel` and no parameters are errors that say which op lacks what."""
    graph, op = one_conv()
    del op.tensor.attrs["fix_point"]
    with pytest.raises(QuantError, match="output of conv2d-fix 'conv' has no fix position"):
        Executor(graph, "reference")
    graph, op = one_conv()
    del op.attrs["kernel"]
    with pytest.raises(QuantError, match="conv2d-fix 'conv' lacks its attribute 'kernel'"):
        Executor(graph, "reference")
    graph, _ = one_conv()
    graph.op("w").data = None
    with pytest.raises(QuantError, match="const-fix 'w' holds no int8 codes") as error:
        Executor(graph, "reference")
    assert "REG_0" in error.value.remedy


def test_weights_and_bias_must_fit() -> None:
    """Weights for other channels and a bias of another length are errors, not broadcasts."""
    graph, _ = one_conv()
    graph.op("w").data = np.ones((2, 3, 3, 4), np.int8)
    with pytest.raises(QuantError, match=r"weights \[2, 3, 3, 4\] of conv2d-fix 'conv' do not fit its 3 input channels"):
        Executor(graph, "reference")
    graph, _ = one_conv()
    graph.op("b").data = np.ones(1, np.int8)
    with pytest.raises(QuantError, match="1 bias codes for 2 channels"):
        Executor(graph, "reference")


def test_average_without_padding_counted_is_refused() -> None:
    """The DPU counts padding in; a graph that asks for the other average is refused, not computed wrongly."""
    graph = Graph("net")
    args = {"input": [build.data_fix(graph, "x", (1, 5, 5, 3), 4)]}
    pool = build.fixed(graph, "pool-fix", "pool", args, 4, kernel=[3, 3], stride=[1, 1], pad=[1] * 4, type="AVG")
    pool.attrs["count_include_pad"] = False
    with pytest.raises(QuantError, match="'pool' leaves its padding out"):
        Executor(graph, "reference")


def test_unknown_and_mixed_ops_are_refused() -> None:
    """An op without integer kernel, codes fed to a float op and floats fed to an integer op are errors."""
    graph, op = one_conv()
    build.relu(graph, "relu", op)
    with pytest.raises(QuantError, match="relu 'relu' takes float32 numbers"):
        Executor(graph, "reference")
    graph, op = one_conv()
    op.type = "conv2d-fixx"
    with pytest.raises(QuantError, match="no kernel for conv2d-fixx 'conv'") as error:
        Executor(graph, "reference")
    assert error.value.suggestion == "conv2d-fix"
    graph = Graph("net")
    real = build.data(graph, "x", (1, 4))
    build.fixed(graph, "reshape-fix", "flat", {"input": [real]}, 3, shape=[1, 4])
    with pytest.raises(QuantError, match="reshape-fix 'flat' takes int8 codes"):
        Executor(graph, "reference")


@pytest.mark.parametrize("engine", ["reference", "exact"])
def test_batch_and_keep(engine: str) -> None:
    """A prepared executor serves any batch, each image by itself, and gives out whatever is asked for, constants too."""
    graph, _ = one_conv()
    executor = Executor(graph, engine)
    batch = np.random.default_rng(0).integers(-128, 128, (3, 5, 5, 3)).astype(np.int8)
    got = executor.run({"x": batch}, keep=["x", "w"])
    assert sorted(got) == ["conv", "w", "x"]
    np.testing.assert_array_equal(got["x"], batch)
    np.testing.assert_array_equal(got["w"], graph.op("w").data)
    for i, image in enumerate(batch):
        np.testing.assert_array_equal(executor.run({"x": image[None]})["conv"][0], got["conv"][i])
    got["conv"][:] = 0
    assert executor.run({"x": batch})["conv"].any()


def test_wrong_inputs_are_named() -> None:
    """A missing input, another shape or type and an unknown op to keep are errors."""
    graph, _ = one_conv()
    executor = Executor(graph, "reference")
    for inputs, keep, words in (
        ({}, [], "no value is given for the input 'x'"),
        ({"x": np.ones((1, 5, 4, 3), np.int8)}, [], "not N x 5 x 5 x 3"),
        ({"x": np.ones((0, 5, 5, 3), np.int8)}, [], "not N x 5 x 5 x 3"),
        ({"x": np.ones((1, 5, 5, 3), np.float32)}, [], "holds float32, not int8"),
        (ones(graph), ["convv"], "no op 'convv'"),
    ):
        with pytest.raises(QuantError, match=words):
            executor.run(inputs, keep)


@pytest.mark.parametrize("engine", ["reference", "exact"])
def test_the_processors_part_runs_in_float(engine: str) -> None:
    """`float2fix`, `fix2float` and what lies behind run in float32; upload and download pass codes through; constants can be added."""
    graph = Graph("net")
    fixing = build.fix_attrs(4)
    codes = build.place(graph, "float2fix", "codes", {"input": [build.data(graph, "x", (1, 2, 2, 3))]}, fixing)
    codes.tensor.attrs |= fixing
    up = build.place(graph, "upload", "up", {"input": [codes]})
    up.tensor.attrs |= fixing
    offset = build.const_fix(graph, "offset", np.full((1, 1, 1, 3), 8, np.int8), 4)
    total = build.fixed(graph, "eltwise-fix", "sum", {"input": [up, offset]}, 4, type="ADD", nonlinear="NONE")
    down = build.place(graph, "download", "down", {"input": [total]})
    build.softmax(graph, "softmax", build.place(graph, "fix2float", "real", {"input": [down]}, fixing))
    x = np.random.default_rng(0).normal(size=(2, 2, 2, 3)).astype(np.float32)
    got = run_integer(graph, {"x": x}, engine, keep=["down", "real"])
    np.testing.assert_array_equal(got["down"], quantize(x, 4) + 8)
    np.testing.assert_array_equal(got["real"], got["down"] / np.float32(16))
    powers = np.exp(got["real"])
    np.testing.assert_allclose(got["softmax"], powers / powers.sum(-1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("engine", ["reference", "exact"])
def test_argmax_of_codes(engine: str) -> None:
    """`argmax-fix` takes codes and gives the index of the first greatest one, its axis kept, as int32."""
    graph = Graph("net")
    build.place(graph, "argmax-fix", "best", {"input": [build.data_fix(graph, "x", (1, 1, 2, 4), 3)]}, {"axis": 3})
    codes = np.asarray([[[[-3, 7, 7, 1], [-128, -128, -128, -128]]]], np.int8)
    got = run_integer(graph, {"x": codes}, engine)["best"]
    assert got.dtype == np.int32
    assert got.tolist() == [[[[1], [0]]]]


@pytest.mark.parametrize("kind", ["reduction_mean-fix", "matmul-fix"])
def test_rules_that_nobody_has_published(kind: str) -> None:
    """Ops whose rounding no public source gives are refused by their names, not computed somehow."""
    graph = Graph("net")
    build.data_fix(graph, "x", (1, 2, 2, 3), 4)
    graph.add(Op("y", kind, Tensor("y", (1, 1, 1, 3), attrs=build.fix_attrs(4)), {"axis": [1, 2], "keep_dims": True}, {"input": ["x"]}))
    with pytest.raises(QuantError, match=f"no kernel for {kind} 'y'"):
        Executor(graph)


def test_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long chain keeps only the maps that are still needed: two at a time here."""
    graph = Graph("net")
    last = build.data_fix(graph, "x", (1, 2, 2, 1), 4)
    for i in range(8):
        last = build.fixed(graph, "reshape-fix", f"op{i}", {"input": [last]}, 4, shape=[1, 2, 2, 1])
    most = 0
    execute = Executor._execute

    def watched(self: Executor, op: Op, values: Any, inputs: Any) -> Any:
        nonlocal most
        most = max(most, len(values) + 1)
        return execute(self, op, values, inputs)

    monkeypatch.setattr(Executor, "_execute", watched)
    run_integer(graph, ones(graph), "reference")
    assert most == 2
