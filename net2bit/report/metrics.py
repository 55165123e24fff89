"""Segmentation metrics out of one confusion matrix: Dice, IoU and pixel accuracy over all pixels of a set.

A class that occurs neither in the truth nor in the prediction has no Dice and no IoU: both are `None`, never NaN, and the mean
leaves it out. A class that is predicted but never true counts as 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import DataError

Confusion = NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """One metric, class by class.

    Attributes:
        classes: A value in [0, 1] for each class, `None` for an absent one.
        mean: The mean over the classes that have a value; `None` where no class has one.
    """

    classes: tuple[float | None, ...]
    mean: float | None


@dataclass(frozen=True)
class Scores:
    """All metrics of one prediction of a set.

    Attributes:
        dice: `2 |T ∩ P| / (|T| + |P|)`, which is F1.
        iou: `|T ∩ P| / (|T| + |P| - |T ∩ P|)`, the Jaccard index.
        accuracy: Share of pixels with the right class; `None` without pixels.
    """

    dice: Score
    iou: Score
    accuracy: float | None


def confusion(truth: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> Confusion:
    """Count pixels by true class (row) and predicted class (column).

    Args:
        truth: Class indices, any shape.
        predicted: Class indices, the same shape.
        classes: Number of classes *C*.

    Returns:
        int64 `[C, C]`; its sum is the number of pixels.

    Raises:
        DataError: The shapes differ, or an index is outside `0..C-1`.
    """
    if truth.shape != predicted.shape:
        raise DataError(f"truth is {list(truth.shape)} but the prediction is {list(predicted.shape)}", where="confusion matrix")
    for name, values in (("truth", truth), ("prediction", predicted)):
        _check(name, values, classes)
    joint = truth.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(joint, minlength=classes * classes).astype(np.int64).reshape(classes, classes)


def _check(name: str, values: NDArray[np.integer], classes: int) -> None:
    if values.size and (values.min() < 0 or values.max() >= classes):
        bad = int(values.min()) if values.min() < 0 else int(values.max())
        raise DataError(
            f"the {name} holds class {bad}, but the classes are 0 to {classes - 1}",
            where="confusion matrix",
            remedy="list every class under dataset.classes, or map the label in dataset.labels",
        )


def scores(matrix: Confusion) -> Scores:
    """Return Dice, IoU and pixel accuracy of a confusion matrix `[C, C]` (rows: truth)."""
    hits = np.diagonal(matrix)
    true, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    total = int(matrix.sum())
    return Scores(
        dice=_score(2 * hits, true + predicted),
        iou=_score(hits, true + predicted - hits),
        accuracy=int(hits.sum()) / total if total else None,
    )


def _score(over: NDArray[np.int64], under: NDArray[np.int64]) -> Score:
    values = tuple(int(a) / int(b) if b else None for a, b in zip(over, under, strict=True))
    return Score(values, mean(values))


def mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are there, `None` where none is."""
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None
