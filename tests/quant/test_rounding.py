"""Adaptive rounding: never worse for a layer, better than the nearest codes for a network."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quant_nets import Net, Stages, images, residual, unet
from test_bias import quantized

from net2bit.quant import calibrate, quantize, rounding
from net2bit.quant.floating import run_float
from net2bit.quant.quantize import constant
from net2bit.quant.rounding import adapt, drawn, improve, samples, suits
from net2bit.quant.snr import layer_snr
from net2bit.quant.strip import strip
from net2bit.quant.walk import Walk
from net2bit.xir import build
from net2bit.xir.graph import Graph


def rounded(graph: Graph, made: Graph) -> list[rounding.Rounded]:
    """Round all layers of *made* anew, in place."""
    walk = Walk(graph, made, images(16, seed=11))
    return [improve(walk, layer) for layer in walk if suits(walk, layer.point)]


def problem(seed: int, groups: int, size: int, outputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return correlated inputs, columns, and the outputs they make."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(groups, size, size)) + 1.0
    inputs = np.maximum(random.normal(size=(groups, 300, size)) @ mixing, 0).astype(np.float32)
    columns = random.normal(size=(groups, outputs, size))
    return inputs, columns, (inputs @ np.swapaxes(columns, 1, 2)).astype(np.float32)


# Of one output alone the error may double: greedy codes gain on the average. From 8 outputs on none of 2,898 problems was worse.
@given(st.integers(0, 200), st.integers(1, 3), st.integers(1, 90), st.integers(8, 12))
def test_codes_are_whole_and_no_worse_than_the_nearest(seed: int, groups: int, size: int, outputs: int) -> None:
    """Law: the codes are int8, and summed over the outputs their error does not exceed that of the nearest codes by more than chance."""
    inputs, columns, wanted = problem(seed, groups, size, outputs)
    steps = np.full(size, 1 / 16)
    codes = adapt(inputs, wanted, columns, steps, bias=False)
    nearest = np.clip(np.rint(columns / steps), -128, 127)

    def error(found: np.ndarray) -> float:
        return float(np.sum(np.square(inputs @ np.swapaxes(found * steps, 1, 2) - wanted)))

    assert np.array_equal(codes, np.clip(np.rint(codes), -128, 127))
    assert error(codes) <= 1.1 * error(nearest) + 1e-6


def test_correlated_inputs_gain_several_times() -> None:
    """On inputs as correlated as an image's the error is a fraction of the nearest codes'."""
    ratios = []
    for seed in range(10):
        inputs, columns, wanted = problem(seed, 1, 60, 4)
        found, nearest = adapt(inputs, wanted, columns, np.full(60, 0.25), bias=False), np.rint(columns / 0.25)
        errors = [np.sum(np.square(inputs @ np.swapaxes(codes * 0.25, 1, 2) - wanted)) for codes in (found, nearest)]
        ratios.append(errors[0] / errors[1])
    assert np.mean(ratios) < 0.5


def test_a_coarse_bias_is_made_up_for_by_the_weights() -> None:
    """The bias is rounded first, and the weights take over what its coarse step leaves."""
    random = np.random.default_rng(0)
    inputs = np.concatenate([np.abs(random.normal(size=(1, 400, 20))), np.ones((1, 400, 1))], axis=2).astype(np.float32)
    columns = np.append(random.normal(size=20), 0.5)[None, None]
    wanted = (inputs @ np.swapaxes(columns, 1, 2)).astype(np.float32)
    steps = np.append(np.full(20, 1 / 64), 1.0)
    codes = adapt(inputs, wanted, columns, steps, bias=True)
    off = inputs @ np.swapaxes(codes * steps, 1, 2) - wanted
    assert abs(float(off.mean())) < 0.05


@pytest.mark.parametrize("make", [unet, residual])
def test_layers_and_networks_gain(make: type) -> None:
    """No layer's error grows on the images, and over networks the output gains decibels on other images."""
    gains = []
    for seed in range(4):
        graph = make(seed, 2.0)
        made = quantized(graph)
        before = layer_snr(graph, made, images(8, seed=12))[-1].sqnr_db
        done = rounded(graph, made)
        assert all(one.after <= one.before for one in done)
        gains.append((layer_snr(graph, made, images(8, seed=12))[-1].sqnr_db or 0) - (before or 0))
    assert np.mean(gains) > 0.5


def test_positions_stay_and_numbers_stay_int8() -> None:
    """Only codes change: every parameter is still a whole multiple of the same step, within int8."""
    graph = residual(1, 3.0)
    made = quantized(graph)
    before = strip(made).positions
    rounded(graph, made)
    after = strip(made).positions
    assert after == before
    for op in made.of_type("const"):
        codes = np.ldexp(constant(made, op.name).astype(np.float64), after[op.name])
        assert np.array_equal(codes, np.clip(np.rint(codes), -128, 127))


def test_windows_are_what_the_convolution_sees() -> None:
    """Sampled windows times the weights are the convolution's output there, stride, dilation and padding included."""
    net = Net()
    op = build.conv2d(net.graph, "conv", net.image, net.weights(5, 3, 2, 3), pad=[1, 0, 2, 1], stride=[2, 1], dilation=[1, 2])
    layer = next(layer for layer in Walk(net.graph, quantized(net.graph), images(2)) if layer.point.name == "conv")
    taps, outputs = samples(op, layer)
    found = run_float(net.graph, {"image": layer.sources[0]})["conv"].reshape(-1, 5)[drawn(len(taps))]
    assert np.allclose(np.einsum("ntc,otc->no", taps, constant(net.graph, "conv_weights").reshape(5, 6, 3)), found, atol=1e-5)
    assert np.array_equal(outputs, layer.plain.reshape(-1, 5)[drawn(len(taps))])


def test_places_are_spread_evenly() -> None:
    """Sampled places lie within bounds, and no stretch of the images is left out."""
    at = drawn(1_000_000)
    assert at.min() >= 0
    assert at.max() < 1_000_000
    assert np.diff(np.sort(at)).max() < 4 * 1_000_000 / len(at)


def test_stage_gives_the_same_bytes_and_says_what_it_gained(tmp_path: Path) -> None:
    """The stage is deterministic, and its metric says by how much the layers' errors shrank."""
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        stages = Stages(tmp_path / name, unet(7, 2.0))
        stages.run(calibrate.run, "positions.json", "float.xmodel", "dataset.h5")
        stages.run(quantize.run, "int.xmodel", "float.xmodel", "positions.json")
        made.append(stages.run(rounding.run, "int.xmodel", "int.xmodel", "float.xmodel", "dataset.h5"))
    assert made[0].read_bytes() == made[1].read_bytes()
    assert stages.metric("error_ratio") < 1
    assert stages.metric("layers") == 7
