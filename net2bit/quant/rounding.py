"""Adaptive rounding: each weight is rounded with regard to the errors of those rounded before it.

Rounding to the nearest makes each weight's error least, not the layer's. What counts is the layer's output on real inputs x: with the
weights w of one output channel, their codes q and A = E[x x'], the error is (w - q)' A (w - q). Layer by layer, on what the quantized
network really feeds it, the weights and the bias are first fitted to the float network's output (least squares), then rounded one
column after the other, each taking over the errors that its correlated predecessors left. The bias goes first, being the coarsest;
then the columns with the strongest inputs. Positions stay. (Idea: Hassibi and Stork 1993, Frantar et al., GPTQ, 2022; the order of
elimination used here is Babai's nearest plane, which needs a Cholesky factor and no inverse.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from net2bit.job import Job
from net2bit.quant.arith import HIGH, LOW
from net2bit.quant.images import Calibration, Images
from net2bit.quant.kernels_window import window_of
from net2bit.quant.points import Point
from net2bit.quant.quantize import constant
from net2bit.quant.walk import Layer, Walk, room
from net2bit.xir.access import number
from net2bit.xir.graph import Op
from net2bit.xir.verify import verify
from net2bit.xir.xmodel import read, write

SAMPLES = 4096
"""Windows of a layer that are looked at, over all images."""
DAMPING = 0.05
"""What is added to the inputs' mean power: keeps what the samples do not show near the float weights."""
BLOCK = 64
"""Columns between two matrix products."""
TYPES = frozenset({"conv2d", "depthwise-conv2d"})

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rounded:
    """What adaptive rounding did to one layer.

    Attributes:
        layer: The convolution.
        before: Squared error of its output, as a share of the float output's power, with the nearest codes.
        after: The same with the new ones.
    """

    layer: str
    before: float
    after: float


def run(job: Job) -> None:
    """Make a new `int.xmodel` with other codes for weights and biases, at the same positions; reads `quant.calibration`.

    Raises:
        DataError: The data set has too few images.
        QuantError: `int.xmodel` is not a quantized form of `float.xmodel`.
    """
    graph, quantized = read(job.inputs["float.xmodel"]), read(job.inputs["int.xmodel"])
    calibration = Calibration.of(job.config["quant"]["calibration"])
    most = min(calibration.images, room(graph))
    images = np.concatenate([batch for _, batch in calibration.fewer(most).open(job.inputs["dataset.h5"], most)])
    walk, done = Walk(graph, quantized, images), list[Rounded]()
    for at, layer in enumerate(walk, start=1):
        if suits(walk, layer.point):
            done.append(improve(walk, layer))
        job.progress(at, len(walk.points), layer.point.head)
    verify(quantized)
    write(quantized, job.outputs["int.xmodel"])
    job.metric("layers", len(done))
    job.metric("error_ratio", float(np.mean([one.after / one.before for one in done if one.before > 0] or [1.0])))


def suits(walk: Walk, point: Point) -> bool:
    """Tell whether a layer is a convolution of the plain or the plain depthwise kind."""
    op = walk.quantized.op(point.head)
    if point.type not in TYPES:
        return False
    return number(op, "group") == 1 if point.type == "conv2d" else walk.quantized.op(point.weights).tensor.shape[0] == 1


def improve(walk: Walk, layer: Layer) -> Rounded:
    """Round one layer's parameters anew, in place, and what it computes with them; the old ones stay where they are no worse."""
    before, point = _error(layer), layer.point
    old = {name: walk.quantized.op(name).data for name in point.parameters}
    for name, values in _solve(walk, layer).items():
        walk.quantized.op(name).data = values
    trial = walk.fixed(point)
    kept, layer.fixed = layer.fixed, trial
    after = _error(layer)
    if after >= before:
        layer.fixed, after = kept, before
        for name, data in old.items():
            walk.quantized.op(name).data = data
    power = float(np.sum(np.square(layer.plain, dtype=np.float64))) or 1.0
    return Rounded(point.head, before / power, after / power)


def _error(layer: Layer) -> float:
    return float(np.sum(np.square(layer.plain - layer.fixed, dtype=np.float64)))


