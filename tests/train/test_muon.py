"""The optimizer against its definition."""

import importlib
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="module")
def muon() -> ModuleType:
    """Import TensorFlow here and not above: it takes seconds, which a run of other tests should not pay."""
    return importlib.import_module("net2bit.train.muon")


@pytest.fixture(scope="module")
def tf() -> ModuleType:
    return importlib.import_module("tensorflow")


def iterate(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the published iteration gives, done as published, in float64."""
    x = matrix / np.linalg.norm(matrix)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x


@pytest.mark.parametrize("shape", [(144, 16), (16, 32), (9, 9)])
def test_orthogonal(muon: ModuleType, shape: tuple[int, int]) -> None:
    """The short form of the iteration gives what the published one gives, and singular values near one, for tall, wide and square."""
    matrix, *others = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    found = np.asarray(muon.orthogonal([others[0], matrix, others[1][:, :5]])[1], dtype=np.float64)
    assert np.abs(found - iterate(matrix.astype(np.float64))).max() < 1e-4
    values = np.linalg.svd(found, compute_uv=False)
    assert values[0] < 1.25
    assert values[len(values) // 2] > 0.6


def test_scale_free(muon: ModuleType) -> None:
    """A gradient a thousand times larger gives the same step: only its directions count."""
    matrix = np.random.default_rng(1).normal(size=(36, 8)).astype(np.float32)
    assert np.allclose(*muon.orthogonal([matrix, 1000 * matrix]), atol=1e-5)


def test_zero(muon: ModuleType) -> None:
    """No gradient, no step: and no division by zero."""
    assert np.array_equal(muon.orthogonal([np.zeros((8, 4), np.float32)])[0], np.zeros((8, 4)))


def test_first_adam_step(muon: ModuleType, tf: ModuleType) -> None:
    """The first step of Adam goes the full rate against the gradient's sign, whatever its size."""
    bias = tf.Variable([1.0, 1.0, 1.0])
    muon.Muon([bias], [False]).apply([tf.constant([3.0, -0.01, 100.0])], 0.5)
    assert np.allclose(bias, 1 - 0.5 * 0.06 * np.sign([3.0, -0.01, 100.0]), atol=1e-5)


def test_descends(muon: ModuleType, tf: ModuleType) -> None:
    """Both kinds of variable find the least of a quadratic bowl."""
    aim = np.random.default_rng(2).normal(size=(3, 3, 4, 5)).astype(np.float32)
    kernel, bias = tf.Variable(tf.zeros(aim.shape)), tf.Variable(tf.zeros(5))
    optimizer = muon.Muon([kernel, bias], [True, False])
    for step in range(60):
        optimizer.apply([kernel - aim, bias - 0.5], 0.5 * (1 - step / 60))
    assert np.abs(kernel - aim).mean() < 0.15
    assert np.abs(bias - 0.5).max() < 0.1
