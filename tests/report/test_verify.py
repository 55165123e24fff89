"""The ladder end to end on a tiny untrained network: real stages, real files, in processes of their own."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from net2bit.data.packed import Split, write_packed
from net2bit.errors import DataError
from net2bit.job import Job
from net2bit.nets import describe
from net2bit.nets.weights import random_weights, write_weights
from net2bit.report.ladder import Ladder, load
from net2bit.report.verify import _check, _count

CLASSES = ("background", "person", "car", "road")
SIZE = (32, 64)
CONFIG: dict[str, Any] = {
    "model": {"name": "unet", "architecture": "unet", "width": 0.0625, "input_size": list(SIZE), "init": None},
    "dataset": {"name": "noise", "classes": list(CLASSES)},
    "quant": {
        "method": "min_diffs",
        "calibration": {"images": 2, "split": "train", "seed": 0},
        "rounding": {"weights": "half_even", "activations": "half_up"},
        "limits": {},
    },
    "verify": {"images": None, "batch": 2, "engine": "reference"},
}
STAGES: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]] = (
    ("net2bit.export.freeze", ("weights.h5",), ("frozen.pb", "frozen.json")),
    ("net2bit.xir.convert", ("frozen.pb",), ("float.xmodel",)),
    ("net2bit.quant.calibrate", ("float.xmodel", "dataset.h5"), ("positions.json",)),
    ("net2bit.quant.quantize", ("float.xmodel", "positions.json"), ("int.xmodel",)),
)
NEEDS = ("dataset.h5", "weights.h5", "frozen.pb", "float.xmodel", "int.xmodel")
PROGRAM = """
import json, resource, sys
from pathlib import Path
from net2bit.job import Job
from net2bit.report import verify
config, inputs, out = json.loads(sys.argv[1])
out = Path(out)
outputs = {name: out / name for name in ("ladder.json", "predictions")}
verify.run(Job(config, {name: Path(path) for name, path in inputs.items()}, outputs, out / "scratch"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with everything that the stage needs."""
    folder = tmp_path_factory.mktemp("built")
    rng = np.random.default_rng(0)
    with write_packed(folder / "dataset.h5", CLASSES, SIZE) as writer:
        for split, count in (("train", 2), ("val", 5)):
            writer.begin(split, count, 16)
            for index in range(count):
                image = rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
                writer.put(split, index, f"{split} {index}", image, (image[..., 0] // 86).astype(np.uint8))
            writer.end(split, count)
    network = describe(CONFIG["model"], CLASSES)
    write_weights(random_weights(network, 0), folder / "weights.h5", keras_version="3")
    for module, inputs, outputs in STAGES:
        job = Job(CONFIG, {name: folder / name for name in inputs}, {name: folder / name for name in outputs}, folder)
        importlib.import_module(module).run(job)
    return folder


def _verify(built: Path, out: Path, **inputs: Path) -> "subprocess.CompletedProcess[str]":
    out.mkdir()
    paths = {name: str(built / name) for name in NEEDS} | {name.replace("_", "."): str(path) for name, path in inputs.items()}
    words = json.dumps([CONFIG, paths, str(out)])
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    return subprocess.run([sys.executable, "-c", PROGRAM, words], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def climbed(built: Path) -> tuple[Path, str]:
    """Return the stage's products and what it printed, of one run."""
    done = _verify(built, built / "first")
    assert done.returncode == 0, done.stderr
    return built / "first", done.stdout


@pytest.fixture(scope="module")
def ladder(climbed: tuple[Path, str]) -> Ladder:
    """Return the ladder of that run."""
    return load(climbed[0] / "ladder.json")


@pytest.mark.slow
def test_conversions_only_round_and_lowering_changes_nothing(ladder: Ladder) -> None:
    """Law 4: frozen and folded agree with float up to float32 rounding, the integer network with the fake-quantized one bit for bit."""
    float_, frozen, folded, fake, integer = ladder.rungs
    assert all(rung.held for rung in ladder.rungs)
    assert 0 < frozen.difference["previous"] < 1e-3
    assert 0 < folded.difference["float"] < 1e-3
    assert fake.difference["previous"] > 0.01
    assert integer.difference["previous"] == 0
    assert integer.confusion == fake.confusion
    assert float_.drop == 0


@pytest.mark.slow
def test_the_ladder_counts_every_pixel_once(ladder: Ladder) -> None:
    """Every rung saw all images; classes absent everywhere are none, not zero."""
    for rung in ladder.rungs:
        assert np.sum(rung.confusion) == 5 * SIZE[0] * SIZE[1]
    assert ladder.images == 5
    assert np.sum(ladder.rungs[0].confusion, axis=1)[3] == 0


@pytest.mark.slow
def test_every_layer_has_its_noise(ladder: Ladder) -> None:
    """The list follows the network from input to last convolution, by the names of the frozen graph."""
    assert len(ladder.layers) == 39
    assert ladder.layers[0].name == "input_1"
    assert ladder.layers[-1].name.startswith("conv2d_13")
    assert ladder.layer(ladder.worst)


@pytest.mark.slow
def test_pictures_are_there_and_named(climbed: tuple[Path, str], ladder: Ladder) -> None:
    """Spread pictures and the worst one lie in the folder, and nothing else."""
    assert sorted(path.name for path in (climbed[0] / "predictions").iterdir()) == sorted(picture.file for picture in ladder.pictures)
    assert [picture.worst for picture in ladder.pictures].count(True) == 1


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(built: Path, climbed: tuple[Path, str]) -> None:
    """Law 1: ladder and pictures have the same bytes, run to run."""
    assert _verify(built, built / "second").returncode == 0
    for path in sorted((climbed[0]).rglob("*.*")):
        if path.is_file():
            assert path.read_bytes() == (built / "second" / path.relative_to(climbed[0])).read_bytes(), path.name


@pytest.mark.slow
def test_memory_stays_below_two_gigabytes(climbed: tuple[Path, str]) -> None:
    """Two frameworks and five networks in one process stay within their budget."""
    assert int(climbed[1].split()[-1]) < 2048


@pytest.mark.slow
def test_another_networks_graph_is_caught(built: Path, climbed: tuple[Path, str], tmp_path: Path) -> None:
    """A frozen graph of other weights is not passed off as the trained network: its rung does not hold."""
    del climbed
    network = describe(CONFIG["model"], CLASSES)
    write_weights(random_weights(network, 1), tmp_path / "weights.h5", keras_version="3")
    done = _verify(built, tmp_path / "out", weights_h5=tmp_path / "weights.h5")
    assert done.returncode == 0, done.stderr
    assert [rung.held for rung in load(tmp_path / "out" / "ladder.json").rungs] == [True, False, True, True, True]


def _split(images: int) -> Split:
    return Split(np.zeros((images, 2, 2, 3), np.uint8), np.zeros((images, 2, 2), np.uint8), tuple(map(str, range(images))))


@pytest.mark.parametrize(("there", "wanted", "run"), [(5, None, 5), (5, 3, 3), (5, 9, 5)])
def test_how_many_images_are_run(there: int, wanted: int | None, run: int) -> None:
    """verify.images limits the set; null means all of it."""
    assert _count(_split(there), wanted) == run


def test_an_empty_split_is_an_error() -> None:
    """Without validation images there is nothing to verify, and the stage says so."""
    with pytest.raises(DataError, match="no images"):
        _count(_split(0), None)


def test_classes_of_another_experiment_are_refused() -> None:
    """A data set packed for other classes is not scored under these names."""
    with pytest.raises(DataError, match="classes"):
        _check(("a", "b"), ["a", "c"])
