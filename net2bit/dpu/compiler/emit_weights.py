"""Parameters into their banks: CONV weights in chunks of output groups, ALU weights and biases once for a group of layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.banks import Lines
from net2bit.dpu.compiler.emit_code import Code
from net2bit.dpu.compiler.emit_move import LOAD_BYTES, STEP, Run, joined, pieces
from net2bit.dpu.compiler.frame import PIXELS, Part
from net2bit.dpu.compiler.layers import Layer, Work
from net2bit.dpu.isa import Load

LONG: Final = 64
"""Bus beats of a LOAD beyond which there is nothing to gain by joining more output groups."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """The weights of one output channel: `taps` runs of `channels` bytes, `lines` lines each."""

    taps: int
    channels: int
    lines: int

    @property
    def bytes(self) -> int:
        """Bytes of one output channel."""
        return self.taps * self.channels

    @property
    def depth(self) -> int:
        """Lines of one output group."""
        return self.taps * self.lines

    def flat(self, arch: Arch) -> bool:
        """Whether the taps follow one another without a gap in the lines, too."""
        return (self.taps == 1 or self.channels % arch.cp == 0) and self.bytes <= LOAD_BYTES


def kernel(layer: Layer, arch: Arch) -> Kernel:
    """Return the shape of a CONV layer's weights."""
    channels = layer.reads[0].channels
    if layer.augmented:
        return Kernel(layer.kernel.height, layer.kernel.width * channels, arch.lines(layer.kernel.width * channels))
    return Kernel(layer.kernel.height * layer.kernel.width, channels, arch.lines(channels))


class Keeper:
    """Loads parameters, and knows where they lie."""

    def __init__(self, code: Code, arch: Arch) -> None:
        self.code, self.arch = code, arch
        self.ring, self.alu, self.bias = Lines(), Lines(), Lines()
        self.kept: dict[int, int] = {}
        """First line of the resident weights of a part of the group."""
        self.filled: dict[int, int] = {}
        """Output groups of those that are loaded."""
        self.constants: dict[int, tuple[int, int]] = {}
        """Lines of a part's ALU weights and biases."""

    def begin(self, parts: tuple[Part, ...]) -> None:
        """Begin a group: set aside the lines of the weights that stay."""
        stay = [(at, part) for at, part in enumerate(parts) if part.layer.work is Work.CONV and part.plan.resident]
        line = self.ring.keep(sum(part.depth * part.groups for _, part in stay))
        self.kept, self.filled, self.constants = {}, {}, {}
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
        if kept is not None and self.filled[at] >= part.groups:
            yield range(part.groups), kept
            return
        first, count = 0, 1
        while first < part.groups:
            count = min(count, self._most(shape), part.groups - first)
            line = self.ring.take(count * shape.depth) if kept is None else kept + first * shape.depth
            self._chunk(part, shape, range(first, first + count), line)
            if kept is not None:
                self.filled[at] = first + count
            yield range(first, first + count), line
            first, count = first + count, count * 2

    def _most(self, shape: Kernel) -> int:
        """Output groups of one LOAD: few if they are long anyway, and never more than a third of the ring."""
        if not shape.flat(self.arch) or shape.bytes * self.arch.cp > STEP or shape.depth > PIXELS:
            return 1
        beats = -(-shape.bytes // 16)
        return max(1, min(LONG // beats, self.ring.size // 3 // shape.depth))

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
