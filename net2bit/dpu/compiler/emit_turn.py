"""One turn of a layer in instructions: rows that are missing are loaded, parameters, the blocks of rows, and what is done is saved."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count as counting
from typing import Final, NamedTuple

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.banks import Ring
from net2bit.dpu.compiler.emit_code import Code
from net2bit.dpu.compiler.emit_move import Mover
from net2bit.dpu.compiler.emit_weights import Keeper
from net2bit.dpu.compiler.kernel import kernel
from net2bit.dpu.compiler.layers import Layer, Work
from net2bit.dpu.compiler.parts import JUMP, LONG_JUMP, WRITES, Frame, Part
from net2bit.dpu.compiler.turns import Turn
from net2bit.dpu.compiler.windows import MARGIN, Input, Output, reach, source, target
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit

MODES: Final = {Work.DEPTHWISE: 0, Work.AVERAGE: 2, Work.MAX: 3, Work.LEAKY: 4, Work.SIGMOID: 7}
"""exec_mode of the ALU."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that one instruction computes, from local row `first` on."""

    first: int
    rows: int
    source: Input
    target: Output


class Walk(NamedTuple):
    """The fields that CONVINIT and ALUINIT share, in their order: how rows and columns are read and written."""

    jump_read: int
    jump_write: int
    stride_h: int
    stride_w: int
    jump_read_endl: int
    jump_write_endl: int
    stride_out: int
    stride_offset_in: int
    stride_offset_out: int


