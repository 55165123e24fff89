"""Sliding windows over NHWC arrays in numpy: geometry, padding, pooling and convolution, for any element type.

Axes and pairs stand height first here; XIR writes `kernel`, `stride` and `dilation` as `[w, h]` and `pad` as `[left, right, top, bottom]`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError
from net2bit.xir.access import flag, ints, text
from net2bit.xir.graph import Op
from net2bit.xir.shapes import same_padding

Array = NDArray[Any]
Pair = tuple[int, int]

_BLOCK = 1 << 18  # elements of one block of GEMM rows: they stay in the second-level cache


@dataclass(frozen=True)
class Window:
    """How a kernel slides over a feature map; every pair is `(height, width)`.

    Attributes:
        kernel: Taps.
        stride: Step from output to output.
        dilation: Step from tap to tap.
        before: Padding above and on the left.
        after: Padding below and on the right that the output's size needs; negative where rows or columns are left over.
        hang: How much of `after` lies beyond the padding that was declared (windows that hang over, pad mode CEIL).
        out: Size of the output.
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    before: Pair
    after: Pair
    hang: Pair
    out: Pair

    @property
    def reach(self) -> Pair:
        """Rows and columns that a kernel spans, its gaps included."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1, (self.kernel[1] - 1) * self.dilation[1] + 1

    @property
    def padded(self) -> bool:
        """Whether the map must be padded or cropped at all."""
        return any((*self.before, *self.after))

    @property
    def symmetric(self) -> bool:
        """Whether both sides of both axes are padded alike."""
        return self.before == self.after

    def taps(self) -> Iterator[Pair]:
        """Walk the kernel, row by row."""
        return ((row, column) for row in range(self.kernel[0]) for column in range(self.kernel[1]))

    def at(self, axis: int, tap: int) -> slice:
        """Return what *tap* of the kernel meets along *axis* (0 height, 1 width) of a padded map, output by output."""
        start = tap * self.dilation[axis]
        return slice(start, start + (self.out[axis] - 1) * self.stride[axis] + 1, self.stride[axis])

    def pad(self, x: Array, value: float = 0) -> Array:
        """Return *x* (NHWC) padded with *value*, and cropped where `after` is negative."""
        x = x[:, : x.shape[1] + min(self.after[0], 0), : x.shape[2] + min(self.after[1], 0)]
        margins = [(0, 0), *((low, max(high, 0)) for low, high in zip(self.before, self.after, strict=True)), (0, 0)]
        return np.pad(x, margins, constant_values=value) if any(map(any, margins)) else x


def window_of(op: Op, source: tuple[int, ...]) -> Window:
    """Return the window of a convolution or a pooling over a map of the shape *source* (NHWC); the output's size is the op's tensor's.

    Raises:
        ModelError: The attributes are missing or do not lead to the output's size.
    """
    whole = "global" in op.attrs and flag(op, "global")
    kernel = (source[1], source[2]) if whole else _pair(op, "kernel")
    stride, dilation = _pair(op, "stride"), _pair(op, "dilation") if "dilation" in op.attrs else (1, 1)
    left, right, top, bottom = ints(op, "pad", 4)
    window = Window(kernel, stride, dilation, (top, left), (bottom, right), (0, 0), (op.tensor.shape[1], op.tensor.shape[2]))
    if op.attrs.get("pad_mode") in ("SAME", "VALID"):
        window = _tensorflow(window, source, text(op, "pad_mode"))
    return _fitted(op, window, source)


def _pair(op: Op, name: str) -> Pair:
    width, height = ints(op, name, 2)
    return height, width


def _tensorflow(window: Window, source: tuple[int, ...], mode: str) -> Window:
    if mode == "VALID":
        return replace(window, before=(0, 0), after=(0, 0))
    sides = [same_padding(source[axis + 1], window.reach[axis], window.stride[axis]) for axis in (0, 1)]
    return replace(window, before=(sides[0][0], sides[1][0]), after=(sides[0][1], sides[1][1]))


def _fitted(op: Op, window: Window, source: tuple[int, ...]) -> Window:
    """Replace the declared padding behind by what the output's size needs."""
    needed = [(window.out[axis] - 1) * window.stride[axis] + window.reach[axis] - source[axis + 1] - window.before[axis] for axis in (0, 1)]
    hang = [need - declared for need, declared in zip(needed, window.after, strict=True)]
    if any(not -step < over < step for over, step in zip(hang, window.stride, strict=True)):
        size = f"{source[1]} x {source[2]} with kernel {window.kernel}, stride {window.stride} and padding {window.before}, {window.after}"
        raise ModelError(f"{op.type} '{op.name}' cannot make {window.out[0]} x {window.out[1]} of {size}", where=op.name)
    return replace(window, after=(needed[0], needed[1]), hang=(max(hang[0], 0), max(hang[1], 0)))


