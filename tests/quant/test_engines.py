"""Every engine against the reference, bit for bit, and the gates of the fast ones."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from net2bit.errors import ModelError, QuantError, ToolError
from net2bit.quant import engines, kernels_codes, kernels_torch
from net2bit.quant.arith import Act
from net2bit.quant.engines import exact, vnni
from net2bit.quant.executor import Executor
from net2bit.quant.kernels_read import step_of
from net2bit.quant.kernels_steps import Convolution
from net2bit.quant.kernels_window import Window
from net2bit.xir import build
from net2bit.xir.graph import Attr, Graph

REFERENCE = engines.create("reference")
FAST: dict[str, Any] = {"exact": exact.TorchEngine(), "exact without torch": exact.NumpyEngine()}
try:
    FAST["vnni"] = vnni.create()
except ToolError:
    WHY = "this processor cannot run the engine vnni"
else:
    WHY = ""

Codes = NDArray[np.int8]
HYPOTHESIS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def codes(random: np.random.Generator, shape: tuple[int, ...], kind: str) -> Codes:
    """Return codes: all over the range, at its two ends only, or few and small."""
    if kind == "ends":
        return random.choice(np.asarray([-128, 127], np.int8), shape)
    if kind == "small":
        return random.integers(-2, 3, shape).astype(np.int8)
    return random.integers(-128, 128, shape).astype(np.int8)


def agree(graph: Graph, inputs: dict[str, Codes]) -> Codes:
    """Run *graph* on every engine, assert equality and return the output."""
    (wanted,) = Executor(graph, REFERENCE).run(inputs).values()
    for name, engine in FAST.items():
        (got,) = Executor(graph, engine).run(inputs).values()
        assert got.dtype == np.int8
        assert got.flags.c_contiguous
        np.testing.assert_array_equal(got, wanted, err_msg=name)
    return np.asarray(wanted)


PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
SHIFTS = {
    "cut": st.integers(0, 16),
    "raised": st.integers(-10, 14),
    "kind": st.sampled_from(["all", "ends", "small"]),
    "seed": st.integers(0, 9999),
}
ROUNDINGS = st.sampled_from(["DPU_ROUND", "DPU_ROUND", "STD_ROUND", "PY3_ROUND"])
ACTS = st.sampled_from([act.value for act in Act])
CONVOLUTIONS = st.fixed_dictionaries(
    {
        **SHIFTS,
        "type": st.sampled_from(
            ["conv2d-fix", "conv2d-fix", "depthwise-conv2d-fix", "transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"]
        ),
        "kernel": st.tuples(st.integers(1, 5), st.integers(1, 5)),
        "stride": PAIR,
        "dilation": st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 3)]),
        "pad": st.tuples(*[st.integers(0, 3)] * 4),
        "size": st.tuples(st.integers(3, 9), st.integers(3, 9)),
        "channels": st.sampled_from([1, 3, 4, 20]),
        "outputs": st.sampled_from([1, 4, 18]),
        "group": st.sampled_from([1, 1, 2]),
        "batch": st.integers(1, 2),
        "bias": st.booleans(),
        "act": ACTS,
        "rounding": ROUNDINGS,
    }
)


def convolution(case: dict[str, Any]) -> tuple[Graph, dict[str, Codes]]:
    """Build a graph of one convolution; input and weights stand at 5, so that the shifts decide the other positions."""
    random, graph = np.random.default_rng(case["seed"]), Graph("one")
    source = build.data_fix(graph, "x", (1, *case["size"], case["channels"]), 5)
    group = case["group"] if case["type"] == "conv2d-fix" and case["channels"] % 2 == case["outputs"] % 2 == 0 else 1
    outputs = 1 if "depthwise" in case["type"] else case["outputs"]
    weights = codes(random, (outputs, case["kernel"][1], case["kernel"][0], case["channels"] // group), case["kind"])
    made = case["channels"] if "depthwise" in case["type"] else outputs
    args = {"input": [source], "weights": [build.const_fix(graph, "w", weights, 5)]}
    if case["bias"]:
        args["bias"] = [build.const_fix(graph, "b", codes(random, (made,), "all"), 10 - case["raised"])]
    attrs: dict[str, Attr] = {name: list(case[name]) for name in ("kernel", "stride", "dilation", "pad")}
    attrs |= {"group": group} if case["type"] == "conv2d-fix" else {}
    attrs |= {"hsigmoid_in": 10 - case["cut"], "shift_hsigmoid": 16 - case["cut"], "shift_hswish": 6}
    attrs |= {"prelu_in": 77, "prelu_shift": 9, "LEAKYRELU_alpha": 0.1 if case["seed"] % 2 else 26 / 256}
    try:
        op = build.fixed(graph, case["type"], "out", args, 10 - case["cut"], nonlinear=case["act"], **attrs)
        step_of(graph, op)
    except ModelError:
        assume(condition=False)
    except QuantError as error:
        assume("pads more than" not in error.what)
        raise
    op.tensor.attrs["round_mode"] = case["rounding"]
    return graph, {"x": codes(random, (case["batch"], *case["size"], case["channels"]), case["kind"])}


@HYPOTHESIS
@given(case=CONVOLUTIONS)
def test_convolutions_agree(case: dict[str, Any]) -> None:
    """Law: a convolution of any geometry (groups, depthwise, transposed too), shift, activation and rounding is the reference's."""
    agree(*convolution(case))


