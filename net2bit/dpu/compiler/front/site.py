"""Where the front end builds one DPU subgraph: maps, layers, and how each tensor is seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.front.blob import Blob
from net2bit.dpu.compiler.layers import Axis, Layer, Map, Pad, Parameter, View, Work
from net2bit.quant.kernels_read import position, step_of
from net2bit.quant.kernels_steps import Step
from net2bit.xir.graph import Graph, Op

Shape = tuple[int, int, int]
COPY_LEFT = 7
"""Bits by which a maximum can raise its result; a code raised by seven is saturated, or zero, already."""


def dims(op: Op) -> Shape:
    """Return height, width and channels of an op's tensor; missing axes are 1."""
    shape = tuple(int(size) for size in op.tensor.shape[1:])
    height, width, channels = (1,) * (3 - len(shape)) + shape if len(shape) <= 3 else (0, 0, 0)  # noqa: PLR2004 - height, width, channels
    return height, width, channels


def copy_shift(down: int) -> int:
    """Return the field shift_cut with which a maximum divides by `2**down`."""
    return 8 + down if down > 0 else min(-down, COPY_LEFT)


def whole(item: Map) -> View:
    """Return the view of all of a map."""
    return View(item.name, item.height, item.width, 0, item.channels)


def repeated(view: View, rows: int, columns: int) -> View:
    """Return the view with each row and column seen so many times (nearest upsampling)."""
    return replace(
        view,
        height=view.height * rows,
        width=view.width * columns,
        rows=view.rows._replace(repeat=view.rows.repeat * rows),
        columns=view.columns._replace(repeat=view.columns.repeat * columns),
    )


def stepped(view: View, rows: Axis, columns: Axis, height: int, width: int) -> View:
    """Return the part of a view that *rows* and *columns* pick; the view must repeat nothing."""
    return replace(view, height=height, width=width, rows=_inside(view.rows, rows), columns=_inside(view.columns, columns))


def _inside(outer: Axis, inner: Axis) -> Axis:
    return Axis(outer.start + inner.start * outer.step, outer.step * inner.step, inner.repeat)


def window_groups(arch: Arch, layer: Layer) -> int:
    """Return how many channel groups of one window of the ALU fit the banks at once, beside the next row and the result."""
    (view,) = layer.reads
    visit = arch.pp * layer.stride.height
    rows = min(layer.kernel.height + layer.stride.height + visit - 1, view.height + visit - 1) // visit * layer.stride.height
    return max(1, DEPTH // (rows * layer.kernel.width + 2))


class Site:
    """One DPU subgraph under construction.

    Attributes:
        graph: With the codes of constants in place.
        arch: The target.
        ops: The subgraph's ops in graph order, constants left out.
        outputs: Ops whose tensors leave it.
        views: How the tensor of each op done so far is seen.
        targets: Where an op writes, if not into a map of its own (parts of concatenations).
        margins: Zeros around a tensor that its readers add themselves.
    """

    def __init__(self, graph: Graph, arch: Arch, ops: Iterable[str], outputs: Iterable[str], blob: Blob) -> None:
        """Start with no maps."""
        self.graph, self.arch, self.blob = graph, arch, blob
        self.ops = tuple(ops)
        self.outputs = tuple(outputs)
        self.maps: dict[str, Map] = {}
        self.layers: list[Layer] = []
        self.views: dict[str, View] = {}
        self.targets: dict[str, View] = {}
        self.margins: dict[str, Pad] = {}
        self._steps: dict[str, Step] = {}
        self._rights: dict[str, int] = {}

    def step(self, op: Op) -> Step:
        """Return the integer step of an op."""
        if op.name not in self._steps:
            self._steps[op.name] = step_of(self.graph, op)
        return self._steps[op.name]

    def position(self, name: str) -> int:
        """Return the fix position of an op's tensor."""
        return position(self.graph.op(name))

    def new_map(self, name: str, shape: Shape) -> View:
        """Add a map, and return the view of all of it."""
        self.maps[name] = Map(name, *shape)
        return whole(self.maps[name])

    def target(self, op: Op) -> View:
        """Return where *op* writes its tensor, which from now on is seen there."""
        self.views[op.name] = self.targets[op.name] if op.name in self.targets else self.new_map(op.name, dims(op))
        return self.views[op.name]

    def bias(self, name: str, right: int | None = None) -> Parameter:
        """Return the bias op *name* as the blob holds it, shifted *right*; without a shift, as it was asked for before."""
        if right is None:
            right = self._rights.get(name, 0)
        self._rights.setdefault(name, right)
        values = np.asarray(self.graph.op(name).data).reshape(-1)
        return self.blob.add(f"{name}>>{right}" if right else name, values >> min(right, 7))

    def copy(self, name: str, source: View, to: View, down: int = 0) -> None:
        """Add a layer that moves a view into another, divided by `2**down`."""
        self.layers.append(Layer(name, Work.MAX, (source,), to, shift_cut=copy_shift(down)))

    def entering(self, view: View) -> bool:
        """Whether a view is all of a map that enters the subgraph for one reader, so that LOAD may fold its pixels for that one."""
        item = self.maps[view.map]
        if sum(item.name in self.graph.op(name).producers for name in self.ops) != 1:
            return False
        return item.name not in self.ops and view.plain and view == whole(item) and item.name in self.graph

    def single(self, name: str) -> View:
        """Return the tensor of op *name* as a view without repeats; it is written out once if it has some."""
        view = self.views[name]
        if view.rows.repeat > 1 or view.columns.repeat > 1:
            made = self.new_map(f"{name}(whole)", (view.height, view.width, view.channels))
            self.copy(name, view, made)
            self.views[name] = made
        return self.views[name]
