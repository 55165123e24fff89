"""The weights of a convolution as LOAD brings them: runs of bytes for each output channel, several output groups at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.layers import Layer

LOAD_BYTES: Final = 16384
"""The widest LOAD pixel."""
STEP: Final = 65536
"""The longest jump in DDR, bytes."""
BEAT: Final = 16
"""Bytes that the DDR port moves in one cycle; a pixel takes whole ones."""
LINES: Final = 1024
"""The longest jump in a bank, lines."""
LONG: Final = 256
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

    def together(self, arch: Arch, ring: int) -> int:
        """Output groups that one LOAD brings: few if they are long anyway, and never more than a third of the ring's lines."""
        if not self.flat(arch) or self.bytes * arch.cp > STEP or self.depth > LINES:
            return 1
        return max(1, min(LONG // -(-self.bytes // BEAT), ring // 3 // self.depth))

    def cycles(self, arch: Arch, groups: int, overhead: float) -> float:
        """Cycles that LOAD takes for so many output groups, one beat each and so many more for an instruction."""
        taps, size = (1, self.bytes) if self.flat(arch) else (self.taps, self.channels)
        count = -(-groups // self.together(arch, DEPTH))
        return arch.cp * (count * overhead + groups * taps * -(-size // BEAT))


def kernel(layer: Layer, arch: Arch) -> Kernel:
    """Return the shape of a CONV layer's weights."""
    channels = layer.reads[0].channels
    if layer.augmented:
        return Kernel(layer.kernel.height, layer.kernel.width * channels, arch.lines(layer.kernel.width * channels))
    return Kernel(layer.kernel.height * layer.kernel.width, channels, arch.lines(channels))
