"""Dependency bits: every instruction waits for the others' that it must not overtake, and for none that it need not.

A hazard is ordered by one token, unless it follows from earlier ones: each queue is in order, and whoever waits for an instruction knows
all that this one knew when it started (vector clocks). On the vendor's MNIST program this gives the vendor's own bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from net2bit.dpu.arch import Arch
from net2bit.dpu.channels import Channel, Channels, hold_back, merge
from net2bit.dpu.hazards import conflicts
from net2bit.dpu.isa import ENGINES, End, Instruction
from net2bit.dpu.tokens import NONE, SAFE, engines, greatest, pair
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
    latest = conflicts(program, arch).tolist()
    _end_last(program, queue, latest)
    channels = _order(queue, latest)
    _write(program, queue, channels)
    for _ in range(_ROUNDS):
        if max(greatest(pair(program)).values()) <= limit:
            return
        channels = hold_back(queue, channels, limit)
        _write(program, queue, channels)
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


def _end_last(program: Sequence[Instruction], queue: list[int], latest: list[list[int]]) -> None:
    """Let every END come after the last instruction of every engine before it."""
    last = [NONE] * len(ENGINES)
    for index, item in enumerate(program):
        if isinstance(item, End):
            latest[index] = last.copy()
        last[queue[index]] = index


def _order(queue: list[int], latest: list[list[int]]) -> Channels:
    """Return the tokens that order every conflict."""
    channels = {(x, y): Channel() for x in _QUEUES for y in _QUEUES if x != y}
    clock: list[list[int]] = []
    known = [[NONE] * len(ENGINES) for _ in ENGINES]
    for index, mine in enumerate(queue):
        now = known[mine]
        # The latest first: what an instruction overwrote, or ordered for itself, is known with it.
        for other in sorted(latest[index], reverse=True):
            if other == NONE or queue[other] == mine:
                continue
            if now[queue[other]] < other:
                channels[queue[other], mine].append(other, index)
                now = merge(now, clock[other])
        now = now.copy()
        now[mine] = index
        known[mine] = now
        clock.append(now)
    return channels


def _write(program: Sequence[Instruction], queue: list[int], channels: Channels) -> None:
    for item, mine in zip(program, queue, strict=True):
        item.on = item.by = 1 << mine
    for (x, y), tokens in channels.items():
        for source, target in zip(tokens.sources, tokens.targets, strict=True):
            program[source].by |= 1 << y
            program[target].on |= 1 << x
