"""Small float networks for the quantizer's tests, seeded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.data.packed import write_packed
from net2bit.job import Job
from net2bit.xir import build
from net2bit.xir.graph import Graph, Op
from net2bit.xir.xmodel import write


class Net:
    """Appends layers with random weights to a float graph."""

    def __init__(self, size: tuple[int, int] = (8, 8), channels: int = 3, seed: int = 0, spread: float = 1.0) -> None:
        """Start with an image input called `image`; *spread* is how far the output channels' scales lie apart."""
        self.random = np.random.default_rng(seed)
        self.spread = spread
        self.graph = Graph("net")
        self.image = build.data(self.graph, "image", (1, *size, channels))

    def weights(self, *shape: int) -> NDArray[np.float64]:
        """Return normal weights of variance 1 / fan-in, times a scale for each output channel."""
        scale = self.spread ** self.random.uniform(-1, 1, (shape[0], 1, 1, 1)) / np.sqrt(np.prod(shape[1:]))
        return np.asarray(self.random.normal(size=shape) * scale)

    def conv(self, source: Op, outputs: int, name: str, act: str = "relu", kernel: int = 3) -> Op:
        """Append a convolution that keeps height and width, and its activation."""
        weights = self.weights(outputs, kernel, kernel, source.tensor.shape[3])
        return self._conv("conv2d", source, name, act, weights)

    def depthwise(self, source: Op, name: str, act: str = "relu") -> Op:
        """Append a depthwise 3x3 convolution and its activation."""
        weights = np.swapaxes(self.weights(source.tensor.shape[3], 3, 3, 1), 0, 3)
        return self._conv("depthwise-conv2d", source, name, act, weights)

    def _conv(self, kind: str, source: Op, name: str, act: str, weights: NDArray[np.float64]) -> Op:
        kernel = weights.shape[1]
        margin = [(kernel - 1) // 2, kernel // 2]
        bias = self.random.normal(size=weights.shape[3 if kind.startswith("depth") else 0]) * 0.3
        op = build.conv2d(self.graph, name, source, weights, bias, op_type=kind, pad=margin * 2)
        return self.activate(op, act)

    def activate(self, source: Op, act: str) -> Op:
        """Append an activation named after it and its source; nothing for an empty *act*."""
        if not act:
            return source
        name = f"{source.name}_{act}"
        if act == "leaky-relu":
            return build.leaky_relu(self.graph, name, source)
        return build.place(self.graph, act, name, {"input": [source]})


def unet(seed: int = 0, spread: float = 1.0, width: int = 4) -> Graph:
    """Return a Unet of two levels: convolutions, pooling, upsampling, skip connection, a head without activation."""
    net = Net(seed=seed, spread=spread)
    skip = net.conv(net.conv(net.image, width, "enc1"), width, "enc2")
    deep = net.conv(build.maxpool2d(net.graph, "pool", skip), 2 * width, "deep1")
    up = net.conv(build.resize(net.graph, "up", net.conv(deep, 2 * width, "deep2")), width, "upconv", kernel=2)
    net.conv(net.conv(build.concat(net.graph, "concat", up, skip), width, "dec"), 3, "head", act="")
    return net.graph


def residual(seed: int = 0, spread: float = 1.0) -> Graph:
    """Return a network with a leaky ReLU, a depthwise block, an addition with ReLU, an average pooling and a fully connected head."""
    net = Net(seed=seed, spread=spread)
    first = net.conv(net.image, 6, "stem", act="leaky-relu")
    wide = net.depthwise(net.conv(first, 6, "expand", kernel=1), "depth")
    total = build.add(net.graph, "sum", net.conv(wide, 6, "project", act="", kernel=1), first)
    pooled = build.avgpool2d(net.graph, "mean", net.activate(total, "relu"), (3, 3), stride=[2, 2])
    height, width, channels = pooled.tensor.shape[1:]
    weights = net.weights(4, height, width, channels).reshape(4, -1)
    build.inner_product(net.graph, "head", pooled, weights, net.random.normal(size=4))
    return net.graph


def images(count: int, shape: tuple[int, ...] = (8, 8, 3), seed: int = 1) -> NDArray[np.float32]:
    """Return images in the network's input range, [-1, 1]."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype(np.float32)


CONFIG: dict[str, Any] = {
    "method": "min_error",
    "calibration": {"images": 8, "split": "train", "seed": 3},
    "rounding": {"weights": "half_even", "activations": "half_up"},
    "limits": {"shift_cut": [0, 16], "shift_bias_max": 16, "shift_read": [0, 7], "shift_write": [-7, 15]},
}
"""A slice of the configuration, as the stages get it."""


class Stages:
    """A folder in which stages run one after the other, on a network and a data set of their own."""

    def __init__(self, folder: Path, graph: Graph, count: int = 12) -> None:
        """Write `float.xmodel` and `dataset.h5`, the latter with *count* random pictures in each split."""
        self.folder, self.events = folder, list[dict[str, Any]]()
        write(graph, folder / "float.xmodel")
        height, width = graph.inputs()[0].tensor.shape[1:3]
        random = np.random.default_rng(9)
        with write_packed(folder / "dataset.h5", ("a", "b"), (height, width)) as writer:
            for split in ("train", "val"):
                writer.begin(split, count, 8)
                for index in range(count):
                    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
                    writer.put(split, index, f"{split}{index}", image, np.zeros((height, width), np.uint8))

    def run(self, stage: Callable[[Job], None], made: str, *needs: str, **config: Any) -> Path:
        """Run *stage*, which makes *made* of *needs*, and return the new file; a refined file stays as `<file>.old`."""
        paths = {name: self.folder / name for name in needs}
        if made in needs:
            paths[made] = paths[made].rename(self.folder / f"{made}.old")
        stage(Job({"quant": CONFIG | config}, paths, {made: self.folder / made}, self.folder, self.events.append))
        return self.folder / made

    def metric(self, name: str) -> float:
        """Return the last value of a metric."""
        return float([event["value"] for event in self.events if event.get("name") == name][-1])
