"""The one source of randomness of a scene."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Chance:
    """Draws from PCG64 through its two oldest and simplest doors (raw doubles and bounded integers).

    Normal and choice draws of numpy have changed between versions; sums of bytes and scaled doubles have not.
    """

    def __init__(self, *seed: int) -> None:
        """Seed from a path of whole numbers, such as (seed, split, picture)."""
        self._rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))

    def between(self, low: float, high: float) -> float:
        """Return a number of the interval [low, high)."""
        return low + (high - low) * float(self._rng.random())

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from *low* to *high*, both included."""
        return int(self._rng.integers(low, high + 1))

    def happens(self, share: float) -> bool:
        """Return True in *share* of the cases."""
        return float(self._rng.random()) < share

    def sign(self) -> int:
        """Return -1 or 1."""
        return 2 * self.whole(0, 1) - 1

    def pick(self, options: Sequence[T]) -> T:
        """Return one of *options*, all equally likely."""
        return options[self.whole(0, len(options) - 1)]

    def bell(self, shape: tuple[int, ...]) -> NDArray[np.int16]:
        """Return rounded noise of *shape*, mean 0, standard deviation about 104: the sum of two bytes, less its mean."""
        raw = self._rng.integers(0, 256, (2, *shape), dtype=np.uint8)
        noise: NDArray[np.int16] = np.add(raw[0], raw[1], dtype=np.int16)
        noise -= 255
        return noise

    def bytes(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return evenly spread bytes of *shape*."""
        return self._rng.integers(0, 256, shape, dtype=np.uint8)
