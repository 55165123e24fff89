"""Where things lie in the banks: rings of rows in the image groups, and the rings of weights and biases that run on through the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import DEPTH
from net2bit.dpu.compiler.parts import Buffer


@dataclass(frozen=True, slots=True)
class Ring:
    """A buffer with its place: `visits` visits of the PP banks of image group `space`, from line `base` on."""

    buffer: Buffer
    pp: int
    space: int
    base: int
    visits: int

    def bank(self, row: int) -> int:
        """The bank of a running row."""
        return self.space * self.pp + row // self.buffer.grouping % self.pp

    def visit(self, row: int) -> int:
        """The first line of the visit that a running row belongs to."""
        grouping = self.buffer.grouping
        return self.base + row // (grouping * self.pp) % self.visits * grouping * self.buffer.pitch

    def line(self, row: int) -> int:
        """The first line of a running row."""
        return self.visit(row) + row % self.buffer.grouping * self.buffer.pitch

    def column(self, tile: int, column: int) -> int:
        """Lines from the first of a row to a column, which may lie in the padding before it."""
        return (column - self.buffer.columns[tile][0]) * self.buffer.lines

    def left(self, row: int, jump: int) -> int:
        """Rows from a running row to where a write may not go on: the ring's end, or the visit's if no jump reaches the next one."""
        unit = self.buffer.grouping * self.pp
        reach = unit * self.visits if self.buffer.pitch <= jump else unit
        return reach - row % reach


class Image:
    """The image groups over the whole program: new buffers take the lines that have been idle longest.

    What a group's last instructions still use is then what the next group's first ones do not wait for.
    """

    def __init__(self, groups: int) -> None:
        self.used: NDArray[np.int64] = np.full((groups, DEPTH), -1, dtype=np.int64)
        self.clock = 0

    def place(self, sizes: Sequence[int], life: Sequence[tuple[int, int]], turns: int) -> list[tuple[int, int]] | None:
        """Place a group's buffers by the turns in which they live; None if one finds no room this way."""
        places: list[tuple[int, int]] = [(-1, 0)] * len(sizes)
        used = self.used.copy()
        for at in sorted(range(len(sizes)), key=lambda index: (life[index][0], -sizes[index], index)):
            busy = [i for i in range(len(sizes)) if places[i][0] >= 0 and life[i][1] >= life[at][0] and life[i][0] <= life[at][1]]
            taken = [(places[i], sizes[i]) for i in busy]
            found = self._idle(used, taken, sizes[at])
            if found is None:
                return None
            places[at] = found
            space, line = found
            used[space, line : line + sizes[at]] = self.clock + life[at][1]
        self.used = used
        self.clock += turns
        return places

    def note(self, places: Sequence[tuple[int, int]], sizes: Sequence[int], life: Sequence[tuple[int, int]], turns: int) -> None:
        """Note buffers that were placed in another way."""
        for (space, line), size, span in zip(places, sizes, life, strict=True):
            lines = self.used[space, line : line + size]
            np.maximum(lines, self.clock + span[1], out=lines)
        self.clock += turns

    @staticmethod
    def _idle(used: NDArray[np.int64], taken: Sequence[tuple[tuple[int, int], int]], size: int) -> tuple[int, int] | None:
        best: tuple[int, int, int, int] | None = None
        for space in range(len(used)):
            edges = sorted((line, line + count) for (where, line), count in taken if where == space)
            starts = {0, DEPTH - size}
            for begin, end in edges:
                starts |= {end, begin - size}
            for start in starts:
                if not 0 <= start <= DEPTH - size or any(start < end and begin < start + size for begin, end in edges):
                    continue
                key = (int(used[space, start : start + size].max(initial=-1)), _gap(edges, start, size), space, start)
                best = key if best is None or key < best else best
        return None if best is None else (best[2], best[3])


def _gap(edges: Sequence[tuple[int, int]], start: int, size: int) -> int:
    """Lines that stay free on the smaller side: what fits snugly leaves room for others."""
    before = max((end for _, end in edges if end <= start), default=0)
    after = min((begin for begin, _ in edges if begin >= start + size), default=DEPTH)
    return min(start - before, after - start - size)


class Lines:
    """A ring of bank lines for parameters, used on and on; a group may keep a part of it."""

    def __init__(self) -> None:
        self.next = 0
        self._first, self._size, self._used = 0, DEPTH, 0

    def keep(self, count: int) -> int:
        """Begin a group: set `count` lines aside and return the first of them."""
        kept = self.next
        self._first, self._size, self._used = (kept + count) % DEPTH, DEPTH - count, 0
        self.next = self._first
        return kept

    @property
    def size(self) -> int:
        """Lines that are not kept."""
        return self._size

    def take(self, count: int) -> int:
        """Return the first of `count` lines in a row, those that were taken longest ago."""
        if self._size < DEPTH and self._used + count > self._size:
            self._used = 0
        first = (self._first + self._used) % DEPTH
        self._used += count
        self.next = (first + count) % DEPTH
        return first