@HYPOTHESIS
@given(
    kernel=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    stride=PAIR,
    pad=st.tuples(*[st.integers(0, 2)] * 4),
    average=st.booleans(),
    positions=st.tuples(st.integers(-1, 7), st.integers(-1, 9)),
    rounding=ROUNDINGS,
    seed=st.integers(0, 999),
)
def test_pools_agree(**case: Any) -> None:
    """Law: maximum and average pooling of any window, padding and change of position is the reference's."""
    graph, random = Graph("one"), np.random.default_rng(case["seed"])
    source = build.data_fix(graph, "x", (1, 9, 10, 5), case["positions"][0])
    attrs: dict[str, Attr] = {name: list(case[name]) for name in ("kernel", "stride", "pad")}
    op = build.fixed(graph, "pool-fix", "out", {"input": [source]}, case["positions"][1], type="AVG" if case["average"] else "MAX", **attrs)
    op.tensor.attrs["round_mode"] = case["rounding"]
    agree(graph, {"x": codes(random, (2, 9, 10, 5), "ends" if case["seed"] % 3 == 0 else "all")})


@HYPOTHESIS
@given(
    positions=st.lists(st.integers(-2, 12), min_size=1, max_size=4),
    out=st.integers(-2, 9),
    product=st.booleans(),
    act=st.sampled_from(["NONE", "RELU", "RELU6", "LEAKYRELU", "PRELU", "HSIGMOID"]),
    broadcast=st.booleans(),
    rounding=ROUNDINGS,
    seed=st.integers(0, 999),
)
def test_eltwise_agree(**case: Any) -> None:
    """Law: sums and products of one to four maps at any positions, one of them broadcast, are the reference's."""
    graph, random = Graph("one"), np.random.default_rng(case["seed"])
    shapes = [(1, 1, 1, 6) if case["broadcast"] and i else (1, 4, 3, 6) for i, _ in enumerate(case["positions"])]
    sources = [build.data_fix(graph, f"x{i}", shapes[i], position) for i, position in enumerate(case["positions"])]
    attrs: dict[str, Attr] = {"prelu_in": 26, "prelu_shift": 8, "hsigmoid_in": 4, "shift_hsigmoid": 11}
    kind = "MUL" if case["product"] else "ADD"
    op = build.fixed(graph, "eltwise-fix", "out", {"input": sources}, case["out"], type=kind, nonlinear=case["act"], **attrs)
    op.tensor.attrs["round_mode"] = case["rounding"]
    agree(graph, {f"x{i}": codes(random, shape, "all") for i, shape in enumerate(shapes)})


