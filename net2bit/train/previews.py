"""What the network made of a few validation images after each epoch: kept as class indices, drawn by another stage.

Drawing has no say in the weights, so it is not in their stage: another colour must not train a network anew.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from net2bit.errors import DataError

FORMAT = "net2bit.previews/1"
_IMAGES = "images"


def chosen(images: int, wanted: int) -> list[int]:
    """Return up to *wanted* indices spread evenly over *images*."""
    return [index * images // wanted for index in range(wanted)] if wanted <= images else list(range(images))


def keep(folder: Path, epoch: int, found: NDArray[np.uint8]) -> None:
    """Keep the predictions of *epoch*, class indices `[images, H, W]`, in *folder* until the training ends."""
    folder.mkdir(exist_ok=True)
    beside = folder / "next.tmp"
    with beside.open("wb") as file:
        np.save(file, found)
    beside.replace(folder / f"{epoch:03}.npy")


def write(folder: Path, epochs: int, images: list[int], path: Path) -> None:
    """Write what was kept in *folder* of epochs 1 to *epochs*, for the validation images *images*, as one h5 file."""
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["format"] = FORMAT
        file.create_dataset(_IMAGES, data=np.array(images, np.int32), track_times=False)
        for epoch in range(1, epochs + 1):
            file.create_dataset(f"epoch_{epoch:03}", data=np.load(folder / f"{epoch:03}.npy"), track_times=False, compression="gzip")


def read(path: Path) -> Iterator[tuple[str, list[tuple[int, NDArray[np.uint8]]]]]:
    """Yield (`epoch_001`, [(index of the validation image, predictions `[H, W]`)]) for each epoch, in order.

    Raises:
        DataError: It is no file of previews.
    """
    try:
        with h5py.File(path) as file:
            if file.attrs.get("format") != FORMAT:
                raise DataError("this is no file of previews", where=str(path), remedy="build it again")
            images = [int(index) for index in file[_IMAGES][:]]
            for name in sorted(set(file) - {_IMAGES}):
                yield name, list(zip(images, file[name][:], strict=True))
    except OSError as fault:
        raise DataError(f"this file cannot be read: {fault}", where=str(path), remedy="build it again") from fault
