"""Benchmark networks as `-fix` graphs with seeded random weights: shapes are the published ones, numbers mean nothing.

`build("resnet50")` returns the graph; nothing is made before it is asked for.
"""

from collections.abc import Callable, Mapping

from net2bit.errors import ConfigError, near
from net2bit.xir.graph import Graph
from zoo.classify import CLASSIFIERS
from zoo.dense import DENSE
from zoo.inception import INCEPTIONS

NETWORKS: Mapping[str, Callable[[], Graph]] = dict(sorted({**CLASSIFIERS, **DENSE, **INCEPTIONS}.items()))


def build(name: str) -> Graph:
    """Return the network called *name*.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in NETWORKS:
        raise ConfigError(f"there is no benchmark network {name}", where="bench", suggestion=near(name, NETWORKS))
    return NETWORKS[name]()


def macs(graph: Graph) -> int:
    """Return the multiply-accumulates of a graph's convolutions, without padding."""
    total = 0
    for op in graph:
        if "weights" in op.args:
            outputs, rows, columns, inputs = graph.op(op.arg("weights")).tensor.shape
            taken = graph.op(op.arg("input")).tensor if op.type.startswith("transposed") else op.tensor
            total += outputs * rows * columns * inputs * taken.shape[1] * taken.shape[2]
    return total
