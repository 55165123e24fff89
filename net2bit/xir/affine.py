"""Channel-wise `gain * x + shift`: finding it in an op, and folding it into the weights next to it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.xir.access import number, real
from net2bit.xir.graph import Graph, Op

CONVOLUTIONS = ("conv2d", "depthwise-conv2d", "transposed-conv2d", "transposed-depthwise-conv2d", "inner-product")
"""The op types whose weights take a gain, and whose bias takes a shift."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Affine:
    """`gain * x + shift` along the last axis.

    Attributes:
        source: Name of the op that makes `x`.
        gain: One factor for each channel.
        shift: One summand for each channel.
    """

    source: str
    gain: Vector
    shift: Vector


def affine_of(graph: Graph, op: Op) -> Affine | None:
    """Return what *op* does as an `Affine`, or None where it does something else.

    `batchnorm`, `scale`, and `add`, `sub`, `mul`, `div` with one constant of one value, or of one for each channel, are understood.
    """
    if op.type == "batchnorm":
        return _batchnorm(graph, op)
    if op.type == "scale":
        return _scale(graph, op)
    if op.type in {"add", "sub", "mul", "div"}:
        return _arithmetic(graph, op)
    return None


def _batchnorm(graph: Graph, op: Op) -> Affine | None:
    parts = [_channels(graph, op, op.arg(name)) for name in ("gamma", "beta", "moving_mean", "moving_var")]
    if not _last(op) or any(part is None for part in parts):
        return None
    gamma, beta, mean, variance = (np.asarray(part) for part in parts)
    with np.errstate(invalid="ignore", divide="ignore"):  # a negative variance gives NaN, which `convert` names
        gain = gamma / np.sqrt(variance + real(op, "epsilon"))
    return Affine(op.arg("input"), gain, beta - mean * gain)


def _scale(graph: Graph, op: Op) -> Affine | None:
    gain = _channels(graph, op, op.arg("scale"))
    shift = _channels(graph, op, op.arg("bias")) if op.args.get("bias") else np.zeros(op.tensor.shape[-1])
    return None if gain is None or shift is None or not _last(op) else Affine(op.arg("input"), gain, shift)


def _last(op: Op) -> bool:
    return number(op, "axis") % len(op.tensor.shape) == len(op.tensor.shape) - 1


def _arithmetic(graph: Graph, op: Op) -> Affine | None:
    names = op.args.get("input", [])
    constant = [name for name in names if graph.op(name).data is not None]
    if len(names) != len(constant) + 1 or len(constant) != 1:
        return None
    source = next(name for name in names if name not in constant)
    value = _channels(graph, op, constant[0])
    if value is None or graph.op(source).tensor.shape != op.tensor.shape:
        return None
    one, zero = np.ones_like(value), np.zeros_like(value)
    first = names[0] == source
    found: dict[tuple[str, bool], tuple[Vector, Vector]] = {
        ("add", True): (one, value),
        ("add", False): (one, value),
        ("mul", True): (value, zero),
        ("mul", False): (value, zero),
        ("sub", True): (one, -value),
        ("sub", False): (-one, value),
    }
    if op.type == "div" and first and np.all(value):
        return Affine(source, 1 / value, zero)
    return Affine(source, *found[op.type, first]) if (op.type, first) in found else None


def _channels(graph: Graph, op: Op, name: str) -> Vector | None:
    """Return the constant *name* as one value for each of the op's channels, or None where it is no such constant."""
    data, channels = graph.op(name).data, op.tensor.shape[-1]
    if data is None or data.size not in {1, channels} or (data.size > 1 and data.shape[-1] != channels):
        return None
    return np.broadcast_to(np.asarray(data, np.float64).reshape(-1), (channels,)).copy()


def scaled_outputs(op_type: str, weights: NDArray[Any], gain: Vector) -> NDArray[np.float32]:
    """Return *weights* so that output channel `o` of a convolution comes out multiplied by `gain[o]`."""
    if op_type == "depthwise-conv2d":
        factors = gain.reshape(weights.shape[3], weights.shape[0]).T[:, None, None, :]
    elif op_type == "transposed-depthwise-conv2d":
        factors = gain.reshape(1, 1, 1, -1)
    else:
        factors = gain.reshape(-1, *([1] * (weights.ndim - 1)))
    return np.asarray(weights.astype(np.float64) * factors, np.float32)


def scaled_inputs(weights: NDArray[Any], gain: Vector, group: int) -> NDArray[np.float32]:
    """Return OHWI *weights* so that input channel `i` counts `gain[i]` times; *group* as in `conv2d`."""
    return np.asarray(weights.astype(np.float64) * _by_group(weights, gain, group), np.float32)


def shifted_outputs(weights: NDArray[Any], shift: Vector, group: int) -> Vector:
    """Return what adding `shift[i]` to every input channel adds to each output channel, where nothing is padded."""
    return np.asarray((weights.astype(np.float64) * _by_group(weights, shift, group)).sum(axis=(1, 2, 3)))


def _by_group(weights: NDArray[Any], values: Vector, group: int) -> Vector:
    """Return *values* of all input channels as those that each output channel of OHWI *weights* sees: `[out, 1, 1, in]`."""
    return np.repeat(values.reshape(group, 1, 1, -1), weights.shape[0] // group, axis=0)
