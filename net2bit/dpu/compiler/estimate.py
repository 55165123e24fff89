"""What a group of layers costs, from its layout alone: busy cycles of the four engines, and when the last one is done.

How long one instruction takes is the timing model's affair (`net2bit.dpu.timing.Costs`). Counted here is how many there are and how long
each is: rows rounded up to what an instruction computes, halo columns computed again in every tile, weights loaded again in every turn.
The turns are then walked through in the order in which they will be emitted, four queues that wait for rows, for room and for weights, so
that what does not overlap (the first rows, the last ones, rings that are too small) is counted as well.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from net2bit.dpu.compiler.emit_weights import LONG, kernel
from net2bit.dpu.compiler.frame import Buffer, Frame, Part, Read
from net2bit.dpu.compiler.layers import Work
from net2bit.dpu.compiler.layout import Layout, rows
from net2bit.dpu.compiler.turns import Turn
from net2bit.dpu.timing import REFERENCE, Costs

LOAD, SAVE, CONV, MISC = range(4)


class Busy(NamedTuple):
    """Busy cycles of the four engines."""

    load: float = 0.0
    save: float = 0.0
    conv: float = 0.0
    misc: float = 0.0


class Step(NamedTuple):
    """Cycles of one turn."""

    work: float
    """On CONV or MISC."""
    save: float
    weights: float
    """LOAD of its weights, each time they are loaded."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a group takes."""

    cycles: float
    """From its first instruction to its last, alone on the machine."""
    busy: Busy