class Crew:
    """The parts of a group at work."""

    def __init__(self, code: Code, arch: Arch, keeper: Keeper, mover: Mover, frame: Frame, rings: list[Ring]) -> None:
        self.code, self.arch, self.keeper, self.mover = code, arch, keeper, mover
        self.parts, self.rings = frame.parts, rings
        self.loaded = [0] * len(rings)
        """Of each ring: the running row up to which it is loaded."""
        self.reach = [max((self._last(*reader) for reader in ring.buffer.readers), default=0) for ring in rings]
        """Of each ring: the rows of a tile that anybody reads."""

    def _last(self, at: int, operand: int) -> int:
        part = self.parts[at]
        return part.reads[operand].turns.high[part.turns - 1]

    def take(self, turn: Turn) -> None:
        """Write one turn down."""
        part = self.parts[turn.part]
        self.code.layer = part.index
        tile = turn.number // part.turns
        span = self.rings[part.out].buffer.span
        first, last = (rows[turn.number] - tile * span for rows in part.writes)
        if part.columns[tile][0] >= part.columns[tile][1]:
            # It rests in this tile; rows that it shares with others are still loaded in the order that the rings were made for.
            self._ensure(part, tile, first, last)
            return
        if part.layer.work is Work.CONV:
            self._conv(turn.part, tile, first, last)
        elif part.layer.work.on_elew:
            self._elew(part, tile, first, last)
        else:
            self._alu(turn.part, tile, first, last)

    # -- rows ----------------------------------------------------------------------------------------------------------------------

    def _ensure(self, part: Part, tile: int, first: int, last: int) -> None:
        """Load the rows that output rows need and that are not there yet."""
        for read in part.reads:
            ring = self.rings[read.buffer]
            buffer = ring.buffer
            if not buffer.loads:
                continue
            low, high = (tile * buffer.span + row for row in read.rows.needs(first, last, buffer.height))
            done = self.loaded[read.buffer]
            # A row that one reader skips, or leaves for the next tile's, another one may still want.
            for running in range(done if len(buffer.readers) > 1 else max(done, low), high):
                if running % buffer.span < self.reach[read.buffer]:
                    self.mover.load(ring, running // buffer.span, running % buffer.span)
            self.loaded[read.buffer] = max(done, high)

    def _save(self, part: Part, tile: int, first: int, last: int) -> None:
        if part.saved:
            for row in range(first, last):
                self.mover.save(part, self.rings[part.out], tile, row)

    def _blocks(self, part: Part, tile: int, first: int, last: int) -> list[Block]:
        """Cut rows into instructions: at ring ends, and where a window would span too many visits."""
        ring, read = self.rings[part.out], part.reads[0]
        into, conv = self.rings[read.buffer], part.layer.work is Work.CONV
        limit, jump, most = (1 if ring.buffer.grouping > WRITES else part.block), JUMP if conv else LONG_JUMP, MARGIN if conv else 0
        found = []
        while first < last:
            running = tile * ring.buffer.span + first
            rows = reach(into, read.rows, first, min(limit, last - first, ring.left(running, jump)))
            window = source(into, read, tile, (first, first + rows), part.columns[tile], most)
            found.append(Block(first, rows, window, target(ring, tile, running, rows, part.columns[tile][0], part.offset)))
            first += rows
        return found

    # -- convolution ---------------------------------------------------------------------------------------------------------------

    def _conv(self, at: int, tile: int, first: int, last: int) -> None:
        part = self.parts[at]
        blocks = self._blocks(part, tile, first, last)
        shape = kernel(part.layer, self.arch)
        self._ensure(part, tile, first, first + blocks[0].rows)
        _, bias = self.keeper.constant(at, part)
        for groups, line in self.keeper.chunks(at, part):
            for number, group in zip(counting(), groups, strict=False):
                weights = (line + number * shape.depth) % DEPTH
                # Back and forth: the first block of a group has the INIT of the last block of the group before.
                for block in blocks if group % 2 == 0 else reversed(blocks):
                    if group == 0:
                        self._ensure(part, tile, block.first, block.first + block.rows)
                    self._convolve(part, tile, block, group, (weights, (bias + group) % DEPTH))
                    if group == part.groups - 1:
                        self._save(part, tile, block.first, block.first + block.rows)

    def _convolve(self, part: Part, tile: int, block: Block, group: int, lines: tuple[int, int]) -> None:
        read, window, out = part.reads[0], block.source, block.target
        self.code.conv(self._convinit(part, block))
        conv = Conv(
            window.bank,
            window.lines[0],
            out.bank,
            (out.line + group) % DEPTH,
            *lines,
            part.columns[tile][1] - part.columns[tile][0],
            read.groups,
            read.groups * self.arch.cp - read.channels,
            window.top,
            window.left,
            window.bottom,
            window.right,
            *window.lines[1:],
        )
        self.code.add(conv)

    def _convinit(self, part: Part, block: Block) -> ConvInit:
        layer, read = part.layer, part.reads[0]
        return ConvInit(
            read.rows.kernel,
            read.columns.kernel,
            block.rows,
            *self._walk(part, block),
            layer.shift_cut,
            layer.shift_bias,
            layer.act,
        )

    def _walk(self, part: Part, block: Block) -> Walk:
        read, window, out = part.reads[0], block.source, block.target
        into, onto = self.rings[read.buffer].buffer, self.rings[part.out].buffer
        pitch = into.pitch if into.grouping > 1 else 1
        return Walk(into.lines, onto.lines, window.stride, read.columns.stride, pitch, out.endl, out.stride, window.offset, out.offset)

    # -- ALU -----------------------------------------------------------------------------------------------------------------------

    def _alu(self, at: int, tile: int, first: int, last: int) -> None:
        part = self.parts[at]
        for block in self._blocks(part, tile, first, last):
            self._ensure(part, tile, block.first, block.first + block.rows)
            weights, bias = self.keeper.constant(at, part)
            window, out = block.source, block.target
            self.code.alu(self._aluinit(part, tile, block))
            self.code.add(
                Alu(
                    window.bank,
                    window.lines[0],
                    out.bank,
                    out.line,
                    block.rows,
                    window.top,
                    window.left,
                    window.bottom,
                    window.right,
                    *window.lines[1:],
                    weights,
                    bias,
                )
            )
            self._save(part, tile, block.first, block.first + block.rows)

    def _aluinit(self, part: Part, tile: int, block: Block) -> AluInit:
        layer, read = part.layer, part.reads[0]
        init = AluInit(
            MODES[layer.work],
            read.rows.kernel,
            read.columns.kernel,
            part.columns[tile][1] - part.columns[tile][0],
            read.groups,
            *self._walk(part, block),
            0,
            layer.shift_cut,
            layer.shift_bias,
            layer.act,
            multi_factor=layer.factor,
            jump_read_weights=part.groups if layer.work is Work.DEPTHWISE else 0,
        )
        if layer.work is Work.LEAKY:
            init.shift_cut, init.shift_prelu_n, init.shift_prelu_p = 0, *leaky_shifts(layer)
        return init

    # -- elementwise ---------------------------------------------------------------------------------------------------------------

    def _elew(self, part: Part, tile: int, first: int, last: int) -> None:
        out = self.rings[part.out]
        groupings = {self.rings[read.buffer].buffer.grouping for read in part.reads if read.rows.stride}
        # Rows of one parity lie in one bank after the other; a buffer without grouping is then walked with jump_bank.
        step = out.buffer.grouping if groupings <= {1, out.buffer.grouping} else 1
        most = min(part.block, self.arch.pp // step) if groupings <= {1, step} and step == out.buffer.grouping else 1
        for parity in range(min(step, last - first)):
            row = first + parity
            while row < last:
                rows = self._fitting(part, tile, row, step, min(most, -(-(last - row) // step)))
                self._ensure(part, tile, first, row + (rows - 1) * step + 1)
                self._add(part, tile, row, rows, step)
                if step == 1:
                    self._save(part, tile, row, row + rows)
                row += rows * step
        if step > 1:
            self._save(part, tile, first, last)

    def _fitting(self, part: Part, tile: int, row: int, step: int, limit: int) -> int:
        """Rows that no ring end separates."""
        rings = [self.rings[part.out], *(self.rings[read.buffer] for read in part.reads if read.rows.stride)]
        left = min(ring.left(tile * ring.buffer.span + row, LONG_JUMP) for ring in rings)
        return max(1, min(limit, -(-left // step)))

    def _add(self, part: Part, tile: int, row: int, rows: int, step: int) -> None:
        layer, column = part.layer, part.columns[tile][0]
        for number, read in enumerate(part.reads):
            ring = self.rings[read.buffer]
            buffer, spread = ring.buffer, read.rows.stride == 0
            running = tile * buffer.span + (0 if spread else row)
            line = ring.line(running) + ring.column(tile, 0 if spread else column) + read.offset
            self.code.add(
                ElewInit(
                    number,
                    ring.bank(running),
                    line % DEPTH,
                    0 if spread else buffer.lines,
                    buffer.grouping * buffer.pitch if rows > 1 and not spread else 1,
                    step if rows > 1 and buffer.grouping == 1 and not spread else 1,
                    layer.shift_read[number] if layer.shift_read else 0,
                    int(spread),
                )
            )
        ring = self.rings[part.out]
        running = tile * ring.buffer.span + row
        self.code.add(
            Elew(
                ring.bank(running),
                (ring.line(running) + ring.column(tile, column) + part.offset) % DEPTH,
                len(part.reads),
                part.columns[tile][1] - column,
                rows,
                part.groups,
                ring.buffer.lines,
                ring.buffer.grouping * ring.buffer.pitch if rows > 1 else 1,
                layer.shift_write,
                int(layer.work is Work.MULTIPLY),
                layer.act,
            )
        )


def leaky_shifts(layer: Layer) -> tuple[int, int]:
    """The fields shift_prelu_n and shift_prelu_p: the layer's shift_cut as in pooling (from 8 on: right), and 8 bits for the factor."""
    right = layer.shift_cut - 8 if layer.shift_cut >= 8 else -layer.shift_cut  # noqa: PLR2004 - how the field is read
    fields = [32 + shift if shift >= 0 else -shift for shift in (right + 8, right)]
    return fields[0], fields[1]
