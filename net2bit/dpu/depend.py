"""Dependency bits: every instruction waits for the others' that it must not overtake, and for none that it need not.

A hazard is ordered by one token, unless it follows from earlier ones: each queue is in order, and whoever waits for an instruction knows
all that this one knew when it started (vector clocks). On the vendor's MNIST program this gives the vendor's own bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch
from net2bit.dpu.channels import Channel, Channels, after, fullest, hold_back
from net2bit.dpu.hazards import conflicts
from net2bit.dpu.isa import ENGINES, End, Instruction
from net2bit.dpu.tokens import NONE, SAFE, engines
from net2bit.errors import ProgramError

_QUEUES: Final = range(len(ENGINES))
_ROUNDS: Final = 16


def depend(program: Sequence[Instruction], arch: Arch, *, limit: int = SAFE) -> None:
    """Set the dependency masks of every instruction, in place.

    Args:
        program: Instructions in an order that is right when each waits for the one before; END comes after everything.
        arch: The machine.
        limit: The most tokens that any counter may hold, however far an engine runs ahead.

    Raises:
        ProgramError: An instruction stands before the INIT that it needs, or no bits keep the counters within the limit.
    """
    queue = engines(program).tolist()
    latest = conflicts(program, arch)
    _end_last(program, queue, latest)
    channels, clock = _order(queue, [column.tolist() for column in latest.T])
    for _ in range(_ROUNDS):
        if fullest(channels, clock) <= limit:
            _write(program, queue, channels)
            return
        clock = hold_back(queue, channels, limit)
    raise ProgramError(f"no dependency bits keep every counter within {limit} tokens", where="machine code")


def serialize(program: Sequence[Instruction]) -> None:
    """Set the dependency masks so that every instruction waits for the one before it, in place."""
    before: Instruction | None = None
    for item in program:
        mine = int(item.engine)
        item.on = item.by = mine
        if before is not None and before.engine != item.engine:
            before.by |= mine
            item.on |= int(before.engine)
        before = item


def _end_last(program: Sequence[Instruction], queue: list[int], latest: NDArray[np.int32]) -> None:
    """Let every END come after the last instruction of every engine before it."""
    for index, item in enumerate(program):
        if isinstance(item, End):
            before = np.asarray(queue[:index])
            latest[index] = [np.flatnonzero(before == x).max(initial=NONE) for x in _QUEUES]


def _order(queue: list[int], latest: list[list[int]]) -> tuple[Channels, list[list[int]]]:
    """Return the tokens that order every conflict, and per instruction what it knows to be done: the last instruction of every queue.

    Args:
        queue: Per instruction, its engine.
        latest: Per engine, for each instruction the latest earlier one of the engine that it conflicts with.
    """
    channels = {(x, y): Channel() for x in _QUEUES for y in _QUEUES if x != y}
    clock: list[list[int]] = []
    known = [[NONE] * len(ENGINES) for _ in ENGINES]
    others = [[x for x in _QUEUES if x != mine] for mine in _QUEUES]
    for index, mine in enumerate(queue):
        now = known[mine]
        found = [(latest[x][index], x) for x in others[mine] if latest[x][index] > now[x]]
        # The latest first: what an instruction overwrote, or ordered for itself, is known with it.
        for other, x in sorted(found, reverse=True):
            if now[x] < other:
                channels[x, mine].append(other, index)
                now = known[mine] = after(now, clock[other], other, x)
        clock.append(now)
    return channels, clock


def _write(program: Sequence[Instruction], queue: list[int], channels: Channels) -> None:
    for item, mine in zip(program, queue, strict=True):
        item.on = item.by = 1 << mine
    for (x, y), tokens in channels.items():
        for source, target in zip(tokens.sources, tokens.targets, strict=True):
            program[source].by |= 1 << y
            program[target].on |= 1 << x
