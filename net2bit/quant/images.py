"""The calibration images: which they are, and how they reach the network."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.data.packed import open_packed, scale
from net2bit.errors import DataError, QuantError
from net2bit.xir.graph import Graph

BATCH_BYTES = 64 << 20
"""About how much the activations of one batch may take."""
MOST_AT_ONCE = 8
"""Images of a batch at most; more make nothing faster."""

Images = NDArray[np.float32]
Batch = tuple[tuple[str, ...], Images]


@dataclass(frozen=True)
class Calibration:
    """Which images are looked at.

    Attributes:
        images: How many.
        split: From which split.
        seed: Another seed draws others.
    """

    images: int
    split: str
    seed: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Calibration":
        """Read `quant.calibration`."""
        return cls(int(config["images"]), str(config["split"]), int(config["seed"]))

    def fewer(self, most: int) -> "Calibration":
        """Return the same choice cut to *most* images: those of the lowest ranks."""
        return replace(self, images=min(self.images, most))

    def draw(self, names: Sequence[str]) -> list[int]:
        """Return the indices of the chosen images among *names*, ascending.

        The choice depends on the names and the seed only: an image's rank is a hash of both, so that no library's random
        generator decides it, and a larger number of images only adds some.

        Raises:
            DataError: There are fewer images than asked for.
        """
        if len(names) < self.images:
            raise DataError(
                f"{self.images} calibration images are asked for, but the split '{self.split}' has {len(names)}",
                where="quant.calibration.images",
                remedy=f"ask for at most {len(names)}",
            )
        rank = [hashlib.sha256(f"{self.seed}/{name}".encode()).digest() for name in names]
        return sorted(sorted(range(len(names)), key=rank.__getitem__)[: self.images])

    def open(self, path: Path, batch: int) -> Iterator[Batch]:
        """Yield names and network inputs [n, H, W, 3] of the chosen images of a `dataset.h5`, *batch* at a time."""
        with open_packed(path) as packed:
            split = packed.split(self.split)
            chosen = self.draw(split.names)
            for at in range(0, len(chosen), batch):
                part = chosen[at : at + batch]
                yield tuple(split.names[index] for index in part), scale(split.images[part])


def feed(graph: Graph, images: Images) -> dict[str, Images]:
    """Return *images* as the network's input.

    Raises:
        DataError: They do not fit it.
        QuantError: It has several inputs.
    """
    inputs = graph.inputs()
    if len(inputs) != 1:
        raise QuantError(f"the network has {len(inputs)} inputs; images can feed one only", where=graph.name)
    if inputs[0].tensor.shape[1:] != images.shape[1:]:
        sizes = [" x ".join(map(str, shape)) for shape in (images.shape[1:], inputs[0].tensor.shape[1:])]
        raise DataError(f"the images are {sizes[0]}, the network takes {sizes[1]}", where="dataset.h5", remedy="build dataset.h5 again")
    return {inputs[0].name: images}


def batch_size(graph: Graph, kept: Iterable[str]) -> int:
    """Return how many images may be computed at once when the tensors *kept* stay in memory."""
    each = sum(4 * math.prod(graph.op(name).tensor.shape[1:]) for name in kept)
    return max(1, min(MOST_AT_ONCE, BATCH_BYTES // max(1, each)))
