"""Equalization: the function stays, the ranges come together, quantizing costs less."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quant_nets import Net, Stages, images, residual, unet

from net2bit.errors import QuantError
from net2bit.quant import equalize as module
from net2bit.quant.arith import Rounding
from net2bit.quant.calibrate import Collector, entries
from net2bit.quant.channels import trace
from net2bit.quant.equalize import Statistics, best, departure, equalize
from net2bit.quant.floating import run_float
from net2bit.quant.points import find
from net2bit.quant.quantize import constant, fake_quantize
from net2bit.quant.snr import layer_snr
from net2bit.quant.trial import Trial
from net2bit.xir import build
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read


def equalized(graph: Graph) -> Graph:
    """Equalize a network on random images."""
    statistics = Statistics(graph)
    statistics.see(images(8, seed=11))
    return equalize(graph, statistics)


def output_snr(graph: Graph, plain: Graph) -> float:
    """Return the SQNR, in dB, of the quantized *graph*'s output against the float network *plain*."""
    collector = Collector(find(graph), "min_error", Rounding.HALF_UP)
    collector.see(run_float(graph, {"image": images(8, seed=11)}, collector.watched))
    positions = {name: entry.position for name, entry in entries(graph, collector, Rounding.HALF_EVEN).items()}
    found = layer_snr(plain, fake_quantize(graph, positions, Rounding.HALF_EVEN), images(8, seed=12))[-1].sqnr_db
    assert found is not None
    return found


@pytest.mark.parametrize("make", [unet, residual])
@given(seed=st.integers(0, 1000), spread=st.sampled_from([1.0, 3.0, 10.0]))
@settings(max_examples=10)
def test_equalizing_keeps_the_function(make: type, seed: int, spread: float) -> None:
    """Law: whatever the weights' scales, the equalized network computes the same outputs up to float32 rounding."""
    graph = make(seed, spread)
    assert departure(graph, equalized(graph), images(2, seed=seed)) < 1e-5


def test_given_network_is_not_changed() -> None:
    """Equalizing makes a new network; the given one keeps its weights."""
    graph, same = unet(1, 5.0), unet(1, 5.0)
    made = equalized(graph)
    assert all(np.array_equal(op.data, same.op(op.name).data) for op in graph if op.data is not None)
    assert any(not np.array_equal(op.data, made.op(op.name).data) for op in graph if op.data is not None)


def test_channels_on_different_scales_quantize_better() -> None:
    """On networks whose channels lie far apart equalization gains decibels at the output, on average over seeds."""
    gains = []
    for graph in (unet(seed, 4.0, 12) for seed in range(4)):
        statistics = Statistics(graph)
        statistics.see(images(12, seed=11))
        gains.append(output_snr(best(graph, statistics, images(12, seed=11))[0], graph) - output_snr(graph, graph))
    assert np.mean(gains) > 1.0


@pytest.mark.parametrize("seed", range(3))
def test_what_does_not_quantize_better_is_not_kept(seed: int) -> None:
    """Law: on the images of the trial the chosen network quantizes at least as well as the given one."""
    graph = residual(seed, 1.5)
    statistics, batch = Statistics(graph), images(6, seed=seed)
    statistics.see(batch)
    made, gain = best(graph, statistics, batch)
    assert gain >= 0
    assert Trial(graph, batch).score(made) == pytest.approx(Trial(graph, batch).score(graph) + gain)
    assert (made is graph) == (gain == 0)


def test_a_single_image_calibrates_and_judges() -> None:
    """A trial needs one image only."""
    assert len(Trial(unet(), images(1)).judges) == 1
    assert len(Trial(unet(), images(5)).judges) == 3
    assert Trial(unet(), images(1)).score(unet()) > 15


def test_scales_pass_through_pooling_upsampling_concatenation_and_addition() -> None:
    """All channels between convolutions can be scaled; the input's and the output's cannot."""
    plain, channels = unet(), trace(unet())
    free = channels.free()
    assert channels.roots("pool") == channels.roots("enc2_relu")
    assert channels.roots("concat") == (*channels.roots("upconv_relu"), *channels.roots("enc2_relu"))
    assert {op.name for op in plain.of_type("conv2d") if channels.roots(op.name)[0] in free} == {
        "enc1",
        "enc2",
        "deep1",
        "deep2",
        "upconv",
        "dec",
    }
    joined = trace(residual())
    assert joined.roots("project") == joined.roots("stem") == joined.roots("sum_relu")


def test_what_is_not_homogeneous_is_left_alone() -> None:
    """Channels that meet a ReLU6, a product or a fully connected layer keep their scale."""
    net = Net()
    six, gate = net.conv(net.image, 4, "six", "relu6"), net.conv(net.image, 4, "gate")
    product = build.mul(net.graph, "product", six, gate)
    build.inner_product(net.graph, "head", net.conv(product, 4, "last"), net.random.normal(size=(2, 256)))
    channels = trace(net.graph)
    assert not any(channels.roots(name)[0] in channels.free() for name in ("six", "gate", "last"))
    made = equalized(net.graph)
    assert all(np.array_equal(op.data, made.op(op.name).data) for op in net.graph if op.data is not None)


def test_weights_that_two_layers_share_are_left_alone() -> None:
    """A constant with two readers cannot take two scales."""
    net = Net(channels=4)
    shared = build.const(net.graph, "shared", net.weights(4, 3, 3, 4))
    first = build.relu(net.graph, "first_relu", build.conv2d(net.graph, "first", net.image, shared, pad=[1, 1, 1, 1]))
    build.conv2d(net.graph, "second", first, shared, pad=[1, 1, 1, 1])
    assert not trace(net.graph).free()


def test_dead_channels_keep_their_scale() -> None:
    """A channel that is always zero, or that nobody's weights read, is not scaled by a number without meaning."""
    net = Net()
    first = net.conv(net.image, 4, "first")
    net.conv(first, 3, "second", "")
    weights, bias = (net.graph.op(f"first_{what}") for what in ("weights", "bias"))
    weights.data = np.concatenate([np.zeros((1, 3, 3, 3)), constant(net.graph, weights.name)[1:]]).astype(np.float32)
    bias.data = np.concatenate([[-1], constant(net.graph, bias.name)[1:]]).astype(np.float32)
    made = equalized(net.graph)
    assert constant(made, "first_bias")[0] == -1
    assert np.isfinite(constant(made, "second_weights")).all()


def test_stage_checks_the_function_and_writes_the_same_bytes(tmp_path: Path) -> None:
    """The stage says how far the new network is from the old one on a real image, and gives the same bytes twice."""
    first, second = (Stages(tmp_path / name, unet(2, 5.0)) for name in ("a", "b") if not (tmp_path / name).mkdir())
    made = [stages.run(module.run, "float.xmodel", "float.xmodel", "dataset.h5") for stages in (first, second)]
    assert made[0].read_bytes() == made[1].read_bytes()
    assert 0 < first.metric("relative_difference") < 1e-5
    assert departure(unet(2, 5.0), read(made[0]), images(1)) < 1e-5


def test_stage_refuses_a_network_that_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the function to change, the stage would fail and name by how much."""
    monkeypatch.setattr(module, "TOLERANCE", 0.0)
    with pytest.raises(QuantError, match="equalization changed the network"):
        Stages(tmp_path, unet(2, 5.0)).run(module.run, "float.xmodel", "float.xmodel", "dataset.h5")
