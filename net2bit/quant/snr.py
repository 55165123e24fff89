"""Signal to quantization noise of every tensor: where, and by how much, the quantized network departs from the float one."""

import math
from dataclasses import dataclass

import numpy as np

from net2bit.quant.arith import HIGH, LOW
from net2bit.quant.floating import FloatExecutor
from net2bit.quant.images import Images, batch_size, feed
from net2bit.quant.strip import strip
from net2bit.xir.graph import Graph


@dataclass(frozen=True)
class LayerSnr:
    """One tensor of the quantized network against the float network's.

    Attributes:
        name: The op whose output it is.
        type: The type of the op that computes it, ahead of a fused activation.
        sqnr_db: Power of the float numbers over the power of the difference, in dB; None where either is zero.
        max_abs_diff: Largest difference.
        position: Its fix position.
        saturated: Share of its codes that are the smallest or the largest there is.
    """

    name: str
    type: str
    sqnr_db: float | None
    max_abs_diff: float
    position: int
    saturated: float


@dataclass
class _Sums:
    signal: float = 0.0
    noise: float = 0.0
    most: float = 0.0
    ends: int = 0
    count: int = 0

    def add(self, plain: Images, fixed: Images, position: int) -> None:
        difference = np.abs(plain.astype(np.float64) - fixed)
        codes = np.ldexp(fixed, position)
        self.signal += float(np.sum(np.square(plain, dtype=np.float64)))
        self.noise += float(np.sum(np.square(difference)))
        self.most = max(self.most, float(difference.max()))
        self.ends += int(np.count_nonzero((codes <= LOW) | (codes >= HIGH)))
        self.count += plain.size

    def entry(self, name: str, kind: str, position: int) -> LayerSnr:
        return LayerSnr(name, kind, decibel(self.signal, self.noise), self.most, position, self.ends / max(1, self.count))


def layer_snr(float_graph: Graph, int_graph: Graph, images: Images) -> list[LayerSnr]:
    """Compare every quantized tensor on some images.

    Args:
        float_graph: The float network.
        int_graph: The fake-quantized network made of it.
        images: Network inputs, [n, H, W, C].

    Returns:
        One entry for each tensor, inputs first.

    Raises:
        QuantError: A tensor of *int_graph* has no quantizer.
    """
    taken = strip(int_graph)
    points = {name: point for name, point in taken.points().items() if name in float_graph and name in taken.fixes}
    sums = {name: _Sums() for name in points}
    plain, fixed = FloatExecutor(float_graph), FloatExecutor(int_graph)
    size = batch_size(float_graph, points)
    for at in range(0, len(images), size):
        batch = feed(float_graph, images[at : at + size])
        left, right = plain.run(batch, points), fixed.run(batch, [taken.fixes[name] for name in points])
        for name, total in sums.items():
            total.add(left[name], right[taken.fixes[name]], taken.positions[name])
    return [sums[name].entry(name, point.type, taken.positions[name]) for name, point in points.items()]


def decibel(signal: float, noise: float) -> float | None:
    """Return the ratio of two powers in dB; None where either is zero."""
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None
