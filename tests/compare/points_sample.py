"""Points of a made-up sweep, in the form of `points.json`."""

import random
from typing import Any

from net2bit.report.comparison_points import FORM

SLICES = {"b512": 110, "b1152": 222, "b2304": 438, "b4096": 710}
HOSTILE = "</script><script>alert(1)</script>&\"'<b>"


def metric(name: str, title: str, unit: str = "", better: str = "", *, predicted: bool = False, main: bool = True) -> dict[str, Any]:
    """Return a metric's description."""
    return {"name": name, "title": title, "unit": unit, "better": better, "predicted": predicted, "main": main}


METRICS = [
    metric("accuracy.int8.dice", "Dice, int8", better="max"),
    metric("fps", "frames per second", "FPS", "max", predicted=True),
    metric("utilisation", "share of the peak", "share", "max", predicted=True),
    metric("resources.dsp", "DSP slices", better="min", predicted=True),
    metric("model.params", "parameters", better="min"),
    metric("train.loss", "train: loss", main=False),
]
PICTURES = [
    {"name": "accuracy-fps", "x": "fps", "y": "accuracy.int8.dice", "size": "resources.dsp"},
    {"name": "accuracy-dsp", "x": "resources.dsp", "y": "accuracy.int8.dice", "size": ""},
]


def point(number: int, **changed: Any) -> dict[str, Any]:
    """Return a point that is done; *changed* takes the place of its fields."""
    draw = random.Random(number)  # noqa: S311 - the same each time
    dpu, model = list(SLICES)[number % 4], ("unet", "separable_unet")[number // 4 % 2]
    words = [f"dpu={dpu}", f"model={model}", f"model.width={1 + number // 8}", "experiment=quick"]
    figures = {
        "accuracy.int8.dice": round(draw.uniform(0.6, 0.95), 4),
        "fps": draw.uniform(20, 900),
        "utilisation": draw.random(),
        "resources.dsp": float(SLICES[dpu]),
        "model.params": 5000.0,
        "train.loss": draw.random(),
    }
    made = {
        "number": number,
        "label": ",".join(words[:3]),
        "words": words,
        "choices": dict(word.split("=") for word in words),
        "status": "done",
        "error": "",
        "metrics": figures,
        "report": f"build/report.html/unet-{number}/report.html",
        "page": "",
        "files": [{"kind": "xmodel", "path": f"build/xmodel/unet-{number}/a file#1.xmodel", "size": 3, "digest": "0"}],
        "config": {},
        "keys": {},
    }
    return made | changed


def failed(number: int, status: str = "failed", error: str = "compile failed: too deep\n  where: layer 3") -> dict[str, Any]:
    """Return a point that is not done."""
    return point(number, status=status, error=error, metrics={}, report="", files=[])


def sweep(*points: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return a sweep of *points*."""
    ops = [{"op": "train", "title": "Train", "wanted": len(points), "distinct": 1}] if points else []
    stage = {"stage": "weights.h5", "op": "train", "points": len(points), "seconds": 61.5, "cpu": 99.0, "peak_mb": 900.0, "how": "built"}
    made = {
        "format": FORM,
        "name": "dpu,model",
        "root": "../..",
        "metrics": METRICS,
        "goals": ["accuracy.int8.dice", "fps", "resources.dsp"],
        "pictures": PICTURES,
        "configs": {},
        "points": list(points),
        "work": {"wanted": len(points), "distinct": 1, "ops": ops},
        "times": {"apart": 61.5 * len(points), "spent": 61.5, "stages": [stage]} if points else {},
    }
    return made | changed
