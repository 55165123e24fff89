"""The tokens of the four queues: who waits for whom, who can start, what is known to be done.

For another engine X, bit X of `on` takes one token of the counter X -> me before the start, and bit X of `by` adds one to the counter
me -> X at the end. So the k-th wait for X in a queue pairs with the k-th signal to that queue in X's. The own bit keeps a queue in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.isa import ENGINES, Instruction
from net2bit.errors import ProgramError

SAFE: Final = 64
"""Tokens that one counter may hold: its width in hardware is not published, vendor programs reach 80."""
NONE: Final = -1
"""No wait."""
NEVER: Final = -2
"""A wait without a signal."""
NAMES: Final = tuple(str(engine.name) for engine in ENGINES)
_INDEX: Final = {int(engine): index for index, engine in enumerate(ENGINES)}


def engines(program: Sequence[Instruction]) -> NDArray[np.int8]:
    """Return the queue of each instruction, as an index into ENGINES."""
    kinds = {kind: _INDEX[int(kind.engine)] for kind in {type(item) for item in program}}
    return np.fromiter((kinds[type(item)] for item in program), np.int8, len(program))


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a program, each wait paired with its signal."""

    engine: NDArray[np.int8]
    """Per instruction, the index of its queue in ENGINES."""
    source: NDArray[np.int32]
    """Per instruction and engine, the instruction whose token it takes; NONE, or NEVER for a wait without a signal."""
    left: dict[tuple[int, int], int]
    """Signals that nobody waits for: engine, engine, how many."""
    waits: dict[tuple[int, int], NDArray[np.intp]]
    """The instructions of the second engine that wait for the first."""
    signals: dict[tuple[int, int], NDArray[np.intp]]
    """The instructions of the first engine that signal the second."""

    def needs(self) -> dict[int, list[int]]:
        """Return, per instruction that waits, the instructions whose tokens it takes (NEVER for one that does not exist)."""
        index, x = np.nonzero(self.source != NONE)
        found: dict[int, list[int]] = {}
        for waiting, source in zip(index.tolist(), self.source[index, x].tolist(), strict=True):
            found.setdefault(waiting, []).append(source)
        return found

    @property
    def forward(self) -> bool:
        """Whether every token goes forward in the program, so that the program's order is one in which it can run."""
        return bool(((self.source >= NONE) & (self.source < np.arange(len(self.source))[:, None])).all())


def pair(program: Sequence[Instruction]) -> Tokens:
    """Pair the k-th wait for an engine with the k-th signal of that engine."""
    count = len(program)
    engine = engines(program)
    on = np.fromiter((item.on for item in program), np.int8, count)
    by = np.fromiter((item.by for item in program), np.int8, count)
    source = np.full((count, len(ENGINES)), NONE, np.int32)
    left, waits, signals = {}, {}, {}
    for x, y in _pairs():
        sent = np.flatnonzero((engine == x) & (by >> y & 1 == 1))
        taken = np.flatnonzero((engine == y) & (on >> x & 1 == 1))
        both = min(len(sent), len(taken))
        source[taken[:both], x], source[taken[both:], x] = sent[:both], NEVER
        left[x, y], waits[x, y], signals[x, y] = len(sent) - both, taken, sent
    return Tokens(engine, source, left, waits, signals)


def _pairs() -> Iterator[tuple[int, int]]:
    yield from ((x, y) for x in range(len(ENGINES)) for y in range(len(ENGINES)) if x != y)


@dataclass(frozen=True, slots=True)
class Run:
    """The token machine at its end."""

    order: list[int]
    """The instructions in an order in which they can run."""
    stuck: dict[int, int]
    """Per engine that did not finish, the instruction at the head of its queue."""


def run(tokens: Tokens) -> Run:
    """Let every queue run as far as its tokens allow, one instruction at a time."""
    if tokens.forward:
        return Run(list(range(len(tokens.engine))), {})
    queues = [np.flatnonzero(tokens.engine == index).tolist() for index in range(len(ENGINES))]
    needs = tokens.needs()
    done = bytearray(len(tokens.engine))
    at, order = [0] * len(queues), []
    moved = True
    while moved:
        moved = False
        for x, queue in enumerate(queues):
            while at[x] < len(queue) and all(source >= 0 and done[source] for source in needs.get(queue[at[x]], ())):
                done[queue[at[x]]] = moved = True
                order.append(queue[at[x]])
                at[x] += 1
    return Run(order, {x: queue[at[x]] for x, queue in enumerate(queues) if at[x] < len(queue)})


