"""Which images a step sees and how they are changed: a function of seed, epoch and index alone, so that a resumed run sees the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from net2bit.data.packed import Split, scale

Image = NDArray[np.float32]
Labels = NDArray[np.uint8]

_CONTRAST = 0.15  # of the contrast, up or down
_LIGHT = 0.1  # of the half range
_CAST = 0.04  # of the half range, for each colour channel by itself


@dataclass(frozen=True)
class Feed:
    """The batches of a split.

    Attributes:
        split: Images and labels.
        batch: Images per batch, at most.
        seed: Of order and augmentation.
        augment: Whether images are mirrored and relit.
    """

    split: Split
    batch: int
    seed: int
    augment: bool

    @property
    def images(self) -> int:
        """Return the number of images."""
        return len(self.split.images)

    @property
    def steps(self) -> int:
        """Return the number of batches in one pass."""
        return ceil(self.images / self.batch)

    def shuffled(self, epoch: int) -> Iterator[tuple[Image, Labels]]:
        """Yield the batches of a training epoch: images `[n, H, W, 3]` in -1..1, labels `[n, H, W]`.

        Every image comes once; where the batch size does not divide their number, all batches are about equally large.
        """
        order = np.random.default_rng((self.seed, epoch)).permutation(self.images)
        for indices in np.array_split(order, self.steps):
            pairs = [self.example(epoch, int(index)) for index in indices]
            yield np.stack([image for image, _ in pairs]), np.stack([labels for _, labels in pairs])

    def example(self, epoch: int, index: int) -> tuple[Image, Labels]:
        """Return one training image with its labels, changed by chance that depends on seed, epoch and index only."""
        image, labels = scale(self.split.images[index]), self.split.labels[index]
        return vary(image, labels, np.random.default_rng((self.seed, epoch, index))) if self.augment else (image, labels)

    def ordered(self) -> Iterator[tuple[Image, Labels]]:
        """Yield the batches in the order of the file, unchanged."""
        for start in range(0, self.images, self.batch):
            chosen = slice(start, start + self.batch)
            yield scale(self.split.images[chosen]), self.split.labels[chosen]

    def pair(self, index: int) -> tuple[Image, Labels]:
        """Return image *index* unchanged with its labels, as a batch of one."""
        return scale(self.split.images[index : index + 1]), self.split.labels[index : index + 1]


def vary(image: Image, labels: Labels, rng: np.random.Generator) -> tuple[Image, Labels]:
    """Return an image with other contrast, brightness and colour cast, mirrored by chance, and its labels mirrored alike.

    Args:
        image: `[H, W, 3]` in -1..1, and so is the result.
        labels: `[H, W]`.
        rng: Decides.
    """
    if rng.random() < 1 / 2:
        image, labels = image[:, ::-1], labels[:, ::-1]
    contrast = np.float32(1 + rng.uniform(-_CONTRAST, _CONTRAST))
    light = (rng.uniform(-_LIGHT, _LIGHT) + rng.uniform(-_CAST, _CAST, 3)).astype(np.float32)
    return np.clip(image * contrast + light, -1, 1), labels
