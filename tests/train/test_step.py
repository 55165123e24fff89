"""The compiled steps: the loss and the fused normalization against plain numpy."""

import importlib
from types import ModuleType

import numpy as np
import pytest

from net2bit.errors import StageError


@pytest.fixture(scope="module")
def step() -> ModuleType:
    """Import TensorFlow here and not above: it takes seconds, which a run of other tests should not pay."""
    return importlib.import_module("net2bit.train.step")


def test_loss(step: ModuleType) -> None:
    """The loss is cross entropy plus one minus the mean soft Dice, as a few lines of float64 numpy have it."""
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 3, (2, 5, 7)).astype(np.uint8), rng.normal(size=(2, 5, 7, 4)).astype(np.float32)
    chance = np.exp(logits.astype(np.float64))
    chance /= chance.sum(axis=-1, keepdims=True)
    truth = np.eye(4)[labels]
    dice = [(2 * (truth * chance)[..., k].sum() + 1) / (truth[..., k].sum() + chance[..., k].sum() + 1) for k in range(4)]
    expected = -np.log((truth * chance).sum(-1)).mean() + 1 - np.mean(dice)
    assert float(step.segmentation_loss(labels, logits)) == pytest.approx(expected, rel=1e-5)


def test_loss_of_truth(step: ModuleType) -> None:
    """A sure and right prediction has no loss, also where a class does not occur."""
    labels = np.zeros((1, 4, 4), np.uint8)
    assert float(step.segmentation_loss(labels, 60.0 * np.eye(4, dtype=np.float32)[labels])) == pytest.approx(0, abs=1e-5)


def test_fused_norm(step: ModuleType) -> None:
    """The fused normalization computes what Keras' own does, in training and behind it, and moves its averages alike."""
    fused = importlib.import_module("net2bit.nets.fused").FusedBatchNorm(momentum=0.9)
    plain = step.keras.layers.BatchNormalization(momentum=0.9)
    x = np.random.default_rng(1).normal(2, 3, (4, 8, 8, 5)).astype(np.float32)
    assert np.allclose(fused(x, training=True), plain(x, training=True), atol=1e-4)
    for ours, theirs in zip(fused.get_weights(), plain.get_weights(), strict=True):
        assert np.allclose(ours, theirs, rtol=1 / x[..., 0].size, atol=1e-4)
    fused.set_weights(plain.get_weights())
    assert np.array_equal(fused(x, training=False), plain(x, training=False))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_diverged(loss: float) -> None:
    """A loss that is no number stops the training at once, naming the knob, instead of keeping weights that are none either."""
    finite = importlib.import_module("net2bit.train.fit").finite
    assert finite(0.5, 3) == 0.5
    with pytest.raises(StageError, match="in step 4: the training diverged") as caught:
        finite(loss, 3)
    assert "learning_rate" in caught.value.remedy
