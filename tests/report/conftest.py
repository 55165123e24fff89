"""A plausible ladder and the artifacts around it, small enough to read."""

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from report_machine import LATENCY, TARGET, simulation

from net2bit.report.ladder import Ladder, Layer, Picture, Port, Rung, metric, save, share
from net2bit.report.metrics import scores

CLASSES = ["background", "person", "car", "road"]
STEPS: tuple[tuple[str, str, list[str], float | None], ...] = (
    ("float", "weights.h5", ["train"], None),
    ("frozen", "frozen.pb", ["freeze"], 1e-3),
    ("folded", "float.xmodel", ["convert"], 1e-3),
    ("fake-quantized", "int.xmodel", ["calibrate", "quantize"], None),
    ("integer", "int.xmodel", ["quantize"], 0.0),
)
GOOD = [[9000, 20, 30, 50], [15, 300, 5, 4], [30, 6, 900, 10], [60, 3, 8, 4000]]
BAD = [[8500, 220, 230, 150], [115, 200, 5, 4], [130, 16, 790, 10], [160, 3, 8, 3900]]


def _rung(step: tuple[str, str, list[str], float | None], matrix: list[list[int]], best: float) -> Rung:
    name, kind, stages, bound = step
    got = scores(np.array(matrix))
    dice = metric(got.dice, CLASSES)
    drop = share(best - dice.mean) if dice.mean is not None else None
    same = {"previous": 1.0, "float": 1.0}
    return Rung(
        name,
        f"the {name} network",
        kind,
        stages,
        dice,
        metric(got.iou, CLASSES),
        0.98,
        matrix,
        drop,
        dict.fromkeys(same, 0.0),
        same,
        bound,
        held=True,
    )


@pytest.fixture
def ladder() -> Ladder:
    """Return a ladder on which nothing is lost."""
    best = metric(scores(np.array(GOOD)).dice, CLASSES).mean or 0.0
    layers = [
        Layer("input_1_fix", "data-fix", 48.1, None),
        Layer("block1_conv1", "conv2d-fix", 41.0, 48.1),
        Layer("block1_conv2", "conv2d-fix", 29.5, 41.0),
        Layer("conv2d_13", "conv2d-fix", 33.0, 29.5),
    ]
    return Ladder(
        classes=CLASSES,
        images=4,
        engine="exact",
        scaling="x / 127.5 - 1",
        input=Port("input_1", [16, 32, 3], 6, 2**-6),
        input_error=0.0078,
        input_clipped=0,
        output=Port("conv2d_13", [16, 32, 4], 3, 0.125),
        rungs=[_rung(step, GOOD, best) for step in STEPS],
        layers=layers,
        sqnr_images=2,
        first=None,
        worst="block1_conv2",
        floor=20.0,
        pictures=[Picture("val_0000.png", 0, "aachen_000000_000019", {"float": 0.9, "integer": 0.89}, worst=True)],
    )


@pytest.fixture
def lossy(ladder: Ladder) -> Ladder:
    """Return a ladder that loses accuracy when it is quantized."""
    best: Any = ladder.rungs[0].dice.mean
    bad = [_rung(step, BAD, best) for step in STEPS[3:]]
    return replace(ladder, rungs=[*ladder.rungs[:3], *bad])


CONFIG: dict[str, Any] = {
    "name": "default",
    "model": {"name": "unet", "architecture": "unet", "width": 0.25, "input_size": [16, 32], "init": None},
    "dataset": {"name": "synthetic_streets", "classes": CLASSES},
    "train": {"epochs": 3, "learning_rate": 0.001, "augment": {"flip": True}},
    "quant": {"name": "xint8", "method": "min_diffs", "calibration": {"images": 32}, "equalize": False},
    "verify": {"max_drop": 0.01, "images": None, "batch": 8, "engine": "exact"},
    "compile": {"effort": "fast"},
    "dpu": {"name": "b2304", "size": "b2304", "cores": 1, "clock_mhz": 150.0},
    "board": {"name": "ultra96v2", "title": "Avnet Ultra96-V2"},
}
HISTORY = {
    "best_epoch": 3,
    "epochs": [
        {
            "epoch": at,
            "loss": 1 / at,
            "val_loss": 1.1 / at,
            "val_dice": {"mean": at / 4, **dict.fromkeys(CLASSES, at / 4)},
            "learning_rate": 1e-3,
        }
        for at in (1, 2, 3)
    ],
}
SPLIT = {"packed": 4, "skipped": [], "class_shares": dict(zip(CLASSES, (0.6, 0.05, 0.1, 0.25), strict=True)), "source_sizes": {"32x16": 4}}
RANGE = {"min": -1.0, "max": 1.5, "saturated": 0.0}
FROZEN = {"params": 1_618_148, "macs": 1_797_000_000, "workload_mops": 3594.0}


@pytest.fixture
def config() -> dict[str, Any]:
    """Return the slice of an experiment that the page reads."""
    return copy.deepcopy(CONFIG)


@pytest.fixture
def artifacts(tmp_path: Path, ladder: Ladder) -> Mapping[str, Path]:
    """Return what the page is made from: a path for each kind."""
    texts = {
        "history.json": HISTORY,
        "dataset.json": {"classes": CLASSES, "splits": {"train": SPLIT, "val": SPLIT}},
        "frozen.json": FROZEN,
        "latency.json": LATENCY,
        "simulation.json": simulation(ladder),
        "target.json": TARGET,
        "positions.json": {
            "tensors": {"input_1": {"role": "input", "position": 6, **RANGE}, "conv/w": {"role": "weights", "position": 7, **RANGE}}
        },
    }
    for name, value in texts.items():
        (tmp_path / name).write_text(json.dumps(value))
    save(ladder, tmp_path / "ladder.json")
    for folder, names in (("predictions", ["val_0000.png"]), ("samples", ["epoch_001.png", "epoch_002.png", "epoch_003.png"])):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.new("RGB", (64, 16), (10, 120, 200)).save(tmp_path / folder / name)
    return {name: tmp_path / name for name in (*texts, "ladder.json", "predictions", "samples")}
