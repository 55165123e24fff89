"""Bias correction, and the walk through both networks that it rests on."""

from pathlib import Path

import numpy as np
import pytest
from quant_nets import Stages, images, residual, unet

from net2bit.quant import bias, calibrate, quantize, walk
from net2bit.quant.arith import Rounding
from net2bit.quant.calibrate import Collector, entries
from net2bit.quant.floating import run_float
from net2bit.quant.points import find
from net2bit.quant.quantize import constant, fake_quantize
from net2bit.quant.snr import layer_snr
from net2bit.quant.walk import Walk, part, room
from net2bit.xir.access import number
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read


def quantized(graph: Graph) -> Graph:
    """Quantize a network, calibrated on random images."""
    collector = Collector(find(graph), "min_error", Rounding.HALF_UP)
    collector.see(run_float(graph, {"image": images(8, seed=11)}, collector.watched))
    positions = {name: entry.position for name, entry in entries(graph, collector, Rounding.HALF_EVEN).items()}
    return fake_quantize(graph, positions, Rounding.HALF_EVEN)


def corrected(graph: Graph, made: Graph) -> list[bias.Corrected]:
    """Correct the biases of *made* in place."""
    steps = Walk(graph, made, images(8, seed=11))
    return [bias.correct(steps, layer) for layer in steps if layer.point.bias]


@pytest.mark.parametrize("make", [unet, residual])
def test_walking_computes_what_running_computes(make: type) -> None:
    """Law: layer by layer, both networks compute what they compute as a whole."""
    graph = make(3, 2.0)
    made, batch = quantized(graph), images(3, seed=4)
    heads = [point.head for point in find(graph).values()]
    plain, fixed = run_float(graph, {"image": batch}, heads), run_float(made, {"image": batch}, heads)
    for layer in Walk(graph, made, batch):
        assert np.allclose(layer.plain, plain[layer.point.head], atol=1e-5)
        assert np.allclose(layer.fixed, fixed[layer.point.head], atol=1e-6)


def test_walking_forgets_what_nobody_reads_any_more() -> None:
    """Memory holds only tensors that a later layer reads."""
    graph = unet()
    steps = Walk(graph, quantized(graph), images(2))
    for layer in steps:
        if layer.point.name == "deep2_relu":
            assert set(steps.live) == {"enc2_relu", "deep1_relu"}


@pytest.mark.parametrize("make", [unet, residual])
def test_mean_errors_shrink_and_the_output_gains(make: type) -> None:
    """Averaged over networks, the channels' mean errors shrink to about the bias's step and the output's SQNR rises."""
    before, after, gains = [], [], []
    for seed in range(6):
        graph = make(seed, 4.0)
        made = quantized(graph)
        start = layer_snr(graph, made, images(8, seed=12))[-1].sqnr_db
        done = corrected(graph, made)
        gains.append((layer_snr(graph, made, images(8, seed=12))[-1].sqnr_db or 0) - (start or 0))
        before.append(np.mean([one.before for one in done]))
        after.append(np.mean([one.after for one in done]))
    assert np.mean(after) < 0.6 * np.mean(before)
    assert np.mean(gains) > 0.1


def test_new_biases_are_int8_numbers_at_a_position_that_holds_them() -> None:
    """A corrected bias is a multiple of its step within int8; its position becomes coarser where it needs the room."""
    graph = unet(5)
    made = quantized(graph)
    op = made.op("dec_bias")
    op.data = np.ldexp(np.full(4, 127.0, np.float32), -number(made.op("dec_bias_fix"), "fix_point"))
    layer_bias = constant(graph, "dec_bias")
    graph.op("dec_bias").data = (op.data * 1.5).astype(np.float32)
    at = number(made.op("dec_bias_fix"), "fix_point")
    corrected(graph, made)
    position = number(made.op("dec_bias_fix"), "fix_point")
    codes = np.ldexp(constant(made, "dec_bias"), position)
    assert position < at
    assert np.array_equal(codes, np.rint(codes))
    assert np.abs(codes).max() <= 128
    assert layer_bias.shape == codes.shape


def test_a_part_of_a_network_computes_what_the_whole_does() -> None:
    """Cutting out what lies between two tensors keeps its function."""
    graph, batch = unet(), images(2)
    whole = run_float(graph, {"image": batch}, ["enc2_relu", "deep2_relu"])
    cut = part(graph, ["enc2_relu"], "deep2_relu")
    assert [op.name for op in cut.inputs()] == ["enc2_relu"]
    assert np.array_equal(run_float(cut, {"enc2_relu": whole["enc2_relu"]})["deep2_relu"], whole["deep2_relu"])


def test_memory_bounds_the_number_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many images are walked as fit in memory, at least one and never more than enough."""
    graph = unet()
    assert room(graph) == walk.ENOUGH
    monkeypatch.setattr(walk, "LIVE_BYTES", 3 * 2 * 4 * 8 * 8 * 16)  # three images with 16 channels in both forms
    assert room(graph) == 3
    monkeypatch.setattr(walk, "LIVE_BYTES", 1)
    assert room(graph) == 1


def test_stages_in_a_row_give_the_same_bytes(tmp_path: Path) -> None:
    """Calibrate, quantize and correct: the same inputs give the same files, and the correction says what it did."""
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        stages = Stages(tmp_path / name, unet(7, 4.0))
        stages.run(calibrate.run, "positions.json", "float.xmodel", "dataset.h5")
        stages.run(quantize.run, "int.xmodel", "float.xmodel", "positions.json")
        made.append(stages.run(bias.run, "int.xmodel", "int.xmodel", "float.xmodel", "dataset.h5"))
    assert made[0].read_bytes() == made[1].read_bytes()
    assert stages.metric("mean_error_after") < stages.metric("mean_error_before")
    assert read(made[0]).attrs["return_ops"] == ["head_fix"]
