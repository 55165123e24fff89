"""A float network and its fake-quantized form executed side by side, layer by layer, so that a layer can be mended before it is passed.

What a layer reads in the quantized form has been through all layers ahead of it as they are now, mended ones included.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from net2bit.quant.floating import FloatExecutor
from net2bit.quant.images import MOST_AT_ONCE, Images, feed
from net2bit.quant.points import Point, find
from net2bit.quant.strip import strip
from net2bit.xir.graph import Graph, Op, Tensor

LIVE_BYTES = 256 << 20
"""About how much the tensors that later layers still need may take."""
ENOUGH = 8
"""Images that are walked at most: a mean over all their pixels, and windows drawn from them, change little with more."""


class Walk:
    """Both networks, and the tensors that are still to be read.

    Attributes:
        graph: The float network.
        quantized: Its fake-quantized form; its constants may be changed while walking, each before its layer is left.
        points: The network's points, in the order they are walked.
        fixes: Tensor name -> name of its quantizer.
    """

    def __init__(self, graph: Graph, quantized: Graph, images: Images) -> None:
        """Start in front of the first layer, with *images* [n, H, W, C] as the network's input.

        Raises:
            DataError: The images do not fit the network.
            QuantError: A tensor has no quantizer.
        """
        taken = strip(quantized)
        self.graph, self.quantized = graph, quantized
        self.points, self.fixes = taken.points(), taken.fixes
        self._plain: dict[str, Images] = feed(graph, images)
        self._fixed: dict[str, Images] = dict(self._plain)
        self._last = {name: point.name for point in self.points.values() for name in point.inputs}

    def __iter__(self) -> Iterator["Layer"]:
        """Walk the layers; between one and the next its tensors are finished."""
        for point in self.points.values():
            layer = self._enter(point)
            yield layer
            self._leave(layer)

    @property
    def live(self) -> list[str]:
        """The tensors in memory."""
        return list(self._fixed)

    def _enter(self, point: Point) -> "Layer":
        sources = [self._fixed[name] for name in point.inputs]
        if point.type == "data":
            return Layer(point, sources, self._plain[point.name], self._fixed[point.name])
        plain = _run(part(self.graph, point.inputs, point.head), point.head, self._plain, point.inputs)
        return Layer(point, sources, plain, self.fixed(point))

    def fixed(self, point: Point) -> Images:
        """Return what the head of the layer that is being passed computes in the quantized network with its constants as they are now."""
        return _run(part(self.quantized, point.inputs, point.head), point.head, self._fixed, point.inputs)

    def _leave(self, layer: "Layer") -> None:
        point, fix = layer.point, self.fixes[layer.point.name]
        self._plain[point.name] = _run(part(self.graph, [point.head], point.name), point.name, {point.head: layer.plain}, [point.head])
        self._fixed[point.name] = _run(part(self.quantized, [point.head], fix), fix, {point.head: layer.fixed}, [point.head])
        for name in point.inputs:
            if self._last[name] == point.name:
                self._plain.pop(name, None)
                self._fixed.pop(name, None)


class Layer:
    """A layer that is being passed.

    Attributes:
        point: What it computes.
        sources: What it reads in the quantized network: [n, ...] each.
        plain: What its head computes in the float network, before the activation: [n, ...].
        fixed: The same in the quantized network, not rounded yet; to be changed along with the layer's constants.
    """

    def __init__(self, point: Point, sources: Sequence[Images], plain: Images, fixed: Images) -> None:
        self.point, self.sources, self.plain, self.fixed = point, sources, plain, fixed


def part(graph: Graph, sources: Iterable[str], target: str) -> Graph:
    """Return what computes *target* from *sources*, which become the inputs of the new graph."""
    fed, wanted = set(sources), {target}
    for op in reversed(list(graph)):
        if op.name in wanted and op.name not in fed:
            wanted.update(op.producers)
    return Graph(target, (_input(op) if op.name in fed else op for op in graph if op.name in wanted))


def _input(op: Op) -> Op:
    return Op(op.name, "data", Tensor(op.name, op.tensor.shape))


def _run(graph: Graph, target: str, values: dict[str, Images], sources: Sequence[str]) -> Images:
    """Execute a part on all images, some at a time."""
    if target in values:
        return values[target]
    executor = FloatExecutor(graph)
    count = len(values[sources[0]])
    batches = (slice(at, at + MOST_AT_ONCE) for at in range(0, count, MOST_AT_ONCE))
    return np.concatenate([executor.run({name: values[name][batch] for name in sources}, [target])[target] for batch in batches])


def room(graph: Graph) -> int:
    """Return how many images to walk a float *graph* with: as many as stay within `LIVE_BYTES`, from one to `ENOUGH`."""
    order = list(find(graph).values())
    last = {name: at for at, point in enumerate(order) for name in point.inputs}
    sizes = {point.name: 2 * 4 * math.prod(graph.op(point.name).tensor.shape[1:]) for point in order}
    live = (sum(sizes[point.name] for point in order[: at + 1] if last.get(point.name, at) >= at) for at in range(len(order)))
    return max(1, min(ENOUGH, LIVE_BYTES // max(live)))
