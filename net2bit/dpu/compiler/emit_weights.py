"""Parameters into their banks: CONV weights in chunks of output groups, ALU weights and biases once for a group of layers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.banks import Lines
from net2bit.dpu.compiler.emit_code import Code
from net2bit.dpu.compiler.emit_move import Run, joined, pieces
from net2bit.dpu.compiler.kernel import LOAD_BYTES, LONG, Kernel, kernel
from net2bit.dpu.compiler.layers import Work
from net2bit.dpu.compiler.parts import Part
from net2bit.dpu.isa import Load

__all__ = ["LONG", "Keeper", "Kernel", "kernel"]


class Keeper:
    """Loads parameters, and knows where they lie."""

    def __init__(self, code: Code, arch: Arch) -> None:
        self.code, self.arch = code, arch
        self.ring, self.alu, self.bias = Lines(), Lines(), Lines()
        self.kept: dict[int, int] = {}
        """First line of the resident weights of a part of the group."""
        self.filled: dict[int, int] = {}
        """Output groups of those that are loaded."""
        self.ahead: dict[int, list[tuple[range, int]]] = {}
        """Chunks of a part's streamed weights that are loaded before its first turn."""
        self.constants: dict[int, tuple[int, int]] = {}
        """Lines of a part's ALU weights and biases."""

    def begin(self, parts: tuple[Part, ...]) -> None:
        """Begin a group: set aside the lines of the weights that stay."""
        stay = [(at, part) for at, part in enumerate(parts) if part.layer.work is Work.CONV and part.plan.resident]
        line = self.ring.keep(sum(part.depth * part.groups for _, part in stay))
        self.kept, self.filled, self.constants, self.ahead = {}, {}, {}, {}
        for at, part in stay:
            self.kept[at], self.filled[at] = line, 0
            line += part.depth * part.groups

    def constant(self, at: int, part: Part) -> tuple[int, int]:
        """Return the lines of a part's ALU weights and biases; they are loaded when they are first asked for."""
        if at not in self.constants:
            bias = self._bias(part) if part.layer.bias is not None else 0
            weights = self._alu(part) if part.layer.weights is not None and part.layer.work is not Work.CONV else 0
            self.constants[at] = weights, bias
        return self.constants[at]

    def _bias(self, part: Part) -> int:
        assert part.layer.bias is not None  # noqa: S101 - the caller looked
        line = self.bias.take(part.groups)
        count = part.layer.writes.channels
        self._load(Run(1, count, part.layer.bias.offset, count, line, 1), self.arch.bias_bank)
        return line

    def _alu(self, part: Part) -> int:
        assert part.layer.weights is not None  # noqa: S101 - the caller looked
        line, count = self.alu.take(part.depth), part.layer.writes.channels
        taps = part.layer.kernel.height * part.layer.kernel.width
        run = Run(taps, count, part.layer.weights.offset, count, line, part.groups)
        self._load(joined(run, self.arch, LOAD_BYTES), self.arch.alu_bank)
        return line

    def _load(self, run: Run, bank: int) -> None:
        for piece in pieces(run, self.arch, LOAD_BYTES):
            self.code.add(Load(bank, piece.line % DEPTH, 0, piece.ddr, piece.length, piece.channel, piece.step, piece.jump))

    def chunks(self, at: int, part: Part) -> Iterator[tuple[range, int]]:
        """Yield output groups that are loaded together with the line of the first, loading each chunk when it is asked for."""
        shape = kernel(part.layer, self.arch)
        kept = self.kept.get(at)
        if kept is not None and self.filled[at]:
            yield range(self.filled[at]), kept
        ready = self.ahead.pop(at, [])
        yield from ready
        first = self.filled[at] if kept is not None else sum(len(groups) for groups, _ in ready)
        count = 1
        while first < part.groups:
            count = min(count, shape.together(self.arch, self.ring.size), part.groups - first)
            yield self._next(at, part, shape, range(first, first + count))
            first, count = first + count, count * 2

    def _next(self, at: int, part: Part, shape: Kernel, groups: range) -> tuple[range, int]:
        """Load a chunk into the lines that it keeps, or the next ones of the ring."""
        kept = self.kept.get(at)
        line = self.ring.take(len(groups) * shape.depth) if kept is None else kept + groups[0] * shape.depth
        self._chunk(part, shape, groups, line)
        if kept is not None:
            self.filled[at] = groups[-1] + 1
        return groups, line

    def prepare(self, at: int, part: Part) -> None:
        """Load what a part's first turn needs of parameters ahead of its rows: all that stays, and a third of the ring of what does not."""
        self.code.layer = part.index
        self.constant(at, part)
        if part.layer.work is not Work.CONV:
            return
        shape = kernel(part.layer, self.arch)
        if at in self.kept:
            deque(self.chunks(at, part), maxlen=0)
            return
        count = min(part.groups, max(1, self.ring.size // 3 // shape.depth))
        step = shape.together(self.arch, self.ring.size)
        starts = range(0, count, step)
        self.ahead[at] = [self._next(at, part, shape, range(first, min(count, first + step))) for first in starts]

    def _chunk(self, part: Part, shape: Kernel, groups: range, line: int) -> None:
        assert part.layer.weights is not None  # noqa: S101 - a convolution has weights
        arch, outputs = self.arch, part.layer.writes.channels
        for lane in range(min(arch.cp, outputs - groups[0] * arch.cp)):
            count = sum(group * arch.cp + lane < outputs for group in groups)
            start = part.layer.weights.offset + (groups[0] * arch.cp + lane) * shape.bytes
            if shape.flat(arch):
                run = Run(count, shape.bytes, start, shape.bytes * arch.cp, line, shape.depth)
            else:
                run = Run(shape.taps, shape.channels, start, shape.channels, line, shape.lines)
            self._load(run, arch.weight_bank + lane)
