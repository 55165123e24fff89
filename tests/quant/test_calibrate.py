"""Calibration: which images, which positions, and the same bytes again."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quant_nets import Net, Stages, images, residual, unet

from net2bit.errors import DataError, QuantError
from net2bit.quant import calibrate
from net2bit.quant.arith import Rounding
from net2bit.quant.calibrate import Collector, entries
from net2bit.quant.floating import run_float
from net2bit.quant.images import Calibration, batch_size, feed
from net2bit.quant.points import Point, find, group
from net2bit.quant.positions import non_overflow
from net2bit.quant.table import load
from net2bit.xir import build
from net2bit.xir.graph import Graph

NAMES = [f"image{index}" for index in range(50)]


def collect(graph: Graph, method: str, count: int = 6, gain: float = 1.0) -> Collector:
    """Count the activations of a network on random images."""
    collector = Collector(find(graph), method, Rounding.HALF_UP)
    for at in range(0, count, 2):
        collector.see(run_float(graph, feed(graph, gain * images(2, seed=at)), collector.watched))
    return collector


@given(st.integers(1, 49), st.integers(0, 5))
def test_the_choice_of_images_is_seeded_and_grows(count: int, seed: int) -> None:
    """Law: the same seed chooses the same images, one image more adds one, and the files' order does not matter."""
    chosen = {NAMES[index] for index in Calibration(count, "train", seed).draw(NAMES)}
    more = {NAMES[index] for index in Calibration(count + 1, "train", seed).draw(NAMES)}
    turned = NAMES[::-1]
    assert len(chosen) == count
    assert chosen < more
    assert {turned[index] for index in Calibration(count, "train", seed).draw(turned)} == chosen


def test_another_seed_chooses_other_images() -> None:
    """The seed decides which images are taken."""
    assert Calibration(10, "train", 0).draw(NAMES) != Calibration(10, "train", 1).draw(NAMES)


def test_too_few_images_is_an_error_with_both_figures() -> None:
    """Asking for more images than there are names both numbers and the key."""
    with pytest.raises(DataError, match=r"60 calibration images .* has 50") as caught:
        Calibration(60, "train", 0).draw(NAMES)
    assert caught.value.where == "quant.calibration.images"


@pytest.mark.parametrize("method", ["min_error", "min_diffs", "non_overflow"])
def test_tensors_that_move_numbers_keep_the_position(method: str) -> None:
    """Pooling, upsampling and concatenation share the position of what they move, which covers the widest of them."""
    collector = collect(unet(spread=4.0), method)
    chosen = collector.choose(group(collector.points))
    assert chosen["pool"] == chosen["enc2_relu"] == chosen["concat"] == chosen["upconv_relu"]
    assert chosen["up"] == chosen["deep2_relu"]
    if method == "non_overflow":
        assert chosen["concat"] == min(collector.seen[name].start for name in ("enc2_relu", "upconv_relu"))


def test_non_overflow_is_that_of_all_images() -> None:
    """The histogram's range is the range of the numbers themselves."""
    graph = unet()
    collector = collect(graph, "non_overflow")
    whole = np.concatenate([run_float(graph, feed(graph, images(2, seed=at)), ["dec_relu"])["dec_relu"] for at in (0, 2, 4)])
    assert collector.choose(group(collector.points))["dec_relu"] == non_overflow(whole)


def test_min_diffs_lets_images_vote() -> None:
    """The vendor's rule takes what most images choose, however far a single one reaches."""
    collector = Collector(find_input(), "min_diffs", Rounding.HALF_UP)
    collector.see({"image": np.concatenate([images(3), 20 * images(1)])})
    assert collector.choose(group(collector.points)) == {"image": 7}
    assert sorted(collector.votes["image"].values()) == [1, 3]


def find_input() -> dict[str, Point]:
    """Return the points of a network that is an input only."""
    return find(Net().graph)


def test_twice_the_input_moves_a_homogeneous_network_by_one() -> None:
    """Law: in a network without biases twice the input takes all activations one position lower, and no parameter anywhere."""
    net = Net(seed=5)
    first = build.relu(net.graph, "relu", build.conv2d(net.graph, "conv", net.image, net.weights(4, 3, 3, 3), pad=[1, 1, 1, 1]))
    build.conv2d(net.graph, "head", build.maxpool2d(net.graph, "pool", first), net.weights(2, 1, 1, 4))
    once, twice = (entries(net.graph, collect(net.graph, "min_error", gain=gain), Rounding.HALF_EVEN) for gain in (1.0, 2.0))
    for name, entry in once.items():
        assert twice[name].position == entry.position - (0 if entry.role == "weights" else 1), name


def test_stage_writes_every_tensor_and_the_same_bytes(tmp_path: Path) -> None:
    """The table holds every point and parameter with its role and range, and a second run gives the same bytes."""
    stages = Stages(tmp_path, residual())
    path = stages.run(calibrate.run, "positions.json", "float.xmodel", "dataset.h5")
    first = path.read_bytes()
    assert stages.run(calibrate.run, "positions.json", "float.xmodel", "dataset.h5").read_bytes() == first
    table, plain = load(path), json.loads(first)
    assert len(table.images) == 8
    assert plain["tensors"]["stem_weights"]["role"] == "weights"
    assert {"position", "role", "layer", "min", "max", "saturated"} <= set(plain["tensors"]["sum_relu"])
    assert set(table.tensors) == {name for point in find(residual()).values() for name in (point.name, *point.parameters)}
    assert stages.metric("images") == 8


def test_table_survives_writing_and_reading(tmp_path: Path) -> None:
    """Law: what was read from a table writes the same table."""
    stages = Stages(tmp_path, unet())
    path = stages.run(calibrate.run, "positions.json", "float.xmodel", "dataset.h5", method="min_diffs")
    load(path).save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"format": "net2bit.positions/1"}'])
def test_a_foreign_table_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is no table of positions is named with what to do, not a KeyError."""
    path = tmp_path / "positions.json"
    path.write_text(text)
    with pytest.raises(QuantError, match="no table of fix positions"):
        load(path)


def test_images_of_another_size_are_refused() -> None:
    """A data set that does not fit the network is an error with both sizes."""
    with pytest.raises(DataError, match="4 x 4 x 3, the network takes 8 x 8 x 3"):
        feed(unet(), images(1, (4, 4, 3)))


def test_a_network_that_diverged_is_named() -> None:
    """A tensor with a number that is not finite stops calibration with the tensor's name."""
    collector = Collector(find_input(), "min_error", Rounding.HALF_UP)
    with pytest.raises(QuantError, match="image has a number that is not finite"):
        collector.see({"image": np.full((1, 8, 8, 3), np.nan, np.float32)})


def test_batches_fit_in_memory() -> None:
    """Large activations make small batches, of one image at least."""
    small, large = unet(), Net(size=(1024, 2048))
    large.conv(large.image, 16, "conv")
    assert batch_size(small, find(small)) == 8
    assert batch_size(large.graph, find(large.graph)) == 1
