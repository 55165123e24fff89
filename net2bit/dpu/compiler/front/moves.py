"""What moves data and computes nothing: concatenation, nearest upsampling, reshaping, margins. Most of it is a way to look at a map."""

from __future__ import annotations

from dataclasses import replace

from net2bit.dpu.compiler.front.site import Site, dims, repeated, stepped
from net2bit.dpu.compiler.layers import NO_PAD, Axis, Pad, View
from net2bit.quant.kernels_steps import Concat, Upsample
from net2bit.xir.access import ints
from net2bit.xir.graph import Op

MOVED = ("reshape-fix", "pad-fix")
"""Ops whose tensor is their input's, seen in another way."""


def plan_concats(site: Site) -> None:
    """Let producers write straight into the concatenation that takes their tensor, where nothing stands against it.

    Against it: another fix position, a tensor that leaves or enters the subgraph, and a producer that two concatenations take.
    """
    inside, leaving = set(site.ops), {root(site, name) for name in site.outputs}
    for name in reversed(site.ops):
        op = site.graph.op(name)
        if op.type != "concat-fix":
            continue
        own = site.targets[name] if name in site.targets else site.new_map(name, dims(op))
        site.targets[name] = own
        for source, part, shift in _parts(site, op, own):
            if not shift and source in inside and source not in leaving | site.targets.keys() and _writes(site, source):
                site.targets[source] = part


def _writes(site: Site, name: str) -> bool:
    """Whether the op writes its tensor itself, and its shape is the one it writes."""
    return site.graph.op(name).type not in MOVED


def _parts(site: Site, op: Op, to: View) -> list[tuple[str, View, int]]:
    """Return each input with its part of the concatenation, and the shift right that brings it to its fix position."""
    step = site.step(op)
    assert isinstance(step, Concat)  # noqa: S101 - the table of rules says so
    at, found = 0, []
    for name, shift in zip(step.inputs, step.shifts, strict=True):
        height, width, channels = dims(site.graph.op(name))
        axis = step.axis - len(op.tensor.shape)
        if axis == -1:
            part = replace(to, first=to.first + at, channels=channels)
        elif axis == -2:  # noqa: PLR2004 - the width
            part = stepped(to, Axis(), Axis(at), height, width)
        else:
            part = stepped(to, Axis(at), Axis(), height, width)
        at += (height, width, channels)[axis]
        found.append((name, part, shift))
    return found


def concat(site: Site, op: Op) -> None:
    """Copy those inputs that could not be written in place."""
    to = site.views[op.name] = site.targets[op.name]
    for name, part, shift in _parts(site, op, to):
        if site.views[name] != part:
            site.copy(op.name, site.views[name], part, shift)


def upsample(site: Site, op: Op) -> None:
    """Let readers see each row and column several times; write the map out where it must stand in DDR, or changes its position."""
    step = site.step(op)
    assert isinstance(step, Upsample)  # noqa: S101 - the table of rules says so
    view = repeated(site.views[op.arg("input")], *step.factors)
    if step.shift or op.name in site.targets or op.name in {root(site, name) for name in site.outputs}:
        site.copy(op.name, view, site.target(op), step.shift)
    else:
        site.views[op.name] = view


def reshape(site: Site, op: Op) -> None:
    """Look at the same bytes in another shape."""
    source = op.arg("input")
    site.views[op.name] = site.views[source]
    if source in site.margins:
        site.margins[op.name] = site.margins[source]


def pad(site: Site, op: Op) -> None:
    """Leave the zeros to the readers."""
    source = op.arg("input")
    top, bottom, left, right = ints(op, "paddings")[2:6]
    held = site.margins.get(source, NO_PAD)
    site.views[op.name] = site.views[source]
    site.margins[op.name] = Pad(held.top + top, held.left + left, held.bottom + bottom, held.right + right)


def root(site: Site, name: str) -> str:
    """Return the op whose bytes the tensor of *name* is."""
    op = site.graph.op(name)
    while op.type in MOVED and op.name in site.ops:
        op = site.graph.op(op.arg("input"))
    return op.name
