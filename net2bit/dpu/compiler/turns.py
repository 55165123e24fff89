"""The order in which the layers of a group take turns, and how many rows each ring of rows must hold for it.

Engines are queues: what stands first in the program goes first, and an instruction that waits holds up all behind it. So a turn should
stand where its engine would reach it anyway. `lazy` makes rows only when they are needed and tells the least rings that work; `eager` then
places the turns as a machine with those rings would start them, which is what overlaps convolution, ALU, LOAD and SAVE.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final, NamedTuple

from net2bit.dpu.compiler.kernel import BEAT, kernel
from net2bit.dpu.compiler.layers import Work
from net2bit.dpu.compiler.parts import Frame, Part, Read
from net2bit.dpu.compiler.schedule import FitError

START: Final = 16
"""Cycles of a CONV, ALU or ELEW beyond its work."""
MOVE: Final = 8
"""Cycles of a LOAD or SAVE beyond its bytes."""


class Turn(NamedTuple):
    """One turn: the layer's position in the group, and which of its turns, counted on over the tiles."""

    part: int
    number: int


@dataclass(frozen=True, slots=True)
class Order:
    """Turns in program order."""

    turns: tuple[Turn, ...]
    cycles: float = 0.0
    """When the last turn is done, by the estimate that ordered them."""
    busy: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Busy cycles of LOAD, SAVE, CONV and MISC."""


class _Demand:
    """Lazy order: a turn runs when a row of it is wanted."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.next = [0] * len(frame.parts)
        self.filled = [0] * len(frame.buffers)
        self.rows = [0] * len(frame.buffers)
        self.order: list[Turn] = []

    def run(self) -> None:
        sinks = [at for at, part in enumerate(self.frame.parts) if part.sink]
        wanted = [((k + 1) / self.frame.parts[at].turns, at, k) for at in sinks for k in range(self.frame.parts[at].turns)]
        for tile in range(self.frame.tiles):
            for _, at, k in sorted(wanted):
                self.fire(at, tile * self.frame.parts[at].turns + k)
            for at, part in enumerate(self.frame.parts):
                self.fire(at, (tile + 1) * part.turns - 1)

    def fire(self, at: int, index: int) -> None:
        """Take the turns of a part up to `index`, those of its producers first."""
        part = self.frame.parts[at]
        while self.next[at] <= index:
            turn = self.next[at]
            for read in part.reads:
                for writer in read.writers:
                    self.fire(writer, bisect_left(self.frame.parts[writer].writes.high, read.turns.high[turn]))
                self.fill(read.buffer, read.turns.high[turn])
            self.fill(part.out, part.writes.high[turn])
            self.order.append(Turn(at, turn))
            self.next[at] = turn + 1

    def fill(self, buffer: int, high: int) -> None:
        """Note how many rows live when a buffer is filled up to row `high`."""
        if high <= self.filled[buffer]:
            return
        before, self.filled[buffer] = self.filled[buffer], high
        low = before
        for at, operand in self.frame.buffers[buffer].readers:
            turns = self.frame.parts[at].reads[operand].turns.low
            if self.next[at] < len(turns):
                low = min(low, turns[self.next[at]])
        self.rows[buffer] = max(self.rows[buffer], high - low)


def lazy(frame: Frame) -> tuple[Order, list[int]]:
    """Return the order that makes rows as late as possible, and the rows that each buffer then holds at most."""
    demand = _Demand(frame)
    demand.run()
    return Order(tuple(demand.order)), demand.rows


class Cost(NamedTuple):
    """Cycles of one turn on its engines."""

    load: float
    """Streamed weights."""
    work: float
    save: float
    row: tuple[float, ...]
    """LOAD of one row of each operand's buffer, zero if it is not loaded."""


class _Known(NamedTuple):
    """What a turn waits for: rows and room until a time, and loads, each from when there is room and for how long."""

    when: float
    loads: list[tuple[float, float]]


