"""What is wrong with a program: everything that hardware would not forgive, and that running it in order would not show."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu import hazards, rules, tokens
from net2bit.dpu.arch import Arch
from net2bit.dpu.footprint import Footprint, footprint
from net2bit.dpu.isa import ENGINES, Elew, ElewInit, End, Instruction
from net2bit.dpu.steps import steps
from net2bit.errors import ProgramError

MOST: Final = 100
"""Hazards that are listed one by one; the rest are counted."""


class Kind(enum.StrEnum):
    """What a finding is about."""

    ORDER = "order"
    """INIT, END or own bits are not where they must be."""
    FIELD = "field"
    """A field holds what the machine does not do."""
    RANGE = "range"
    """A bank, a line or a byte that does not exist."""
    DEADLOCK = "deadlock"
    """An engine waits for ever."""
    LEFTOVER = "leftover"
    """A counter is not zero at the end."""
    COUNTER = "counter"
    """A counter can grow beyond the safe bound."""
    HAZARD = "hazard"
    """Two engines touch the same place, one of them writes, and nothing orders them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a program."""

    kind: Kind
    instructions: tuple[int, ...]
    """Indices; empty if it is the program's as a whole."""
    engine: str
    """The queue at fault: `LOAD`, `SAVE`, `CONV`, `MISC`."""
    message: str

    def __str__(self) -> str:
        """Return the finding as one line."""
        where = "".join(f" {index}" for index in self.instructions)
        return f"{self.kind}{where}: {self.message}"


def check(
    program: Sequence[Instruction], arch: Arch, registers: Mapping[int, int], *, limit: int = tokens.SAFE, fragment: bool = False
) -> list[Finding]:
    """Return every fault of a program, in the order of the kinds; none for a program that is safe to run.

    Args:
        program: Instructions with their dependency masks.
        arch: The machine.
        registers: Bytes of each DDR register.
        limit: The most tokens that a counter may ever hold.
        fragment: The program is a part of one: it need not close with END.
    """
    found = [*_own_bits(program), *_ends(program, fragment=fragment)]
    fault = _alone(program, arch, registers, found)
    paired = tokens.pair(program)
    ran = tokens.run(paired)
    found += _deadlock(program, paired, ran)
    found += _backward(program, paired)
    found += _leftover(paired)
    clock = tokens.clocks(paired, ran.order)
    found += _counters(paired, clock, limit)
    if not fault:
        found += _hazards(program, arch, paired, ran, clock)
        found += _unfinished(program, paired, ran, clock)
    return found


def _alone(program: Sequence[Instruction], arch: Arch, registers: Mapping[int, int], found: list[Finding]) -> bool:
    """Add what is wrong with each instruction by itself; return whether one stands before its INIT, and what follows is not known."""
    try:
        for step in steps(program):
            mine = program[step.index]
            for kind, texts in ((Kind.FIELD, rules.fields(step, arch)), (Kind.RANGE, rules.ranges(step, arch, registers))):
                found += [Finding(kind, (step.index,), str(mine.engine.name), f"{mine.mnemonic}: {text}") for text in texts]
    except ProgramError as error:
        found.append(Finding(Kind.ORDER, (), "", f"{error.what} ({error.where})"))
        return True
    return False


def _ends(program: Sequence[Instruction], *, fragment: bool) -> Iterator[Finding]:
    ends = tuple(index for index, item in enumerate(program) if isinstance(item, End))
    if ends[-1:] != (len(program) - 1,) and (ends or not fragment):
        yield Finding(Kind.ORDER, (), "SAVE", "the last instruction is not END: the machine would run on into whatever follows")
    unused = sum(isinstance(item, ElewInit) for item in program) - sum(item.num for item in program if isinstance(item, Elew))
    if unused > 0:
        yield Finding(Kind.LEFTOVER, (), "MISC", f"{unused} times ELEWINIT without an ELEW that uses it: the next ELEW would take it")
    if len(ends) > 1:
        yield Finding(Kind.ORDER, ends, "SAVE", f"{len(ends)} times END; what follows the first is not run")


