"""What `ladder.json` holds: the accuracy of one network at every step from float to integer, and how far the steps differ.

`verify` writes it; `gate` and `page` read it. All figures are rounded where they are put in, so that the file's bytes are stable.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from net2bit.errors import ModelError
from net2bit.job import canonical
from net2bit.report.metrics import Score

FORMAT = "net2bit.ladder/1"
PLACES = 6  # of shares and scores
DIGITS = 6  # significant, of differences


@dataclass(frozen=True)
class Metric:
    """A score by class name; `None` stands for a class that occurs nowhere, which the mean leaves out."""

    mean: float | None
    classes: dict[str, float | None]


@dataclass(frozen=True)
class Rung:
    """One form of the network, run on the validation set.

    Attributes:
        name: `float`, `frozen`, `folded`, `fake-quantized` or `integer`.
        title: What is run, for people.
        kind: The kind of the file it was read from.
        stages: The stages that lie between the rung before and this one.
        dice: Dice over all pixels.
        iou: Intersection over union over all pixels.
        accuracy: Share of pixels with the right class.
        confusion: Pixels by true class (row) and predicted class (column).
        drop: Mean Dice of the float rung less this one's; `None` where either has none.
        difference: Largest absolute difference of the logits against the `previous` rung and against `float`.
        agreement: Share of pixels with the same class as in the `previous` rung and in `float`.
        bound: What `difference["previous"]` may be; `None` where a difference is the purpose of the step.
        held: Whether it is within the bound.
    """

    name: str
    title: str
    kind: str
    stages: list[str]
    dice: Metric
    iou: Metric
    accuracy: float | None
    confusion: list[list[int]]
    drop: float | None
    difference: dict[str, float]
    agreement: dict[str, float]
    bound: float | None
    held: bool


@dataclass(frozen=True)
class Layer:
    """Signal to quantization noise at one tensor, float network against quantized network.

    Attributes:
        name: The op that computes it; an activation fused into it is not named.
        type: Op type.
        sqnr: In dB; `None` where signal or noise is zero.
        arriving: The lowest SQNR among its inputs, in dB; `None` at the network's input.
    """

    name: str
    type: str
    sqnr: float | None
    arriving: float | None


@dataclass(frozen=True)
class Port:
    """The network's input or output as the integer network sees it.

    Attributes:
        name: Op name.
        shape: NHWC without the batch.
        fix_point: Position of the binary point.
        step: What one code is worth: 2^-fix_point.
    """

    name: str
    shape: list[int]
    fix_point: int
    step: float


@dataclass(frozen=True)
class Picture:
    """A picture under `predictions`.

    Attributes:
        file: Its file name.
        index: Which image of the set.
        name: The image's name in the data set.
        dice: Mean Dice of this image alone, by rung name.
        worst: Whether it is there because the integer network does worst on it.
    """

    file: str
    index: int
    name: str
    dice: dict[str, float | None]
    worst: bool


@dataclass(frozen=True)
class Ladder:
    """All of `ladder.json`.

    Attributes:
        classes: Class names, in order of their index.
        images: How many validation images were run.
        engine: The integer engine.
        scaling: How bytes become the network's float input.
        input: The input port.
        input_error: Largest difference between a scaled byte and what its int8 code stands for.
        input_clipped: How many of the 256 byte values do not fit into int8 at the input's position.
        output: The output port.
        rungs: From float to integer.
        layers: SQNR of each quantized tensor, in graph order.
        sqnr_images: On how many images `layers` was measured.
        first: The first layer whose SQNR is below `floor`; `None` where there is none.
        worst: The layer that adds most noise in relation to its signal; `None` where none adds any.
        floor: In dB.
        pictures: What lies under `predictions`.
    """

    classes: list[str]
    images: int
    engine: str
    scaling: str
    input: Port
    input_error: float
    input_clipped: int
    output: Port
    rungs: list[Rung]
    layers: list[Layer]
    sqnr_images: int
    first: str | None
    worst: str | None
    floor: float
    pictures: list[Picture]

    def rung(self, name: str) -> Rung:
        """Return the rung called *name*.

        Raises:
            ModelError: There is none.
        """
        for rung in self.rungs:
            if rung.name == name:
                return rung
        raise ModelError(f"the ladder has no rung '{name}'", where="ladder.json")

    def layer(self, name: str | None) -> Layer | None:
        """Return the layer called *name*, if there is one."""
        return next((layer for layer in self.layers if layer.name == name), None)


def save(ladder: Ladder, path: Path) -> None:
    """Write *ladder* as canonical JSON."""
    path.write_text(canonical({"format": FORMAT, **asdict(ladder)}) + "\n", "utf-8")


def load(path: Path) -> Ladder:
    """Read a ladder.

    Raises:
        ModelError: The file is not one, or of another version.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        if data.pop("format") != FORMAT:
            raise ModelError(f"'{path.name}' is not of the form {FORMAT}", where=path.name, remedy="build ladder.json again")
        return _ladder(data)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"'{path.name}' is not a ladder: {error}", where=path.name, remedy="build ladder.json again") from error


def _ladder(data: Mapping[str, Any]) -> Ladder:
    parts: dict[str, Any] = dict(data)
    parts["rungs"] = [Rung(**{**rung, "dice": Metric(**rung["dice"]), "iou": Metric(**rung["iou"])}) for rung in data["rungs"]]
    parts["layers"] = [Layer(**layer) for layer in data["layers"]]
    parts["pictures"] = [Picture(**picture) for picture in data["pictures"]]
    parts["input"], parts["output"] = Port(**data["input"]), Port(**data["output"])
    return Ladder(**parts)


def metric(score: Score, names: Sequence[str]) -> Metric:
    """Return *score* by class name, rounded."""
    return Metric(share(score.mean), {name: share(value) for name, value in zip(names, score.classes, strict=True)})


def share(value: float | None) -> float | None:
    """Round a score or a share."""
    return None if value is None else round(value, PLACES)


def figure(value: float) -> float:
    """Round a difference to its significant digits.

    Raises:
        ModelError: It is not a number or infinite.
    """
    if not math.isfinite(value):
        raise ModelError(f"a figure of the ladder is {value}", where="ladder.json")
    return float(f"{value:.{DIGITS - 1}e}")
