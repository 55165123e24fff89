"""How a kernel slides along one axis, phase by phase, so that no phase needs more than an ordinary convolution over a stepped view.

A dilated kernel falls apart into `dilation` phases, each over every `dilation`-th row; of a transposed one every output row meets each
`stride`-th tap only, so that no zeros are inserted and none multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from net2bit.dpu.compiler.layers import EVERY, Axis
from net2bit.quant.kernels_window import Spread, Window


class Taps(NamedTuple):
    """Which kernel rows (or columns) a phase uses: `number` of them, every `step`-th from `first` on."""

    first: int
    step: int
    number: int


@dataclass(frozen=True, slots=True)
class Slide:
    """One phase along one axis.

    Attributes:
        read: What is seen of the input.
        seen: Rows seen.
        write: Where the output goes.
        written: Rows written.
        taps: Of the kernel.
        stride: Over what is seen.
        before: Zeros ahead of what is seen.
    """

    read: Axis
    seen: int
    write: Axis
    written: int
    taps: Taps
    stride: int
    before: int

    @property
    def after(self) -> int:
        """Zeros behind what is seen."""
        return max(0, (self.written - 1) * self.stride + max(1, self.taps.number) - self.before - self.seen)


def slides(geometry: Window | Spread, axis: int, size: int, out: int) -> list[Slide]:
    """Return the phases along *axis* (0 height, 1 width) of a map of *size* rows, for *out* rows of output."""
    if isinstance(geometry, Spread):
        return list(_spread(geometry.stride[axis], geometry.window.kernel[axis], geometry.window.before[axis], size, out))
    kernel, stride, dilation, before = (pair[axis] for pair in (geometry.kernel, geometry.stride, geometry.dilation, geometry.before))
    stride = 1 if out == 1 else stride
    if dilation > 1 and kernel > 1:
        return list(_dilated(kernel, dilation, before, size, out))
    if kernel == 1 and stride > 1 and not before:
        return [Slide(Axis(0, stride), min(out, -(-size // stride)), EVERY, out, Taps(0, 1, 1), 1, 0)]
    return [Slide(EVERY, size, EVERY, out, Taps(0, 1, kernel), stride, before)]


def _dilated(kernel: int, dilation: int, before: int, size: int, out: int) -> Iterator[Slide]:
    """Yield the phases of a dilated kernel; taps at its ends that meet nothing but padding are left out."""
    used = [tap for tap in range(kernel) if tap * dilation - before < size and out - 1 + tap * dilation - before >= 0] or [0]
    taps = Taps(used[0], 1, used[-1] - used[0] + 1)
    before -= taps.first * dilation
    if taps.number == 1 and before == 0:
        yield Slide(EVERY, size, EVERY, out, taps, 1, 0)
        return
    for phase in range(min(dilation, out)):
        start = (phase - before) % dilation
        seen, written = -(-(size - start) // dilation), -(-(out - phase) // dilation)
        yield Slide(Axis(start, dilation), seen, Axis(phase, dilation), written, taps, 1, -((phase - before) // dilation))


def _spread(stride: int, kernel: int, before: int, size: int, out: int) -> Iterator[Slide]:
    for phase in range(min(stride, out)):
        tap = (before - phase) % stride
        first = (phase - before + tap) // stride
        taps = Taps(tap, stride, max(0, -(-(kernel - tap) // stride)))
        skip = max(0, first)
        yield Slide(Axis(skip), size - skip, Axis(phase, stride), -(-(out - phase) // stride), taps, 1, skip - first)


def possible(down: list[Slide], across: list[Slide]) -> bool:
    """Whether every window of every phase sees at least one pixel; padding may not take its place."""
    return all(_meets(rows, columns) for rows in down for columns in across)


def _meets(rows: Slide, columns: Slide) -> bool:
    """Whether the windows of a phase see pixels; without taps it looks at the pixels in order and takes them by zero."""
    if not rows.taps.number or not columns.taps.number:
        return all(0 < slide.written <= slide.seen for slide in (rows, columns))
    return all(meets(slide.taps.number, slide.stride, slide.before, slide.seen, slide.written) for slide in (rows, columns))


def meets(kernel: int, stride: int, before: int, size: int, out: int) -> bool:
    """Whether the first and the last of *out* windows along an axis see some of its *size* rows."""
    return 0 <= before < kernel and (out - 1) * stride - before < size
