"""The forms of one network that the ladder compares; each takes scaled images and gives logits."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from net2bit.xir.graph import Graph

Floats = NDArray[np.float32]
Run = Callable[[Floats], Floats]
LIVE = 6  # feature maps as large as the largest that are alive at once, about
ROOM = 128 * 2**20  # bytes for them
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Form:
    """A form of the network.

    Attributes:
        name: The rung's name.
        title: What it is, for people.
        kind: The kind of file it comes from.
        stages: The stages between the form before and this one.
        step: What its difference to the form before comes from: `""` (the first), `rounding`, `quantization` or `nothing`.
        run: float32 `[n, H, W, 3]` in -1..1 -> float32 `[n, H, W, C]`.
    """

    name: str
    title: str
    kind: str
    stages: tuple[str, ...]
    step: str
    run: Run


def batch_size(wanted: int, graph: Graph) -> int:
    """Return how many images to run at once: *wanted*, or fewer where the maps of so many would not fit into the room."""
    largest = max(prod(op.tensor.shape[1:]) for op in graph if op.data is None)
    return max(1, min(wanted, ROOM // (LIVE * FLOAT_BYTES * largest)))
