"""Street scenes in the layout and with the label ids of Cityscapes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from net2bit.data.street.chance import Chance
from net2bit.data.street.scene import draw_scene
from net2bit.errors import ConfigError

CITIES: Final = {"train": ("ahrenfeld", "birkstadt", "dornhagen"), "val": ("eschenau",)}
"""Invented names; a split's pictures are dealt to its cities in turn."""
SMALLEST: Final = 32
"""Pixels; below this a street is no longer a street."""
_SPLIT_SEED: Final = {"train": 0, "val": 1}


def generate(folder: Path, synth: Mapping[str, Any], progress: Callable[[int, int, str], None]) -> None:
    """Write a data set.

    Args:
        folder: Where; exists.
        synth: `train` and `val` (number of pictures), `size` ([height, width] in pixels), `seed`. A picture depends on
            the seed, its split and its number only, so a larger set begins with the smaller one.
        progress: Called with (done, total, text) after every picture.

    Raises:
        ConfigError: A number or a size that makes no data set.
    """
    _check(synth)
    size = (int(synth["size"][0]), int(synth["size"][1]))
    jobs = list(_jobs(synth))
    for done, (split, number, city) in enumerate(jobs, start=1):
        image, labels = scene(int(synth["seed"]), split, number, size)
        stem = f"{city}_{number:06d}_000019"
        _save(image, folder / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png")
        _save(labels, folder / "gtFine" / split / city / f"{stem}_gtFine_labelIds.png")
        progress(done, len(jobs), split)


def scene(seed: int, split: str, number: int, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return picture *number* of *split*: uint8 [H, W, 3] RGB and Cityscapes label ids uint8 [H, W]."""
    return draw_scene(Chance(seed, _SPLIT_SEED[split], number), size)


def _jobs(synth: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    for split, cities in CITIES.items():
        for number in range(int(synth[split])):
            yield split, number, cities[number % len(cities)]


def _save(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a PNG with fixed settings; a light compression, since noise does not shrink and time is dear."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, format="PNG", optimize=False, compress_level=1)


def _check(synth: Mapping[str, Any]) -> None:
    for split in CITIES:
        if int(synth[split]) < 1:
            raise ConfigError(
                f"{synth[split]} {split} pictures make no data set",
                where=f"dataset.synth.{split}",
                remedy="ask for at least 1",
            )
    if int(synth["seed"]) < 0:
        raise ConfigError(f"the seed {synth['seed']} is negative", where="dataset.synth.seed", remedy="use 0 or more")
    if len(synth["size"]) != 2 or min(synth["size"]) < SMALLEST:  # noqa: PLR2004 - height and width
        raise ConfigError(
            f"{list(synth['size'])} is no picture size",
            where="dataset.synth.size",
            remedy=f"give [height, width], each at least {SMALLEST}",
        )
