"""Shape inference, against PyTorch's own shapes and against hand-worked cases."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.errors import ModelError
from net2bit.xir import build
from net2bit.xir.graph import XINT8, Attr, Graph, Op, Tensor
from net2bit.xir.shapes import infer, same_padding, window


def graph(*shape: int) -> Graph:
    """Return a graph with an input `x` of *shape*."""
    made = Graph("g")
    build.data(made, "x", shape or (1, 8, 10, 4))
    return made


def shape(op_type: str, *inputs: tuple[int, ...], **attrs: Attr) -> tuple[int, ...]:
    """Return the output's shape of an op on *inputs*."""
    made = Graph("g")
    names = [build.data(made, f"x{index}", one).name for index, one in enumerate(inputs)]
    return build.place(made, op_type, "op", {"input": names}, attrs).tensor.shape


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_a_window_fits_as_often_as_it_can_be_placed(size: int, kernel: int, stride: int, pad: int, dilation: int) -> None:
    """Law: FLOOR counts the places where the whole window fits, CEIL those where it begins inside, SAME is ceil(size / stride)."""
    reach = (kernel - 1) * dilation + 1
    places = [at for at in range(0, size + 2 * pad, stride) if at + reach <= size + 2 * pad]
    if reach <= size + 2 * pad:
        assert window(size, reach, stride, 2 * pad, "FLOOR") == len(places)
        hangs = (size + 2 * pad - reach) % stride != 0
        assert window(size, reach, stride, 2 * pad, "CEIL") == len(places) + hangs
        assert window(size, reach, stride, 0, "VALID") == window(size, reach, stride, 0, "FLOOR")
    assert window(size, reach, stride, 0, "SAME") == -(-size // stride)


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4))
def test_same_padding_makes_the_same_size_explicitly(size: int, kernel: int, stride: int) -> None:
    """Law: padding explicitly what SAME pads gives SAME's size, and the odd one goes behind."""
    before, behind = same_padding(size, kernel, stride)
    assert window(size, kernel, stride, before + behind, "FLOOR") == window(size, kernel, stride, 0, "SAME")
    assert 0 <= behind - before <= 1


def test_convolutions() -> None:
    """Kernel and stride are [w, h], the pad is [left, right, top, bottom], depthwise multiplies the channels."""
    one = graph()
    weights = np.zeros((6, 3, 2, 4))
    assert build.conv2d(one, "a", "x", weights, stride=[2, 1], pad=[1, 0, 2, 0]).tensor.shape == (1, 8, 5, 6)
    assert build.conv2d(one, "b", "x", weights, stride=[2, 1], pad_mode="SAME").tensor.shape == (1, 8, 5, 6)
    assert build.conv2d(one, "c", "x", np.zeros((6, 3, 3, 2)), group=2, dilation=[3, 1]).tensor.shape == (1, 6, 4, 6)
    assert build.depthwise_conv2d(one, "d", "x", np.zeros((2, 3, 3, 4)), np.zeros(8)).tensor.shape == (1, 6, 8, 8)
    assert build.transposed_conv2d(one, "e", "x", np.zeros((5, 3, 3, 4)), stride=[2, 2], pad=[0, 1, 1, 0]).tensor.shape == (1, 16, 20, 5)
    assert build.transposed_conv2d(one, "f", "x", np.zeros((5, 3, 3, 4)), stride=[2, 3], pad_mode="SAME").tensor.shape == (1, 24, 20, 5)


