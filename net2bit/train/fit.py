"""The training run: epoch after epoch, each one left behind whole, so that a killed run continues where it was, to the same bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from time import monotonic

import numpy as np

from net2bit.errors import StageError
from net2bit.nets import Network
from net2bit.nets.weights import Weights
from net2bit.report.metrics import Scores, confusion, scores
from net2bit.train import checkpoint, previews
from net2bit.train.checkpoint import Checkpoint
from net2bit.train.feed import Feed
from net2bit.train.history import History, epoch_of
from net2bit.train.schedule import learning_rate
from net2bit.train.settings import Settings
from net2bit.train.step import KERAS, Learner, pin

__all__ = ["KERAS", "Run"]

_EVERY = 0.5  # seconds between two words about progress
PREVIEWS = "previews"


@dataclass
class Run:
    """A training run.

    Attributes:
        settings: How to train.
        classes: Names, by index.
        train: The images to learn from.
        val: The images to judge by.
        folder: Keeps checkpoint and previews.
        tell: Takes steps done, steps in all, and a word.
        history: Of the epochs so far.
        best: Weights of the best epoch so far.
    """

    settings: Settings
    classes: list[str]
    train: Feed
    val: Feed
    folder: Path
    tell: Callable[[int, int, str], None]
    history: History = field(default_factory=History)
    best: Weights = field(default_factory=dict)

    def __call__(self, network: Network, weights: Weights) -> None:
        """Train *network* from *weights*, or from where a killed run was; afterwards `history` and `best` hold the result."""
        pin(self.settings.threads, self.settings.seed)
        learner = Learner(network, weights)
        self.resume(learner)
        for epoch in range(len(self.history.epochs) + 1, self.settings.epochs + 1):
            self.epoch(learner, epoch)
        self.tell(self.settings.epochs * self.train.steps, self.settings.epochs * self.train.steps, "done")

    def resume(self, learner: Learner) -> None:
        """Take up what a killed run left behind, if anything."""
        found = checkpoint.load(self.folder)
        if found:
            learner.restore(found.weights, found.state)
            self.best, self.history = found.best, History.of(found.record)

    def epoch(self, learner: Learner, number: int) -> None:
        """Train and judge once over all images, and leave a checkpoint behind."""
        loss, rate = self.fit(learner, number)
        val_loss, found = self.judge(learner)
        self.history.epochs.append(epoch_of(number, (loss, val_loss), rate, found, self.classes))
        weights = learner.weights
        if self.history.best.epoch == number:
            self.best = weights
        self.look(learner, number)
        checkpoint.save(Checkpoint(weights, self.best, learner.state, self.history.record), self.folder)

    def fit(self, learner: Learner, number: int) -> tuple[float, float]:
        """Return the mean loss of the epoch's training steps and the last learning rate."""
        losses, counts, rate = [], [], 0.0
        step, total, last = (number - 1) * self.train.steps, self.settings.epochs * self.train.steps, 0.0
        for images, labels in self.train.shuffled(number):
            rate = learning_rate(step, total, self.settings.learning_rate)
            losses.append(finite(learner.fit(images, labels, rate), step))
            counts.append(len(images))
            step += 1
            if monotonic() - last > _EVERY:
                last = monotonic()
                self.tell(step, total, self.words(number, losses[-1]))
        return float(np.average(losses, weights=counts)), rate

    def words(self, number: int, loss: float) -> str:
        """Return the state in a few words."""
        text = f"epoch {number}/{self.settings.epochs}, loss {loss:.3f}"
        return f"{text}, best Dice {self.history.best.score:.3f}" if self.history.epochs else text

    def judge(self, learner: Learner) -> tuple[float, Scores]:
        """Return mean loss and scores over the validation images."""
        losses, counts = [], []
        matrix = np.zeros((len(self.classes),) * 2, np.int64)
        for images, labels in self.val.ordered():
            loss, found = learner.infer(images, labels)
            losses.append(loss)
            counts.append(len(images))
            matrix += confusion(labels, found, len(self.classes))
        return float(np.average(losses, weights=counts)), scores(matrix)

    def look(self, learner: Learner, number: int) -> None:
        """Keep what the network makes of a few validation images after the epoch."""
        pairs = (self.val.pair(index) for index in self.shown)
        found = [learner.infer(image, labels)[1][0].astype(np.uint8) for image, labels in pairs]
        size = self.val.split.size
        previews.keep(self.folder / PREVIEWS, number, np.stack(found) if found else np.zeros((0, *size), np.uint8))

    @property
    def shown(self) -> list[int]:
        """Indices of the validation images that previews show."""
        return previews.chosen(self.val.images, self.settings.samples)


def finite(loss: float, step: int) -> float:
    """Return *loss*.

    Raises:
        StageError: It is no number any more, and nothing that follows would be.
    """
    if not isfinite(loss):
        raise StageError(f"the loss is {loss} in step {step + 1}: the training diverged", where="train", remedy="lower train.learning_rate")
    return loss
