"""Limits of the shifters: which position moves, by how much, and what is said about it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quant_nets import Net, residual

from net2bit.errors import QuantError
from net2bit.quant.limits import Adjuster, Limits, Move
from net2bit.quant.points import Point, find, group
from net2bit.xir import build

FREE = 99  # finest position of a parameter that never overflows here


def adjust(points: Mapping[str, Point], positions: dict[str, int], limits: Limits | None = None, finest: int = FREE) -> list[Move]:
    """Adjust *positions* in place and return the moves."""
    constants = {name: finest for point in points.values() for name in point.parameters}
    return Adjuster(points, group(points), limits or Limits(), positions, constants).run()


def conv(act: str = "relu") -> dict[str, Point]:
    """Return the points of one convolution."""
    net = Net()
    net.conv(net.image, 4, "conv", act)
    return find(net.graph)


def test_positions_within_the_limits_stay() -> None:
    """Nothing moves, and nothing is reported, where all shifts are within their limits."""
    at = {"image": 6, "conv_weights": 8, "conv_bias": 7, "conv_relu": 4}
    assert adjust(conv(), at) == []
    assert at == {"image": 6, "conv_weights": 8, "conv_bias": 7, "conv_relu": 4}


@pytest.mark.parametrize(
    ("before", "tensor", "after"),
    [
        ({"image": 9, "conv_weights": 12, "conv_bias": 7, "conv_relu": 4}, "conv_weights", 11),  # shift_cut 17 -> 16
        ({"image": 2, "conv_weights": 1, "conv_bias": 2, "conv_relu": 5}, "conv_weights", 3),  # shift_cut -2 -> 0
        ({"image": 6, "conv_weights": 8, "conv_bias": 40, "conv_relu": 4}, "conv_bias", 20),  # shift_bias -26 -> -6
        ({"image": 6, "conv_weights": 8, "conv_bias": -4, "conv_relu": 4}, "conv_bias", -2),  # shift_bias 18 -> 16
    ],
)
def test_convolution_moves_weights_or_bias(before: dict[str, int], tensor: str, after: int) -> None:
    """A shift_cut outside its limits moves the weights, a shift_bias the bias, to the nearest position inside."""
    at = dict(before)
    moves = adjust(conv(), at)
    assert at == before | {tensor: after}
    assert [(move.layer, move.tensor, move.old, move.new) for move in moves] == [("conv", tensor, before[tensor], after)]


def test_bias_ahead_of_leaky_relu_keeps_its_bits() -> None:
    """Ahead of LeakyReLU the bias may not be finer than the sum, or the dropped bits could show."""
    at = {"image": 6, "conv_weights": 8, "conv_bias": 16, "conv_leaky-relu": 4}
    adjust(conv("leaky-relu"), at)
    assert at["conv_bias"] == 14


def test_weights_never_move_to_where_they_overflow() -> None:
    """Where the weights have no room to become finer, the output becomes coarser instead: that loses nothing."""
    at = {"image": 2, "conv_weights": 1, "conv_bias": 2, "conv_relu": 5}
    moves = adjust(conv(), at, finest=2)
    assert at == {"image": 2, "conv_weights": 2, "conv_bias": 2, "conv_relu": 4}
    assert [move.tensor for move in moves] == ["conv_weights", "conv_relu"]
    assert "shift_cut -2 is outside 0..16" in str(moves[0])


def test_dead_tensor_takes_a_position_its_layer_can_write() -> None:
    """A tensor of zeros comes with the vendor's position 127 and ends at the finest one that its convolution can write."""
    at = {"image": 6, "conv_weights": 8, "conv_bias": 7, "conv_relu": 127}
    adjust(conv(), at, finest=8)
    assert at["conv_relu"] == 14


def test_addition_moves_its_finest_input_then_its_output() -> None:
    """A shift_read beyond the limit and the adder's guard bits moves the finest input, a shift_write the output."""
    net = Net()
    left, right = net.conv(net.image, 4, "left"), net.conv(net.image, 4, "right")
    build.add(net.graph, "sum", left, right)
    at = dict.fromkeys(("left_weights", "right_weights", "left_bias", "right_bias"), 8) | {
        "image": 6,
        "left_relu": 3,
        "right_relu": 12,
        "sum": 11,
    }
    moves = adjust(find(net.graph), at, Limits(shift_read=(0, 15), shift_write=(-7, 15)))
    assert (at["left_relu"], at["right_relu"], at["sum"]) == (3, 10, 10)
    assert [move.tensor for move in moves] == ["right_relu", "sum"]


def test_tensors_of_a_concatenation_move_together() -> None:
    """A position that several tensors share moves for all of them."""
    net = Net()
    left, right = net.conv(net.image, 4, "left"), net.conv(net.image, 4, "right")
    build.maxpool2d(net.graph, "pool", build.concat(net.graph, "both", left, right))
    at = dict.fromkeys(("left_weights", "right_weights", "left_bias", "right_bias"), 2)
    at |= {"image": 2, **dict.fromkeys(("left_relu", "right_relu", "both", "pool"), 6)}
    adjust(find(net.graph), at, finest=2)
    assert {at[name] for name in ("left_relu", "right_relu", "both", "pool")} == {4}


def test_hard_sigmoid_and_product_are_kept_in_range() -> None:
    """The hard sigmoid's input is at 0..15, its output at 7 or finer; a product's output is never finer than its inputs together."""
    net = Net()
    gate = build.place(net.graph, "hard-sigmoid", "gate", {"input": [net.conv(net.image, 4, "one", "")]})
    build.mul(net.graph, "scaled", gate, net.conv(net.image, 4, "two", ""))
    at = dict.fromkeys(("one_weights", "two_weights", "one_bias", "two_bias"), 7) | {
        "image": 6,
        "one": -2,
        "two": 3,
        "gate": 5,
        "scaled": 12,
    }
    adjust(find(net.graph), at)
    assert (at["one"], at["gate"], at["scaled"]) == (0, 7, 10)


@given(st.dictionaries(st.sampled_from([*find(residual()), "stem_weights", "depth_bias", "head_weights"]), st.integers(-20, 30)))
def test_after_adjusting_every_limit_holds(odd: dict[str, int]) -> None:
    """Law: whatever the positions were, a second adjustment finds nothing to move."""
    points = find(residual())
    groups = group(points)
    at = {name: 6 for point in points.values() for name in (point.name, *point.parameters)} | odd
    at |= {name: at[head] for head, names in groups.members.items() for name in names}
    adjust(points, at)
    assert adjust(points, dict(at)) == []


def test_limits_that_contradict_each_other_are_an_error_with_figures() -> None:
    """Limits that no position satisfies end in an error that names the layer, the limit and the figure."""
    with pytest.raises(QuantError, match=r"conv: .*shift_cut") as caught:
        adjust(conv(), {"image": 6, "conv_weights": 8, "conv_bias": 7, "conv_relu": 4}, Limits(shift_cut=(12, 3)))
    assert caught.value.where == "conv"


def test_unknown_limit_names_the_near_miss() -> None:
    """A misspelt limit is an error with a suggestion; lists from YAML are taken."""
    assert Limits.of({"shift_cut": [0, 12], "shift_bias_max": 15}).shift_cut == (0, 12)
    with pytest.raises(QuantError) as caught:
        Limits.of({"shift_cuts": [0, 16]})
    assert caught.value.suggestion == "shift_cut"
