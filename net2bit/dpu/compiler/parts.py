"""The words for a group of layers before anything is placed: its buffers of rows, its parts, and how each part reads.

A buffer holds rows of one map in an image group: row r lies in bank ``r // grouping`` modulo PP. Rows are counted on over the column tiles
("running" rows: tile t begins at ``t * span``), so that the next tile is simply what comes after the last row of the one before.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from net2bit.dpu.arch import VISITS, Arch
from net2bit.dpu.compiler.layers import Axis as Look
from net2bit.dpu.compiler.layers import Layer, Map, Network, View
from net2bit.dpu.compiler.schedule import LayerPlan

WRITES: Final = 4
"""Rows of one bank that an instruction of several rows may write (stride_out)."""
ROWS_IN_BANK: Final = 8
"""The greatest grouping: stride_offset_in has three bits."""
PIXELS: Final = 1024
"""The longest row of one instruction."""
JUMP: Final = 1024
"""The longest jump of a 10-bit field."""
LONG_JUMP: Final = 8192
"""The longest jump of ALU and ELEW from row to row."""
GROUPS: Final = 256
"""Channel groups that one instruction reads."""
NARROWER: Final = "narrower column tiles"
"""What a FitError advises where it helps."""


class Axis(NamedTuple):
    """One direction of a window: its size, its stride, and what lies before the first row or column."""

    kernel: int
    stride: int
    pad: int

    def needs(self, first: int, last: int, size: int) -> tuple[int, int]:
        """The input rows (from, to) that output rows `first` up to `last` look at."""
        low = max(0, first * self.stride - self.pad)
        return low, max(low, min(size, (last - 1) * self.stride - self.pad + self.kernel))


class Turns(NamedTuple):
    """Running rows (from, to), one entry for each turn of all tiles."""

    low: list[int]
    high: list[int]


@dataclass(frozen=True, slots=True)
class Read:
    """How a layer reads a buffer."""

    buffer: int
    offset: int
    """Lines from the pixel's first."""
    groups: int
    """Channel groups that it reads."""
    channels: int
    rows: Axis
    columns: Axis
    turns: Turns
    writers: tuple[int, ...]
    """Positions of the parts that make what it reads."""
    single: bool
    """Whether only one row can be made by an instruction, for the buffer's grouping is not the stride."""


@dataclass(slots=True)
class Buffer:
    """Rows of a map, or of a slice of its channels, in image banks."""

    map: str
    height: int
    width: int
    lines: int
    """Lines of a pixel."""
    grouping: int = 1
    loads: tuple[tuple[View, int], ...] = ()
    """What LOAD brings: views, each with its line in the pixel."""
    fold: Layer | None = None
    """The layer whose kernel columns LOAD folds into channels."""
    columns: list[tuple[int, int]] = field(default_factory=list)
    """Columns in each tile."""
    pitch: int = 0
    """Lines of a row."""
    visits: int = 0
    """Visits that hold the whole height."""
    span: int = 0
    """Running rows from one tile to the next."""
    readers: list[tuple[int, int]] = field(default_factory=list)
    """Position in the group, and which of its operands."""
    writers: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """A layer of the group."""

    index: int
    layer: Layer
    plan: LayerPlan
    saved: bool
    """Whether its output goes to DDR."""
    out: int = -1
    """The buffer that it writes."""
    sink: bool = False
    """Whether no layer of the group reads what it makes."""
    offset: int = 0
    """The line of its first channel in the buffer's pixel."""
    reads: list[Read] = field(default_factory=list)
    columns: list[tuple[int, int]] = field(default_factory=list)
    """Output columns in each tile."""
    share: list[tuple[int, int]] = field(default_factory=list)
    """The columns of each tile that are saved."""
    turns: int = 0
    """Turns of one tile."""
    writes: Turns = field(default_factory=lambda: Turns([], []))
    block: int = 0
    """Rows of one instruction at most."""
    depth: int = 0
    """Weight lines of an output group (CONV), or of all (ALU)."""
    groups: int = 0
    """Output channel groups."""

    @property
    def height(self) -> int:
        """Output rows."""
        return self.layer.writes.height


@dataclass(frozen=True, slots=True)
class Frame:
    """A group, its buffers and its turns."""

    parts: tuple[Part, ...]
    buffers: tuple[Buffer, ...]
    tiles: int
    arch: Arch


class Uses(NamedTuple):
    """Who reads and writes each map of a network: indices of layers."""

    readers: dict[str, list[tuple[int, View]]]
    writers: dict[str, list[int]]


_USES: Final[dict[int, tuple[Network, Uses]]] = {}


def uses(network: Network) -> Uses:
    """Return who reads and writes each map; remembered for the last few networks."""
    held = _USES.get(id(network))
    if held is not None and held[0] is network:
        return held[1]
    found = Uses(defaultdict(list), defaultdict(list))
    for index, layer in enumerate(network.layers):
        found.writers[layer.writes.map].append(index)
        for view in layer.reads:
            found.readers[view.map].append((index, view))
    if len(_USES) >= 8:  # noqa: PLR2004 - a handful: networks are large, and one is compiled at a time
        _USES.clear()
    _USES[id(network)] = network, found
    return found


def overlap(one: View, other: View) -> bool:
    """Whether two views of a map share bytes: channels, rows and columns."""
    if one.first >= other.first + other.channels or other.first >= one.first + one.channels:
        return False
    return _meet(one.rows, one.height, other.rows, other.height) and _meet(one.columns, one.width, other.columns, other.width)


def _meet(one: Look, size: int, other: Look, count: int) -> bool:
    """Whether two views have a row, or column, in common."""
    if one.plain and other.plain:
        return True
    rows = range(one.start, one.at(size - 1) + 1, one.step)
    seen = range(other.start, other.at(count - 1) + 1, other.step)
    return any(row in seen for row in rows)


def point(view: View) -> bool:
    """Whether a view is one pixel, seen everywhere."""
    rows, columns = view.rows, view.columns
    return view.height * view.width > 1 and rows.repeat >= view.height and columns.repeat >= view.width


def entire(view: View, held: Map) -> bool:
    """Whether a view is all of a map, in order."""
    return view.plain and (view.height, view.width) == (held.height, held.width)


def window(layer: Layer, view: View | None = None) -> tuple[Axis, Axis]:
    """Return a layer's rows and columns of the window as the chip sees them (an augmented kernel is one column wide).

    A stride of zero: the same pixel everywhere.
    """
    if layer.work.on_elew:
        step = 0 if view is not None and point(view) else 1
        return Axis(1, step, 0), Axis(1, step, 0)
    kernel, pad = layer.kernel, layer.pad
    columns = Axis(1, 1, 0) if layer.augmented else Axis(kernel.width, layer.stride.width, pad.left)
    return Axis(kernel.height, layer.stride.height, pad.top), columns


def spans(rows: Axis, grouping: int, height: int, pp: int) -> int:
    """Return the most visits that the window of one output row spans, over all rows."""
    unit = pp * grouping
    if rows.kernel <= (VISITS - 1) * unit + 1:
        return VISITS
    first = (oh * rows.stride - rows.pad for oh in range(height))
    return max((low + rows.kernel - 1) // unit - low // unit + 1 for low in first)
