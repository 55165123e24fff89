"""What the DPU is to compute: layers between feature maps, every scale, shift and address form decided, nothing yet of tiles or banks.

Concatenation, upsampling, dilation and transposition are not layers: they are the way a layer looks at a map (`View`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple


class Work(enum.StrEnum):
    """What a layer computes, and with it which engine does."""

    CONV = "conv"
    """CONV: every output channel from all input channels."""
    DEPTHWISE = "depthwise"
    """ALU mode 0."""
    AVERAGE = "average"
    """ALU mode 2: `factor` / 2**n of the window's sum."""
    MAX = "max"
    """ALU mode 3; with a 1x1 kernel, a change of fix position."""
    SIGMOID = "sigmoid"
    """ALU mode 7: hard sigmoid."""
    LEAKY = "leaky"
    """ALU mode 4: leaky ReLU on its own."""
    ADD = "add"
    """ELEW: sum of two to four maps."""
    MULTIPLY = "multiply"
    """ELEW: product of two maps."""

    @property
    def on_alu(self) -> bool:
        """Whether the ALU does it: `alu_pp` rows an instruction, all channel groups at once."""
        return self not in {Work.CONV, Work.ADD, Work.MULTIPLY}

    @property
    def on_elew(self) -> bool:
        """Whether it is an elementwise instruction."""
        return self in {Work.ADD, Work.MULTIPLY}


@dataclass(frozen=True, slots=True)
class Map:
    """A whole feature map: int8, one picture, `height` x `width` x `channels`."""

    name: str
    height: int
    width: int
    channels: int


class Axis(NamedTuple):
    """Which rows (or columns) of a map a view sees: its i-th is the map's `start + i // repeat * step`."""

    start: int = 0
    step: int = 1
    repeat: int = 1

    def at(self, index: int) -> int:
        """The map's row or column behind the view's."""
        return self.start + index // self.repeat * self.step

    @property
    def plain(self) -> bool:
        """Whether the view sees every row once."""
        return self == EVERY


EVERY: Final = Axis()
"""Every row, or column, once."""


@dataclass(frozen=True, slots=True)
class View:
    """How a layer looks at a map: a slice of its channels, and of its rows and columns a regular part.

    A part of a concatenation: `first` and `channels`. Nearest upsampling: `repeat` 2, when reading. A 1x1 convolution with stride 2, or a
    phase of a dilated one: `step` when reading. A phase of a dilated or transposed convolution: `start` and `step` when writing.
    """

    map: str
    height: int
    width: int
    first: int
    channels: int
    rows: Axis = EVERY
    columns: Axis = EVERY

    @property
    def plain(self) -> bool:
        """Whether the view is the map's full height and width."""
        return self.rows.plain and self.columns.plain


@dataclass(frozen=True, slots=True)
class Parameter:
    """A constant in the parameter blob (REG_0): raw int8, OHWI for weights."""

    name: str
    offset: int
    shape: tuple[int, ...]


class Pair(NamedTuple):
    """Rows and columns of a kernel or stride."""

    height: int
    width: int


class Pad(NamedTuple):
    """Zero rows and columns around the input (for pooling: outside of the window)."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0


POINT: Final = Pair(1, 1)
NO_PAD: Final = Pad()


@dataclass(frozen=True, slots=True)
class Layer:
    """One computation between views; shifts are the instruction fields' values (`shift_bias` with its guard bit)."""

    name: str
    """The op of the graph that it stands for; several layers may share one (phases)."""
    work: Work
    reads: tuple[View, ...]
    writes: View
    kernel: Pair = POINT
    stride: Pair = POINT
    pad: Pad = NO_PAD
    weights: Parameter | None = None
    bias: Parameter | None = None
    act: int = 0
    """act_type: 0 none, 1 ReLU, 3 leaky ReLU, 4 ReLU6."""
    shift_cut: int = 0
    shift_bias: int = 0
    factor: int = 0
    """Average pooling and leaky ReLU: multi_factor."""
    shift_read: tuple[int, ...] = ()
    """Elementwise: one for each operand."""
    shift_write: int = 0
    augmented: bool = False
    """Channel augmentation: the kernel's columns are folded into channels by LOAD (`kernel` is still the op's own)."""
    macs: int = 0
    """Multiply-accumulates of the op, without padding to groups."""


@dataclass(frozen=True, slots=True)
class Network:
    """A DPU subgraph, ready to be scheduled."""

    name: str
    maps: Mapping[str, Map]
    layers: tuple[Layer, ...]
    """In an order in which every map is written before it is read."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: bytes
    """REG_0."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a map lies in DDR: pixel (r, c), channel k at byte `offset + r * row + c * pixel + k` of register `reg`."""

    reg: int
    offset: int
    row: int
    pixel: int