@HYPOTHESIS
@given(
    positions=st.lists(st.integers(-2, 9), min_size=1, max_size=3),
    out=st.integers(-2, 9),
    axis=st.sampled_from([1, 2, 3, -1]),
    factors=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    rounding=ROUNDINGS,
    seed=st.integers(0, 999),
)
def test_moving_ops_agree(**case: Any) -> None:
    """Law: concatenation on any axis, nearest upsampling, reshaping and padding with any change of position are the reference's."""
    graph, random = Graph("one"), np.random.default_rng(case["seed"])
    sources = [build.data_fix(graph, f"x{i}", (1, 3, 4, 5), position) for i, position in enumerate(case["positions"])]
    joined = build.fixed(graph, "concat-fix", "joined", {"input": sources}, case["out"], axis=case["axis"])
    big = build.fixed(graph, "upsample-fix", "big", {"input": [joined]}, 3, mode="NEAREST", scale=[float(f) for f in case["factors"][::-1]])
    for op in (joined, big):
        op.tensor.attrs["round_mode"] = case["rounding"]
    wide = build.fixed(graph, "pad-fix", "wide", {"input": [big]}, 3, paddings=[0, 0, 1, 0, 0, 2, 0, 0], mode="CONSTANT")
    build.fixed(graph, "reshape-fix", "flat", {"input": [wide]}, 3, shape=[1, -1])
    agree(graph, {f"x{i}": codes(random, (2, 3, 4, 5), "all") for i, _ in enumerate(case["positions"])})


@pytest.mark.parametrize("mode", ["BILINEAR", "NEAREST"])
@pytest.mark.parametrize("half", [True, False])
def test_other_resizings_agree(mode: str, *, half: bool) -> None:
    """Bilinear and half-pixel resizing, and downsampling, are the same on every engine."""
    graph = Graph("one")
    source = build.data_fix(graph, "x", (1, 4, 6, 3), 4)
    big = build.fixed(graph, "upsample-fix", "big", {"input": [source]}, 5, mode=mode, scale=[2.0, 2.0], half_pixel_centers=half)
    build.fixed(graph, "downsample-fix", "small", {"input": [big]}, 4, mode="NEAREST", scale=[0.5, 0.25])
    agree(graph, {"x": codes(np.random.default_rng(0), (1, 4, 6, 3), "all")})


def wide(channels: int, sign: int, **more: Any) -> tuple[Graph, dict[str, Codes]]:
    """Build a 1x1 convolution with sums up to `channels * 127 * 127`: two outputs end there, two come back to small numbers."""
    case = {"type": "conv2d-fix", "kernel": (1, 1), "stride": (1, 1), "dilation": (1, 1), "pad": (0,) * 4, "size": (3, 3)}
    case |= {"channels": channels, "outputs": 4, "group": 1, "batch": 1, "bias": True, "act": "NONE", "rounding": "DPU_ROUND"}
    case |= {"cut": 16, "raised": 4, "kind": "ends", "seed": 1, **more}
    graph, inputs = convolution(case)
    weights = graph.op("w")
    assert weights.data is not None
    weights.data[:2] = 127
    half, random = weights.data.shape[3] // 2, np.random.default_rng(0)
    weights.data[2:, ..., :half] = random.integers(100, 128, (*weights.data[2:].shape[:3], half))
    weights.data[2:, ..., half:] = -weights.data[2:, ..., :half]
    inputs["x"][:] = random.integers(120, 128, inputs["x"].shape) * sign
    return graph, inputs


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("channels", [1000, 1024, 1100, 2048, 4100])
@pytest.mark.parametrize(
    "more", [{}, {"act": "LEAKYRELU"}, {"rounding": "PY3_ROUND"}, {"group": 2}, {"type": "transposed-conv2d-fix"}, {"cut": 3}]
)
def test_sums_beyond_float32_agree(channels: int, sign: int, more: dict[str, Any]) -> None:
    """Around and beyond 2**24, where float32 alone would be wrong, every engine still is the reference, one step beside a tie too."""
    agree(*wide(channels, sign, **more))


def spelled(sums: NDArray[np.int64], channels: int) -> Codes:
    """Return inputs `[1, 1, sums, channels + 1]` that weights of 127 (and a last one of 1) turn into exactly these sums."""
    maps, rest = np.zeros((sums.size, channels + 1), np.int8), sums.copy()
    for channel in range(channels):
        maps[:, channel] = np.clip(np.round(rest / 127), -128, 127)
        rest -= 127 * maps[:, channel].astype(np.int64)
    maps[:, -1] = rest
    assert np.abs(rest).max() <= 127
    return maps[None, None]


