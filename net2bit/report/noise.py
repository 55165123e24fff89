"""Signal to quantization noise, layer by layer: where the quantized network departs from the float one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from net2bit.data.packed import Split, scale
from net2bit.quant.points import Point
from net2bit.quant.snr import layer_snr
from net2bit.quant.strip import strip
from net2bit.report.ladder import Layer
from net2bit.xir.graph import Graph

IMAGES = 4
FLOOR = 20.0
"""dB: noise with a tenth of the signal's amplitude."""
PLACES = 3


@dataclass(frozen=True)
class Noise:
    """What was measured.

    Attributes:
        layers: In graph order.
        images: On how many images.
        first: The first layer below the floor; `None` where none is.
        worst: The layer that adds most noise in relation to its signal; `None` where no layer adds any.
    """

    layers: list[Layer]
    images: int
    first: str | None
    worst: str | None


def measure(graph: Graph, quantized: Graph, split: Split) -> Noise:
    """Compare every quantized tensor with the float network's on a few images.

    Args:
        graph: The float graph.
        quantized: The fake-quantized graph made of it.
        split: The images, of which the first few are taken.

    Raises:
        QuantError: A tensor has no quantizer.
    """
    images = scale(split.images[: min(IMAGES, len(split))])
    points = strip(quantized).points()
    return judge([(points[found.name], _rounded(found.sqnr_db)) for found in layer_snr(graph, quantized, images)], len(images))


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, PLACES)


def judge(found: Sequence[tuple[Point, float | None]], images: int) -> Noise:
    """Return the layers with what arrives at each, and name the first below the floor and the one that adds most noise."""
    levels = {point.name: level for point, level in found}
    layers = [_layer(point, level, levels) for point, level in found]
    first = next((layer.name for layer in layers if layer.sqnr is not None and layer.sqnr < FLOOR), None)
    worst = max(layers, key=added, default=None)
    return Noise(layers, images, first, worst.name if worst and added(worst) > 0 else None)


def added(layer: Layer) -> float:
    """Return the noise that a layer adds, as a share of its signal's power: what leaves it less what arrives.

    A fall from 42 to 33 dB adds less than one from 20 to 15: decibels lost say little about the damage, noise added does.
    """
    if layer.sqnr is None or layer.arriving is None:
        return 0.0
    return float(10 ** (-layer.sqnr / 10) - 10 ** (-layer.arriving / 10))


def _layer(point: Point, level: float | None, levels: Mapping[str, float | None]) -> Layer:
    known = [value for name in point.inputs if (value := levels.get(name)) is not None]
    return Layer(point.head, point.type, level, min(known, default=None))
