"""Address fields of CONV, ALU and ELEW: how an instruction's rows are found in the rings of rows.

The input walk, the meaning of the padding fields and the output's walk: the project's ISA notes on CONV and ALU.
"""

from __future__ import annotations

from dataclasses import dataclass

from net2bit.dpu.arch import DEPTH, VISITS
from net2bit.dpu.compiler.banks import Ring
from net2bit.dpu.compiler.parts import WRITES, Axis, Read
from net2bit.dpu.compiler.schedule import FitError

MARGIN = 15
"""The greatest pad_top and pad_left."""


@dataclass(frozen=True, slots=True)
class Input:
    """Where a window starts."""

    bank: int
    lines: tuple[int, int, int, int]
    offset: int
    """stride_offset_in."""
    stride: int
    """stride_h."""
    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Output:
    """Where rows are written."""

    bank: int
    line: int
    offset: int
    """stride_offset_out."""
    stride: int
    """stride_out."""
    endl: int
    """jump_write_endl."""


def reach(ring: Ring, rows: Axis, first: int, limit: int) -> int:
    """How many output rows from `first` on one window may span: it sees a bank at most four times."""
    unit = ring.pp * ring.buffer.grouping
    start = (first * rows.stride - rows.pad) % unit
    room = VISITS * unit - start - rows.kernel
    return max(1, min(limit, room // max(1, rows.stride) + 1))


def source(ring: Ring, read: Read, tile: int, rows: tuple[int, int], columns: tuple[int, int], most: int) -> Input:
    """Return the input fields for output rows and columns (from, to) of a tile; `most` caps pad_bottom and pad_right.

    Raises:
        FitError: The padding does not fit its fields.
    """
    buffer, down, across = ring.buffer, read.rows, read.columns
    unit, height, width = ring.pp * buffer.grouping, buffer.height, buffer.width
    start = rows[0] * down.stride - down.pad
    last = (rows[1] - 1) * down.stride - down.pad
    running = tile * buffer.span + start
    left = columns[0] * across.stride - across.pad
    shift = ring.column(tile, left) + read.offset
    spanned = (running % unit + last - start + down.kernel - 1) // unit + 1
    lines = [(ring.visit(running + n * unit) + shift) % DEPTH if n < spanned else 0 for n in range(VISITS)]
    bottom = height - 1 - last
    right = width - 1 - ((columns[1] - 1) * across.stride - across.pad)
    if min(bottom, right) < 0 or max(-start, -left) > MARGIN or spanned > VISITS:
        raise FitError(
            f"a window over {buffer.map} lies wholly in the padding, or its padding is greater than {MARGIN}",
            where=buffer.map,
            remedy="less padding: what lies beyond the map adds nothing to the result",
        )
    caps = (MARGIN, MARGIN) if most == MARGIN else (down.kernel - 1, across.kernel - 1)
    return Input(
        ring.bank(running),
        (lines[0], lines[1], lines[2], lines[3]),
        running % buffer.grouping,
        buffer.grouping,
        max(0, -start),
        max(0, -left),
        min(caps[0], bottom),
        min(caps[1], right),
    )


def target(ring: Ring, tile: int, first: int, rows: int, column: int, offset: int) -> Output:
    """Return the output fields for `rows` rows from running row `first` on."""
    buffer = ring.buffer
    shift = ring.column(tile, column) + offset
    if rows == 1 or buffer.grouping > WRITES:
        return Output(ring.bank(first), (ring.line(first) + shift) % DEPTH, 0, 1, 1)
    used = buffer.grouping > 1 or first % ring.pp + rows > ring.pp
    return Output(
        ring.bank(first), (ring.visit(first) + shift) % DEPTH, first % buffer.grouping, buffer.grouping, buffer.pitch if used else 1
    )
