"""The stage that trains: `dataset.h5` into `weights.h5`, `history.json` and the `previews.h5` of each epoch."""

import importlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from net2bit.data.packed import Packed, open_packed
from net2bit.errors import ConfigError, DataError
from net2bit.job import Job
from net2bit.nets import Network, describe
from net2bit.nets.weights import Weights, random_weights, write_weights
from net2bit.train import previews
from net2bit.train.feed import Feed
from net2bit.train.history import MEAN, History
from net2bit.train.settings import Settings, prepare
from net2bit.train.start import Taken, take

_INIT = "model.init"


def run(job: Job) -> None:
    """Train the network of `model` on the data set as `train` says; a killed run is continued to the same bytes.

    Raises:
        ConfigError: An instruction set that does not exist, or classes other than the data set's.
        DataError: The data set has another size than the network, or an empty split.
        ModelError: The network cannot be described, or the weights of `model.init` do not fit it.
        StageError: The framework was imported before this stage could choose its threads.
    """
    settings = Settings.of(job.config["train"])
    network = describe(job.config["model"], job.config["dataset"]["classes"])
    weights, taken = _start(network, settings.seed, job.inputs.get(_INIT))
    with open_packed(job.inputs["dataset.h5"]) as packed:
        _check(packed, network, job.config["dataset"]["classes"])
        prepare(settings, job.scratch)
        fit = importlib.import_module("net2bit.train.fit")  # brings TensorFlow, whose environment stands only now
        run = fit.Run(settings, list(packed.classes), *_feeds(packed, settings), job.scratch, job.progress)
        run(network, weights)
    write_weights(run.best, job.outputs["weights.h5"], keras_version=fit.KERAS)
    previews.write(job.scratch / fit.PREVIEWS, settings.epochs, run.shown, job.outputs["previews.h5"])
    _write(job, run.history, packed.classes, taken)


def _start(network: Network, seed: int, init: Path | None) -> tuple[Weights, Taken | None]:
    weights = random_weights(network, seed, fresh=True)
    return take(network, weights, init) if init else (weights, None)


def _feeds(packed: Packed, settings: Settings) -> tuple[Feed, Feed]:
    train, val = packed.split("train"), packed.split("val")
    return Feed(train, settings.batch, settings.seed, settings.augment), Feed(val, settings.batch, settings.seed, augment=False)


def _check(packed: Packed, network: Network, classes: list[str]) -> None:
    """Refuse a data set that was packed for something else."""
    if list(packed.classes) != list(classes):
        raise ConfigError(f"the data set has the classes {list(packed.classes)}, the experiment {list(classes)}", where="dataset.classes")
    for name in ("train", "val"):
        split = packed.split(name)
        if not len(split):
            raise DataError(f"the split '{name}' has no images", where=str(packed.path), remedy="training needs at least one in each split")
        if split.size != network.input.shape[:2]:
            raise DataError(
                f"the images of '{name}' are {split.size}, the network takes {network.input.shape[:2]}",
                where=str(packed.path),
                remedy="pack the data set again with this model.input_size",
            )


def _write(job: Job, history: History, classes: Sequence[str], taken: Taken | None) -> None:
    facts: dict[str, Any] = {
        "classes": list(classes),
        "best_epoch": history.best.epoch,
        "epochs": history.record,
        "init": asdict(taken) if taken else None,
    }
    job.outputs["history.json"].write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")
    _measure(job, history)


def _measure(job: Job, history: History) -> None:
    for name, value in history.best.val_dice.items():
        if value is not None:
            job.metric("val_dice" if name == MEAN else f"val_dice_{name}", value)
    job.metric("best_epoch", history.best.epoch)
