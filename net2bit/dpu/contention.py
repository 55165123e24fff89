"""The clock of a machine whose LOAD and SAVE share one path to DDR: both slow down when together they want more than it carries."""

from __future__ import annotations

from dataclasses import dataclass
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
_LEAST: Final = 1e-9
"""Work that is none: rounding must not leave a sliver of it behind."""


def race(tokens: Tokens, cycles: NDArray[np.float64], traffic: NDArray[np.float64], limit: float) -> Times:
    """Run the queues side by side in time.

    Instructions of a queue that are alike and follow one another without a token between them are run as one; if the other engine comes or
    goes meanwhile, the times between them are those of an even pace.

    Args:
        tokens: Of a program that can run to its end.
        cycles: Of each instruction, undisturbed.
        traffic: Bytes that each moves.
        limit: Bytes a cycle that all moves together can have; shared in proportion to what each would take.
    """
    runs = _runs(tokens, cycles, traffic)
    engines = _Engines(tokens, runs, cycles, traffic)
    now = 0.0
    while engines.start(now):
        now = engines.advance(now, limit)
    return engines.times(runs)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of instructions: which one each instruction is in, and at which place."""

    run: NDArray[np.intp]
    place: NDArray[np.intp]
    first: NDArray[np.intp]
    """Per run, its first instruction."""
    last: NDArray[np.intp]
    length: NDArray[np.intp]
    before: NDArray[np.int32]
    """Per instruction, the one before it in its queue."""


def _runs(tokens: Tokens, cycles: NDArray[np.float64], traffic: NDArray[np.float64]) -> _Runs:
    count = len(cycles)
    signals = np.zeros(count, np.bool_)
    for sent in tokens.signals.values():
        signals[sent] = True
    heads = (tokens.source != NONE).any(axis=1)
    run, place, before = np.zeros(count, np.intp), np.zeros(count, np.intp), np.full(count, NONE, np.int32)
    firsts, lasts, total = [], [], 0
    for x in _QUEUES:
        mine = np.flatnonzero(tokens.engine == x)
        before[mine[1:]] = mine[:-1]
        unlike = (np.diff(cycles[mine]) != 0) | (np.diff(traffic[mine]) != 0) | signals[mine[:-1]]
        fresh = heads[mine] | np.concatenate([np.ones(min(1, len(mine)), np.bool_), unlike])
        at = np.flatnonzero(fresh)
        run[mine] = total + np.cumsum(fresh) - 1
        place[mine] = np.arange(len(mine)) - at[np.cumsum(fresh) - 1]
        firsts.append(mine[at])
        lasts.append(mine[np.append(at[1:], len(mine))[: len(at)] - 1])
        total += len(at)
    first, last = np.concatenate(firsts), np.concatenate(lasts)
    return _Runs(run, place, first, last, place[last] + 1, before)


class _Engines:
    """The four engines at one moment, each with a run of instructions at work or waiting."""

    def __init__(self, tokens: Tokens, runs: _Runs, cycles: NDArray[np.float64], traffic: NDArray[np.float64]) -> None:
        count = len(runs.first)
        which = tokens.engine[runs.first]
        self.queues: list[list[int]] = [np.flatnonzero(which == x).tolist() for x in _QUEUES]
        needs = tokens.needs()
        self.needs = [runs.run[needs.get(first, [])].tolist() for first in runs.first.tolist()]
        self.cycles: list[float] = (cycles[runs.first] * runs.length).tolist()
        self.demand: list[float] = (traffic[runs.first] / np.maximum(cycles[runs.first], _LEAST)).tolist()
        """Bytes a cycle that each run would move undisturbed."""
        self.starts, self.ends, self.causes = [0.0] * count, [-1.0] * count, [NONE] * count
        self.at = [0] * len(ENGINES)
        """Position of each queue's head."""
        self.work: list[int] = [NONE] * len(ENGINES)
        """The runs at work."""
        self.left = [0.0] * len(ENGINES)
        """Undisturbed cycles that are left of them."""

    def start(self, now: float) -> bool:
        """Start every head that can; return whether any engine works."""
        for x in _QUEUES:
            if self.work[x] != NONE or self.at[x] == len(self.queues[x]):
                continue
            head = self.queues[x][self.at[x]]
            needs = self.needs[head]
            if all(self.ends[item] >= 0 for item in needs):
                before = [*needs, self.queues[x][self.at[x] - 1]] if self.at[x] else needs
                self.causes[head] = max(before, key=self.ends.__getitem__, default=NONE)
                self.starts[head], self.work[x], self.left[x] = now, head, self.cycles[head]
        return self.work != [NONE] * len(ENGINES)

    def advance(self, now: float, limit: float) -> float:
        """Go to the next end of a run, and return its time."""
        wanted = sum(self.demand[self.work[x]] for x in (_LOAD, _SAVE) if self.work[x] != NONE)
        slow = limit / wanted if wanted > limit else 1.0
        pace = [slow if x in {_LOAD, _SAVE} else 1.0 for x in _QUEUES]
        busy = [x for x in _QUEUES if self.work[x] != NONE]
        spent = min(self.left[x] / pace[x] for x in busy)
        for x in busy:
            self.left[x] -= spent * pace[x]
            if self.left[x] <= _LEAST * self.cycles[self.work[x]]:
                self.ends[self.work[x]] = now + spent
                self.work[x] = NONE
                self.at[x] += 1
        return now + spent

    def times(self, runs: _Runs) -> Times:
        """Return the times of instructions from those of runs."""
        start, end = np.array(self.starts), np.array(self.ends)
        each = ((end - start) / runs.length)[runs.run]
        starts = start[runs.run] + each * runs.place
        cause = runs.before.copy()
        causes = np.array(self.causes, np.intp)
        cause[runs.first] = np.where(causes == NONE, NONE, runs.last[causes])
        ends = starts + each
        ends[runs.last] = end
        return starts, ends, cause
