"""How a network is cut into groups of layers, stripes and column tiles: the schedule that decides how well the machine is used."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final, Literal

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.estimate import estimate
from net2bit.dpu.compiler.layers import Layer, Network
from net2bit.dpu.compiler.layout import layout
from net2bit.dpu.compiler.plan_refine import ROUNDS, Clock, correct
from net2bit.dpu.compiler.plan_room import fits, weight_lines
from net2bit.dpu.compiler.plan_search import Found, Search, score
from net2bit.dpu.compiler.schedule import FitError, Group, LayerPlan, Schedule
from net2bit.dpu.timing import REFERENCE, CostModel
from net2bit.errors import ProgramError

LONGEST: Final = 10
"""Layers of a group at most."""
SLACK: Final = 1.08
"""How much worse than the best, by the estimate, a form of a group may be that is worth remembering until groups are timed."""
PATIENCE: Final = 6
"""Longer and longer groups that do not pay before no longer ones are tried."""

Effort = Literal["trivial", "fast", "search"]


def plan(network: Network, arch: Arch, *, effort: Effort = "fast", costs: CostModel = REFERENCE) -> Schedule:
    """Decide how a network shares the chip.

    Args:
        network: What is to be computed.
        arch: The machine.
        effort: `trivial` runs each layer on its own; `fast` chooses by estimate; `search` times the best candidates.
        costs: Cycles of an instruction, for `search`; estimates are in the reference costs.

    Raises:
        ProgramError: A layer does not fit the machine even when cut into the smallest tiles.
    """
    if effort == "trivial":
        return trivial(network, arch)
    if effort == "fast":
        return Cutter(network, arch, 1).cut()
    return _refined(network, arch, costs)


def _refined(network: Network, arch: Arch, costs: CostModel) -> Schedule:
    """Time what is chosen, correct the estimates, and choose again, until nothing changes or enough has been timed."""
    cutter, clock = Cutter(network, arch, SLACK), Clock(network, arch, costs)
    best, least = trivial(network, arch), float("inf")
    for _ in range(ROUNDS):
        schedule = cutter.cut()
        cycles = clock.whole(schedule)
        if cycles < least:
            best, least = schedule, cycles
        if clock.tired or not correct(cutter.search, clock, schedule):
            break
    return best


class Cutter:
    """Cuts the list of layers into groups: dynamic programming over where groups begin."""

    def __init__(self, network: Network, arch: Arch, slack: float) -> None:
        self.network, self.arch = network, arch
        self.search = Search(network, arch, slack=slack)

    def cut(self) -> Schedule:
        """Return the cheapest cut."""
        count = len(self.network.layers)
        singles = [self._single(index) for index in range(count)]
        best = [0.0, *itertools.accumulate(found.score for found in singles)]
        chosen: list[Found | None] = [None, *singles]
        for first in range(count):
            self._extend(first, best, chosen)
        groups, end = list[Group](), count
        while end:
            found = chosen[end]
            assert found is not None  # noqa: S101 - every layer but the empty beginning has a choice
            groups.append(found.group)
            end -= len(found.group.layers)
        return Schedule(tuple(reversed(groups)))

    def _single(self, index: int) -> Found:
        found = self.search.best([index])
        if found is None:
            group = alone(self.network, index, self.arch)
            cost = estimate(layout(self.network, group, self.arch), self.search.costs)
            return Found(score(cost.cycles, cost.busy), group)
        return found

    def _extend(self, first: int, best: list[float], chosen: list[Found | None]) -> None:
        """Try the groups that begin at a layer, longer and longer, until several in a row do not pay."""
        single = chosen[first + 1]
        if single is not None and best[first] + single.score < best[first + 1]:
            best[first + 1] = best[first] + single.score
        failed = 0
        for end in range(first + 1, min(len(self.network.layers), first + LONGEST) + 1):
            limit = best[end] - best[first]
            found = self.search.best(range(first, end), limit)
            if found is not None:
                best[end], chosen[end] = best[first] + found.score, found
            failed = 0 if found is not None or end == first + 1 else failed + 1
            if failed >= PATIENCE:
                break


def trivial(network: Network, arch: Arch) -> Schedule:
    """Each layer on its own, its maps through DDR, in turns of PP rows.

    Raises:
        ProgramError: A layer does not fit the machine even when cut into the smallest tiles.
    """
    return Schedule(tuple(alone(network, index, arch) for index in range(len(network.layers))))


def alone(network: Network, index: int, arch: Arch) -> Group:
    """A group of one layer, in the fewest column tiles that fit by a cautious count.

    Raises:
        ProgramError: It does not fit even when cut into the smallest tiles; the layer, what is too large, and the limit are named.
    """
    layer = network.layers[index]
    lines = weight_lines(layer, arch)
    if lines > DEPTH:
        raise _too_large(layer, f"the weights of one group of {arch.cp} output channels take {lines} lines of the {DEPTH} in a weight bank")
    rows = min(arch.pp, layer.writes.height)
    for columns in cuts(layer, layer.writes.width):
        if fits(layer, arch, rows, columns[1]):
            return Group((LayerPlan(index, rows, _small(layer, arch, lines)),), columns)
    return _squeezed(network, index, arch)


def _squeezed(network: Network, index: int, arch: Arch) -> Group:
    """A group of one layer that the cautious count refuses: with rings as small as they can be, down to one row and one column."""
    layer, why = network.layers[index], ""
    for rows in dict.fromkeys((min(arch.pp, layer.writes.height), 1)):
        for columns in cuts(layer, layer.writes.width):
            group = Group((LayerPlan(index, rows),), columns)
            try:
                layout(network, group, arch)
            except FitError as error:
                why = f"{rows} output rows, {columns[1]} columns at a time: {error.what}"
            else:
                return group
    raise _too_large(layer, why)


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
