"""What survives a kill: everything or nothing, never half a file."""

from pathlib import Path

import numpy as np
import pytest

from net2bit.train.checkpoint import Checkpoint, load, save


def point(value: float = 1.0) -> Checkpoint:
    weights = {
        "conv": {"kernel": np.full((3, 2), value, np.float32), "bias": np.zeros(2, np.float32)},
        "bn": {"gamma": np.ones(2, np.float32)},
    }
    best = {"conv": {"kernel": np.full((3, 2), value / 3, np.float32)}}
    return Checkpoint(
        weights, best, {"0000": np.array(7, np.int64), "0001": np.full(5, 0.1, np.float32)}, [{"epoch": 1, "loss": 0.1 + 0.2}]
    )


def test_round_trip(tmp_path: Path) -> None:
    """Law: what is loaded equals what was saved bit for bit, types and order included."""
    save(point(), tmp_path)
    found = load(tmp_path)
    assert found is not None
    assert found.record == point().record
    assert list(found.weights) == ["conv", "bn"]
    for given, back in ((point().weights, found.weights), (point().best, found.best), ({"": point().state}, {"": found.state})):
        for layer, arrays in given.items():
            assert list(back[layer]) == list(arrays)
            assert all(
                np.array_equal(back[layer][name], array) and back[layer][name].dtype == array.dtype for name, array in arrays.items()
            )


def test_replaced(tmp_path: Path) -> None:
    """The newest checkpoint takes the place of the one before, and nothing else stays behind."""
    save(point(1), tmp_path)
    save(point(2), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]
    found = load(tmp_path)
    assert found is not None
    assert found.weights["conv"]["kernel"][0, 0] == 2


def test_none(tmp_path: Path) -> None:
    """Without a checkpoint training starts afresh."""
    assert load(tmp_path) is None


@pytest.mark.parametrize("keep", [0, 10, 700, -1])
def test_damaged(tmp_path: Path, keep: int) -> None:
    """A checkpoint that a failing disk cut short is as good as none."""
    save(point(), tmp_path)
    file = tmp_path / "checkpoint.npz"
    file.write_bytes(file.read_bytes()[:keep])
    assert load(tmp_path) is None


def test_killed_while_saving(tmp_path: Path) -> None:
    """A half-written successor beside it leaves the checkpoint as it was."""
    save(point(), tmp_path)
    (tmp_path / "checkpoint.npz.tmp").write_bytes(b"half")
    assert load(tmp_path) is not None
