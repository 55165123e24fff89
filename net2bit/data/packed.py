"""`dataset.h5`: how it is written, and how training, calibration and verification read it.

Groups `train` and `val` hold `images` uint8 [N, H, W, 3] RGB, `labels` uint8 [N, H, W] (class indices) and `names`
(fixed-length bytes), one picture per chunk. The file's attributes are `format` and `classes` (a JSON list).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from net2bit.errors import DataError, near

FORMAT: Final = "net2bit.dataset/1"
REMEDY: Final = "delete the file and build again; it is made by the stage `pack`"


@dataclass(frozen=True)
class Split:
    """One split; slices are read from the file when they are asked for.

    Attributes:
        images: h5py data set, uint8 [N, H, W, 3], RGB.
        labels: h5py data set, uint8 [N, H, W], class indices.
        names: What each picture is called.
    """

    images: Any
    labels: Any
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.images.shape[1]), int(self.images.shape[2])


class Packed:
    """An open `dataset.h5`; a context manager."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        """Take over an open file whose format was checked."""
        self._file = file
        self.path = path
        self.classes: tuple[str, ...] = tuple(json.loads(file.attrs["classes"]))

    def split(self, name: str) -> Split:
        """Return the split *name* (`train` or `val`).

        Raises:
            DataError: No such split.
        """
        if name not in self._file:
            known = sorted(self._file)
            raise DataError(
                f"there is no split {name!r} in the data set",
                where=str(self.path),
                remedy=f"the splits are {', '.join(known)}",
                suggestion=near(name, known),
            )
        group = self._file[name]
        return Split(group["images"], group["labels"], tuple(raw.decode() for raw in group["names"][:].tolist()))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_packed(path: Path) -> Packed:
    """Open a `dataset.h5` for reading.

    Raises:
        DataError: The file is missing, damaged, no HDF5 file, or of another format.
    """
    if not path.is_file():
        raise DataError("the packed data set does not exist", where=str(path), remedy=REMEDY)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"the packed data set cannot be opened: {error}", where=str(path), remedy=REMEDY) from error
    found = file.attrs.get("format", "none")
    if found != FORMAT:
        file.close()
        raise DataError(f"the packed data set has the format {found!r}, not {FORMAT!r}", where=str(path), remedy=REMEDY)
    return Packed(file, path)


def scale(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return *images* (any shape) as the network's input: x / 127.5 - 1, float32 in -1..1."""
    scaled = images.astype(np.float32)
    scaled /= np.float32(127.5)
    scaled -= np.float32(1.0)
    return scaled


class Writer:
    """A `dataset.h5` in the making."""

    def __init__(self, file: h5py.File, size: tuple[int, int]) -> None:
        """Take over the open *file*; every picture will be of *size* (height, width)."""
        self._file = file
        self._size = size

    def begin(self, split: str, most: int, longest: int) -> None:
        """Make the group of a *split* with room for *most* pictures whose names have up to *longest* bytes."""
        group = self._file.create_group(split)
        height, width = self._size
        self._create(group, "images", (most, height, width, 3), np.dtype(np.uint8))
        self._create(group, "labels", (most, height, width), np.dtype(np.uint8))
        group.create_dataset("names", shape=(most,), maxshape=(most,), dtype=f"S{longest}", track_times=False)

    def put(self, split: str, index: int, name: str, image: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        """Write picture *index* of *split*: uint8 [H, W, 3] and class indices uint8 [H, W]."""
        group = self._file[split]
        group["images"][index] = image
        group["labels"][index] = labels
        group["names"][index] = name.encode()

    def end(self, split: str, count: int) -> None:
        """Cut *split* to the *count* pictures that were written."""
        for data in self._file[split].values():
            data.resize(count, axis=0)

    def _create(self, group: h5py.Group, name: str, shape: tuple[int, ...], dtype: np.dtype[np.uint8]) -> None:
        """Create a data set of one picture per chunk; no compression: pictures do not shrink, and reading is training's time."""
        group.create_dataset(name, shape=shape, maxshape=shape, dtype=dtype, chunks=(1, *shape[1:]), track_times=False)


@contextmanager
def write_packed(path: Path, classes: tuple[str, ...], size: tuple[int, int]) -> Iterator[Writer]:
    """Open a new `dataset.h5` for writing; the same pictures give the same bytes.

    Args:
        path: The file to make.
        classes: Class names, in the order of their indices.
        size: Height and width of every picture.
    """
    with h5py.File(path, "w", libver=("earliest", "v110")) as file:
        file.attrs["format"] = FORMAT
        file.attrs["classes"] = json.dumps(list(classes))
        yield Writer(file, size)
