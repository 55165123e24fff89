"""How a network is cut into groups of layers, stripes and column tiles: the schedule that decides how well the machine is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.layers import Layer, Network
from net2bit.dpu.compiler.plan_room import buffers, fits, weight_lines
from net2bit.dpu.compiler.schedule import Group, LayerPlan, Schedule
from net2bit.errors import ProgramError

Effort = Literal["trivial", "fast", "search"]


def plan(network: Network, arch: Arch, *, effort: Effort = "fast") -> Schedule:
    """Decide how a network shares the chip.

    Args:
        network: What is to be computed.
        arch: The machine.
        effort: `trivial` runs each layer on its own; `fast` chooses by estimate; `search` times the best candidates.

    Raises:
        ProgramError: A layer does not fit the machine even when cut into the smallest tiles.
    """
    del effort  # one kind so far
    return trivial(network, arch)


def trivial(network: Network, arch: Arch) -> Schedule:
    """Each layer on its own, its maps through DDR, in turns of PP rows.

    Raises:
        ProgramError: A layer does not fit the machine even when cut into the smallest tiles.
    """
    return Schedule(tuple(alone(network, index, arch) for index in range(len(network.layers))))


def alone(network: Network, index: int, arch: Arch) -> Group:
    """A group of one layer, in the fewest column tiles that fit."""
    layer = network.layers[index]
    lines = weight_lines(layer, arch)
    if lines > DEPTH:
        raise _too_large(layer, f"the weights of one group of {arch.cp} output channels take {lines} lines of the {DEPTH} in a weight bank")
    rows = min(arch.pp, layer.writes.height)
    for columns in cuts(layer, layer.writes.width):
        if fits(layer, arch, rows, columns[1]):
            return Group((LayerPlan(index, rows, _small(layer, arch, lines)),), columns)
    least = sum(buffers(layer, arch, rows, 1))
    raise _too_large(layer, f"one output column of {rows} rows takes {least} bank lines of {arch.groups} x {DEPTH}")


def cuts(layer: Layer, width: int) -> Iterator[tuple[int, ...]]:
    """Yield column boundaries of ever more, ever narrower tiles, the first tile the widest, down to single columns."""
    seen, grain = 0, max((view.columns.repeat for view in layer.reads), default=1)
    for count in range(1, width + 1):
        tile = -(-width // count)
        tile = -(-tile // grain) * grain
        if tile != seen:
            yield (*range(0, width, tile), width)
        seen = tile


def _small(layer: Layer, arch: Arch, lines: int) -> bool:
    return lines * arch.lines(layer.writes.channels) <= DEPTH // 2


def _too_large(layer: Layer, what: str) -> ProgramError:
    return ProgramError(
        f"layer {layer.name} does not fit: {what}",
        where=f"layer {layer.name}",
        remedy="use fewer channels or a smaller kernel in this layer, or a DPU with more channel parallelism",
    )
