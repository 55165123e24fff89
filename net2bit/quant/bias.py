"""Bias correction: each channel's mean error is taken off its bias.

Rounding the weights shifts the mean of a convolution's output, since activations behind a ReLU have one sign: the errors of the weights
do not cancel. Layer by layer, in order, the bias takes back what the quantized network's channel is off on average over the
calibration images, the layers ahead being corrected already. (Idea: Nagel et al. 2019; here with measured means.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from net2bit.job import Job
from net2bit.quant.arith import Rounding, dequantize, quantize
from net2bit.quant.images import Calibration, Images
from net2bit.quant.positions import non_overflow
from net2bit.quant.quantize import constant
from net2bit.quant.walk import Layer, Walk, room
from net2bit.xir.access import number
from net2bit.xir.verify import verify
from net2bit.xir.xmodel import read, write


@dataclass(frozen=True)
class Corrected:
    """What a correction did to one layer, as the mean over channels of the absolute mean error, in the tensor's units.

    Attributes:
        layer: The convolution.
        before: Mean error that arrived with the old bias.
        after: Mean error that the new bias, an int8 number again, leaves.
    """

    layer: str
    before: float
    after: float


def run(job: Job) -> None:
    """Make a new `int.xmodel` with corrected biases; reads `quant.calibration`.

    Raises:
        DataError: The data set has too few images.
        QuantError: `int.xmodel` is not a quantized form of `float.xmodel`.
    """
    graph, quantized = read(job.inputs["float.xmodel"]), read(job.inputs["int.xmodel"])
    calibration = Calibration.of(job.config["quant"]["calibration"])
    most = min(calibration.images, room(graph))
    images = np.concatenate([batch for _, batch in calibration.fewer(most).open(job.inputs["dataset.h5"], most)])
    walk = Walk(graph, quantized, images)
    done: list[Corrected] = []
    for at, layer in enumerate(walk, start=1):
        if layer.point.bias:
            done.append(correct(walk, layer))
        job.progress(at, len(walk.points), layer.point.head)
    verify(quantized)
    write(quantized, job.outputs["int.xmodel"])
    for name in ("before", "after"):
        job.metric(f"mean_error_{name}", float(np.mean([getattr(one, name) for one in done])))


def correct(walk: Walk, layer: Layer) -> Corrected:
    """Correct the bias of one layer of the quantized network, in place, and what the layer computed with it."""
    name = layer.point.bias
    error = channel_means(layer.plain) - channel_means(layer.fixed)
    old = constant(walk.quantized, name).astype(np.float64)
    new = _rounded(walk, name, old + error)
    layer.fixed += (new - old).astype(np.float32)
    return Corrected(layer.point.head, float(np.mean(np.abs(error))), float(np.mean(np.abs(error - (new - old)))))


def _rounded(walk: Walk, name: str, wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the int8 numbers nearest to *wanted* in place of the constant; its position gets coarser only where they need the room."""
    op, fix = walk.quantized.op(name), walk.quantized.op(walk.fixes[name])
    position = min(number(fix, "fix_point"), non_overflow(wanted))
    fix.attrs = {**fix.attrs, "fix_point": position}
    op.data = dequantize(quantize(wanted, position, Rounding.HALF_EVEN), position)
    return op.data.astype(np.float64)


def channel_means(values: Images) -> NDArray[np.float64]:
    """Return the mean of each channel (the last axis)."""
    return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0, dtype=np.float64))
