"""The generator of street scenes."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from net2bit.data import label_ids, synthesize
from net2bit.data.generators.synthetic_streets import scene
from net2bit.errors import ConfigError
from net2bit.job import Event, Job

SIZE = (128, 256)
CLASS = np.zeros(256, np.uint8)
CLASS[[24, 25]], CLASS[26], CLASS[7] = 1, 2, 3


def _write(config: dict[str, Any], folder: Path, events: list[Event] | None = None) -> Path:
    job = Job(config, {}, {"images": folder}, folder.parent, events.append if events is not None else lambda _event: None)
    synthesize.run(job)
    return folder


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def gallery() -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Return forty scenes with their class indices."""
    return [(image, CLASS[ids]) for image, ids in (scene(7, "train", n, SIZE) for n in range(40))]


def test_same_seed_gives_same_bytes_in_another_process(config: dict[str, Any], tmp_path: Path) -> None:
    """Two processes with different hash seeds write the same tree, byte for byte."""
    code = (
        "import json, sys; from pathlib import Path; from net2bit.job import Job; from net2bit.data import synthesize;"
        "synthesize.run(Job(json.loads(sys.argv[1]), {}, {'images': Path(sys.argv[2])}, Path(sys.argv[2])))"
    )
    folder = tmp_path / "other"
    subprocess.run([sys.executable, "-c", code, json.dumps(config), str(folder)], check=True, env={**os.environ, "PYTHONHASHSEED": "4711"})
    assert _digest(folder) == _digest(_write(config, tmp_path / "own"))


def test_pictures_are_the_published_ones() -> None:
    """A scene's pixels do not change unnoticed: with them would change every figure that the documentation states."""
    image, ids = scene(7, "train", 0, SIZE)
    digest = hashlib.sha256(image.tobytes() + ids.tobytes()).hexdigest()
    assert digest[:16] == "9eb4bd842c88a910"


def test_larger_set_begins_with_the_smaller_one(config: dict[str, Any], tmp_path: Path) -> None:
    """A picture depends on seed, split and number only, so asking for more keeps those there are."""
    small = _write(config, tmp_path / "small")
    config["dataset"]["synth"].update(train=5, val=4)
    large = _write(config, tmp_path / "large")
    for path in small.rglob("*.png"):
        assert (large / path.relative_to(small)).read_bytes() == path.read_bytes()


def test_writes_the_cityscapes_layout(config: dict[str, Any], tmp_path: Path) -> None:
    """Every picture lies under its split and city with its labels in the twin tree, RGB beside 8-bit ids of one size."""
    root = _write(config, tmp_path / "set")
    images = sorted((root / "leftImg8bit").rglob("*.png"))
    assert [sum(split in path.parts for path in images) for split in ("train", "val")] == [3, 2]
    for path in images:
        city = path.parent.name
        assert path.name.startswith(f"{city}_")
        twin = path.name.replace("_leftImg8bit.png", "_gtFine_labelIds.png")
        with Image.open(path) as image, Image.open(root / "gtFine" / path.parts[-3] / city / twin) as labels:
            assert (image.mode, labels.mode) == ("RGB", "L")
            assert image.size == labels.size == (64, 32)
    assert len(list(root.rglob("*.png"))) == 2 * len(images)


def test_reports_every_picture(config: dict[str, Any], tmp_path: Path) -> None:
    """The progress ends at the number of pictures that was announced from the start."""
    events: list[Event] = []
    _write(config, tmp_path / "set", events)
    assert [(e["done"], e["total"]) for e in events] == [(n, 5) for n in range(1, 6)]


def test_splits_and_seeds_differ() -> None:
    """No picture of a split is found in the other, and another seed gives other pictures."""
    first = scene(7, "train", 0, (32, 64))[0]
    assert not np.array_equal(first, scene(7, "val", 0, (32, 64))[0])
    assert not np.array_equal(first, scene(8, "train", 0, (32, 64))[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(32, 150), st.integers(32, 150), st.integers(0, 2**31))
def test_any_size_and_seed_make_a_whole_picture(height: int, width: int, seed: int) -> None:
    """Law: for every size and seed the picture has that size, every pixel has a label, and every label is Cityscapes'."""
    image, ids = scene(seed, "val", 0, (height, width))
    assert image.shape == (height, width, 3)
    assert ids.shape == (height, width)
    assert set(np.unique(ids).tolist()) <= label_ids.KNOWN - {0}


def test_every_class_can_be_learnt(gallery: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> None:
    """Each class covers enough pixels, and most pictures show a person and a car, so a small network can learn all four."""
    labels = np.stack([classes for _, classes in gallery])
    shares = np.bincount(labels.ravel(), minlength=4) / labels.size
    assert (shares > [0.4, 0.03, 0.06, 0.15]).all(), shares
    assert np.mean([(classes == 1).any() for classes in labels]) > 0.9
    assert np.mean([(classes == 2).any() for classes in labels]) > 0.8


@pytest.mark.parametrize("balanced", [False, True])
def test_colour_alone_does_not_tell_classes(gallery: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]], *, balanced: bool) -> None:
    """The best guess from a pixel's colour, learnt as a histogram of 4,096 colours, stays below a mean Dice of 0.6."""
    half = len(gallery) // 2
    counts = np.zeros((4096, 4))
    for image, classes in gallery[:half]:
        np.add.at(counts, (_bin(image), classes), 1)
    guess = (counts / counts.sum(0) if balanced else counts).argmax(1)
    dice = _mean_dice([(guess[_bin(image)], classes) for image, classes in gallery[half:]])
    assert dice < 0.6


def _bin(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    coarse: NDArray[np.int64] = image.astype(np.int64) // 16
    return coarse[..., 0] * 256 + coarse[..., 1] * 16 + coarse[..., 2]


def _mean_dice(pairs: list[tuple[NDArray[np.int64], NDArray[np.uint8]]]) -> float:
    found, truth = (np.stack(side) for side in zip(*pairs, strict=True))
    return float(np.mean([2 * np.sum((found == k) & (truth == k)) / (np.sum(found == k) + np.sum(truth == k)) for k in range(4)]))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"train": 0}, "dataset.synth.train"),
        ({"val": 0}, "dataset.synth.val"),
        ({"seed": -1}, "dataset.synth.seed"),
        ({"size": [16, 64]}, "dataset.synth.size"),
        ({"size": [64]}, "dataset.synth.size"),
    ],
)
def test_senseless_settings_are_refused(config: dict[str, Any], tmp_path: Path, change: dict[str, Any], where: str) -> None:
    """Settings that make no data set name their key and say what would do."""
    config["dataset"]["synth"].update(change)
    with pytest.raises(ConfigError) as caught:
        _write(config, tmp_path / "set")
    assert caught.value.where == where
    assert caught.value.remedy