def _own_bits(program: Sequence[Instruction]) -> Iterator[Finding]:
    """Follow the counter of each queue with itself: it starts with one token, so that one instruction runs at a time.

    A pair of which the first only takes and the second only gives runs side by side, as the vendor's two SAVE ports do.
    """
    tokens_left = [1] * len(ENGINES)
    if all(item.on & item.by & kind for item, kind in zip(program, [1 << x for x in tokens.engines(program).tolist()], strict=True)):
        return
    for index, item in enumerate(program):
        mine = int(item.engine)
        at = mine.bit_length() - 1
        name = str(ENGINES[at].name)
        takes, gives = bool(item.on & mine), bool(item.by & mine)
        if not takes and not gives:
            yield Finding(
                Kind.ORDER, (index,), name, f"{item.mnemonic} has its own bit in neither mask: the one before it need not be done"
            )
        tokens_left[at] += gives - takes
        if tokens_left[at] not in {0, 1}:
            fault = "waits for its own queue for ever" if tokens_left[at] < 0 else "lets two of its own queue run at once"
            yield Finding(Kind.ORDER, (index,), name, f"{item.mnemonic} {fault}")
            tokens_left[at] = 1
    for at, left in enumerate(tokens_left):
        if left != 1:
            yield Finding(Kind.LEFTOVER, (), str(ENGINES[at].name), "the queue's own token is not given back at the end")


def _deadlock(program: Sequence[Instruction], paired: tokens.Tokens, ran: tokens.Run) -> Iterator[Finding]:
    for x, index in sorted(ran.stuck.items()):
        name = program[index].mnemonic
        text = f"{tokens.NAMES[x]} stands still at {name}, which waits {tokens.waiting(paired, index)}"
        yield Finding(Kind.DEADLOCK, (index,), tokens.NAMES[x], text)


def _backward(program: Sequence[Instruction], paired: tokens.Tokens) -> Iterator[Finding]:
    """Yield waits for what the fetcher hands out later: how many instructions a queue holds is not published."""
    for index, x in np.argwhere(paired.source > np.arange(len(program))[:, None]).tolist():
        source = int(paired.source[index, x])
        text = f"{program[index].mnemonic} waits for the later instruction {source}: if its queue is full by then, that never comes"
        yield Finding(Kind.ORDER, (index, source), str(program[index].engine.name), text)


def _leftover(paired: tokens.Tokens) -> Iterator[Finding]:
    for (x, y), count in paired.left.items():
        if count:
            text = f"{tokens.NAMES[x]} signals {tokens.NAMES[y]} {count} times more than {tokens.NAMES[y]} waits"
            yield Finding(Kind.LEFTOVER, tuple(paired.signals[x, y][-count:].tolist()), tokens.NAMES[x], text)


def _counters(paired: tokens.Tokens, clock: NDArray[np.int32], limit: int) -> Iterator[Finding]:
    for (x, y), most in tokens.greatest(paired, clock).items():
        if most > limit:
            text = f"the counter {tokens.NAMES[x]} to {tokens.NAMES[y]} can reach {most}, above {limit}"
            yield Finding(Kind.COUNTER, (), tokens.NAMES[x], text)


def _hazards(
    program: Sequence[Instruction], arch: Arch, paired: tokens.Tokens, ran: tokens.Run, clock: NDArray[np.int32]
) -> Iterator[Finding]:
    """Yield every instruction whose conflict with an earlier one of another engine no token orders; what never runs is left out."""
    latest, ranks = hazards.conflicts(program, arch), tokens.positions(paired.engine)
    runs = np.zeros(len(program), np.bool_)
    runs[ran.order] = True
    unordered = (latest != tokens.NONE) & (ranks[latest] >= clock) & runs[:, None]
    pairs = [(int(latest[index, x]), int(index)) for index, x in np.argwhere(unordered)]
    prints = _prints(program, arch, pairs[:MOST])
    for first, second in pairs[:MOST]:
        text = hazards.describe(prints[first], prints[second])
        names = f"{program[second].mnemonic} and the earlier {program[first].mnemonic} ({first})"
        yield Finding(Kind.HAZARD, (first, second), str(program[second].engine.name), f"{names}: {text}, and no token orders them")
    if len(pairs) > MOST:
        yield Finding(Kind.HAZARD, (), "", f"and {len(pairs) - MOST} more instructions that are not ordered")


def _prints(program: Sequence[Instruction], arch: Arch, pairs: list[tuple[int, int]]) -> dict[int, Footprint]:
    wanted = {index for both in pairs for index in both}
    return {step.index: footprint(step, arch) for step in steps(program) if step.index in wanted} if wanted else {}


def _unfinished(program: Sequence[Instruction], paired: tokens.Tokens, ran: tokens.Run, clock: NDArray[np.int32]) -> Iterator[Finding]:
    """Yield the engines that END does not wait for."""
    last = len(program) - 1
    if not program or not isinstance(program[last], End) or ran.stuck:
        return
    for x, name in enumerate(tokens.NAMES):
        before = np.flatnonzero(paired.engine[:last] == x)
        if len(before) > clock[last, x]:
            text = f"END does not wait for the last {len(before) - clock[last, x]} instructions of {name}"
            yield Finding(Kind.ORDER, (int(before[-1]), last), "SAVE", text)
