"""The clock of a machine whose LOAD and SAVE share one path to DDR: both slow down when together they want more than it carries."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.isa import ENGINES, Engine
from net2bit.dpu.tokens import NONE, Tokens

Times = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]
"""Per instruction: start, end, and the instruction whose end let it start."""

_LOAD: Final = ENGINES.index(Engine.LOAD)
_SAVE: Final = ENGINES.index(Engine.SAVE)
_QUEUES: Final = range(len(ENGINES))


def race(tokens: Tokens, cycles: NDArray[np.float64], traffic: NDArray[np.float64], limit: float) -> Times:
    """Run the queues side by side in time.

    Args:
        tokens: Of a program that can run to its end.
        cycles: Of each instruction, undisturbed.
        traffic: Bytes that each moves.
        limit: Bytes a cycle that all moves together can have; shared in proportion to what each would take.
    """
    engines = _Engines(tokens, cycles, traffic / np.maximum(cycles, 1e-9))
    now = 0.0
    while engines.start(now):
        now = engines.advance(now, limit)
    return np.array(engines.starts), np.array(engines.ends), np.array(engines.causes, np.int32)


class _Engines:
    """The four engines at one moment."""

    def __init__(self, tokens: Tokens, cycles: NDArray[np.float64], demand: NDArray[np.float64]) -> None:
        self.queues = [np.flatnonzero(tokens.engine == index).tolist() for index in _QUEUES]
        self.needs: list[list[int]] = tokens.source.tolist()
        self.cycles: list[float] = cycles.tolist()
        self.demand: list[float] = demand.tolist()
        """Bytes a cycle that each instruction would move undisturbed."""
        count = len(self.needs)
        self.starts, self.ends, self.causes = [0.0] * count, [-1.0] * count, [NONE] * count
        self.at = [0] * len(ENGINES)
        """Position of each queue's head."""
        self.left = [-1.0] * len(ENGINES)
        """Undisturbed cycles left of the heads at work; below zero: the head waits."""

    def start(self, now: float) -> bool:
        """Start every head that can; return whether any engine works."""
        for x in _QUEUES:
            if self.left[x] >= 0 or self.at[x] == len(self.queues[x]):
                continue
            head = self.queues[x][self.at[x]]
            before = [item for item in self.needs[head] if item != NONE]
            if all(self.ends[item] >= 0 for item in before):
                before += self.queues[x][self.at[x] - 1 : self.at[x]] if self.at[x] else []
                self.causes[head] = max(before, key=lambda item: self.ends[item], default=NONE)
                self.starts[head], self.left[x] = now, self.cycles[head]
        return max(self.left) >= 0

    def advance(self, now: float, limit: float) -> float:
        """Go to the next end of an instruction, and return its time."""
        wanted = sum(self.demand[self.queues[x][self.at[x]]] for x in (_LOAD, _SAVE) if self.left[x] >= 0)
        slow = min(1.0, limit / wanted) if wanted else 1.0
        pace = [slow if x in {_LOAD, _SAVE} else 1.0 for x in _QUEUES]
        spent = min(self.left[x] / pace[x] for x in _QUEUES if self.left[x] >= 0)
        for x in _QUEUES:
            if self.left[x] < 0:
                continue
            # What ends at this very moment ends now: rounding must not leave a sliver of work behind.
            rest = self.left[x] - spent * pace[x]
            self.left[x] = rest if rest > 1e-9 * self.left[x] else -1.0
            if self.left[x] < 0:
                self.ends[self.queues[x][self.at[x]]] = now + spent
                self.at[x] += 1
        return now + spent