class _Machine:
    """Eager order: the machine in outline, four engines and rings of rows."""

    def __init__(self, frame: Frame, rings: list[int], costs: list[Cost]) -> None:
        self.frame, self.rings, self.costs = frame, rings, costs
        self.next = [0] * len(frame.parts)
        self.free = [0.0, 0.0, 0.0, 0.0]
        self.done: list[list[float]] = [[] for _ in frame.parts]
        self.saved: list[list[float]] = [[] for _ in frame.parts]
        self.loaded = [0] * len(frame.buffers)
        self.order: list[Turn] = []
        self.engine = [2 if part.layer.work is Work.CONV else 3 for part in frame.parts]
        self.known: dict[int, _Known | None] = {}
        """What is known of each part's next turn, until a part that shares a buffer with it takes one."""
        held = [{part.out, *(read.buffer for read in part.reads)} for part in frame.parts]
        self.near = [[at for at, other in enumerate(held) if own & other] for own in held]

    def ready(self, at: int) -> float | None:
        """When the next turn of a part could start; None if it cannot be placed yet."""
        if at not in self.known:
            self.known[at] = self._known(at)
        found = self.known[at]
        if found is None:
            return None
        start = max(found.when, self.free[self.engine[at]])
        for room, cycles in found.loads:
            start = max(start, max(self.free[0], room) + cycles)
        return start

    def _known(self, at: int) -> _Known | None:
        """What the next turn of a part waits for, engines aside."""
        part, turn = self.frame.parts[at], self.next[at]
        if turn >= len(part.writes.low):
            return None
        when = self._room(part.out, part.writes.high[turn])
        loads: list[tuple[float, float]] = []
        for read, row in zip(part.reads, self.costs[at].row, strict=True):
            made = self._made(read, turn)
            if when is None or made is None:
                return None
            when = max(when, made)
            missing = read.turns.high[turn] - max(self.loaded[read.buffer], read.turns.low[turn])
            if self.frame.buffers[read.buffer].loads and missing > 0:
                room = self._room(read.buffer, read.turns.high[turn])
                if room is None:
                    return None
                loads.append((room, missing * row))
        return None if when is None else _Known(when, loads)

    def _made(self, read: Read, turn: int) -> float | None:
        """When the rows that a turn reads are made; None if they are not placed yet."""
        high, when = read.turns.high[turn], 0.0
        for writer in read.writers:
            index = bisect_left(self.frame.parts[writer].writes.high, high)
            if index >= self.next[writer]:
                return None
            when = max(when, self.done[writer][index])
        return when

    def _room(self, where: int, high: int) -> float | None:
        """When rows up to `high` may be written: the rows that lay there before are read and saved."""
        edge, when = high - self.rings[where], 0.0
        if edge <= 0:
            return when
        buffer = self.frame.buffers[where]
        for at, operand in buffer.readers:
            index = bisect_left(self.frame.parts[at].reads[operand].turns.low, edge) - 1
            if index >= self.next[at]:
                return None
            if index >= 0:
                when = max(when, self.done[at][index])
        for at in buffer.writers:
            index = min(bisect_left(self.frame.parts[at].writes.low, edge), self.next[at]) - 1
            if self.frame.parts[at].saved and index >= 0:
                when = max(when, self.saved[at][index])
        return when

    def fire(self, at: int, start: float) -> None:
        """Place a part's next turn at a time."""
        part, turn, cost = self.frame.parts[at], self.next[at], self.costs[at]
        for read, row in zip(part.reads, cost.row, strict=True):
            if self.frame.buffers[read.buffer].loads:
                missing = read.turns.high[turn] - max(self.loaded[read.buffer], read.turns.low[turn])
                self.free[0] += max(0, missing) * row
                self.loaded[read.buffer] = max(self.loaded[read.buffer], read.turns.high[turn])
        self.free[0] += cost.load if not (part.plan.resident and turn) else 0.0
        end = max(start + cost.work, self.free[0] if cost.load and not (part.plan.resident and turn) else 0.0)
        self.free[self.engine[at]] = end
        self.done[at].append(end)
        if part.saved:
            self.free[1] = max(self.free[1], end) + cost.save
        self.saved[at].append(self.free[1])
        self.order.append(Turn(at, turn))
        self.next[at] = turn + 1
        for other in self.near[at]:
            self.known.pop(other, None)


def eager(frame: Frame, rings: list[int], costs: list[Cost]) -> Order:
    """Return the order in which a machine with rings of so many rows would start the turns.

    Raises:
        FitError: The rings are too small for any order.
    """
    machine, total = _Machine(frame, rings, costs), sum(len(part.writes.low) for part in frame.parts)
    while len(machine.order) < total:
        best: tuple[float, int] | None = None
        for at in reversed(range(len(frame.parts))):
            found = machine.ready(at)
            if found is not None and (best is None or found < best[0]):
                best = found, at
        if best is None:
            raise FitError("the rows that the layers keep for one another do not fit", where=frame.parts[-1].layer.name)
        machine.fire(best[1], best[0])
    return Order(tuple(machine.order), max([*machine.free]))


def costs(frame: Frame) -> list[Cost]:
    """Return each part's cycles for one turn (the outline that orders turns; the timing model knows better)."""
    return [_cost(frame, part) for part in frame.parts]


def _cost(frame: Frame, part: Part) -> Cost:
    arch, layer = frame.arch, part.layer
    rows = max(1, min(part.plan.rows, part.height))
    width = max(b - a for a, b in part.columns)
    blocks = -(-rows // part.block)
    load = 0.0
    if layer.work is Work.CONV:
        work = blocks * part.groups * (START + width * part.depth)
        load = kernel(layer, arch).cycles(arch, part.groups, MOVE)
    elif layer.work.on_elew:
        work = blocks * (START + width * part.groups * len(part.reads))
    else:
        work = blocks * (START + width * layer.kernel.height * layer.kernel.width * part.groups)
    save = rows * (MOVE + max(b - a for a, b in part.share) * -(-layer.writes.channels // BEAT))
    return Cost(load, work, save, tuple(_row(frame, read) for read in part.reads))


def _row(frame: Frame, read: Read) -> float:
    buffer = frame.buffers[read.buffer]
    return sum(MOVE + max(b - a for a, b in buffer.columns) * -(-view.channels // BEAT) for view, _ in buffer.loads)
