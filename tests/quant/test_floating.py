"""The float executor against plain loops and against torch."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional

from net2bit.errors import ModelError, QuantError
from net2bit.quant import floating
from net2bit.quant.floating import FloatExecutor, run_float
from net2bit.xir import build
from net2bit.xir.graph import Graph, Op, Tensor

Array = NDArray[Any]


def one_input(shape: tuple[int, ...], seed: int = 0) -> tuple[Graph, Op, Array]:
    """Return a graph with an input called x, and values for it."""
    graph = Graph("net")
    source = build.data(graph, "x", (1, *shape[1:]))
    return graph, source, np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def loops(x: Array, weights: Array, attrs: dict[str, list[int]], out: tuple[int, int]) -> Array:
    """Convolve by the definition, one multiplication at a time (OHWI; groups follow from the shapes)."""
    (sw, sh), (dw, dh), (left, _, top, _) = attrs["stride"], attrs["dilation"], attrs["pad"]
    outputs, kernel_h, kernel_w, fan = weights.shape
    per = outputs // (x.shape[3] // fan)
    made = np.zeros((x.shape[0], *out, outputs))
    for n, h, w, o, i, j in np.ndindex(x.shape[0], *out, outputs, kernel_h, kernel_w):
        row, column = h * sh + i * dh - top, w * sw + j * dw - left
        if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
            first = o // per * fan
            made[n, h, w, o] += x[n, row, column, first : first + fan] @ weights[o, i, j]
    return made


WINDOWS = st.fixed_dictionaries(
    {
        "kernel": st.tuples(st.integers(1, 4), st.integers(1, 4)),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "dilation": st.tuples(st.integers(1, 2), st.integers(1, 2)),
        "pad": st.tuples(*[st.integers(0, 2)] * 4),
        "group": st.sampled_from([1, 2]),
        "seed": st.integers(0, 999),
    }
)


@pytest.mark.parametrize("with_torch", [True, False])
@settings(max_examples=25, deadline=None)
@given(case=WINDOWS)
def test_convolution_is_its_definition(case: dict[str, Any], *, with_torch: bool) -> None:
    """Law: any kernel, stride, dilation, uneven padding and grouping gives the sums of the definition, with torch and without."""
    graph, source, x = one_input((2, 9, 8, 4), case["seed"])
    weights = np.random.default_rng(case["seed"] + 1).normal(size=(6, case["kernel"][1], case["kernel"][0], 4 // case["group"]))
    attrs = {name: list(case[name]) for name in ("stride", "dilation", "pad")}
    op = build.conv2d(graph, "conv", source, weights, np.arange(6.0), group=case["group"], **attrs)
    executor = FloatExecutor(graph)
    if not with_torch:
        executor._torch = None
    got = executor.run({"x": x})["conv"]
    wanted = loops(x, weights, attrs, (op.tensor.shape[1], op.tensor.shape[2])) + np.arange(6.0)
    np.testing.assert_allclose(got, wanted, atol=1e-4)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_channel_order(multiplier: int) -> None:
    """Output channel `c * multiplier + m` of a depthwise convolution is made of input channel c alone."""
    graph, source, x = one_input((1, 5, 5, 3))
    weights = np.random.default_rng(1).normal(size=(multiplier, 3, 3, 3)).astype(np.float32)
    build.depthwise_conv2d(graph, "depth", source, weights, pad=[1, 1, 1, 1])
    kernels = torch.from_numpy(weights.transpose(3, 0, 1, 2).reshape(3 * multiplier, 1, 3, 3))
    wanted = functional.conv2d(torch.from_numpy(x).permute(0, 3, 1, 2), kernels, padding=1, groups=3)
    np.testing.assert_allclose(run_float(graph, {"x": x})["depth"], wanted.permute(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize("with_torch", [True, False])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "mode"), [(2, 2, 0, "FLOOR"), (3, 2, 1, "FLOOR"), (4, 3, 1, "FLOOR"), (3, 2, 0, "SAME"), (2, 3, 0, "SAME")]
)
def test_transposed_convolution_spreads_its_input(kernel: int, stride: int, pad: int, mode: str, *, with_torch: bool) -> None:
    """A transposed convolution is an ordinary one over the input spread with zeros, padded by kernel - 1 - pad."""
    graph, source, x = one_input((2, 4, 5, 3))
    weights = np.random.default_rng(2).normal(size=(4, kernel, kernel, 3))
    op = build.transposed_conv2d(graph, "up", source, weights, np.ones(4), stride=[stride] * 2, pad=[pad] * 4, pad_mode=mode)
    executor = FloatExecutor(graph)
    if not with_torch:
        executor._torch = None
    wide = np.zeros((2, 3 * stride + 1, 4 * stride + 1, 3))
    wide[:, ::stride, ::stride] = x
    before = -(-(kernel + stride - 2) // 2) if mode == "SAME" else kernel - 1 - pad
    attrs = {"stride": [1, 1], "dilation": [1, 1], "pad": [before] * 4}
    wanted = loops(wide, weights, attrs, (op.tensor.shape[1], op.tensor.shape[2])) + 1
    np.testing.assert_allclose(executor.run({"x": x})["up"], wanted, atol=1e-4)


def test_transposed_convolution_equals_torch_turned() -> None:
    """With the kernel turned by 180 degrees it is torch's conv_transpose2d, which the converters rely on."""
    graph, source, x = one_input((1, 4, 4, 3))
    kernel = np.random.default_rng(3).normal(size=(3, 2, 3, 3)).astype(np.float32)  # torch: in, out, h, w
    weights = kernel[:, :, ::-1, ::-1].transpose(1, 2, 3, 0)
    build.transposed_conv2d(graph, "up", source, weights, stride=[2, 2], pad=[1, 1, 1, 1])
    wanted = functional.conv_transpose2d(torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(kernel), stride=2, padding=1)
    np.testing.assert_allclose(run_float(graph, {"x": x})["up"], wanted.permute(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize("include", [True, False])
def test_average_counts_padding_as_the_attribute_says(include: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """`count_include_pad` decides whether padded zeros are averaged in, as in torch."""
    graph, source, x = one_input((1, 6, 6, 2))
    build.avgpool2d(graph, "pool", source, (3, 3), stride=[2, 2], pad=[1, 1, 1, 1], count_include_pad=include)
    wanted = functional.avg_pool2d(torch.from_numpy(x).permute(0, 3, 1, 2), 3, 2, 1, count_include_pad=include)
    np.testing.assert_allclose(run_float(graph, {"x": x})["pool"], wanted.permute(0, 2, 3, 1), atol=1e-6)


def test_average_of_a_window_hanging_over() -> None:
    """Pad mode CEIL keeps a window that hangs over the end; `count_include_invalid` false averages only what it covers, as torch does."""
    graph, source, x = one_input((1, 5, 5, 2))
    pool = build.avgpool2d(graph, "pool", source, (2, 2), pad_mode="CEIL", count_include_invalid=False)
    assert pool.tensor.shape == (1, 3, 3, 2)
    wanted = functional.avg_pool2d(torch.from_numpy(x).permute(0, 3, 1, 2), 2, 2, ceil_mode=True)
    np.testing.assert_allclose(run_float(graph, {"x": x})["pool"], wanted.permute(0, 2, 3, 1), atol=1e-6)


def test_maximum_ignores_padding() -> None:
    """Padding never wins a maximum, also where all numbers are negative; a global pool takes the whole map."""
    graph, source, x = one_input((2, 5, 6, 3))
    build.maxpool2d(graph, "pool", source, (3, 3), stride=[2, 2], pad=[1, 1, 1, 1])
    build.maxpool2d(graph, "whole", source, (1, 1), **{"global": True})
    got = run_float(graph, {"x": -np.abs(x)})
    wanted = functional.max_pool2d(torch.from_numpy(-np.abs(x)).permute(0, 3, 1, 2), 3, 2, 1).permute(0, 2, 3, 1)
    np.testing.assert_array_equal(got["pool"], wanted)
    np.testing.assert_array_equal(got["whole"], (-np.abs(x)).max((1, 2), keepdims=True))


@pytest.mark.parametrize(
    ("mode", "attrs", "wanted"),
    [
        ("NEAREST", {}, {"mode": "nearest"}),
        ("NEAREST", {"half_pixel_centers": True}, {"mode": "nearest-exact"}),
        ("BILINEAR", {"half_pixel_centers": True}, {"mode": "bilinear", "align_corners": False}),
        ("BILINEAR", {"align_corners": True}, {"mode": "bilinear", "align_corners": True}),
    ],
)
def test_resize_agrees_with_torch(mode: str, attrs: dict[str, bool], wanted: dict[str, Any]) -> None:
    """Nearest and bilinear resizing, with the options that torch has too, give torch's pictures."""
    graph, source, x = one_input((1, 4, 5, 3))
    build.resize(graph, "big", source, (3.0, 2.0), mode, **attrs)
    other = functional.interpolate(torch.from_numpy(x).permute(0, 3, 1, 2), (8, 15), **wanted)
    np.testing.assert_allclose(run_float(graph, {"x": x})["big"], other.permute(0, 2, 3, 1), atol=1e-5)


def test_fix_rounds_by_its_mode() -> None:
    """A `fix` op scales, rounds by its `round_mode`, clamps to its width and sign, and scales back."""
    graph = Graph("net")
    source = build.data(graph, "x", (1, 6))
    for name, mode in (("up", "DPU_ROUND"), ("away", "STD_ROUND"), ("even", "PY3_ROUND")):
        build.fix(graph, name, source, 1, round_mode=mode)
    build.fix(graph, "plain", source, 1, signed=False)
    got = run_float(graph, {"x": np.asarray([[0.25, -0.25, 0.75, -0.75, 100, -100]], np.float32)})
    assert got["up"].tolist() == [[0.5, 0, 1, -0.5, 63.5, -64]]
    assert got["away"].tolist() == [[0.5, -0.5, 1, -1, 63.5, -64]]
    assert got["even"].tolist() == [[0, 0, 1, -1, 63.5, -64]]
    assert got["plain"].tolist() == [[0.5, 0, 1, 0, 100, 0]]


def test_pointwise_ops() -> None:
    """Activations, normalization and products compute their formulas in float32."""
    graph, source, x = one_input((2, 3, 3, 4))
    channels = {name: np.asarray([0.5, 1, 2, 4]) for name in ("gamma", "beta", "moving_mean", "moving_var")}
    build.batchnorm(graph, "bn", source, channels, 1e-3)
    for kind in ("sigmoid", "tanh", "swish", "hard-sigmoid", "hard-swish", "relu6"):
        build.place(graph, kind, kind, {"input": [source]})
    build.leaky_relu(graph, "leaky", source)
    build.softmax(graph, "softmax", source)
    build.inner_product(graph, "dense", source, np.ones((5, 36)), np.arange(5.0))
    build.reduction_mean(graph, "mean", source)
    got = run_float(graph, {"x": x})
    t = torch.from_numpy(x)
    for name, wanted in {
        "bn": (t - torch.tensor([0.5, 1, 2, 4])) / torch.sqrt(torch.tensor([0.5, 1, 2, 4]) + 1e-3) * torch.tensor([0.5, 1, 2, 4])
        + torch.tensor([0.5, 1, 2, 4]),
        "sigmoid": torch.sigmoid(t),
        "tanh": torch.tanh(t),
        "swish": functional.silu(t),
        "hard-sigmoid": functional.hardsigmoid(t),
        "hard-swish": functional.hardswish(t),
        "relu6": functional.relu6(t),
        "leaky": functional.leaky_relu(t, 26 / 256),
        "softmax": torch.softmax(t, -1),
        "dense": t.reshape(2, -1).sum(1, keepdim=True) + torch.arange(5.0),
        "mean": t.mean((1, 2), keepdim=True),
    }.items():
        assert got[name].dtype == np.float32, name
        np.testing.assert_allclose(got[name], wanted, atol=2e-5, err_msg=name)


def test_shape_ops_take_any_batch() -> None:
    """Reshape, flatten, transpose, slice, pad, concat and stack work on more images than the graph was built for."""
    graph, source, x = one_input((3, 2, 4, 2))
    flat = build.place(graph, "flatten", "flat", {"input": [source]}, {"start_axis": 1, "end_axis": 3})
    build.reshape(graph, "back", flat, (1, 2, 4, 2))
    build.place(graph, "transpose", "turned", {"input": [source]}, {"order": [0, 2, 1, 3]})
    build.place(graph, "strided_slice", "part", {"input": [source]}, {"begin": [0, 0, 1, 0], "end": [1, 2, 4, 2], "strides": [1, 1, 2, 1]})
    build.pad(graph, "wide", source, [0, 0, 1, 0, 0, 2, 0, 0])
    build.concat(graph, "pair", source, source)
    got = run_float(graph, {"x": x}, keep=["flat", "x"])
    np.testing.assert_array_equal(got["back"], x)
    np.testing.assert_array_equal(got["x"], x)
    assert {name: value.shape for name, value in got.items()} == {
        "x": (3, 2, 4, 2),
        "flat": (3, 16),
        "back": (3, 2, 4, 2),
        "turned": (3, 4, 2, 2),
        "part": (3, 2, 2, 2),
        "wide": (3, 3, 6, 2),
        "pair": (3, 2, 4, 4),
    }


def test_mistakes_are_named() -> None:
    """A missing input, a wrong shape or type, an unknown op to keep and an op without kernel say what and where."""
    graph, source, x = one_input((1, 4, 4, 3))
    build.relu(graph, "relu", source)
    for inputs, keep, words in (
        ({}, [], "no value is given for the input 'x'"),
        ({"x": x[:, :3]}, [], "not N x 4 x 4 x 3"),
        ({"x": x.astype(np.int8)}, [], "int8"),
        ({"x": x}, ["rellu"], "no op 'rellu'"),
    ):
        with pytest.raises(QuantError, match=words):
            run_float(graph, inputs, keep)
    graph.add(Op("odd", "reluu", Tensor("odd", (1, 4, 4, 3)), args={"input": ["x"]}))
    with pytest.raises(QuantError, match="no kernel for reluu 'odd'") as error:
        run_float(graph, {"x": x})
    assert error.value.suggestion == "relu"


def test_impossible_window_is_an_error() -> None:
    """A convolution whose attributes do not lead to its tensor's size names the op."""
    graph, source, x = one_input((1, 6, 6, 3))
    op = build.conv2d(graph, "conv", source, np.zeros((2, 3, 3, 3)))
    op.tensor.shape = (1, 9, 9, 2)
    with pytest.raises(ModelError, match="conv2d 'conv' cannot make 9 x 9"):
        run_float(graph, {"x": x})


def test_quantized_sums_beyond_float32_run_in_float64() -> None:
    """A fake-quantized convolution whose sums leave float32's whole numbers is still exact."""
    graph = Graph("net")
    source = build.fix(graph, "x_fix", build.data(graph, "x", (1, 4, 4, 2048)), 0)
    weights = build.fix(graph, "w", build.const(graph, "weights", np.full((1, 1, 1, 2048), 127.0)), 0)
    build.conv2d(graph, "conv", source, weights)
    x = np.full((1, 4, 4, 2048), 127, np.float32)
    x[..., 0] = 1
    got = FloatExecutor(graph)._execute(graph.op("conv"), {"x_fix": x, "w": np.full((1, 1, 1, 2048), 127, np.float32)})
    assert got.dtype == np.float64
    assert got[0, 0, 0, 0] == 127 * (127 * 2047 + 1)


def test_positions_follow_what_only_moves() -> None:
    """Positions pass through pooling and concatenation, mixed ones as the finest, and end at an op that computes."""
    graph = Graph("net")
    x = build.data(graph, "x", (1, 4, 4, 2))
    a, b = build.fix(graph, "a", x, 3), build.fix(graph, "b", x, 5)
    build.relu(graph, "sum", build.concat(graph, "both", build.relu(graph, "r", a), b))
    build.conv2d(graph, "conv", b, np.zeros((1, 1, 1, 2)))
    found = floating.positions(graph)
    assert {name: found[name] for name in ("x", "a", "both", "sum", "conv")} == {"x": None, "a": 3, "both": 5, "sum": 5, "conv": None}