def clocks(tokens: Tokens, order: Sequence[int] | None = None) -> NDArray[np.int32]:
    """Return, per instruction and engine, how many instructions of the engine's queue are surely done when it starts.

    Args:
        tokens: The program's tokens.
        order: An order in which the instructions can run; by default the token machine finds one. What cannot run keeps zeros.
    """
    order = run(tokens).order if order is None else order
    ranks, wait = positions(tokens.engine), latest_wait(tokens)
    # What an instruction knows of other queues it knows since the last wait of its own queue: only waits need to be gone through.
    rows = {NONE: [0] * len(ENGINES)}
    last = [rows[NONE]] * len(ENGINES)
    needs, queue, rank, since = tokens.needs(), tokens.engine.tolist(), ranks.tolist(), wait.tolist()
    for index in (one for one in order if one in needs):
        row = last[queue[index]]
        for source in needs[index]:
            row = [max(both) for both in zip(row, rows[since[source]], strict=True)]
            row[queue[source]] = max(row[queue[source]], rank[source] + 1)
        rows[index] = last[queue[index]] = row
    table = np.array(list(rows.values()), np.int32)
    place = np.zeros(len(queue) + 1, np.intp)
    place[list(rows)] = np.arange(len(rows))
    found = table[place[wait]]
    found[np.arange(len(queue)), tokens.engine] = ranks
    ran = np.zeros(len(queue), np.bool_)
    ran[order] = True
    found[~ran] = 0
    return found


def latest_wait(tokens: Tokens) -> NDArray[np.intp]:
    """Return, per instruction, the last one of its queue up to itself that waits for another engine; NONE if none does."""
    waits = (tokens.source != NONE).any(axis=1)
    found = np.full(len(waits), NONE, np.intp)
    for x in range(len(ENGINES)):
        mine = np.flatnonzero(tokens.engine == x)
        found[mine] = np.maximum.accumulate(np.where(waits[mine], mine, NONE))
    return found


def positions(engine: NDArray[np.int8]) -> NDArray[np.intp]:
    """Return the position of each instruction in its queue."""
    found = np.zeros(len(engine), np.intp)
    for index in range(len(ENGINES)):
        mine = np.flatnonzero(engine == index)
        found[mine] = np.arange(len(mine))
    return found


def greatest(tokens: Tokens, clock: NDArray[np.int32] | None = None) -> dict[tuple[int, int], int]:
    """Return, per ordered pair of engines, the most tokens that its counter can ever hold, whatever the engines' speeds.

    A counter is fullest when the signalling engine runs ahead as far as the tokens let it, and the other does only what it must.
    """
    clock = clocks(tokens) if clock is None else clock
    ranks, found = positions(tokens.engine), {}
    for (x, y), sent in tokens.signals.items():
        taken = np.searchsorted(ranks[tokens.waits[x, y]], clock[sent, y])
        found[x, y] = int((np.arange(1, len(sent) + 1) - taken).max(initial=0))
    return found


def require(program: Sequence[Instruction]) -> Tokens:
    """Return the tokens of a program that runs to its end.

    Raises:
        ProgramError: It cannot: a queue waits for ever; instruction and engines are named.
    """
    tokens = pair(program)
    stuck = run(tokens).stuck
    if stuck:
        x, index = min(stuck.items(), key=lambda item: item[1])
        raise ProgramError(
            f"the program never ends: {NAMES[x]} waits for ever at {program[index].mnemonic} ({waiting(tokens, index)})",
            where=f"instruction {index}",
            remedy="its dependency bits are wrong; `net2bit check` lists every finding",
        )
    return tokens


def waiting(tokens: Tokens, index: int) -> str:
    """Return, as words, whose tokens an instruction waits for."""
    names = [
        f"{NAMES[x]}, which never signals it" if other == NEVER else f"{NAMES[x]} instruction {other}"
        for x, other in enumerate(tokens.source[index].tolist())
        if other != NONE
    ]
    return "for " + " and ".join(names)
