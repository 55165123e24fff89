"""Equalization across layers: scales for the channels, such that quantizing costs least.

One position serves all channels of a tensor, so a channel with a small range keeps few of its bits. Multiplying it by s where it is made
and dividing by s where it is read (`net2bit.quant.channels`) changes nothing but how the three roundings concerned weigh: those of the
tensor, of the weights that make it and of the weights that read it. With steps d_a, d_w, d_r the noise behind the readers is

    sum over channels c:  a_c (d_a^2 + d_w^2 p_c) / s_c^2  +  b_c d_r^2 s_c^2

where a_c is what the readers make of a unit of noise in the channel, p_c the power of what the makers' weights are multiplied with, and
b_c the channel's power times the numbers of weights that read it. The steps are powers of two and bound the scales, since nothing may
overflow. For each choice of steps the best scales follow in closed form; the best choice is taken, group after group. The formula knows
nothing of how noise adds up over layers, so a trial on images has the last word: what does not quantize better is not kept.

(Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019, equalize the ranges of the weights alone;
on trained Unets that gains nothing, and this 1 to 3 dB.)
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import QuantError
from net2bit.job import Job
from net2bit.quant.arith import HIGH
from net2bit.quant.channels import DENSE, Channels, scalable, trace
from net2bit.quant.floating import FloatExecutor
from net2bit.quant.images import Calibration, Images, batch_size, feed
from net2bit.quant.points import find
from net2bit.quant.quantize import constant
from net2bit.quant.trial import Trial
from net2bit.xir.graph import Graph, Op
from net2bit.xir.xmodel import read, write

HEADROOMS = (1.0, 1.05)
"""How far beyond the calibration images' a channel's range may reach on others; both are tried."""
TRIED = 12
"""Images that decide between them."""
STEPS = range(-3, 4)
"""By how many bits the steps of the weights may change."""
TOLERANCE = 1e-4
"""Largest difference of the equalized network's output, as a share of its largest number."""
TINY = float(np.finfo(np.float32).tiny)

Floats = NDArray[np.float64]


def run(job: Job) -> None:
    """Make a `float.xmodel` with equalized weights that computes the same function; reads `quant.calibration`.

    Raises:
        DataError: The data set has too few images.
        QuantError: The equalized network departs from the given one.
    """
    graph = read(job.inputs["float.xmodel"])
    statistics, images = Statistics(graph), list[Images]()
    calibration = Calibration.of(job.config["quant"]["calibration"])
    for names, batch in calibration.open(job.inputs["dataset.h5"], batch_size(graph, statistics.tensors)):
        statistics.see(batch)
        images += list(batch[: max(0, TRIED - len(images))])
        job.progress(statistics.count, calibration.images, names[-1])
    made, gain = best(graph, statistics, np.stack(images))
    difference = departure(graph, made, images[0][None])
    job.metric("relative_difference", difference)
    job.metric("gain_db", gain)
    if difference > TOLERANCE:
        raise QuantError(f"equalization changed the network: its output moved by {difference:.2g} of its range", where=graph.name)
    write(made, job.outputs["float.xmodel"])


def best(graph: Graph, statistics: "Statistics", images: Images) -> tuple[Graph, float]:
    """Return the equalized network that quantizes best, the given one where none does better, and what is gained in dB."""
    trial = Trial(graph, images)
    start = trial.score(graph)
    if not trace(graph).free() or not math.isfinite(start):
        return graph, 0.0
    made = [equalize(graph, statistics, headroom) for headroom in HEADROOMS]
    scores = [start, *map(trial.score, made)]
    chosen = scores.index(max(scores))
    return [graph, *made][chosen], scores[chosen] - start


def departure(graph: Graph, other: Graph, images: Images) -> float:
    """Return the largest difference between the outputs of two networks, as a share of the largest number."""
    pair = [FloatExecutor(one).run(feed(one, images)) for one in (graph, other)]
    most = max(float(np.abs(values).max()) for values in pair[0].values())
    return max(float(np.abs(pair[0][name] - pair[1][name]).max()) for name in pair[0]) / (most or 1.0)


