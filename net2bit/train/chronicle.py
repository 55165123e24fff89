"""The stage that draws a training: `history.json` and `previews.h5` into `curve.png` and the `samples` of each epoch."""

import importlib
import json
import os

from net2bit.data.packed import open_packed
from net2bit.job import Job
from net2bit.train import pictures, previews
from net2bit.train.history import History


def run(job: Job) -> None:
    """Draw the curve, and for each epoch the same validation images beside truth and prediction.

    Raises:
        DataError: An input is not what its kind promises.
    """
    classes = job.config["dataset"]["classes"]
    os.environ["MPLCONFIGDIR"] = str(job.scratch / "matplotlib")  # read on import; otherwise it writes to the user's home
    history = History.of(json.loads(job.inputs["history.json"].read_text("utf-8"))["epochs"])
    importlib.import_module("net2bit.train.curve").draw_curve(history, classes, job.outputs["curve.png"])
    folder = job.outputs["samples"]
    folder.mkdir(exist_ok=True)
    with open_packed(job.inputs["dataset.h5"]) as packed:
        val = packed.split("val")
        for name, shown in previews.read(job.inputs["previews.h5"]):
            if shown:
                rows = [(val.images[index], val.labels[index], found) for index, found in shown]
                pictures.draw(rows, classes, folder / f"{name}.png")
