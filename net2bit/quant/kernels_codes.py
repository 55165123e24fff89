"""Integer steps in torch, on codes held as float32: whole numbers that float32 adds and multiplies exactly below 2**24.

A convolution is folded where its output has the form `floor((sum + c) / 2**shift)`: the shift goes into its weights (a power of two, so
nothing is rounded), `c` into its bias, and a floor and a clamp remain. Its guard is `max_o sum |w_o| * 128 + |c| <= 2**24`, under which
every partial sum is exact in any order. Where the guard fails, the input channels are split into parts that hold it, added in float64;
what has no folded form (slopes, other roundings) ends in float64 as well.
"""

from collections.abc import Callable, Sequence
from functools import singledispatch
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from net2bit.errors import QuantError
from net2bit.quant import arith, kernels_integer
from net2bit.quant.arith import Act, Activation, Codes, Rounding
from net2bit.quant.engines import Kernel
from net2bit.quant.kernels_steps import Concat, Convolution, Eltwise, Plain, Pool, Step, Upsample
from net2bit.quant.kernels_torch import convolve, convolve_transposed, pack, pack_transposed, surround, tensor
from net2bit.quant.kernels_window import Spread, Window

WIDE = 2**52
_BLOCK = 1 << 16
_TIE = 0.5


def load(codes: Codes) -> Tensor:
    """Take in int8 codes."""
    return tensor(codes).to(torch.float32)


def store(handle: Tensor) -> Codes:
    """Give out int8 codes."""
    return np.asarray(handle.to(torch.int8).numpy())


@singledispatch
def compile_step(step: Step) -> Kernel:
    """Make *step* ready.

    Raises:
        QuantError: There is no kernel for it.
    """
    raise QuantError(f"torch has no kernel for a {type(step).__name__}", where=step.name)


@compile_step.register
def _(step: Plain) -> Kernel:
    return by_numpy(step)


def by_numpy(step: Step) -> Kernel:
    """Return a kernel that leaves *step* to numpy."""

    def run(maps: Sequence[Tensor]) -> Tensor:
        return load(kernels_integer.compute(step, [store(x) for x in maps]))

    return run


# Rounding ---------------------------------------------------------------------------------------------------------------------------


def rounded(x: Tensor, mode: Rounding) -> Tensor:
    """Round to whole numbers exactly, as `arith.round_real` does."""
    directed = {Rounding.FLOOR: torch.floor, Rounding.CEIL: torch.ceil, Rounding.TRUNC: torch.trunc}
    if mode in directed:
        return directed[mode](x)
    even = torch.round(x)
    rest = x - even
    if mode is Rounding.HALF_UP:
        even += rest == _TIE
    elif mode is Rounding.MIXED:
        even += (rest == _TIE) & (x < 0)
    elif mode is Rounding.HALF_AWAY:
        even = torch.where(rest.abs() == _TIE, x.trunc() + x.sign(), even)
    return even


def requantized(x: Tensor, shift: int, mode: Rounding) -> Tensor:
    """Move codes from one fix position to another, `shift` bits lower."""
    return rounded(x * 2.0**-shift, mode).clamp_(arith.LOW, arith.HIGH) if shift else x


def finish(total: Tensor, shift: int, activation: Activation, mode: Rounding) -> Tensor:
    """Return `clamp(round(act(total / 2**shift)))` as float32; *total* must be wide enough for the slope (float64)."""
    if activation.act in (Act.LEAKYRELU, Act.PRELU):
        factor, down = activation.slope
        total = torch.where(total < 0, total * (factor / 2.0**down), total)
    low = 0 if activation.act in (Act.RELU, Act.RELU6) else arith.LOW
    codes = rounded(total.mul(2.0**-shift), mode).clamp_(low, activation.cap).to(torch.float32)
    return looked_up(codes, activation, mode) if activation.tabled else codes


def looked_up(codes: Tensor, activation: Activation, mode: Rounding) -> Tensor:
    """Apply HSIGMOID or HSWISH, which act on codes."""
    return load(arith.table(activation, mode))[codes.to(torch.int64) - arith.LOW]


# Convolutions -----------------------------------------------------------------------------------------------------------------------