class Statistics:
    """Range and power of every channel of every quantized tensor.

    Attributes:
        tensors: The tensors, in graph order.
        count: How many images were seen.
        reach: Tensor -> largest absolute number of each channel.
    """

    def __init__(self, graph: Graph) -> None:
        self.points = find(graph)
        self.tensors = list(self.points)
        self.count = 0
        self.reach: dict[str, Floats] = {name: np.zeros(graph.op(name).tensor.shape[-1]) for name in self.tensors}
        self._power = {name: np.zeros_like(reach) for name, reach in self.reach.items()}
        self._executor = FloatExecutor(graph)

    def see(self, images: Images) -> None:
        """Take in one batch."""
        for name, values in self._executor.run(feed(self._executor.graph, images), self.tensors).items():
            flat = values.reshape(-1, values.shape[-1])
            self.reach[name] = np.maximum(self.reach[name], np.maximum(flat.max(axis=0), -flat.min(axis=0)))
            self._power[name] += np.einsum("nc,nc->c", flat, flat) / (flat.shape[0] / len(images))
        self.count += len(images)

    def power(self, name: str) -> Floats:
        """Return the mean square of each channel of a tensor."""
        return np.asarray(self._power[name] / max(1, self.count))


@dataclass
class Layer:
    """A convolution whose channels can be scaled; its weights are kept as [out, taps, in], depthwise ones as [1, taps, channels].

    Attributes:
        op: The convolution.
        dense: Whether each output channel reads all input channels.
        weights: As scaled so far.
        gain: Scale of each output channel so far.
        loss: Scale of each input channel so far.
        source: Mean square of each input channel, unscaled.
        power: Mean square of all output channels together, unscaled.
        bias: Of each output channel, unscaled.
    """

    op: Op
    dense: bool
    weights: Floats
    gain: Floats
    loss: Floats
    source: Floats
    power: float
    bias: Floats

    @property
    def made(self) -> Floats:
        """Largest weight of each output channel."""
        return np.asarray(np.abs(self.weights).max(axis=(1, 2) if self.dense else (0, 1)))

    @property
    def patch(self) -> Floats:
        """Power of what each output channel's weights are multiplied with."""
        scaled: Floats = self.weights.shape[1] * self.source * self.loss**2
        return np.full(len(self.gain), scaled.sum()) if self.dense else scaled

    def scale_out(self, by: Floats) -> None:
        """Multiply output channels."""
        self.gain = self.gain * by
        self.weights = self.weights * (by[:, None, None] if self.dense else by)

    def scale_in(self, part: slice, by: Floats) -> None:
        """Divide the weights that read the input channels *part*."""
        self.loss[part] = self.loss[part] * by
        self.weights[:, :, part] = self.weights[:, :, part] / by


@dataclass
class Group:
    """The sides of one group of channels.

    Attributes:
        makers: Layers that compute it.
        readers: Layers that read it, and where among their input channels.
        reach: Range of each channel over all tensors that hold the group, unscaled.
    """

    reach: Floats
    makers: list[Layer] = field(default_factory=list)
    readers: list[tuple[Layer, slice]] = field(default_factory=list)

    def scales(self, headroom: float) -> Floats:
        """Return the scale of each channel that makes the noise behind the readers least; 1 for a channel that carries nothing."""
        gain = self.makers[0].gain
        reach = headroom * self.reach * gain
        made = np.max([layer.made for layer in self.makers], axis=0)
        taken = np.max([np.abs(layer.weights[:, :, part]).max(axis=(0, 1)) for layer, part in self.readers], axis=0)
        alive = (reach > 0) & (made > 0) & (taken > 0)
        found = np.ones(len(gain))
        if alive.any():
            patch = np.max([layer.patch for layer in self.makers], axis=0)
            bias = np.max([layer.bias * layer.gain for layer in self.makers], axis=0)
            terms = Terms(*(term[alive] for term in (reach, made, taken, bias, patch, *self._readers(gain))))
            found[alive] = terms.best()
        return found

    def _readers(self, gain: Floats) -> tuple[Floats, Floats, Floats]:
        """Return a_c, b_c and e_c of the module's formula, in shares of the readers' output power."""
        passed, weighed, steady = np.zeros((3, len(gain)))
        for layer, part in self.readers:
            out = layer.gain if layer.dense else layer.gain[part]
            unscaled = layer.weights[:, :, part] / (out[:, None, None] if layer.dense else out)
            passed += np.square(unscaled).sum(axis=(0, 1)) / layer.power
            steady += np.square(unscaled.sum(axis=1)).sum(axis=0) / layer.power
            readings = np.square(1 / out).sum() if layer.dense else np.square(1 / out)
            weighed += readings * layer.weights.shape[1] * layer.source[part] * gain**2 / layer.power
        return passed, weighed, steady


