"""Whether a group fits the chip and how it would lie there: order of turns, rings of rows, lines of image and weight banks.

Nothing is emitted: the planner asks this thousands of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.frame import frame
from net2bit.dpu.compiler.layers import Network, Work
from net2bit.dpu.compiler.parts import Buffer, Frame
from net2bit.dpu.compiler.schedule import FitError, Group
from net2bit.dpu.compiler.turns import Order, costs, eager, lazy


@dataclass(frozen=True)
class Layout:
    """How a group lies on the chip."""

    frame: Frame
    order: Order
    visits: tuple[int, ...]
    """Of each buffer: the visits of its ring, PP * grouping rows each."""
    places: tuple[tuple[int, int], ...]
    """Of each buffer: image group and first line."""
    resident: int
    """Lines of the weight banks that stay for the whole group."""
    least: tuple[int, ...]
    """Of each buffer: the fewest visits with which any order works."""
    wanted: tuple[int, ...]
    """Of each buffer: the visits with which its writer is never held up by its readers."""

    @property
    def lines(self) -> int:
        """Image lines of all buffers together."""
        return sum(size(buffer, visits) for buffer, visits in zip(self.frame.buffers, self.visits, strict=True))

    @cached_property
    def eager(self) -> Order:
        """The turns as the machine would start them, with the estimated cycles."""
        return eager(self.frame, rows(self.frame, self.visits), costs(self.frame))


def size(buffer: Buffer, visits: int) -> int:
    """Lines of a buffer with a ring of so many visits."""
    return visits * buffer.grouping * buffer.pitch


def rows(held: Frame, visits: Sequence[int]) -> list[int]:
    """Rows that each ring holds."""
    return [count * buffer.grouping * held.arch.pp for buffer, count in zip(held.buffers, visits, strict=True)]


def layout(network: Network, group: Group, arch: Arch) -> Layout:
    """Lay a group out, with the largest rings that fit.

    Raises:
        FitError: The group does not fit: image lines, weight lines, or a field of an instruction.
    """
    held = frame(network, group, arch)
    try:
        return _layout(held)
    except FitError:
        if not any(buffer.loads and len(buffer.readers) > 1 for buffer in held.buffers):
            raise
        return _layout(frame(network, group, arch, share=False))


def _layout(held: Frame) -> Layout:
    resident = weights(held)
    order, needed = lazy(held)
    least = [_visits(held, buffer, count) for buffer, count in zip(held.buffers, needed, strict=True)]
    wanted = [_visits(held, buffer, count + _step(held, buffer)) for buffer, count in zip(held.buffers, needed, strict=True)]
    visits, places = _settle(held, least, wanted, order)
    return Layout(held, order, tuple(visits), tuple(places), resident, tuple(least), tuple(wanted))


def weights(held: Frame) -> int:
    """Return the lines of resident CONV weights.

    Raises:
        FitError: Weights or biases of the group do not fit their banks.
    """
    resident = sum(part.depth * part.groups for part in held.parts if part.layer.work is Work.CONV and part.plan.resident)
    streamed = max((part.depth for part in held.parts if part.layer.work is Work.CONV and not part.plan.resident), default=0)
    where = held.parts[0].layer.name
    if resident + streamed > DEPTH:
        raise FitError(f"the weights of the group take {resident} lines that stay and {streamed} for the others, of {DEPTH}", where=where)
    biases = sum(part.groups for part in held.parts if part.layer.bias is not None)
    alu = sum(part.depth for part in held.parts if part.layer.work is not Work.CONV)
    if max(biases, alu) > DEPTH:
        raise FitError(f"biases take {biases} lines and ALU weights {alu}, of {DEPTH}", where=where)
    return resident


def _visits(held: Frame, buffer: Buffer, count: int) -> int:
    return max(1, min(buffer.visits, -(-count // (held.arch.pp * buffer.grouping))))


def _step(held: Frame, buffer: Buffer) -> int:
    """Rows by which a buffer should be larger, so that its writer, or LOAD, can work on the next turn."""
    if buffer.writers:
        return max(min(held.parts[at].plan.rows, held.parts[at].height) for at in buffer.writers)
    reads = [held.parts[at].reads[operand].turns for at, operand in buffer.readers]
    return max(max((b - a for a, b in zip(turns.high, turns.high[1:], strict=False)), default=0) for turns in reads)


def lives(held: Frame, order: Order, *, early: bool = False) -> list[tuple[int, int]]:
    """Return from which to which turn of an order each buffer holds something; *early*: LOAD fills its own one turn ahead."""
    first, last = [len(order.turns)] * len(held.buffers), [-1] * len(held.buffers)
    for position, turn in enumerate(order.turns):
        part = held.parts[turn.part]
        for where in (part.out, *(read.buffer for read in part.reads)):
            first[where] = min(first[where], position)
            last[where] = position
    if early:
        first = [max(0, at - 1) if buffer.loads else at for at, buffer in zip(first, held.buffers, strict=True)]
    return list(zip(first, last, strict=True))


def _settle(held: Frame, least: list[int], wanted: list[int], order: Order) -> tuple[list[int], list[tuple[int, int]]]:
    """The largest rings for which the image groups have room."""
    visits, spans = list(wanted), [lives(held, order, early=True), lives(held, order)]
    while True:
        sizes = [size(buffer, count) for buffer, count in zip(held.buffers, visits, strict=True)]
        for life in spans:
            places = pack(sizes, life, held.arch.groups)
            if places is not None:
                return visits, places
        spare = [(size(held.buffers[at], 1), at) for at in range(len(visits)) if visits[at] > least[at]]
        if not spare:
            total = sum(size(buffer, count) for buffer, count in zip(held.buffers, visits, strict=True))
            raise FitError(
                f"its rows take {total} lines of {held.arch.groups} x {DEPTH}",
                where=held.parts[0].layer.name,
                remedy="narrower column tiles",
            )
        visits[max(spare)[1]] -= 1


def pack(sizes: Sequence[int], life: Sequence[tuple[int, int]], groups: int) -> list[tuple[int, int]] | None:
    """Place buffers, the largest first, where no buffer that lives at the same time lies; None if one finds no room."""
    if max(sizes, default=0) > DEPTH:
        return None
    places: list[tuple[int, int]] = [(-1, 0)] * len(sizes)
    for at in sorted(range(len(sizes)), key=lambda index: (-sizes[index], index)):
        others = [i for i in range(len(sizes)) if places[i][0] >= 0 and life[i][0] <= life[at][1] and life[at][0] <= life[i][1]]
        found = None
        for space in range(groups):
            taken = sorted((places[i][1], places[i][1] + sizes[i]) for i in others if places[i][0] == space)
            line = 0
            for begin, end in taken:
                if begin - line >= sizes[at]:
                    break
                line = max(line, end)
            if line + sizes[at] <= DEPTH:
                found = space, line
                break
        if found is None:
            return None
        places[at] = found
    return places
