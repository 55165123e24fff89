"""Calibration: the fix position of every tensor, from the parameters themselves and from activations on real images.

The float network runs once over the chosen images; each activation is remembered as a histogram, so memory does not grow with their
number. Tensors that must share a position (`net2bit.quant.points.group`) get one that suits them all.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from net2bit.job import Job
from net2bit.quant.arith import HIGH, LOW, Rounding
from net2bit.quant.floating import FloatExecutor
from net2bit.quant.histogram import Histogram, mode
from net2bit.quant.images import Calibration, Images, batch_size, feed
from net2bit.quant.points import Groups, Point, find, group
from net2bit.quant.positions import CANDIDATES, ZERO_POSITION, checked, choose, squared_error
from net2bit.quant.quantize import constant
from net2bit.quant.snr import decibel
from net2bit.quant.table import Entry, Table
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read


def run(job: Job) -> None:
    """Make `positions.json`; reads `quant.method`, `quant.calibration` and `quant.rounding`.

    Raises:
        DataError: The data set has fewer images than asked for, or of another size.
        QuantError: The network cannot be quantized, or is not finite on an image.
    """
    config = job.config["quant"]
    graph = read(job.inputs["float.xmodel"])
    images = Calibration.of(config["calibration"])
    collector = Collector(find(graph), checked(config["method"]), Rounding.named(config["rounding"]["activations"]))
    executor, names = FloatExecutor(graph), list[str]()
    for part, batch in images.open(job.inputs["dataset.h5"], batch_size(graph, collector.watched)):
        collector.see(executor.run(feed(graph, batch), collector.watched))
        names += part
        job.progress(len(names), images.images, "calibrating")
    tensors = entries(graph, collector, Rounding.named(config["rounding"]["weights"]))
    table = Table(config["method"], dict(config["rounding"]), tuple(names), images.split, images.seed, tensors)
    table.save(job.outputs["positions.json"])
    job.metric("images", len(names))
    job.metric("tensors", len(tensors))


@dataclass
class Collector:
    """Counts the activations of a network.

    Attributes:
        points: The network's points.
        method: How positions will be chosen.
        mode: How activations are rounded.
        seen: Tensor -> histogram over all images.
        votes: Tensor -> positions that single images chose; counted for `min_diffs` only.
    """

    points: Mapping[str, Point]
    method: str
    mode: Rounding
    seen: dict[str, Histogram] = field(default_factory=dict)
    votes: dict[str, Counter[int]] = field(default_factory=dict)

    @property
    def watched(self) -> list[str]:
        """The tensors that are counted: those that are computed, not only moved."""
        return [name for name, point in self.points.items() if not point.moves]

    def see(self, tensors: Mapping[str, Images]) -> None:
        """Count one batch of the watched tensors, [n, ...] each.

        Raises:
            QuantError: A number is not finite.
        """
        for name in self.watched:
            for image in tensors[name]:
                self._count(name, image)

    def _count(self, name: str, image: Images) -> None:
        one = Histogram.of(image, name)
        self.seen.setdefault(name, Histogram()).add(one)
        if self.method == "min_diffs":
            self.votes.setdefault(name, Counter())[one.best(self.mode)] += 1

    def choose(self, groups: Groups) -> dict[str, int]:
        """Return the position of every point."""
        chosen = {name: self._common([member for member in members if member in self.seen]) for name, members in groups.members.items()}
        return {name: chosen[groups.of[name]] for name in self.points}

    def _common(self, members: Sequence[str]) -> int:
        """Return the position of tensors that share one; the coarsest, where the method chooses for each by itself."""
        return min(CHOICES[self.method](self, name) for name in members) if self.method in CHOICES else self._least(members)

    def _least(self, members: Sequence[str]) -> int:
        """Return the position with the least squared error over all tensors and images together."""
        alive = [self.seen[name] for name in members if self.seen[name].start != ZERO_POSITION]
        start = min((histogram.start for histogram in alive), default=ZERO_POSITION)
        cost = {at: sum(histogram.error(at, self.mode) for histogram in alive) for at in range(start, start + CANDIDATES)}
        return min(cost, key=lambda at: (cost[at], at)) if alive else start


CHOICES: Mapping[str, Callable[[Collector, str], int]] = {
    "non_overflow": lambda collector, name: collector.seen[name].start,
    "min_diffs": lambda collector, name: mode(collector.votes[name]),
}
"""The vendor's methods: 0, no value overflows; 1, what most calibration images by themselves find best."""


def entries(graph: Graph, collector: Collector, weights_mode: Rounding) -> dict[str, Entry]:
    """Return an entry for every constant and every point, in graph order."""
    points = collector.points
    chosen = collector.choose(group(points))
    layer = {name: point.head for point in points.values() for name in (*point.parameters, point.name)}
    role = {point.weights: "weights" for point in points.values()} | {point.bias: "bias" for point in points.values()}
    constants = partial(_constant, graph, method=collector.method, mode=weights_mode)
    return {
        op.name: constants(op.name, layer[op.name], role[op.name]) if op.name in role else _activation(collector, op.name, chosen[op.name])
        for op in graph
        if op.name in layer
    }


def _constant(graph: Graph, name: str, layer: str, role: str, *, method: str, mode: Rounding) -> Entry:
    values = constant(graph, name)
    position = choose(values, method, mode)
    codes = np.ldexp(values.astype(np.float64), position)
    error = squared_error(values, position, mode)
    return Entry(
        role=role,
        layer=layer,
        position=position,
        low=float(values.min()),
        high=float(values.max()),
        saturated=float(np.mean((codes < LOW - 0.5) | (codes > HIGH + 0.5))),
        sqnr_db=decibel(float(np.sum(np.square(values.astype(np.float64)))), error),
    )


def _activation(collector: Collector, name: str, position: int) -> Entry:
    point = collector.points[name]
    role = "input" if point.type == "data" else "activation"
    if name not in collector.seen:
        sources = [_activation(collector, source, position) for source in point.inputs]
        return Entry(role, point.head, position, min(source.low for source in sources), max(source.high for source in sources))
    seen = collector.seen[name]
    return Entry(
        role=role,
        layer=point.head,
        position=position,
        low=seen.low,
        high=seen.high,
        saturated=seen.saturated(position),
        sqnr_db=decibel(seen.power, seen.error(position, collector.mode)),
        votes=collector.votes.get(name),
    )
