"""Operations on constants, worked out while a graph is read: batch normalizations and shapes that a freezer left in pieces."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.proto.graphdef import NUMPY_TYPES
from net2bit.xir.tf.node import Node

Array = NDArray[Any]


def fold(node: Node, inputs: Sequence[Array]) -> Array | None:
    """Return what *node* makes of constant *inputs*, or None where its operation has no rule here.

    Raises:
        ModelError: The inputs do not fit the operation; it names the node.
    """
    rule = _RULES.get(node.op)
    if rule is None:
        return None
    try:
        return np.asarray(rule(node, *inputs))
    except (ValueError, IndexError, TypeError, KeyError) as error:
        raise node.fail(f"cannot be worked out from its constant inputs: {error}") from error


def slices(node: Node, rank: int, begin: Array, end: Array, strides: Array) -> tuple[slice | int, ...]:
    """Return the index that a `StridedSlice` stands for.

    Raises:
        ModelError: It has an ellipsis or a new axis, or more parts than the input has axes.
    """
    if node.number("ellipsis_mask") or node.number("new_axis_mask") or len(begin) > rank:
        raise node.fail("has an ellipsis or a new axis, which cannot be converted")
    index: list[slice | int] = []
    for at, (start, stop, step) in enumerate(zip(begin.tolist(), end.tolist(), strides.tolist(), strict=True)):
        if node.number("shrink_axis_mask") >> at & 1:
            index.append(int(start))
        else:
            low = None if node.number("begin_mask") >> at & 1 else int(start)
            index.append(slice(low, None if node.number("end_mask") >> at & 1 else int(stop), int(step)))
    return tuple(index)


def axes(value: Array) -> tuple[int, ...]:
    """Return a constant that names axes, one or several."""
    return tuple(int(axis) for axis in np.atleast_1d(value))


def _squeeze(node: Node, x: Array) -> Array:
    return np.squeeze(x, tuple(node.ints("squeeze_dims", node.ints("axis"))) or None)


def _slice(node: Node, x: Array, begin: Array, end: Array, strides: Array) -> Array:
    return np.asarray(x[slices(node, x.ndim, begin, end, strides)])


def _cast(node: Node, x: Array) -> Array:
    return x.astype(NUMPY_TYPES[node.dtype("DstT")])


def _two(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Return a rule for two operands, in float64 for floats: the result is rounded once, at the end."""

    def rule(_node: Node, left: Array, right: Array) -> Array:
        wide = np.float64 if left.dtype.kind == "f" else left.dtype
        return function(left.astype(wide), right.astype(wide)).astype(left.dtype)

    return rule


def _rsqrt(_node: Node, x: Array) -> Array:
    return (1 / np.sqrt(x.astype(np.float64))).astype(x.dtype)


_RULES: dict[str, Callable[..., Any]] = {
    "Identity": lambda _node, x: x,
    "Reshape": lambda _node, x, shape: x.reshape([int(size) for size in shape]),
    "Squeeze": _squeeze,
    "ExpandDims": lambda _node, x, axis: np.expand_dims(x, axes(axis)),
    "StridedSlice": _slice,
    "Pack": lambda node, *parts: np.stack(parts, node.number("axis")),
    "ConcatV2": lambda _node, *parts: np.concatenate([np.atleast_1d(part) for part in parts[:-1]], int(parts[-1])),
    "Transpose": lambda _node, x, order: np.transpose(x, axes(order)),
    "Tile": lambda _node, x, times: np.tile(x, axes(times)),
    "Fill": lambda _node, shape, value: np.full([int(size) for size in shape], value),
    "Cast": _cast,
    "Rsqrt": _rsqrt,
    "Sqrt": lambda _node, x: np.sqrt(x),
    "Neg": lambda _node, x: -x,
    "Add": _two(np.add),
    "AddV2": _two(np.add),
    "BiasAdd": _two(np.add),
    "Sub": _two(np.subtract),
    "Mul": _two(np.multiply),
    "RealDiv": _two(np.divide),
    "Maximum": _two(np.maximum),
    "Prod": lambda _node, x, axis: np.prod(x, axes(axis), dtype=x.dtype),
}