@dataclass(frozen=True)
class Terms:
    """What the noise of a group depends on, by channel; see the module's formula."""

    reach: Floats
    made: Floats
    taken: Floats
    bias: Floats
    patch: Floats
    passed: Floats
    weighed: Floats
    steady: Floats

    def best(self) -> Floats:
        """Return the best scales over all choices of steps.

        The tensor's step can stay: twice the scales and the steps of tensor and makers, with half the readers', are the same.
        """
        step = _step(self.reach)
        trials = [self._bounded(step, bits_made, bits_taken) for bits_made in STEPS for bits_taken in STEPS]
        return min([np.ones(len(self.reach)), *trials], key=self._noise)

    def _bounded(self, step: float, bits_made: int, bits_taken: int) -> Floats:
        """Return the best scales that keep the steps at given ones."""
        made, taken = _step(self.made) * 2.0**bits_made, _step(self.taken) * 2.0**bits_taken
        free = (self.passed * (step**2 + made**2 * self.patch) / np.maximum(self.weighed * taken**2, TINY)) ** 0.25
        most = HIGH * np.minimum(step / self.reach, made / self.made)
        least = self.taken / (HIGH * taken)
        return np.asarray(np.maximum(np.minimum(free, most), least))

    def _noise(self, scales: Floats) -> float:
        step, made, taken = _step(self.reach * scales), _step(self.made * scales), _step(self.taken / scales)
        behind = self.passed * (step**2 + made**2 * self.patch) + self.steady * _step(np.abs(self.bias) * scales) ** 2
        return float(np.sum(behind / scales**2 + self.weighed * taken**2 * scales**2))


def _step(ranges: Floats) -> float:
    """Return the smallest power of two of which `HIGH` steps reach the largest number."""
    return float(2.0 ** np.ceil(np.log2(max(float(ranges.max()), TINY) / HIGH)))


def equalize(graph: Graph, statistics: Statistics, headroom: float = 1.0) -> Graph:
    """Return *graph* with its channels scaled; it computes the same function, up to float32 rounding.

    Args:
        graph: The float network.
        statistics: Of the same network.
        headroom: The ranges to leave room for, as a multiple of those in the statistics.
    """
    channels = trace(graph)
    layers = {op.name: _layer(graph, op, statistics) for op in graph if scalable(graph, op)}
    for group in _groups(layers, channels, statistics).values():
        scales = group.scales(headroom)
        for layer in group.makers:
            layer.scale_out(scales)
        for layer, part in group.readers:
            layer.scale_in(part, scales)
    return with_data(graph, dict(_scaled(graph, layers.values())))


def _layer(graph: Graph, op: Op, statistics: Statistics) -> Layer:
    weights = constant(graph, op.arg("weights")).astype(np.float64)
    flat = weights.reshape(weights.shape[0], -1, weights.shape[3])
    tail = next(point.name for point in statistics.points.values() if point.head == op.name)
    source = statistics.power(op.arg("input"))
    power = max(float(statistics.power(tail).sum()), TINY)
    outputs = op.tensor.shape[-1]
    bias = constant(graph, op.arg("bias")).astype(np.float64).reshape(-1) if "bias" in op.args else np.zeros(outputs)
    return Layer(op, op.type in DENSE, flat, np.ones(outputs), np.ones(len(source)), source, power, bias)


def _groups(layers: Mapping[str, Layer], channels: Channels, statistics: Statistics) -> dict[int, Group]:
    """Return the groups that can be scaled, in the order they are made."""
    groups = {channels.root(group): Group(np.zeros(channels.sizes[group])) for name in layers for group in channels.of[name]}
    for name, layer in layers.items():
        groups[channels.roots(name)[0]].makers.append(layer)
        for group, part in _parts(channels, layer.op.arg("input")):
            if group in groups:
                groups[group].readers.append((layer, part))
    for name in statistics.tensors:
        for group, part in _parts(channels, name):
            if group in groups:
                groups[group].reach = np.maximum(groups[group].reach, statistics.reach[name][part])
    free = channels.free()
    return {number: group for number, group in groups.items() if number in free and group.readers}


def _parts(channels: Channels, name: str) -> Iterator[tuple[int, slice]]:
    """Yield the groups of a tensor and where its channels are."""
    end = 0
    for group, root in zip(channels.of[name], channels.roots(name), strict=True):
        start, end = end, end + channels.sizes[group]
        yield root, slice(start, end)


def _scaled(graph: Graph, layers: Iterable[Layer]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for layer in layers:
        name = layer.op.arg("weights")
        yield name, layer.weights.reshape(graph.op(name).tensor.shape).astype(np.float32)
        for bias in layer.op.args.get("bias", []):
            yield bias, (constant(graph, bias) * layer.gain).astype(np.float32)


def with_data(graph: Graph, changed: Mapping[str, NDArray[np.float32]]) -> Graph:
    """Return a copy of *graph* whose constants named in *changed* hold these values."""
    made = Graph(graph.name, (replace(op, data=changed.get(op.name, op.data)) for op in graph), graph.attrs)
    made.root = graph.root
    return made
