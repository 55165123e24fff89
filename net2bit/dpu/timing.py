"""The clock: when each instruction starts and ends, if the engines overlap as exactly the tokens allow.

How long an instruction takes is a matter of `Costs` (or any `CostModel`); how they wait for one another is the program's. Time is in cycles
of the DPU's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch
from net2bit.dpu.contention import Times, race
from net2bit.dpu.footprint import CONSTANT
from net2bit.dpu.isa import ENGINES, Instruction
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step, steps
from net2bit.dpu.tokens import NONE, Tokens, latest_wait, require, run


class CostModel(Protocol):
    """What the clock asks of a model of the engines."""

    @property
    def init(self) -> float:
        """Cycles of an INIT instruction, and of END."""

    @property
    def shared(self) -> float:
        """Bytes a cycle that LOAD and SAVE together can move; 0 for no such limit."""

    def cycles(self, step: Step, arch: Arch) -> float:
        """Cycles of an instruction that has its engine, and the memory, for itself."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How long LOAD or SAVE take: `overhead + pixels * max(pixel, ceil(bytes of a pixel / width) + gap)`."""

    width: float = 16
    """Bytes a cycle."""
    overhead: float = 8
    """Cycles of each instruction, whatever it moves."""
    pixel: float = 1
    """The fewest cycles of a pixel."""
    gap: float = 0
    """Cycles lost between pixels that do not touch in DDR."""
    pack: bool = False
    """Whether pixels that touch in DDR are moved as one run, `bytes of the run / width`, instead of each rounded up to whole beats."""

    def cycles(self, pixels: int, size: int, step: int) -> float:
        """Return the cycles of so many pixels of `size` bytes, `step` bytes apart in DDR."""
        if self.pack and (pixels == 1 or step <= size):
            return self.overhead + max(pixels * self.pixel, -(-((pixels - 1) * step + size) // self.width))
        return self.overhead + pixels * max(self.pixel, -(-size // self.width) + (self.gap if step > size else 0))


@dataclass(frozen=True, slots=True)
class Work:
    """How long CONV, ALU or ELEW take: `overhead + positions / rate`, of one position at least `pixel` cycles a pixel."""

    overhead: float = 16
    """Cycles of each instruction, whatever it computes."""
    rate: float = 1
    """Positions a cycle: kernel positions times channel groups (of ELEW: operands times channel groups) of a column of rows."""
    pixel: float = 0
    """The fewest cycles of an output pixel."""

    def cycles(self, pixels: int, positions: int) -> float:
        """Return the cycles of so many output columns of so many positions each."""
        return self.overhead + pixels * max(self.pixel, positions / self.rate)


@dataclass(frozen=True, slots=True)
class Costs:
    """Cycles by formula: each kind of instruction with its own parameters."""

    load: Transfer = Transfer()
    save: Transfer = Transfer()
    conv: Work = Work()
    alu: Work = Work()
    elew: Work = Work()
    init: float = 4
    """Cycles of an INIT instruction, and of END."""
    shared: float = 0
    """Bytes a cycle that LOAD and SAVE together can move; 0 for no such limit."""

    def cycles(self, step: Step, arch: Arch) -> float:  # noqa: ARG002 - other models need the machine
        """Return the cycles of an instruction that has its engine, and the memory, for itself."""
        match step:
            case LoadStep(load=load):
                return self.load.cycles(load.length, load.channel, load.jump_read)
            case SaveStep(save=save):
                return self.save.cycles(save.length, save.channel, save.jump_write)
            case ConvStep(init=init, conv=conv):
                return self.conv.cycles(conv.length, init.kernel_h * init.kernel_w * conv.channel_group)
            case AluStep(init=init, alu=alu):
                return self.alu.cycles(init.length, init.kernel_h * init.kernel_w * init.channel_group * alu.kernel_d)
            case ElewStep(elew=elew):
                return self.elew.cycles(elew.length, elew.channel_group * elew.num)


REFERENCE: Final = Costs()
"""Uncalibrated: one beat of 16 bytes and one kernel position a cycle, a few cycles of overhead; the vendor's MNIST takes 46,021 cycles."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """When every instruction of a program runs; times in cycles."""

    engine: NDArray[np.int8]
    """Its queue, as an index into ENGINES."""
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    cause: NDArray[np.int32]
    """The instruction whose end let it start (of its own queue, or the one whose token came last); -1 at the beginning."""

    @property
    def total(self) -> float:
        """Cycles from the start to the last end."""
        return float(self.end.max(initial=0))

    @property
    def busy(self) -> tuple[float, ...]:
        """Cycles in which each engine works, in the order of ENGINES."""
        return tuple(np.bincount(self.engine, self.end - self.start, len(ENGINES)).tolist())

    @property
    def bound(self) -> NDArray[np.int8]:
        """Per instruction, the engine that its start waited for, as an index into ENGINES; its own if nothing but its queue did."""
        return np.where(self.cause == NONE, self.engine, self.engine[self.cause])

    def waits(self) -> NDArray[np.float64]:
        """Return the cycles that each engine (row) stood idle before an instruction until another one's (column) token came."""
        found = np.zeros((len(ENGINES), len(ENGINES)))
        for x in range(len(ENGINES)):
            mine = np.flatnonzero(self.engine == x)
            idle = self.start[mine] - np.concatenate([[0.0], self.end[mine][:-1]])[: len(mine)]
            found[x] = np.bincount(self.bound[mine], idle, len(ENGINES))
        return found

    def critical(self) -> list[int]:
        """Return the chain of instructions that decides the total, first to last: each starts when the one before it ends."""
        found = [int(self.end.argmax())] if len(self.end) else []
        while found and self.cause[found[-1]] != NONE:
            found.append(int(self.cause[found[-1]]))
        return found[::-1]


def simulate(program: Sequence[Instruction], arch: Arch, costs: CostModel = REFERENCE) -> Timeline:
    """Return when every instruction starts and ends.

    Args:
        program: Instructions with their dependency masks.
        arch: The machine.
        costs: How long each takes.

    Raises:
        ProgramError: The program cannot run to its end, or an instruction stands before its INIT; the instruction is named.
    """
    tokens = require(program)
    cycles = np.full(len(program), costs.init)
    traffic = np.zeros(len(program))
    for step in steps(program):
        cycles[step.index] = costs.cycles(step, arch)
        if costs.shared:
            traffic[step.index] = moved(step)
    return Timeline(tokens.engine, *(race(tokens, cycles, traffic, costs.shared) if costs.shared else _alone(tokens, cycles)))


def moved(step: Step) -> int:
    """Return the bytes that an instruction moves between DDR and the chip."""
    match step:
        case LoadStep(load=load):
            return 0 if load.broadcast == CONSTANT else load.length * load.channel
        case SaveStep(save=save):
            return save.length * (1 if save.argmax else save.channel)
        case _:
            return 0


def _alone(tokens: Tokens, cycles: NDArray[np.float64]) -> Times:
    """Time a program whose instructions take as long as they take: each starts at the latest end of those that it follows."""
    count = len(cycles)
    queues = [np.flatnonzero(tokens.engine == x) for x in range(len(ENGINES))]
    before, work = np.full(count, NONE, np.int32), np.zeros(count)
    for queue in queues:
        before[queue[1:]] = queue[:-1]
        work[queue] = np.cumsum(cycles[queue])
    late, causes = _delays(tokens, before, work, work - cycles)
    ends = work + late[latest_wait(tokens)]
    cause = before.copy()
    cause[list(causes)] = list(causes.values())
    return ends - cycles, ends, cause


def _delays(
    tokens: Tokens, before: NDArray[np.int32], end: NDArray[np.float64], start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], dict[int, int]]:
    """Go through the instructions that wait for another engine: only they can stand still.

    Args:
        tokens: Of a program that can run to its end.
        before: Per instruction, the one before it in its queue.
        end: When each would end if nobody waited.
        start: When each would start.

    Returns:
        By how much each waiting instruction, and all behind it up to the next, are late (the last entry, for those before any: 0); and what
        let each waiting instruction start.
    """
    needs, since = tokens.needs(), latest_wait(tokens).tolist()
    ends, starts, previous = end.tolist(), start.tolist(), before.tolist()
    late, causes = [0.0] * (len(ends) + 1), {}
    for index in (one for one in run(tokens).order if one in needs):
        cause = previous[index]
        now = ends[cause] + late[since[cause]] if cause != NONE else 0.0
        for source in needs[index]:
            then = ends[source] + late[since[source]]
            if then > now:
                cause, now = source, then
        late[index], causes[index] = now - starts[index], cause
    return np.array(late), causes
