"""The training stage as a whole: real runs of a small network, each in a process of its own."""

import importlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from trial import CLASSES, MODEL, NETS, SIZE, TRAIN, Trial, write_data

from net2bit.data.packed import open_packed, scale
from net2bit.errors import ConfigError, DataError, ModelError, StageError
from net2bit.job import Job
from net2bit.nets import architectures, describe
from net2bit.nets.weights import random_weights, write_weights
from net2bit.report.metrics import confusion, scores
from net2bit.train import chronicle, previews, stage


@pytest.fixture(autouse=True)
def nets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find the small architecture too; the child does so itself."""
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(NETS)])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "dataset.h5")


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, list[dict[str, Any]]]:
    trial = Trial(tmp_path_factory.mktemp("done"), data)
    return trial, trial.run()


def history(trial: Trial) -> dict[str, Any]:
    return dict(json.loads((trial.out / "history.json").read_text()))


Done = tuple[Trial, list[dict[str, Any]]]


def test_history(done: Done) -> None:
    """The history holds every epoch with loss, rate and Dice for each class, and names the best one."""
    found = history(done[0])
    assert [epoch["epoch"] for epoch in found["epochs"]] == [1, 2, 3]
    assert set(found["epochs"][0]["val_dice"]) == {"mean", *CLASSES}
    best = max(found["epochs"], key=lambda epoch: epoch["val_dice"]["mean"])
    assert found["best_epoch"] == best["epoch"]
    assert found["epochs"][-1]["loss"] < found["epochs"][0]["loss"]


def test_best_weights(done: Done, data: Path) -> None:
    """The weights file holds the best epoch: Keras loads it and reaches the Dice that the history claims for that epoch."""
    trial, _ = done
    network = describe(MODEL, CLASSES)
    model = importlib.import_module("net2bit.nets.keras_model").build_model(network)
    model.load_weights(str(trial.out / "weights.h5"))
    with open_packed(data) as packed:
        val = packed.split("val")
        predicted = np.asarray(model(scale(val.images[:]))).argmax(axis=-1)
        reached = scores(confusion(val.labels[:], predicted, len(CLASSES))).dice.mean
    found = history(trial)
    assert reached == pytest.approx(found["epochs"][found["best_epoch"] - 1]["val_dice"]["mean"], abs=1e-3)


def test_previews(done: Done) -> None:
    """Every epoch leaves class indices for the same two validation images, and they are those of the network then."""
    found = list(previews.read(done[0].out / "previews.h5"))
    assert [name for name, _ in found] == ["epoch_001", "epoch_002", "epoch_003"]
    for _, shown in found:
        assert [index for index, _ in shown] == [0, 2]
        assert all(classes.shape == SIZE and classes.max() < len(CLASSES) for _, classes in shown)
    assert any((first != last).any() for (_, first), (_, last) in zip(found[0][1], found[-1][1], strict=True))


def test_chronicle(done: Done, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training is drawn twice to the same bytes: a curve, and a picture of two validation images for every epoch."""
    monkeypatch.setenv("MPLCONFIGDIR", "set by the stage, put back by the test")
    drawn = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        out = done[0].out
        inputs = {"history.json": out / "history.json", "previews.h5": out / "previews.h5", "dataset.h5": data}
        outputs = {"curve.png": folder / "curve.png", "samples": folder / "samples"}
        chronicle.run(Job({"dataset": {"classes": list(CLASSES)}}, inputs, outputs, tmp_path))
        drawn.append({str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.png"))})
    assert drawn[0] == drawn[1]
    assert list(drawn[0]) == ["curve.png", "samples/epoch_001.png", "samples/epoch_002.png", "samples/epoch_003.png"]
    with Image.open(tmp_path / "a/samples/epoch_001.png") as image:
        assert image.width > 3 * SIZE[1]
        assert image.height > 2 * SIZE[0]


def test_foreign_previews(tmp_path: Path) -> None:
    """A file that holds no previews is refused by its name."""
    (tmp_path / "previews.h5").write_text("no h5")
    with pytest.raises(DataError, match="cannot be read"):
        list(previews.read(tmp_path / "previews.h5"))


def test_events(done: Done) -> None:
    """Progress never goes back, and the metrics are those of the best epoch."""
    trial, events = done
    steps = [event["done"] for event in events if event["event"] == "progress"]
    assert steps == sorted(steps)
    metrics = {event["name"]: event["value"] for event in events if event["event"] == "metric"}
    found = history(trial)
    best = found["epochs"][found["best_epoch"] - 1]["val_dice"]
    assert metrics["val_dice"] == best["mean"]
    assert metrics["val_dice_car"] == best["car"]


@pytest.mark.slow
def test_same_bytes(done: Done, tmp_path: Path) -> None:
    """Another process with another hash seed, in another folder, gives the same bytes in every output."""
    again = replace(done[0], folder=tmp_path)
    again.run(seed="99")
    assert again.files() == done[0].files()


@pytest.mark.slow
def test_killed(done: Done, tmp_path: Path) -> None:
    """A run killed with SIGKILL in its second epoch and started again ends with the bytes of a run that was never killed."""
    trial = replace(done[0], folder=tmp_path)
    process = trial.start()
    assert process.stdout is not None
    for line in process.stdout:
        if "epoch 2/3" in line:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not list(trial.out.iterdir())
    first = [event["done"] for event in trial.run() if event["event"] == "progress"]
    assert first[0] > 3  # the first epoch's three steps were not repeated
    assert trial.files() == done[0].files()


@pytest.mark.slow
def test_init(done: Done, tmp_path: Path) -> None:
    """Starting from a file changes the result, and the history counts what was taken, missing and unused."""
    vgg = {name: arrays for name, arrays in random_weights(describe(MODEL, CLASSES), 8).items() if name.startswith("block")}
    write_weights(vgg, tmp_path / "vgg.h5", keras_version="2.2.4")
    trial = replace(done[0], folder=tmp_path, train={**TRAIN, "epochs": 1, "samples": 0}, init=tmp_path / "vgg.h5")
    trial.run()
    init = history(trial)["init"]
    assert init["taken"] == ["block1_conv1", "block2_conv1"]
    assert init["missing"] == ["conv2d_1", "conv2d_2"]
    assert init["unused"] == []
    assert [shown for _, shown in previews.read(trial.out / "previews.h5")] == [[]]


def test_other_size(data: Path, tmp_path: Path) -> None:
    """A data set packed for another input size is refused with both sizes, before the slow import."""
    with pytest.raises(DataError, match=r"\(32, 48\), the network takes \(64, 64\)"):
        stage.run(Trial(tmp_path, data, model={**MODEL, "input_size": [64, 64]}).job())


def test_empty_split(tmp_path: Path) -> None:
    """Nothing to validate on means no best epoch: refused at the start."""
    with pytest.raises(DataError, match="'val' has no images"):
        stage.run(Trial(tmp_path, write_data(tmp_path / "dataset.h5", val=0)).job())


def test_other_classes(tmp_path: Path, data: Path) -> None:
    """A data set with other classes than the experiment is refused instead of trained on wrong labels."""
    job = Trial(tmp_path, data).job()
    with pytest.raises(ConfigError, match="has the classes"):
        stage.run(replace(job, config={**job.config, "dataset": {"classes": ["background", "person", "road", "car"]}}))


def test_init_no_h5(tmp_path: Path, data: Path) -> None:
    """A start file that is no h5 is refused by its name."""
    (tmp_path / "vgg.h5").write_text("<html>")
    with pytest.raises(ModelError, match="not an h5 file"):
        stage.run(Trial(tmp_path, data, init=tmp_path / "vgg.h5").job())


def test_framework_too_early(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the framework already imported its threads and instruction set could not be chosen: refused, not ignored."""
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    with pytest.raises(StageError, match="already imported"):
        stage.run(Trial(tmp_path, data).job())