def parts(step: Convolution) -> list[slice]:
    """Return the parts of the input channels whose sums hold the guard, each by itself; none where no split does."""
    spare = arith.EXACT - (0 if step.offset is None else int(np.abs(step.offset).max()))
    if step.reach <= spare:
        return [slice(None)]
    channels = step.weights.shape[3]
    if step.groups > 1 or isinstance(step.geometry, Spread):
        return []
    each = np.abs(step.weights.astype(np.int64)).sum((1, 2)) * -arith.LOW
    for count in range(2, channels + 1):
        edges = [channels * i // count for i in range(count + 1)]
        if np.add.reduceat(each, edges[:-1], axis=1).max() <= arith.EXACT:
            return [slice(*edge) for edge in pairwise(edges)]
    return []


@compile_step.register
def _(step: Convolution) -> Kernel:
    split = parts(step)
    if step.offset is not None and len(split) == 1:
        return _folded(step)
    factor = step.activation.slope[0]
    if (2 * step.reach + int(np.abs(step.halves).max())) * factor >= WIDE:
        return by_numpy(step)
    return _unfolded(step, split)


def _slider(step: Convolution, part: slice, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> tuple[Tensor, "_Slide"]:
    weights = step.weights[..., part].astype(np.float64) * scale
    if isinstance(step.geometry, Spread):
        return pack_transposed(weights, step.groups, dtype), _Slide(step.geometry, step.groups)
    return pack(weights, dtype), _Slide(step.geometry, step.groups)


class _Slide:
    """Slides packed weights over a map: ordinary and transposed convolutions behind one face."""

    def __init__(self, geometry: Window | Spread, groups: int) -> None:
        self.geometry, self.groups = geometry, groups

    def __call__(self, x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
        if isinstance(self.geometry, Window):
            return convolve(x, weights, bias, self.geometry, self.groups)
        sums = convolve_transposed(x, weights, self.geometry, self.groups)
        return sums if bias is None else sums.add_(bias)


def _folded(step: Convolution) -> Kernel:
    scale = 2.0**-step.shift_cut
    weights, slide = _slider(step, slice(None), scale)
    bias = tensor(np.asarray(step.offset, np.float64) * scale).to(torch.float32)
    low, high = step.span

    def run(maps: Sequence[Tensor]) -> Tensor:
        codes = slide(maps[0], weights, bias).floor_().clamp_(low, high)
        return looked_up(codes, step.activation, step.rounding) if step.activation.tabled else codes

    return run


def _unfolded(step: Convolution, split: list[slice]) -> Kernel:
    """Return the kernel that ends in float64: of parts, of a slope, of another rounding, or computed in float64 altogether."""
    dtype = torch.float32 if split else torch.float64
    packed = [(part, *_slider(step, part, dtype=dtype)) for part in split or [slice(None)]]
    halves = tensor(step.halves.astype(np.float64))

    def run(maps: Sequence[Tensor]) -> Tensor:
        sums = [slide(maps[0][..., part].contiguous().to(dtype), weights) for part, weights, slide in packed]
        out = torch.empty(sums[0].shape, dtype=torch.float32)
        flat, rows = out.view(-1, out.shape[-1]), [total.view(-1, out.shape[-1]) for total in sums]
        step_rows = max(1, _BLOCK // out.shape[-1])
        for first in range(0, flat.shape[0], step_rows):
            block = slice(first, first + step_rows)
            total = halves + 2 * sum(row[block].to(torch.float64) for row in rows)
            flat[block] = finish(total, step.shift_cut + 1, step.activation, step.rounding)
        return out

    return run


# The others -------------------------------------------------------------------------------------------------------------------------


def windows_of(x: Tensor, window: Window, axis: int) -> list[Tensor]:
    """Return the views of a padded map that a window's taps meet along *axis* (0 height, 1 width)."""
    taps = range(window.kernel[axis])
    return [x[:, window.at(0, tap)] if axis == 0 else x[:, :, window.at(1, tap)] for tap in taps]


def padded(x: Tensor, window: Window, value: float) -> Tensor:
    """Return *x* (NHWC) padded, and cropped where the window needs less."""
    (top, left), (bottom, right) = window.before, window.after
    return surround(x, (left, right, top, bottom), value) if window.padded else x


def reduce(x: Tensor, window: Window, function: Callable[[Tensor, Tensor], Tensor], value: float) -> Tensor:
    """Combine each window of *x* (NHWC) by *function*, along the width first (neighbours lie together); *value* pads."""
    x = padded(x, window, value)
    for axis in (1, 0):
        first, *others = windows_of(x, window, axis)
        x = first
        for other in others:
            x = function(x, other)
    return x.contiguous()


@compile_step.register
def _(step: Pool) -> Kernel:
    if not step.average:
        return lambda maps: requantized(reduce(maps[0], step.window, torch.maximum, arith.LOW), step.shift, step.rounding)
    factor, down = arith.average_factor(*step.window.kernel)
    area = step.window.kernel[0] * step.window.kernel[1]
    dtype = torch.float32 if area * -arith.LOW * factor < arith.EXACT else torch.float64

    def run(maps: Sequence[Tensor]) -> Tensor:
        total = reduce(maps[0].to(dtype), step.window, torch.add, 0)
        return finish(total * factor, down + step.shift, arith.PLAIN, step.rounding)

    return run


@compile_step.register
def _(step: Eltwise) -> Kernel:
    lowest = min(step.positions)
    lifts = [2.0 ** (arith.GUARD_BITS - position + lowest) for position in step.positions]
    shift = sum(step.positions) - step.out if step.product else lowest - step.out + arith.GUARD_BITS
    few = len(step.positions) <= 3  # noqa: PLR2004 - three codes multiply to less than 2**24
    sloped = step.activation.act in (Act.LEAKYRELU, Act.PRELU)
    dtype = torch.float32 if few and not sloped else torch.float64

    def run(maps: Sequence[Tensor]) -> Tensor:
        operands = [x.to(dtype) for x in maps]
        if not step.product:
            operands = [(x * lift).floor_() if lift < 1 else x * lift for x, lift in zip(operands, lifts, strict=True)]
        total = operands[0]
        for other in operands[1:]:
            total = total * other if step.product else total + other
        return finish(total, shift, step.activation, step.rounding)

    return run


@compile_step.register
def _(step: Concat) -> Kernel:
    return lambda maps: torch.cat([requantized(x, shift, step.rounding) for x, shift in zip(maps, step.shifts, strict=True)], step.axis)


def repeated(x: Tensor, factors: tuple[int, int]) -> Tensor:
    """Repeat each pixel of an NHWC map `factors` (height, width) times."""
    batch, height, width, channels = x.shape
    spread = x[:, :, None, :, None].expand(batch, height, factors[0], width, factors[1], channels)
    return spread.reshape(batch, height * factors[0], width * factors[1], channels)


@compile_step.register
def _(step: Upsample) -> Kernel:
    return lambda maps: repeated(requantized(maps[0], step.shift, step.rounding), step.factors)
