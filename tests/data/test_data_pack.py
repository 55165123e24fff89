"""The stage `pack` as a whole."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_town import Packing, Town

from net2bit.data import pack, synthesize
from net2bit.data.packed import open_packed
from net2bit.errors import ConfigError, DataError
from net2bit.job import Job


def test_pictures_and_classes_are_packed(town: Town, packing: Packing) -> None:
    """Pictures are averaged down to the model's size, labels mapped and taken from the nearest pixel, in the order of names."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[:16] = 200
    town.add("aach_000001", image=image)
    file, _ = packing(town.root)
    with open_packed(file) as packed:
        train = packed.split("train")
        assert train.names == ("aach_000001_000019", "aach_000002_000019", "bonn_000001_000019", "bonn_000002_000019")
        assert np.array_equal(train.images[0], image[::2, ::2])
        assert train.labels[0, 0].tolist() == [3] * 8 + [1] * 8 + [2] * 8 + [0] * 8
        assert packed.split("val").names == ("ulm_000001_000019", "ulm_000002_000019")


def test_the_report_counts_what_was_packed(town: Town, packing: Packing) -> None:
    """dataset.json states counts, class shares and source sizes of each split."""
    town.add("aach_000001", image=np.zeros((64, 64, 3), np.uint8), label=np.full((64, 64), 7, np.uint8))
    _, report = packing(town.root)
    assert json.loads(report.read_text()) == {
        "format": "net2bit.dataset-report/1",
        "classes": ["background", "person", "car", "road"],
        "size": [16, 32],
        "splits": {
            "train": {
                "packed": 4,
                "skipped": [],
                "class_shares": {"background": 0.1875, "person": 0.1875, "car": 0.1875, "road": 0.4375},
                "source_sizes": {"64x32": 3, "64x64": 1},
            },
            "val": {
                "packed": 2,
                "skipped": [],
                "class_shares": {"background": 0.25, "person": 0.25, "car": 0.25, "road": 0.25},
                "source_sizes": {"64x32": 2},
            },
        },
    }


def test_progress_and_metrics_are_reported(town: Town, packing: Packing) -> None:
    """The progress runs to the number of pictures of both splits, and the manifest gets the counts."""
    town.label("aach_000001").write_bytes(b"")
    packing(town.root, on_bad_input="skip")
    steps = [(e["done"], e["total"]) for e in packing.events if e["event"] == "progress"]
    assert steps == [(n, 6) for n in range(1, 7)]
    metrics = {e["name"]: e["value"] for e in packing.events if e["event"] == "metric"}
    assert metrics == {"train.packed": 3, "train.skipped": 1, "val.packed": 2, "val.skipped": 0}


def test_same_pictures_give_same_bytes(town: Town, packing: Packing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the folder, nor the number of threads, nor the time decides a byte of the two outputs, also with skips."""
    town.image("aach_000002").write_bytes(b"spoilt")
    first = [path.read_bytes() for path in packing(town.root, on_bad_input="skip")]
    moved = shutil.copytree(town.root, tmp_path / "elsewhere" / "x")
    monkeypatch.setattr(pack, "WORKERS", 1)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert [path.read_bytes() for path in packing(moved, on_bad_input="skip")] == first


def test_synthetic_streets_pack_like_any_other(config: dict[str, Any], packing: Packing, tmp_path: Path) -> None:
    """The generator's tree goes through the very adapter that reads the real data set."""
    synthesize.run(Job(config, {}, {"images": tmp_path / "set"}, tmp_path))
    file, report = packing(tmp_path / "set")
    with open_packed(file) as packed:
        assert [len(packed.split(name)) for name in ("train", "val")] == [3, 2]
    shares = json.loads(report.read_text())["splits"]["train"]["class_shares"]
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)
    assert shares["road"] > 0.05


