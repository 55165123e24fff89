"""Overrides become points: composed, checked and named, batch by batch. Imports hydra and pydantic."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from net2bit.errors import Net2bitError
from net2bit.sweep.arguments import experiments
from net2bit.sweep.batch import Composer
from net2bit.sweep.labels import label, swept
from net2bit.sweep.points import Point


class Batches:
    """Makes the points of one sweep; names stay unique over its batches.

    Attributes:
        points: All points so far, in their order.
    """

    def __init__(self, tree: Path, search: Sequence[Path], fixed: Collection[str]) -> None:
        """Compose from *tree* and the folders *search*; the keys *fixed* have one value in the whole sweep."""
        self._composer = Composer(tree, search)
        self._fixed = fixed
        self._taken: set[str] = set()
        self.points: list[Point] = []

    def add(self, jobs: Sequence[Sequence[str]], first: int) -> list[Point]:
        """Return the points that hydra's *jobs* (overrides of each) make, numbered from *first*."""
        keys = swept(jobs, self._fixed)
        found = [self._point(number, experiments(words), keys) for number, words in enumerate(jobs, first)]
        self.points += found
        return found

    def compose(self, words: Sequence[str]) -> dict[str, Any]:
        """Return the experiment of some overrides that is no point of the sweep.

        Raises:
            ConfigError: It does not hold.
        """
        return self._composer.compose(words)

    def _point(self, number: int, words: tuple[str, ...], keys: Collection[str]) -> Point:
        try:
            config, refused = self._composer.compose(words), None
        except Net2bitError as error:
            config, refused = None, error
        name = label(words, keys, self._taken, config["name"] if config else "point")
        self._taken.add(name)
        return Point(number, words, name, config, refused)
