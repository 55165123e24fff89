"""Test pictures after each epoch: the same validation images every time, beside truth and prediction."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from net2bit.report.pictures import overlay, save, strip

_GAP = 6


def draw(rows: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]], classes: Sequence[str], path: Path) -> None:
    """Write a picture with one row for each (image `[H, W, 3]`, truth `[H, W]`, prediction `[H, W]`)."""
    panels = {
        "image": _stack([image for image, _, _ in rows]),
        "truth": _stack([overlay(image, truth, classes) for image, truth, _ in rows]),
        "prediction": _stack([overlay(image, found, classes) for image, _, found in rows]),
    }
    save(strip(panels, classes), path)


def _stack(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Put pictures below each other with white between them."""
    padded = [np.pad(image, ((0, _GAP), (0, 0), (0, 0)), constant_values=255) for image in images]
    return np.concatenate(padded)[:-_GAP]