@pytest.mark.parametrize(
    ("op_type", "inputs", "attrs", "wanted"),
    [
        ("maxpool2d", [(1, 7, 9, 3)], {"kernel": [2, 3], "stride": [2, 2], "pad_mode": "CEIL"}, (1, 3, 5, 3)),
        ("avgpool2d", [(1, 7, 9, 3)], {"kernel": [1, 1], "stride": [1, 1], "pad_mode": "FLOOR", "global": True}, (1, 1, 1, 3)),
        ("resize", [(1, 4, 6, 3)], {"mode": "NEAREST", "scale": [2.0, 3.0]}, (1, 12, 12, 3)),
        ("add", [(1, 4, 6, 3), (3,)], {}, (1, 4, 6, 3)),
        ("concat", [(1, 4, 6, 3), (1, 4, 6, 2)], {"axis": -1}, (1, 4, 6, 5)),
        ("stack", [(2, 3), (2, 3)], {"axis": 1}, (2, 2, 3)),
        ("reshape", [(1, 4, 6, 3)], {"shape": [1, -1, 3]}, (1, 24, 3)),
        ("flatten", [(32, 5, 5, 2, 4)], {"start_axis": 1, "end_axis": -1}, (32, 200)),
        ("squeeze", [(32, 2, 1, 1)], {"axis": [2, 3]}, (32, 2)),
        ("squeeze", [(32, 1, 2, 1)], {}, (32, 2)),
        ("transpose", [(1, 2, 3, 4)], {"order": [0, 3, 1, 2]}, (1, 4, 2, 3)),
        ("pad", [(2, 2)], {"paddings": [0, 1, 1, 0], "mode": "CONSTANT"}, (3, 3)),
        ("strided_slice", [(1, 8, 8, 3)], {"begin": [0, 1, 0, 0], "end": [1, 8, 8, 2], "strides": [1, 2, 3, 1]}, (1, 4, 3, 2)),
        ("matmul", [(1, 2, 3, 4), (5, 1, 6, 4)], {"transpose_a": False, "transpose_b": True}, (5, 2, 3, 6)),
        ("reduction_mean", [(1, 4, 6, 3)], {"axis": [1, 2], "keep_dims": True}, (1, 1, 1, 3)),
        ("reduction_max", [(1, 4, 6, 3)], {"axis": [-1], "keep_dims": False}, (1, 4, 6)),
        ("argmax", [(1, 4, 6, 3)], {"axis": 3}, (1, 4, 6, 1)),
        ("argmax", [(1, 4, 6, 3)], {"axis": 3, "keepdims": 0}, (1, 4, 6)),
        ("softmax", [(1, 10)], {"axis": -1}, (1, 10)),
    ],
)
def test_hand_worked_shapes(op_type: str, inputs: list[tuple[int, ...]], attrs: dict[str, Attr], wanted: tuple[int, ...]) -> None:
    """Each rule gives the shape that the format's description works out."""
    assert shape(op_type, *inputs, **attrs) == wanted


def test_a_resize_may_take_its_size_from_a_constant() -> None:
    """The optional argument `size` is a constant of height and width."""
    one = graph()
    build.const(one, "size", np.array([5, 7], np.int32))
    args = {"input": ["x"], "size": ["size"]}
    assert build.place(one, "resize", "r", args, {"mode": "BILINEAR"}).tensor.shape == (1, 5, 7, 4)


def test_an_inner_product_flattens_from_its_axis() -> None:
    """Weights are [out, in], whatever axes the input had."""
    assert build.inner_product(graph(1, 2, 3, 4), "fc", "x", np.zeros((7, 24)), np.zeros(7)).tensor.shape == (1, 7)


