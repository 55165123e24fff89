"""A tiny data set in the layout of Cityscapes, and a way to run the two data stages on it."""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from net2bit.data import pack
from net2bit.job import Event, Job

CONFIG: dict[str, Any] = {
    "dataset": {
        "adapter": "cityscapes",
        "generator": "synthetic_streets",
        "classes": ["background", "person", "car", "road"],
        "labels": {"person": [24, 25], "car": [26], "road": [7]},
        "on_bad_input": "error",
        "synth": {"train": 3, "val": 2, "size": [32, 64], "seed": 7},
    },
    "model": {"input_size": [16, 32]},
}


@dataclass
class Town:
    """A data set on disk that a test may spoil."""

    root: Path

    def image(self, name: str, split: str = "train") -> Path:
        """Return the path of a picture; *name* is like `aach_000001`."""
        return self.root / "leftImg8bit" / split / name.partition("_")[0] / f"{name}_000019_leftImg8bit.png"

    def label(self, name: str, split: str = "train") -> Path:
        """Return the path of a label picture."""
        return self.root / "gtFine" / split / name.partition("_")[0] / f"{name}_000019_gtFine_labelIds.png"

    def add(self, name: str, split: str = "train", *, image: NDArray[Any] | None = None, label: NDArray[Any] | None = None) -> None:
        """Write a pair; by default 64x32 noise, and stripes of the ids 7, 24, 26, 11."""
        rng = np.random.default_rng(len(name) + sum(map(ord, name)))
        image = rng.integers(0, 256, (32, 64, 3), np.uint8) if image is None else image
        label = np.repeat(np.array([7, 24, 26, 11], np.uint8), 16)[None].repeat(32, 0) if label is None else label
        for path, pixels in ((self.image(name, split), image), (self.label(name, split), label)):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)


@dataclass
class Packing:
    """Runs `pack` and keeps what it said."""

    folder: Path
    events: list[Event] = field(default_factory=list)

    def __call__(self, root: Path, **dataset: Any) -> tuple[Path, Path]:
        """Pack *root* with some keys of `dataset` changed; return the paths of dataset.h5 and dataset.json."""
        config = copy.deepcopy(CONFIG)
        config["dataset"].update(dataset)
        self.folder.mkdir(exist_ok=True)
        outputs = {name: self.folder / name for name in ("dataset.h5", "dataset.json")}
        pack.run(Job(config, {"images": root}, outputs, self.folder, self.events.append))
        return outputs["dataset.h5"], outputs["dataset.json"]