@pytest.mark.parametrize("bias", [0, 77])
@pytest.mark.parametrize("act", ["NONE", "RELU", "LEAKYRELU"])
@pytest.mark.parametrize("cut", [1, 7, 14, 15, 16])
def test_sums_at_every_tie_agree(cut: int, act: str, bias: int) -> None:
    """At the tie between any two codes, and one accumulator step to its either side, every engine rounds as the reference does."""
    ties = np.arange(-129, 129) * 2**cut + 2 ** (cut - 1)
    sums = (ties[:, None] + np.asarray([-1, 0, 1])).reshape(-1) - bias
    channels = int(np.abs(sums).max() // (127 * 127)) + 1
    inputs, graph = spelled(sums, channels), Graph("ties")
    weights = np.full((2, 1, 1, channels + 1), 127, np.int8)
    weights[..., -1] = 1
    args = {
        "input": [build.data_fix(graph, "x", inputs.shape, 5)],
        "weights": [build.const_fix(graph, "w", weights, 5)],
        "bias": [build.const_fix(graph, "b", np.full(2, bias, np.int8), 10)],
    }
    attrs: dict[str, Attr] = {"kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1], "pad": [0] * 4, "nonlinear": act}
    build.fixed(graph, "conv2d-fix", "out", args, 10 - cut, **attrs)
    got = agree(graph, {"x": inputs})[0, 0, :, 0]
    if act == "NONE":
        below, above = (np.clip(np.arange(-129, 129) + step, -128, 127) for step in (0, 1))
        np.testing.assert_array_equal(got.reshape(-1, 3), np.stack([below, above, above], 1))


def test_the_guard_splits_channels_and_no_more_than_needed() -> None:
    """A layer inside the guard stays whole; beyond it falls into parts that hold it; a depthwise or transposed one goes to float64."""

    def step(channels: int, **more: Any) -> Convolution:
        graph, _ = wide(channels, 1, **more)
        found = step_of(graph, graph.op("out"))
        assert isinstance(found, Convolution)
        return found

    assert len(kernels_codes.parts(step(1000))) == 1
    for channels in (1100, 2048, 4100):
        layer = step(channels)
        split = kernels_codes.parts(layer)
        assert len(split) == -(-layer.reach // 2**24)
        assert all(np.abs(layer.weights[..., part].astype(int)).sum((1, 2, 3)).max() * 128 <= 2**24 for part in split)
        assert sum(part.stop - part.start for part in split) == channels
    assert kernels_codes.parts(step(2100, type="transposed-conv2d-fix")) == []


def test_float32_would_be_wrong_without_the_guard() -> None:
    """The cases above do need the guard: plain float32 sums of such a layer, which come back from beyond 2**24, are off."""
    graph, inputs = wide(20000, 1)
    step = step_of(graph, graph.op("out"))
    assert isinstance(step, Convolution)
    assert isinstance(step.geometry, Window)
    sums = [
        kernels_torch.convolve_arrays(inputs["x"].astype(t), step.weights.astype(t), None, step.geometry) for t in (np.float32, np.float64)
    ]
    assert np.abs(sums[1][..., 2:]).max() < 2**24
    assert (sums[0] != sums[1])[..., 2:].any()


@pytest.mark.skipif(bool(WHY), reason=WHY or "it runs")
def test_vnni_is_used_where_it_is_exact_and_only_there() -> None:
    """Layers go to 8-bit products exactly when float32 can hold their tail; the limits are met from both sides."""

    def fits(channels: int, **more: Any) -> bool:
        graph, _ = wide(channels, 1, **more)
        step = step_of(graph, graph.op("out"))
        return isinstance(step, Convolution) and vnni.eligible(step)

    assert fits(64, cut=15)
    assert fits(64, cut=0)
    assert fits(64, cut=12, act="HSWISH")
    assert fits(4100, cut=15)
    assert not fits(64, cut=16)
    assert not fits(64, act="LEAKYRELU", cut=9)
    assert not fits(64, rounding="PY3_ROUND", cut=9)
    assert not fits(4100, cut=3, raised=12)
    assert not fits(64, type="transposed-conv2d-fix", cut=9)


@pytest.mark.skipif(bool(WHY), reason=WHY or "it runs")
def test_vnni_refuses_a_layer_that_computes_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof of each packed layer catches a wrong sum, and says where and what to do."""
    slide = vnni._Layer.slide

    def off_by_one(self: Any, x: Any, window: Any) -> Any:
        made = slide(self, x, window)
        made[0, 0, 0, -1] += 1
        return made

    monkeypatch.setattr(vnni._Layer, "slide", off_by_one)
    with pytest.raises(ToolError, match=r"1 of \d+ test values differ") as error:
        vnni.create()
    assert "self-test" in error.value.where
    assert "verify.engine=exact" in error.value.remedy


@pytest.mark.skipif(bool(WHY), reason=WHY or "it runs")
@pytest.mark.parametrize("saturating", ["AVX2", "AVX512_CORE"])
def test_vnni_refuses_instructions_that_saturate(saturating: str) -> None:
    """Where oneDNN falls back to 16-bit pair sums, which saturate silently, the self-test notices and the engine refuses."""
    script = "from net2bit.quant import engines\nengines.create('vnni')"
    environ = {**os.environ, "ONEDNN_MAX_CPU_ISA": saturating, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert "ToolError: 8-bit convolutions are not exact on this machine" in done.stderr


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (("torch.__version__", "2.14.1"), "and this is 2.14.1"),
        (("torch.cpu._is_vnni_supported", lambda: False), "no 8-bit dot products"),
    ],
)
def test_vnni_is_gated(monkeypatch: pytest.MonkeyPatch, patch: tuple[str, Any], words: str) -> None:
    """Another torch release or a processor without VNNI is refused with the reason and the remedy."""
    monkeypatch.setattr(*patch)
    with pytest.raises(ToolError, match=words) as error:
        vnni.create()
    assert "verify.engine=exact" in error.value.remedy


def test_exact_refuses_reduced_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should torch's float32 not add whole numbers exactly, the engine says so instead of computing."""
    plain = kernels_torch.convolve_arrays

    def coarse(x: Any, *others: Any) -> Any:
        made = plain(x, *others)
        return made.astype(np.float16).astype(x.dtype) if x.dtype == np.float32 else made

    monkeypatch.setattr(kernels_torch, "convolve_arrays", coarse)
    kernels_torch.trust.cache_clear()
    with np.errstate(over="ignore"), pytest.raises(ToolError, match="not exact with its present settings"):
        exact.create()
    kernels_torch.trust.cache_clear()


def test_exact_runs_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch is not installed, the default engine is numpy's, and vnni says what it lacks."""
    for name in ("net2bit.quant.kernels_codes", "net2bit.quant.kernels_torch", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("net2bit.quant.kernels_codes")
    monkeypatch.delattr("net2bit.quant.kernels_torch")
    assert isinstance(exact.create(), exact.NumpyEngine)
    with pytest.raises(ToolError, match="needs torch"):
        vnni.create()


def test_importing_the_executor_imports_no_torch() -> None:
    """The executor, its listing of engines and the reference engine cost no import of torch."""
    script = (
        "import sys\nfrom net2bit.quant import engines, executor, floating\nengines.create('reference')\nengines.available()\n"
        "assert not {'torch', 'tensorflow'} & set(sys.modules)"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_engines_are_found_by_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file put into the folder is an engine; an unknown name is an error with the near miss."""
    (tmp_path / "handmade.py").write_text("def create():\n    return 'mine'\n")
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    assert engines.available() == ["exact", "handmade", "reference", "vnni"]
    assert engines.create("handmade") == "mine"
    monkeypatch.delitem(sys.modules, "net2bit.quant.engines.handmade")
    with pytest.raises(QuantError, match="no engine 'referense'") as error:
        engines.create("referense")
    assert error.value.suggestion == "reference"


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing(threads: int) -> None:
    """The codes do not depend on how many threads compute them."""
    graph, inputs = wide(1100, 1, size=(20, 20), kernel=(3, 3))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        agree(graph, inputs)
    finally:
        torch.set_num_threads(before)
