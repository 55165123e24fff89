"""Random graphs that hold by construction, for the property tests of the IR."""

from collections.abc import Callable
from typing import Any

import numpy as np

from net2bit.xir import build
from net2bit.xir.graph import Graph, Op

Rng = np.random.Generator


def random_graph(seed: int, length: int = 8) -> Graph:
    """Return a float graph of about *length* layers on an input of 1x8x8x4, the same one for the same *seed*."""
    rng = np.random.default_rng(seed)
    graph = Graph(f"net{seed}")
    maps = [build.data(graph, "input", (1, 8, 8, 4))]
    for index in range(length):
        layer = LAYERS[int(rng.integers(len(LAYERS)))]
        maps.append(layer(graph, f"layer{index}", maps[-1], maps, rng))
    return graph


def values(rng: Rng, *shape: int) -> np.ndarray:
    """Return small float32 weights."""
    return rng.normal(size=shape).astype(np.float32) / 4


def _conv(graph: Graph, name: str, source: Op, _maps: list[Op], rng: Rng) -> Op:
    channels = source.tensor.shape[3]
    group = int(rng.choice([size for size in (1, 2) if channels % size == 0]))
    kernel, dilation = (int(rng.integers(1, 4)), int(rng.integers(1, 4))), [int(rng.integers(1, 3)), 1]
    weights = values(rng, 2 * group, kernel[1], kernel[0], channels // group)
    bias = values(rng, 2 * group) if rng.random() < 0.5 else None
    attrs: dict[str, Any] = {"stride": [int(rng.integers(1, 3)), int(rng.integers(1, 3))], "dilation": dilation, "group": group}
    if rng.random() < 0.5:
        return build.conv2d(graph, name, source, weights, bias, pad_mode="SAME", **attrs)
    return build.conv2d(graph, name, source, weights, bias, pad=[2, 3, 1, 2], **attrs)


def _depthwise(graph: Graph, name: str, source: Op, _maps: list[Op], rng: Rng) -> Op:
    weights = values(rng, int(rng.integers(1, 3)), 3, 3, source.tensor.shape[3])
    return build.depthwise_conv2d(graph, name, source, weights, values(rng, weights.shape[0] * weights.shape[3]), pad=[1, 1, 1, 1])


def _transposed(graph: Graph, name: str, source: Op, _maps: list[Op], rng: Rng) -> Op:
    weights = values(rng, 3, 3, 2, source.tensor.shape[3])
    return build.transposed_conv2d(graph, name, source, weights, values(rng, 3), stride=[1, 1], pad=[0, 1, 1, 1])


def _normalize(graph: Graph, name: str, source: Op, _maps: list[Op], rng: Rng) -> Op:
    channels = source.tensor.shape[3]
    moments = {part: values(rng, channels) for part in ("gamma", "beta", "moving_mean")}
    moments["moving_var"] = np.abs(values(rng, channels)) + np.float32(0.1)
    return build.batchnorm(graph, name, source, moments, 2**-10)


def _unary(graph: Graph, name: str, source: Op, _maps: list[Op], rng: Rng) -> Op:
    kind = ("relu", "relu6", "hard-sigmoid", "identity")[int(rng.integers(4))]
    return build.place(graph, kind, name, {"input": [source]})


def _leaky(graph: Graph, name: str, source: Op, _maps: list[Op], _rng: Rng) -> Op:
    return build.leaky_relu(graph, name, source, 0.25)


def _pool(graph: Graph, name: str, source: Op, _maps: list[Op], rng: Rng) -> Op:
    pool = build.maxpool2d if rng.random() < 0.5 else build.avgpool2d
    if rng.random() < 0.5:
        return pool(graph, name, source, (2, 2), stride=[1, 1], pad_mode="SAME")
    return pool(graph, name, source, (2, 3), stride=[1, 1], pad=[1, 0, 1, 1])


def _resize(graph: Graph, name: str, source: Op, _maps: list[Op], rng: Rng) -> Op:
    return build.resize(graph, name, source, (2.0, 1.0) if rng.random() < 0.5 else 1.0)


def _merge(graph: Graph, name: str, source: Op, maps: list[Op], rng: Rng) -> Op:
    alike = [one for one in maps if one.tensor.shape == source.tensor.shape]
    other = alike[int(rng.integers(len(alike)))]
    return (build.add, build.mul, build.concat)[int(rng.integers(3))](graph, name, source, other)


def _margin(graph: Graph, name: str, source: Op, _maps: list[Op], _rng: Rng) -> Op:
    return build.pad(graph, name, source, (0, 0, 1, 0, 0, 1, 0, 0))


LAYERS: tuple[Callable[[Graph, str, Op, list[Op], Rng], Op], ...] = (
    *(_conv, _conv, _conv, _normalize, _normalize, _unary, _leaky, _merge),
    *(_depthwise, _transposed, _pool, _resize, _margin),
)
