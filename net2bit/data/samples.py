"""What an adapter hands to `pack`: pairs of files, pairs that are spoilt, and pixels."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import DataError

SPLITS: Final = ("train", "val")


@dataclass(frozen=True, order=True)
class Pair:
    """A picture and its labels, not read yet.

    Attributes:
        name: What it is called in reports and in `dataset.h5`.
        image: The picture's file.
        label: The labels' file.
    """

    name: str
    image: Path
    label: Path


@dataclass(frozen=True)
class Split:
    """What an adapter found of one split, sorted by name.

    Attributes:
        pairs: Pictures that have labels.
        bad: Name -> error of those that lack their partner.
    """

    pairs: list[Pair]
    bad: dict[str, DataError] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """A pair that was read.

    Attributes:
        image: uint8 [H, W, 3], RGB.
        labels: Label ids as stored, uint8 [H, W].
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]


class Adapter(Protocol):
    """What a file of `adapters/` offers."""

    KNOWN_IDS: frozenset[int]
    """Every label id of the data set."""

    def find(self, root: Path) -> dict[str, Split]:
        """Return the splits under *root*; raise DataError where the layout is not this adapter's."""
        ...

    def read(self, pair: Pair) -> Sample:
        """Read one pair; raise DataError where a file cannot be used."""
        ...