@dataclass(frozen=True)
class Spread:
    """A transposed convolution: the input is spread by `stride` with zeros, then *window* (stride 1) slides over it."""

    stride: Pair
    window: Window

    def spread(self, x: Array) -> Array:
        """Return *x* (NHWC) with `stride - 1` zeros between neighbours."""
        batch, height, width, channels = x.shape
        wide = np.zeros((batch, (height - 1) * self.stride[0] + 1, (width - 1) * self.stride[1] + 1, channels), x.dtype)
        wide[:, :: self.stride[0], :: self.stride[1]] = x
        return wide


def spread_of(op: Op, source: tuple[int, ...]) -> Spread:
    """Return the geometry of a transposed convolution over a map of the shape *source*: padding `kernel - 1 - pad` (cpu-runner, tconv2d).

    Raises:
        ModelError: The attributes are missing or do not lead to the output's size.
    """
    stride, kernel, dilation = _pair(op, "stride"), _pair(op, "kernel"), _pair(op, "dilation")
    left, right, top, bottom = ints(op, "pad", 4)
    wide = (source[0], (source[1] - 1) * stride[0] + 1, (source[2] - 1) * stride[1] + 1, source[3])
    window = Window(kernel, (1, 1), dilation, (0, 0), (0, 0), (0, 0), (op.tensor.shape[1], op.tensor.shape[2]))
    reach = window.reach
    if op.attrs.get("pad_mode") == "SAME":
        total = [reach[axis] + stride[axis] - 2 for axis in (0, 1)]
        before, after = (-(-total[0] // 2), -(-total[1] // 2)), (total[0] // 2, total[1] // 2)
    else:
        before, after = (reach[0] - 1 - top, reach[1] - 1 - left), (reach[0] - 1 - bottom, reach[1] - 1 - right)
    if min(*before) < 0:
        raise ModelError(f"{op.type} '{op.name}' pads more than its kernel reaches", where=op.name)
    return Spread(stride, _fitted(op, replace(window, before=before, after=after), wide))


def reduce(x: Array, window: Window, function: Callable[[Array, Array], Array], value: float) -> Array:
    """Combine each window of *x* (NHWC) by *function* (`np.maximum`, `np.add`), rows first, then columns; *value* pads."""
    x = window.pad(x, value)
    for axis in (0, 1):
        parts = [x[:, window.at(0, tap)] if axis == 0 else x[:, :, window.at(1, tap)] for tap in range(window.kernel[axis])]
        x = parts[0].copy() if len(parts) > 1 else parts[0]
        for part in parts[1:]:
            x = function(x, part)
    return x


def maximum(x: Array, window: Window) -> Array:
    """Return the greatest element of each window; padding never wins."""
    lowest = np.iinfo(x.dtype).min if x.dtype.kind == "i" else -np.inf
    return reduce(x, window, np.maximum, lowest)


def convolve(x: Array, weights: Array, window: Window, groups: int = 1) -> Array:
    """Return the plain sums of a convolution, in the type of *x* (NHWC) and *weights* (OHWI, both alike).

    One matrix product for each tap of the kernel: BLAS does them where the type has one (float32, float64).
    """
    x = window.pad(x)
    outputs, channels = weights.shape[0] // groups, weights.shape[3]
    if channels == 1 and outputs == 1:
        return _each_channel(x, weights, window)
    out = np.empty((x.shape[0], *window.out, weights.shape[0]), x.dtype)
    for group in range(groups):
        feed, made = slice(group * channels, (group + 1) * channels), slice(group * outputs, (group + 1) * outputs)
        _one_group(x[..., feed], weights[made], window, out[..., made])
    return out


def _one_group(x: Array, weights: Array, window: Window, out: Array) -> None:
    """Fill *out*, a few rows at a time, so that the partial sums stay in the cache."""
    filters = {tap: np.ascontiguousarray(weights[:, tap[0], tap[1]].T) for tap in window.taps()}
    rows = max(1, _BLOCK // (window.out[1] * max(x.shape[3], out.shape[3])))
    for image in range(x.shape[0]):
        for first in range(0, window.out[0], rows):
            last = min(first + rows, window.out[0])
            total = np.zeros(((last - first) * window.out[1], out.shape[3]), x.dtype)
            for tap, values in filters.items():
                part = x[image, window.at(0, tap[0])][first:last, window.at(1, tap[1])]
                total += part.reshape(-1, x.shape[3]) @ values
            out[image, first:last] = total.reshape(last - first, window.out[1], -1)


def _each_channel(x: Array, weights: Array, window: Window) -> Array:
    """Depthwise: every channel has its own filter."""
    out = np.zeros((x.shape[0], *window.out, x.shape[3]), x.dtype)
    for row, column in window.taps():
        out += x[:, window.at(0, row), window.at(1, column)] * weights[:, row, column, 0]
    return out


def filters(weights: Array) -> Array:
    """Return depthwise weights `[multiplier, kh, kw, channels]` as those of a convolution in `channels` groups, OHWI with I = 1.

    Output channel `c * multiplier + m` is made of input channel `c`.
    """
    multiplier, height, width, channels = weights.shape
    return np.ascontiguousarray(weights.transpose(3, 0, 1, 2).reshape(channels * multiplier, height, width, 1))