SPOILS: dict[str, tuple[Callable[[Town], object], str]] = {
    "no labels": (lambda town: town.label("aach_000002").unlink(), "has no labels"),
    "no picture": (lambda town: town.image("aach_000002").unlink(), "has no picture"),
    "other size": (lambda town: town.add("aach_000002", label=np.full((8, 8), 7, np.uint8)), "differ in size: 64x32 and 8x8"),
    "truncated picture": (lambda town: _cut(town.image("aach_000002")), "cannot be read"),
    "truncated labels": (lambda town: _cut(town.label("aach_000002")), "cannot be read"),
    "empty file": (lambda town: town.image("aach_000002").write_bytes(b""), "it is no picture"),
    "unknown id": (lambda town: town.add("aach_000002", label=np.full((32, 64), 99, np.uint8)), "unknown label id 99"),
    "colours for labels": (lambda town: town.add("aach_000002", label=np.zeros((32, 64, 3), np.uint8)), "one 8-bit channel"),
}


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize("name", SPOILS)
def test_bad_input_is_an_error_that_names_the_file(town: Town, packing: Packing, name: str) -> None:
    """By default each kind of bad input ends the run with the file's path and a remedy."""
    spoil, what = SPOILS[name]
    spoil(town)
    with pytest.raises(DataError, match=what) as caught:
        packing(town.root)
    assert "aach_000002_000019" in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize("name", SPOILS)
def test_bad_input_is_skipped_counted_and_reported(town: Town, packing: Packing, name: str) -> None:
    """With on_bad_input=skip the other pictures are packed without a gap, and the report names the one left out and why."""
    spoil, what = SPOILS[name]
    spoil(town)
    file, report = packing(town.root, on_bad_input="skip")
    split = json.loads(report.read_text())["splits"]["train"]
    assert split["packed"] == 3
    assert [entry["name"] for entry in split["skipped"]] == ["aach_000002_000019"]
    assert what in split["skipped"][0]["reason"]
    assert str(town.root) not in report.read_text()
    with open_packed(file) as packed:
        assert packed.split("train").names == ("aach_000001_000019", "bonn_000001_000019", "bonn_000002_000019")
        assert packed.split("train").images.shape[0] == 3


def test_several_lonely_files_are_one_error(town: Town, packing: Packing) -> None:
    """The first file without a partner is named and the others are counted, so that one run tells the whole extent."""
    town.label("aach_000001").unlink()
    town.label("bonn_000002").unlink()
    with pytest.raises(DataError, match=r"aach_000001_000019_leftImg8bit\.png has no labels, and 1 more"):
        packing(town.root)


def test_the_first_bad_pair_in_order_is_named(town: Town, packing: Packing) -> None:
    """Which of several bad pairs is named does not depend on the threads' speed."""
    for name in ("aach_000002", "bonn_000001", "bonn_000002"):
        town.image(name).write_bytes(b"")
    for _ in range(5):
        with pytest.raises(DataError) as caught:
            packing(town.root)
        assert caught.value.where == str(town.image("aach_000002"))


def test_a_split_without_any_good_pair_is_an_error(town: Town, packing: Packing) -> None:
    """Skipping does not go as far as an empty split: the error counts the bad and quotes the first reason."""
    for name in ("ulm_000001", "ulm_000002"):
        town.image(name, "val").write_bytes(b"")
    with pytest.raises(DataError, match=r"every one of the 2 pictures of the split 'val' is bad; the first, ulm_000001_000019"):
        packing(town.root, on_bad_input="skip")


def test_an_unknown_adapter_is_a_config_error(town: Town, packing: Packing) -> None:
    """A misspelt adapter is refused before any picture is read."""
    with pytest.raises(ConfigError, match="cityscape"):
        packing(town.root, adapter="cityscapez")


MEMORY = """
import resource, sys
from pathlib import Path
from net2bit.data import pack
from net2bit.job import Job
root, out = Path(sys.argv[1]), Path(sys.argv[2])
config = {"dataset": {"adapter": "cityscapes", "classes": ["rest", "road"], "labels": {"road": [7]}, "on_bad_input": "error"},
          "model": {"input_size": [32, 64]}}
pack.run(Job(config, {"images": root}, {name: out / name for name in ("dataset.h5", "dataset.json")}, out))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_data_set(tmp_path: Path) -> None:
    """Ninety pictures of 1.5 MB each are packed within 30 MB of what ten need: pictures pass through, none is kept."""
    peaks = []
    for count in (10, 90):
        root = Town(tmp_path / f"of_{count}")
        for name, split in (("aach_000000", "train"), ("ulm_000000", "val")):
            root.add(name, split, image=np.zeros((512, 1024, 3), np.uint8), label=np.full((512, 1024), 7, np.uint8))
        for n in range(1, count):
            for path in (root.image, root.label):
                path(f"aach_{n:06d}").hardlink_to(path("aach_000000"))
        command = [sys.executable, "-c", MEMORY, str(root.root), str(tmp_path)]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    assert peaks[1] - peaks[0] < 30_000
