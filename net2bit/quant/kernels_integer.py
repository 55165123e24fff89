"""Every integer step in numpy int64, as the arithmetic's specification says: slow, and right by inspection."""

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from net2bit.errors import QuantError
from net2bit.quant import arith
from net2bit.quant import kernels_window as windows
from net2bit.quant.arith import Codes
from net2bit.quant.kernels_steps import Concat, Convolution, Eltwise, Plain, Pool, Step, Upsample
from net2bit.quant.kernels_window import Array, Spread


@singledispatch
def compute(step: Step, _maps: Sequence[Codes]) -> Codes:
    """Return what *step* makes of the codes *maps*, its inputs in order (NHWC, int8)."""
    raise QuantError(f"no integer kernel computes a {type(step).__name__}", where=step.name)


def slide(step: Convolution, x: Array, weights: Array) -> Array:
    """Return the sums of products of a convolution, in the type of *x* and *weights* (OHWI)."""
    if isinstance(step.geometry, Spread):
        return windows.convolve(step.geometry.spread(x), weights, step.geometry.window, step.groups)
    return windows.convolve(x, weights, step.geometry, step.groups)


@compute.register
def _(step: Convolution, maps: Sequence[Codes]) -> Codes:
    sums = slide(step, maps[0].astype(np.int64), step.weights.astype(np.int64))
    return arith.conv_output(
        sums,
        step.bias,
        shift_bias=step.shift_bias,
        shift_cut=step.shift_cut,
        activation=step.activation,
        rounding=step.rounding,
    )


@compute.register
def _(step: Pool, maps: Sequence[Codes]) -> Codes:
    if not step.average:
        return arith.requantize(windows.maximum(maps[0], step.window), step.shift, step.rounding)
    total = windows.reduce(maps[0].astype(np.int64), step.window, np.add, 0)
    return arith.average_output(total, step.window.kernel, step.shift, step.rounding)


@compute.register
def _(step: Eltwise, maps: Sequence[Codes]) -> Codes:
    rule = arith.eltwise_mul if step.product else arith.eltwise_add
    return rule(list(maps), list(step.positions), step.out, step.activation, step.rounding)


@compute.register
def _(step: Concat, maps: Sequence[Codes]) -> Codes:
    parts = [arith.requantize(x, shift, step.rounding) for x, shift in zip(maps, step.shifts, strict=True)]
    return np.concatenate(parts, step.axis)


@compute.register
def _(step: Upsample, maps: Sequence[Codes]) -> Codes:
    tall = np.repeat(maps[0], step.factors[0], 1)
    return arith.requantize(np.repeat(tall, step.factors[1], 2), step.shift, step.rounding)


@compute.register
def _(step: Plain, maps: Sequence[Codes]) -> Codes:
    return step.function(maps)