def test_a_foreign_op_has_no_rule() -> None:
    """A vendor's own op keeps the shape it came with."""
    assert infer(graph(), Op("own", "MyLayer", Tensor("own", (1,)))) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g: build.conv2d(g, "c", "x", np.zeros((6, 3, 3, 5))), "weights for 5 input channels in 1 groups, an input of 4"),
        (lambda g: build.conv2d(g, "c", "x", np.zeros((6, 3, 3, 4)), np.zeros(5)), "5 bias values for 6 channels"),
        (lambda g: build.conv2d(g, "c", "x", np.zeros((6, 3, 2, 4)), kernel=[3, 2]), "against weights of height 3 and width 2"),
        (lambda g: build.conv2d(g, "c", "x", np.zeros((6, 9, 9, 4))), "its output would have the shape"),
        (lambda g: build.conv2d(g, "c", "x", np.zeros((6, 3, 3, 4)), stride=[0, 1]), "must be positive"),
        (lambda g: build.depthwise_conv2d(g, "c", "x", np.zeros((1, 3, 3, 5))), "weights for 5 channels, an input of 4"),
        (lambda g: build.transposed_conv2d(g, "c", "x", np.zeros((1, 3, 3, 5))), "weights for 5 input channels, an input of 4"),
        (lambda g: build.maxpool2d(g, "c", "x", pad_mode="SAMEY"), "must be one of FLOOR"),
        (lambda g: build.add(g, "c", "x", build.const(g, "k", np.zeros(3))), r"shapes \[1, 8, 10, 4\] and \[3\]"),
        (lambda g: build.concat(g, "c", "x", build.data(g, "y", (1, 8, 9, 4))), "differ beside axis 3"),
        (lambda g: build.concat(g, "c", "x", axis=4), "axis 4 of 4"),
        (lambda g: build.reshape(g, "c", "x", (7, -1)), "cannot become"),
        (lambda g: build.pad(g, "c", "x", (1, 1)), "must be 8 whole numbers"),
        (lambda g: build.inner_product(g, "c", "x", np.zeros((2, 3))), "from axis 1 against weights"),
        (lambda g: build.place(g, "transpose", "c", {"input": ["x"]}, {"order": [0, 1, 2, 2]}), "order"),
        (lambda g: build.place(g, "squeeze", "c", {"input": ["x"]}, {"axis": [1]}), "are not all 1"),
        (lambda g: build.place(g, "flatten", "c", {"input": ["x"]}, {"start_axis": 3, "end_axis": 1}), "axes 3 to 1"),
        (lambda g: build.place(g, "matmul", "c", {"input": ["x", "x"]}, {"transpose_a": False, "transpose_b": False}), "times"),
        (lambda g: build.place(g, "stack", "c", {"input": ["x", build.const(g, "k", np.zeros(3))]}, {"axis": 0}), "differ"),
        (lambda g: build.place(g, "relu", "c", {}), "nothing feeds its argument 'input'"),
        (lambda g: build.conv2d(g, "c", "x", np.zeros((6, 3, 4))), "not four axes"),
        (lambda g: build.place(g, "MyLayer", "c", {"input": ["x"]}), "no rule gives the output shape"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make: Callable[[Graph], Op], message: str) -> None:
    """An op that does not fit its inputs is an error that names it and says what is wrong with the figures."""
    with pytest.raises(ModelError, match=message) as caught:
        make(graph())
    assert caught.value.where == "c"


def test_fixed_point_ops_carry_their_position() -> None:
    """The builders of fixed-point ops put the four attributes on the tensor, in 8 bits signed."""
    one = Graph("g")
    build.data_fix(one, "x", (1, 4, 4, 2), 6)
    weights = build.const_fix(one, "w", np.ones((3, 1, 1, 2), np.int8), 5)
    conv = build.fixed(one, "conv2d-fix", "c", {"input": ["x"], "weights": [weights]}, 4, kernel=[1, 1], stride=[1, 1], nonlinear="RELU")
    assert (conv.tensor.shape, conv.tensor.dtype) == ((1, 4, 4, 3), XINT8)
    assert conv.tensor.attrs == {"fix_point": 4, "bit_width": 8, "if_signed": True, "round_mode": "DPU_ROUND"}
    assert weights.tensor.attrs["round_mode"] == "STD_ROUND"


def test_a_constant_becomes_float32_or_stays_whole() -> None:
    """Constants of double precision are stored as float32, whole numbers as they are, and text is refused."""
    one = Graph("g")
    assert build.const(one, "f", np.array(0.5)).tensor.shape == (1,)
    assert build.const(one, "i", np.array([1, 2], np.int32)).data.dtype == np.int32  # type: ignore[union-attr]
    with pytest.raises(ModelError, match="cannot hold values"):
        build.const(one, "t", np.array(["a"]))
