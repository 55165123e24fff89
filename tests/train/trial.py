"""A tiny data set that can be learnt, and the training stage in a process of its own, where it may choose its threads."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.data.packed import write_packed
from net2bit.job import Job
from net2bit.nets import architectures
from net2bit.train import stage

CLASSES = ("background", "person", "car", "road")
SIZE = (32, 48)
MODEL = {"architecture": "small", "width": 1 / 8, "input_size": list(SIZE)}
TRAIN = {"epochs": 3, "batch": 4, "learning_rate": 0.01, "augment": True, "seed": 5, "threads": 2, "isa": "AVX2", "samples": 2}
NETS = Path(__file__).parent / "nets"
_OUTPUTS = ("weights.h5", "history.json", "previews.h5")


def picture(index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a noisy image with a dark lower half (road) and two bright boxes on it (person, car), and its labels."""
    rng = np.random.default_rng(index)
    labels = np.zeros(SIZE, np.uint8)
    labels[16:] = 3
    left = int(rng.integers(0, 20))
    labels[12:28, left : left + 6] = 1
    labels[18:26, left + 10 : left + 26] = 2
    shades = np.array([[90, 120, 200], [220, 200, 60], [200, 40, 40], [60, 60, 60]])
    noisy = shades[labels] + rng.normal(0, 12, (*SIZE, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8), labels


def write_data(path: Path, train: int = 10, val: int = 4) -> Path:
    """Write a packed data set."""
    with write_packed(path, CLASSES, SIZE) as writer:
        for split, first, count in (("train", 0, train), ("val", 1000, val)):
            writer.begin(split, max(count, 1), 4)
            for index in range(count):
                writer.put(split, index, f"{first + index:04}", *picture(first + index))
            writer.end(split, count)
    return path


@dataclass(frozen=True)
class Trial:
    """One training run in a folder of its own.

    Attributes:
        folder: Holds outputs and scratch.
        data: The packed data set.
        train: The `train` group.
        model: The `model` group.
        init: A file to start from.
    """

    folder: Path
    data: Path
    train: dict[str, Any] = field(default_factory=lambda: dict(TRAIN))
    model: dict[str, Any] = field(default_factory=lambda: dict(MODEL))
    init: Path | None = None

    @property
    def out(self) -> Path:
        """Return the folder of outputs."""
        return self.folder / "out"

    def job(self) -> Job:
        """Return the job as the stage gets it, with its events printed one per line."""
        for name in ("out", "scratch"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        inputs = {"dataset.h5": self.data, **({"model.init": self.init} if self.init else {})}
        config = {"model": self.model, "train": self.train, "dataset": {"classes": list(CLASSES)}}
        outputs = {name: self.out / name for name in _OUTPUTS}
        return Job(config, inputs, outputs, self.folder / "scratch", lambda event: print(json.dumps(event), flush=True))  # noqa: T201 - the pipe

    def start(self, seed: str = "0") -> subprocess.Popen[str]:
        """Start the stage in a process of its own."""
        words = [self.folder, self.data, json.dumps(self.train), json.dumps(self.model), self.init or ""]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_WAIT_POLICY": "PASSIVE"}
        return subprocess.Popen([sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE, text=True, env=environment)

    def run(self, seed: str = "0") -> list[dict[str, Any]]:
        """Run the stage to its end; return its events."""
        process = self.start(seed)
        text, _ = process.communicate()
        assert process.returncode == 0
        return [json.loads(line) for line in text.splitlines()]

    def files(self) -> dict[str, bytes]:
        """Return every output file by its relative name."""
        return {str(path.relative_to(self.out)): path.read_bytes() for path in sorted(self.out.rglob("*")) if path.is_file()}


if __name__ == "__main__":
    folder, data, train, model, init = sys.argv[1:]
    architectures.__path__.append(str(NETS))
    stage.run(Trial(Path(folder), Path(data), json.loads(train), json.loads(model), Path(init) if init else None).job())
