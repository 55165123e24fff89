"""Noise by layer, and the XIR forms of a small network: what is measured, what must be equal, what is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.data.packed import Split, scale
from net2bit.errors import ModelError, StageError
from net2bit.quant.arith import Rounding
from net2bit.quant.points import Point, find
from net2bit.quant.quantize import fake_quantize
from net2bit.report import noise
from net2bit.report.forms_xir import Quantized, ends, folded
from net2bit.report.ladder import Layer
from net2bit.report.tally import Answer, Tally
from net2bit.report.verify import demand_equal
from net2bit.xir import build
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import write


def _network() -> Graph:
    """Return two convolutions with a pool and a skip connection."""
    rng = np.random.default_rng(3)
    graph = Graph("small")
    data = build.data(graph, "image", (1, 8, 8, 3))
    first = build.conv2d(
        graph, "first", data, rng.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32), np.full(4, 0.1, np.float32), pad=[1, 1, 1, 1]
    )
    relu = build.relu(graph, "first/relu", first)
    joined = build.concat(graph, "joined", relu, data)
    build.conv2d(graph, "last", joined, rng.normal(0, 0.3, (3, 1, 1, 7)).astype(np.float32))
    return graph


def _quantized(graph: Graph, **positions: int) -> Graph:
    found = dict.fromkeys(find(graph), 5) | {name: 7 for point in find(graph).values() for name in point.parameters}
    return fake_quantize(graph, found | positions, Rounding.HALF_EVEN)


@pytest.fixture
def split() -> Split:
    """Return six random images."""
    images = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)
    return Split(images, np.zeros((6, 8, 8), np.uint8), tuple(f"image {index}" for index in range(6)))


@pytest.fixture
def small(tmp_path: Path) -> Quantized:
    """Return the small network as the stage reads it."""
    write(_quantized(_network()), tmp_path / "int.xmodel")
    return Quantized(tmp_path / "int.xmodel", "reference")


def test_the_integer_form_equals_the_fake_quantized_one(small: Quantized, split: Split) -> None:
    """Law 4: integer arithmetic and quantizers in float give the same logits, bit for bit."""
    images = scale(split.images)
    assert np.array_equal(small.fake.run(images), small.integer.run(images))
    assert small.integer.step == "nothing"
    assert small.first_difference(images) == ""


def test_the_first_layer_that_differs_is_named(small: Quantized, split: Split) -> None:
    """When the two forms differ, the layer in which it starts is found, by the name of the op that computes."""
    small.graph.op("first/relu_fix").attrs["fix_point"] = 3
    assert small.first_difference(scale(split.images)) == "first"


def test_forms_that_must_be_equal_and_are_not_stop_the_stage(small: Quantized, split: Split) -> None:
    """Law 4: one differing logit between integer and fake-quantized fails loudly, with figures and the layer where it starts."""
    images = scale(split.images)
    answer = Answer.of(small.integer.run(images))
    tally = Tally(small.integer, 3)
    tally.add(split.labels, answer, answer, answer)
    demand_equal(tally, small, split, 6)
    small.graph.op("first/relu_fix").attrs["fix_point"] = 3
    tally.add(split.labels, answer, Answer.of(small.fake.run(images)), answer)
    with pytest.raises(StageError, match=r"differ by up to .* pixels change class") as caught:
        demand_equal(tally, small, split, 6)
    assert "first" in caught.value.where
    assert "verify.engine=reference" in caught.value.remedy


def test_the_folded_form_runs_the_float_graph(split: Split) -> None:
    """The float rung of XIR gives logits of every pixel."""
    form = folded(_network())
    assert form.run(scale(split.images)).shape == (6, 8, 8, 3)


def test_ports_carry_the_positions_of_the_graph(small: Quantized) -> None:
    """Input and output names, shapes and fix positions come out of the graph."""
    assert (small.input.name, small.input.shape, small.input.fix_point, small.input.step) == ("image", [8, 8, 3], 5, 2**-5)
    assert (small.output.name, small.output.fix_point) == ("last", 5)


@pytest.mark.parametrize(("position", "clipped", "error"), [(6, 0, 2**-7), (7, 1, 2**-7), (8, 128, 0.5)])
def test_the_loss_of_input_scaling_is_measured(tmp_path: Path, position: int, clipped: int, error: float) -> None:
    """All 256 bytes, scaled as in training, are held against their codes: at position 7 only +1.0 is out of reach."""
    write(_quantized(_network(), image=position), tmp_path / "int.xmodel")
    loss, beyond = Quantized(tmp_path / "int.xmodel", "reference").input_loss()
    assert beyond == clipped
    assert loss == pytest.approx(error, rel=0.1)


def test_a_graph_with_two_outputs_is_refused() -> None:
    """The ladder compares one output with one, and says so."""
    graph = _network()
    build.relu(graph, "more", graph.op("first"))
    with pytest.raises(ModelError, match="2 outputs"):
        ends(graph)


def test_noise_is_measured_in_order_of_the_network(split: Split) -> None:
    """Every quantized tensor has a row under the name of its computing op, with what arrives from its inputs."""
    graph = _network()
    found = noise.measure(graph, _quantized(graph), split)
    assert [layer.name for layer in found.layers] == ["image", "first", "joined", "last"]
    levels = {layer.name: layer.sqnr for layer in found.layers}
    assert found.layers[0].arriving is None
    assert found.layers[2].arriving == min(levels["first"] or 0, levels["image"] or 0)
    assert found.images == noise.IMAGES


def test_a_coarse_layer_is_the_worst(split: Split) -> None:
    """A layer with a position far too coarse is named as the one that adds most noise, and the first below the floor."""
    graph = _network()
    found = noise.measure(graph, _quantized(graph, **{"first/relu": 0}), split)
    assert found.worst == found.first == "first"


def test_a_network_without_noise_has_no_worst_layer(split: Split) -> None:
    """Without any error there is no ratio, no first and no worst layer."""
    graph = Graph("copy")
    build.relu(graph, "out", build.conv2d(graph, "zero", build.data(graph, "image", (1, 8, 8, 3)), np.zeros((3, 1, 1, 3), np.float32)))
    found = noise.measure(graph, _quantized(graph), split)
    assert (found.layers[1].sqnr, found.worst, found.first) == (None, None, None)


@given(st.lists(st.floats(1, 60), min_size=2, max_size=12))
def test_noise_added_along_a_chain_adds_up(levels: list[float]) -> None:
    """Law: along a chain, the noise added by all layers is the noise at the end less the noise at the start."""
    points = [Point(str(index), str(index), "conv2d", inputs=(str(index - 1),) if index else ()) for index in range(len(levels))]
    layers = noise.judge(list(zip(points, levels, strict=True)), 1).layers
    assert sum(map(noise.added, layers)) == pytest.approx(10 ** (-levels[-1] / 10) - 10 ** (-levels[0] / 10))


def test_damage_counts_more_than_decibels() -> None:
    """A late fall from 20 to 15 dB does more harm than an early one from 45 to 34, and is named."""
    assert noise.added(Layer("late", "conv2d", 15, 20)) > noise.added(Layer("early", "conv2d", 34, 45))
