"""Counts one rung of the ladder batch by batch, in memory that does not grow with the pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import StageError
from net2bit.report.forms import Floats, Form
from net2bit.report.ladder import Rung, figure, metric, share
from net2bit.report.metrics import Confusion, confusion, scores

TOLERANCE = 1e-3  # of the largest logit: far above what float32 sums in another order come to, far below what a wrong layer does
PREVIOUS, FLOAT = "previous", "float"


@dataclass(frozen=True)
class Answer:
    """What a form says to a batch.

    Attributes:
        logits: float32 `[n, H, W, C]`.
        classes: The class with the greatest logit, the first of equals: `[n, H, W]`.
    """

    logits: Floats
    classes: NDArray[np.uint8]

    @classmethod
    def of(cls, logits: Floats) -> "Answer":
        """Return the answer that *logits* are."""
        return cls(logits, np.asarray(logits.argmax(axis=-1), np.uint8))


@dataclass
class Tally:
    """What is known of one form so far.

    Attributes:
        form: Which one.
        classes: Number of classes.
        matrices: One confusion matrix for each image.
        difference: Largest absolute difference of logits, against the `previous` form and against `float`.
        same: Pixels with the same class as there.
        pixels: Pixels seen.
        largest: Largest absolute logit.
    """

    form: Form
    classes: int
    matrices: list[Confusion] = field(default_factory=list)
    difference: dict[str, float] = field(default_factory=lambda: {PREVIOUS: 0.0, FLOAT: 0.0})
    same: dict[str, int] = field(default_factory=lambda: {PREVIOUS: 0, FLOAT: 0})
    pixels: int = 0
    largest: float = 0.0

    def add(self, truth: NDArray[np.uint8], answer: Answer, previous: Answer, reference: Answer) -> None:
        """Count a batch.

        Args:
            truth: Class indices `[n, H, W]`.
            answer: Of this form.
            previous: Of the form before.
            reference: Of the float form.

        Raises:
            StageError: A logit is not finite, or the shape is not that of the others.
            DataError: The truth has a class that the network has not.
        """
        self._check(answer.logits, reference.logits)
        self.matrices += [confusion(*pair, self.classes) for pair in zip(truth, answer.classes, strict=True)]
        for name, other in ((PREVIOUS, previous), (FLOAT, reference)):
            if other is not answer:
                self.difference[name] = max(self.difference[name], float(np.abs(answer.logits - other.logits).max()))
            self.same[name] += int((answer.classes == other.classes).sum())
        self.pixels += truth.size
        self.largest = max(self.largest, float(np.abs(answer.logits).max()))

    def _check(self, logits: Floats, reference: Floats) -> None:
        if logits.shape != reference.shape:
            raise StageError(
                f"'{self.form.name}' gives logits of shape {logits.shape}, the float network {reference.shape}", where=self.form.kind
            )
        if not np.isfinite(logits).all():
            raise StageError(
                f"'{self.form.name}' gives logits that are not finite",
                where=self.form.kind,
                remedy="look at the training curve: the training diverged; a smaller train.learning_rate may help",
            )

    @property
    def matrix(self) -> Confusion:
        """The confusion matrix of all images."""
        return np.asarray(np.sum(self.matrices, axis=0))

    def dice_of(self, image: int) -> float | None:
        """Return the mean Dice of one image."""
        return share(scores(self.matrices[image]).dice.mean)

    def rung(self, names: Sequence[str], reference: "Tally") -> Rung:
        """Return the finished rung; *reference* is the tally of the float form."""
        found, best = scores(self.matrix), scores(reference.matrix).dice.mean
        mean = found.dice.mean
        bound = {"rounding": figure(TOLERANCE * reference.largest), "nothing": 0.0}.get(self.form.step)
        difference = {name: figure(value) for name, value in self.difference.items()}
        return Rung(
            name=self.form.name,
            title=self.form.title,
            kind=self.form.kind,
            stages=list(self.form.stages),
            dice=metric(found.dice, names),
            iou=metric(found.iou, names),
            accuracy=share(found.accuracy),
            confusion=self.matrix.tolist(),
            drop=None if best is None or mean is None else share(best - mean),
            difference=difference,
            agreement={name: round(value / self.pixels, 6) for name, value in self.same.items()},
            bound=bound,
            held=bound is None or self.difference[PREVIOUS] <= bound,
        )