class Tally:
    """Cycles of the turns of a group, by part, tile and whether it is the last turn of the tile (which may have fewer rows)."""

    def __init__(self, frame: Frame, costs: Costs = REFERENCE) -> None:
        self.frame, self.costs = frame, costs
        self._weights = [self._weight(part) for part in frame.parts]
        self.steps = [[self._pair(at, tile) for tile in range(frame.tiles)] for at in range(len(frame.parts))]
        self.rows = [[self._row(buffer, tile) for tile in range(frame.tiles)] for buffer in frame.buffers]

    def step(self, turn: Turn) -> Step:
        """The cycles of a turn."""
        part = self.frame.parts[turn.part]
        tile, within = divmod(turn.number, part.turns)
        return self.steps[turn.part][tile][within == part.turns - 1]

    def busy(self) -> Busy:
        """Return the busy cycles of all turns."""
        found = [0.0] * 4
        for at, part in enumerate(self.frame.parts):
            engine = CONV if part.layer.work is Work.CONV else MISC
            for usual, last in self.steps[at]:
                found[engine] += usual.work * (part.turns - 1) + last.work
                found[SAVE] += usual.save * (part.turns - 1) + last.save
            times = 1 if engine == MISC or part.plan.resident else part.turns * self.frame.tiles
            found[LOAD] += self._weights[at] * times + self._bias(part)
        for buffer, cost in zip(self.frame.buffers, self.rows, strict=True):
            found[LOAD] += sum(cost) * self._height(buffer)
        return Busy(*found)

    def _height(self, buffer: Buffer) -> int:
        needs = [self.frame.parts[at].reads[operand].turns.high[self.frame.parts[at].turns - 1] for at, operand in buffer.readers]
        return min(buffer.height, max(needs, default=0))

    def _pair(self, at: int, tile: int) -> tuple[Step, Step]:
        part = self.frame.parts[at]
        usual = max(1, min(part.plan.rows, part.height))
        return self._step(at, tile, usual), self._step(at, tile, part.height - (part.turns - 1) * usual)

    def _step(self, at: int, tile: int, count: int) -> Step:
        part, costs = self.frame.parts[at], self.costs
        blocks, width = -(-count // part.block), part.columns[tile][1] - part.columns[tile][0]
        first, last = part.share[tile]
        save = count * costs.save.cycles(last - first, part.layer.writes.channels, 1 << 16) if part.saved else 0.0
        if part.layer.work is Work.CONV:
            inits = blocks if blocks == 1 else part.groups * (blocks - 1) + 1
            work = blocks * part.groups * costs.conv.cycles(width, part.depth) + inits * costs.init
        elif part.layer.work.on_elew:
            operands = len(part.reads)
            work = blocks * (costs.elew.cycles(width, part.groups * operands) + operands * costs.init)
        else:
            positions = part.layer.kernel.height * part.layer.kernel.width * part.groups
            work = blocks * (costs.alu.cycles(width, positions) + costs.init)
        return Step(work, save, self._weights[at])

    def _weight(self, part: Part) -> float:
        layer, load, arch = part.layer, self.costs.load, self.frame.arch
        if layer.weights is None:
            return 0.0
        if layer.work is not Work.CONV:
            return load.cycles(layer.kernel.height * layer.kernel.width, layer.writes.channels, 0)
        shape = kernel(layer, arch)
        if shape.flat(arch):
            beats = load.cycles(1, shape.bytes, 0) - load.overhead
            most = max(1, LONG * 16 // shape.bytes)
            return layer.writes.channels * beats + chunks(part.groups, most) * load.overhead * min(arch.cp, layer.writes.channels)
        return layer.writes.channels * load.cycles(shape.taps, shape.channels, 0)

    def _bias(self, part: Part) -> float:
        return self.costs.load.cycles(1, part.layer.writes.channels, 0) if part.layer.bias is not None else 0.0

    def _row(self, buffer: Buffer, tile: int) -> float:
        width, load = buffer.columns[tile][1] - buffer.columns[tile][0], self.costs.load
        found = 0.0
        for view, _ in buffer.loads:
            channels = view.channels * (buffer.fold.kernel.width if buffer.fold else 1)
            found += load.cycles(width, channels, 1 << 16) + load.overhead * (view.columns.repeat - 1)
        return found


def chunks(groups: int, most: int) -> int:
    """Return in how many pieces the weights of output groups are loaded: one group, two, four ... up to `most`."""
    count, first, size = 0, 0, 1
    while first < groups:
        size = min(size, most)
        count, first, size = count + 1, first + size, size * 2
    return count


class _Walk:
    """Four queues that wait for one another, turn by turn."""

    def __init__(self, held: Layout, tally: Tally) -> None:
        self.frame, self.tally = held.frame, tally
        self.rings = rows(held.frame, held.visits)
        self.free = [0.0] * 4
        self.done: list[list[float]] = [[] for _ in held.frame.parts]
        self.saved: list[list[float]] = [[] for _ in held.frame.parts]
        self.loaded = [0] * len(held.frame.buffers)

    def take(self, turn: Turn) -> None:
        """Let one turn pass."""
        part, step = self.frame.parts[turn.part], self.tally.step(turn)
        engine = CONV if part.layer.work is Work.CONV else MISC
        first = self._room(part.out, part.writes.high[turn.number])
        for read in part.reads:
            first = max(first, self._made(read, turn.number))
        begun = self._load(part, turn, step)
        start = max(self.free[engine], first, begun)
        tail = step.work / part.groups if engine == CONV else 0.0
        end = max(start + step.work, self.free[LOAD] + tail if begun else 0.0)
        self.free[engine] = end
        self.done[turn.part].append(end)
        if part.saved:
            self.free[SAVE] = max(self.free[SAVE], end - tail / 2) + step.save
        self.saved[turn.part].append(self.free[SAVE])

    def _load(self, part: Part, turn: Turn, step: Step) -> float:
        """LOAD of rows and weights; returns when the turn can begin, zero if it has nothing to load."""
        tile = turn.number // part.turns
        begun, blocks = 0.0, max(1, -(-min(part.plan.rows, part.height) // part.block))
        later = 0.0
        for read in part.reads:
            high, low = read.turns.high[turn.number], read.turns.low[turn.number]
            if self.frame.buffers[read.buffer].loads and high > self.loaded[read.buffer]:
                count = high - max(self.loaded[read.buffer], low)
                cycles = count * self.tally.rows[read.buffer][tile]
                soon = cycles / blocks
                self.free[LOAD] = max(self.free[LOAD], self._room(read.buffer, high)) + soon
                later += cycles - soon
                self.loaded[read.buffer], begun = high, self.free[LOAD]
        if step.weights and not ((part.plan.resident or part.layer.work is not Work.CONV) and turn.number):
            groups = part.groups if part.layer.work is Work.CONV else 1
            begun = self.free[LOAD] + step.weights / groups
            self.free[LOAD] += step.weights
        self.free[LOAD] += later
        return begun

    def _made(self, read: Read, number: int) -> float:
        when, high = 0.0, read.turns.high[number]
        for writer in read.writers:
            index = bisect_left(self.frame.parts[writer].writes.high, high)
            when = max(when, self.done[writer][min(index, len(self.done[writer]) - 1)] if self.done[writer] else 0.0)
        return when

    def _room(self, where: int, high: int) -> float:
        edge, when = high - self.rings[where], 0.0
        if edge <= 0:
            return when
        for at, operand in self.frame.buffers[where].readers:
            index = bisect_left(self.frame.parts[at].reads[operand].turns.low, edge) - 1
            if 0 <= index < len(self.done[at]):
                when = max(when, self.done[at][index])
        for at in self.frame.buffers[where].writers:
            index = min(bisect_left(self.frame.parts[at].writes.low, edge), len(self.saved[at])) - 1
            if index >= 0 and self.frame.parts[at].saved:
                when = max(when, self.saved[at][index])
        return when


def estimate(held: Layout, costs: Costs = REFERENCE, tally: Tally | None = None) -> Estimate:
    """Estimate a group from its layout.

    Args:
        held: The group as it would lie on the chip.
        costs: Cycles of an instruction.
        tally: The group's turns, if they are counted already.
    """
    tally = tally or Tally(held.frame, costs)
    walk = _Walk(held, tally)
    for turn in held.eager.turns:
        walk.take(turn)
    return Estimate(max(walk.free), tally.busy())
