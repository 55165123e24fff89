"""What is remembered of each epoch, and which one was best."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from net2bit.report.metrics import Score, Scores

MEAN = "mean"


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch.

    Attributes:
        epoch: Its number, from 1.
        learning_rate: Of its last step.
        loss: Mean over the training images.
        val_loss: Mean over the validation images.
        val_dice: Of all validation pixels together, for each class and as `mean` over the classes that occur; None where a class
            occurs neither in truth nor in prediction.
        val_iou: Intersection over union, likewise.
        val_accuracy: Share of validation pixels with the right class.
    """

    epoch: int
    learning_rate: float
    loss: float
    val_loss: float
    val_dice: dict[str, float | None]
    val_iou: dict[str, float | None]
    val_accuracy: float | None

    @property
    def score(self) -> float:
        """Return what epochs are compared by: the mean validation Dice."""
        return self.val_dice[MEAN] or 0.0


def epoch_of(number: int, losses: tuple[float, float], rate: float, scores: Scores, classes: Sequence[str]) -> Epoch:
    """Return the figures of epoch *number*: *losses* are those of training and validation."""
    return Epoch(number, rate, *losses, _by_class(scores.dice, classes), _by_class(scores.iou, classes), scores.accuracy)


def _by_class(score: Score, classes: Sequence[str]) -> dict[str, float | None]:
    return {MEAN: score.mean, **dict(zip(classes, score.classes, strict=True))}


@dataclass
class History:
    """The epochs so far.

    Attributes:
        epochs: In order.
    """

    epochs: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> Epoch:
        """Return the epoch with the greatest mean validation Dice, the first of equals."""
        return max(self.epochs, key=lambda epoch: epoch.score)

    @classmethod
    def of(cls, record: Sequence[dict[str, Any]]) -> "History":
        """Return the history that `record` gave."""
        return cls([Epoch(**entry) for entry in record])

    @property
    def record(self) -> list[dict[str, Any]]:
        """Return the epochs ready for JSON."""
        return [asdict(epoch) for epoch in self.epochs]