def _solve(walk: Walk, layer: Layer) -> dict[str, NDArray[np.float32]]:
    """Return new values of weights and bias."""
    point, dense = layer.point, layer.point.type == "conv2d"
    weights = constant(walk.graph, point.weights)
    windows, wanted = samples(walk.quantized.op(point.head), layer)
    inputs, outputs = _groups(windows, dense=dense), (wanted[None] if dense else wanted.T[:, :, None])
    columns = _columns(weights, dense=dense)
    steps = np.full(columns.shape[2], 2.0 ** -_position(walk, point.weights))
    if point.bias:
        bias = constant(walk.graph, point.bias).reshape(*columns.shape[:2], 1)
        columns, steps = np.concatenate([columns, bias], axis=2), np.append(steps, 2.0 ** -_position(walk, point.bias))
        inputs = np.concatenate([inputs, np.ones_like(inputs[:, :, :1])], axis=2)
    found = adapt(inputs, outputs, columns.astype(np.float64), steps, bias=bool(point.bias)) * steps
    made = {point.weights: _weights(found[:, :, : weights[0].size // (1 if dense else weights.shape[3])], weights.shape, dense=dense)}
    return made | ({point.bias: found[:, :, -1].reshape(-1).astype(np.float32)} if point.bias else {})


def _groups(windows: Images, *, dense: bool) -> Images:
    """Return windows [samples, taps, channels] as [groups, samples, columns]: a depthwise convolution has a group for each channel."""
    return windows.reshape(1, len(windows), -1) if dense else np.moveaxis(windows, 2, 0)


def _columns(weights: NDArray[np.float32], *, dense: bool) -> NDArray[np.float32]:
    """Return weights [out, h, w, in] or [1, h, w, channels] as [groups, out, columns]."""
    return weights.reshape(1, len(weights), -1) if dense else np.moveaxis(weights, 3, 0).reshape(weights.shape[3], 1, -1)


def _weights(columns: Floats, shape: tuple[int, ...], *, dense: bool) -> NDArray[np.float32]:
    """Undo `_columns`."""
    if dense:
        return columns.reshape(shape).astype(np.float32)
    return np.moveaxis(columns.reshape(shape[3], *shape[:3]), 0, 3).astype(np.float32)


def _position(walk: Walk, name: str) -> int:
    return number(walk.quantized.op(walk.fixes[name]), "fix_point")


def samples(op: Op, layer: Layer) -> tuple[Images, Images]:
    """Return windows of a convolution's input, [samples, taps, channels], and what the float network makes there, [samples, out]."""
    source, out = layer.sources[0], layer.plain
    window = window_of(op, source.shape)
    padded = window.pad(source)
    count, height, width, _ = out.shape
    at = drawn(count * height * width)
    image, row, column = at // (height * width), at // width % height, at % width
    taps = [
        padded[image, row * window.stride[0] + down * window.dilation[0], column * window.stride[1] + across * window.dilation[1]]
        for down in range(window.kernel[0])
        for across in range(window.kernel[1])
    ]
    return np.stack(taps, axis=1), out.reshape(-1, out.shape[3])[at]


def drawn(total: int) -> NDArray[np.int64]:
    """Return the numbers of the sampled places among *total*: evenly spread, by multiples of the golden ratio in 32 bits."""
    spread = np.arange(min(SAMPLES, total), dtype=np.uint64) * np.uint64(2654435769) % np.uint64(2**32)
    return (spread * np.uint64(total) >> np.uint64(32)).astype(np.int64)


def adapt(inputs: Images, wanted: Images, columns: Floats, steps: Floats, *, bias: bool) -> Floats:
    """Return the codes that reproduce *wanted* best.

    Args:
        inputs: What the columns are multiplied with, [groups, samples, columns].
        wanted: The outputs to reproduce, [groups, samples, out].
        columns: Real parameters to start from, [groups, out, columns].
        steps: What a code of each column stands for, [columns].
        bias: Whether the last column is a bias: it is rounded first.

    Returns:
        Whole numbers in the int8 range, [groups, out, columns].
    """
    turned = np.swapaxes(inputs, 1, 2)
    moments = (turned @ inputs).astype(np.float64)
    damping = DAMPING * np.trace(moments, axis1=1, axis2=2) / moments.shape[1]
    moments += np.eye(moments.shape[1]) * np.maximum(damping, np.finfo(np.float32).tiny)[:, None, None]
    missing = (turned @ (wanted - inputs @ np.swapaxes(columns, 1, 2).astype(np.float32))).astype(np.float64)
    fitted = columns + np.swapaxes(np.linalg.solve(moments, missing), 1, 2)
    power = np.diagonal(moments, axis1=1, axis2=2).copy()
    if bias:
        power[:, -1] = np.inf
    order = np.argsort(power, axis=1, kind="stable")  # the last is rounded first
    picked = np.take_along_axis(np.take_along_axis(moments, order[:, :, None], 1), order[:, None, :], 2)
    upper = np.swapaxes(np.linalg.cholesky(picked), 1, 2)
    codes = _nearest_plane(np.take_along_axis(fitted, order[:, None, :], 2), steps[order], upper)
    return np.asarray(np.take_along_axis(codes, np.argsort(order, axis=1)[:, None, :], 2))


def _nearest_plane(values: Floats, steps: Floats, upper: Floats) -> Floats:
    """Round the columns of *values* [groups, out, columns] from the last to the first; *upper* is the Cholesky factor of their weights."""
    size = values.shape[2]
    codes, errors = np.zeros_like(values), np.zeros_like(values)
    carried = np.zeros_like(values)  # what the columns rounded so far ask of each other one
    for end in range(size, 0, -BLOCK):
        start = max(0, end - BLOCK)
        for column in range(end - 1, start - 1, -1):
            inner = errors[:, :, column + 1 : end] @ upper[:, column, column + 1 : end, None]
            ask = (carried[:, :, column] + inner[:, :, 0]) / upper[:, column, column, None]
            step = steps[:, column, None]
            codes[:, :, column] = np.clip(np.rint((values[:, :, column] + ask) / step), LOW, HIGH)
            errors[:, :, column] = values[:, :, column] - codes[:, :, column] * step
        carried[:, :, :start] += errors[:, :, start:end] @ np.swapaxes(upper[:, :start, start:end], 1, 2)
    return codes
