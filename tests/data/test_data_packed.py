"""`dataset.h5`: what is written is read, and a file that is no such thing is refused."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.data.packed import FORMAT, open_packed, scale, write_packed
from net2bit.errors import DataError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a packed file with three train pictures (room for four) and one of val."""
    path = tmp_path / "dataset.h5"
    with write_packed(path, ("ground", "sky"), (4, 6)) as writer:
        for split, most, count in (("train", 4, 3), ("val", 1, 1)):
            writer.begin(split, most, 10)
            for n in range(count):
                writer.put(split, n, f"{split}_{n}", np.full((4, 6, 3), n, np.uint8), np.full((4, 6), n % 2, np.uint8))
            writer.end(split, count)
    return path


def test_what_was_written_is_read(file: Path) -> None:
    """Classes, names, pictures and labels come back as they were put in, without the room left over."""
    with open_packed(file) as packed:
        assert packed.classes == ("ground", "sky")
        train = packed.split("train")
        assert (len(train), train.size, train.names) == (3, (4, 6), ("train_0", "train_1", "train_2"))
        assert train.images[1:].tolist() == np.stack([np.full((4, 6, 3), n) for n in (1, 2)]).tolist()
        assert train.labels[1].tolist() == np.ones((4, 6)).tolist()
        assert packed.split("val").images.shape == (1, 4, 6, 3)


def test_the_layout_is_the_published_one(file: Path) -> None:
    """Other tools find groups, types, one picture per chunk, and the two attributes, as documented."""
    with h5py.File(file) as raw:
        assert dict(raw.attrs) == {"format": FORMAT, "classes": '["ground", "sky"]'}
        group = raw["train"]
        assert {name: (str(data.dtype), data.shape) for name, data in group.items()} == {
            "images": ("uint8", (3, 4, 6, 3)),
            "labels": ("uint8", (3, 4, 6)),
            "names": ("|S10", (3,)),
        }
        assert (group["images"].chunks, group["labels"].chunks) == ((1, 4, 6, 3), (1, 4, 6))


def test_an_unknown_split_is_suggested(file: Path) -> None:
    """Asking for a split that is not there lists those that are."""
    with open_packed(file) as packed, pytest.raises(DataError) as caught:
        packed.split("vall")
    assert caught.value.suggestion == "val"
    assert "train, val" in caught.value.remedy


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A file that does not exist is told from a damaged one."""
    with pytest.raises(DataError, match="does not exist"):
        open_packed(tmp_path / "none.h5")


def test_no_hdf5_file_is_refused(tmp_path: Path) -> None:
    """A file of another kind is a data error with a remedy."""
    path = tmp_path / "dataset.h5"
    path.write_text("no HDF5")
    with pytest.raises(DataError, match="cannot be opened") as caught:
        open_packed(path)
    assert caught.value.remedy


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_refused(file: Path, share: float) -> None:
    """A file cut anywhere is a data error when it is opened, not a crash in the middle of training."""
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="cannot be opened"):
        open_packed(file)


@pytest.mark.parametrize("version", [None, "net2bit.dataset/2"])
def test_another_format_is_refused(file: Path, version: str | None) -> None:
    """An HDF5 file without our mark, or of a later version, is refused before anything is read from it."""
    with h5py.File(file, "a") as raw:
        del raw.attrs["format"]
        if version:
            raw.attrs["format"] = version
    with pytest.raises(DataError, match="has the format"):
        open_packed(file)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=8))
def test_scaling_is_the_networks_input(values: list[int]) -> None:
    """Law: x becomes x / 127.5 - 1 in float32, so 0 is -1, 255 is 1, and the input is left as it was."""
    raw = np.array(values, np.uint8)
    scaled = scale(raw)
    assert scaled.dtype == np.float32
    assert np.array_equal(scaled, (np.array(values, np.float32) / np.float32(127.5) - np.float32(1.0)))
    assert raw.tolist() == values
    assert (scale(np.array([0, 255], np.uint8)) == [-1.0, 1.0]).all()
