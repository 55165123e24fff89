"""What is remembered of an activation: counts on a grid fine enough to tell any candidate position's rounding error.

A bin is half the step of the finest candidate, and bins meet where a candidate's rounding changes; so all numbers of a bin have the same
code at every candidate, and only their place within the bin is lost, which costs every candidate alike. Memory and time do not
grow with the number of images.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import QuantError
from net2bit.quant.arith import HIGH, LOW, Rounding, round_real
from net2bit.quant.positions import CANDIDATES, ZERO_POSITION, largest

GUARD = CANDIDATES  # bins per step of the coarsest candidate, as a power of two: half a step of the finest one
HALF = (1 - LOW) << GUARD
CHUNK = 1 << 16  # numbers that stay in a core's cache


@dataclass
class Histogram:
    """Counts of numbers; bin i holds [(i - HALF) * 2^-grid, (i - HALF + 1) * 2^-grid).

    Attributes:
        low: Smallest number seen, at most 0.
        high: Largest number seen, at least 0.
        grid: The bins' width is 2^-grid; follows from the range.
        total: How many numbers were counted.
        counts: Counts by bin, [2 * HALF].
    """

    low: float = 0.0
    high: float = 0.0
    grid: int = ZERO_POSITION
    total: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2 * HALF, np.int64))

    @classmethod
    def of(cls, values: NDArray[np.float32], name: str = "a tensor") -> "Histogram":
        """Count *values* of any shape.

        Raises:
            QuantError: A number is not finite; the message says that it is one of *name*.
        """
        flat = values.reshape(-1)
        low, high = float(flat.min(initial=0)), float(flat.max(initial=0))
        if not math.isfinite(high - low):
            raise QuantError(
                f"{name} has a number that is not finite", where=name, remedy="look at the training curve: the training diverged"
            )
        start = largest(low, high)
        grid = start if start == ZERO_POSITION else start + GUARD
        made = cls(low, high, grid, flat.size)
        scale, offset = np.float32(2.0**grid), np.float32(HALF)
        for at in range(0, flat.size, CHUNK):
            index = np.floor(flat[at : at + CHUNK] * scale) + offset
            made.counts += np.bincount(index.astype(np.intp), minlength=2 * HALF)
        return made

    @property
    def start(self) -> int:
        """The finest position without overflow."""
        return largest(self.low, self.high)

    def add(self, other: "Histogram") -> None:
        """Take the counts of *other* in; the coarser of the two grids stays."""
        grid = min(self.grid, other.grid)
        self.counts = _coarser(self.counts, self.grid - grid) + _coarser(other.counts, other.grid - grid)
        self.grid = grid
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.total += other.total

    @property
    def power(self) -> float:
        """The sum of the squared numbers."""
        used = np.flatnonzero(self.counts)
        middle = (used - HALF + 0.5) * 2.0**-self.grid
        return float(np.dot(self.counts[used], np.square(middle)))

    @property
    def candidates(self) -> range:
        """The positions worth trying."""
        return range(self.start, self.start + (1 if self.start == ZERO_POSITION else CANDIDATES))

    def error(self, position: int, mode: Rounding) -> float:
        """Return the sum of the squared errors at a candidate *position*, saturation included, in the tensor's units."""
        used = np.flatnonzero(self.counts)
        middle = (used - HALF + 0.5) * 2.0 ** (position - self.grid)
        codes = np.clip(round_real(middle, mode), LOW, HIGH)
        return float(np.dot(self.counts[used], np.square(codes - middle)) * 4.0**-position)

    def best(self, mode: Rounding) -> int:
        """Return the candidate with the least squared error; a tie goes to the coarser one."""
        return min(self.candidates, key=lambda position: (self.error(position, mode), position))

    def saturated(self, position: int) -> float:
        """Return the share of the numbers that do not fit at *position*."""
        edges = (np.arange(2 * HALF) - HALF + 0.5) * 2.0 ** (position - self.grid)
        outside = (edges < LOW - 0.5) | (edges > HIGH + 0.5)
        return float(self.counts[outside].sum() / max(1, self.total))


def _coarser(counts: NDArray[np.int64], by: int) -> NDArray[np.int64]:
    """Return the counts on a grid 2^by times as coarse."""
    if by == 0:
        return counts
    index = ((np.arange(2 * HALF) - HALF) >> min(by, 62)) + HALF
    return np.bincount(index, weights=counts, minlength=2 * HALF).astype(np.int64)


def mode(votes: Mapping[int, int]) -> int:
    """Return the position with the most votes; a tie goes to the coarser one, which saturates less."""
    return min(votes, key=lambda position: (-votes[position], position))
