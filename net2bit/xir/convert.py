"""The stage that turns a frozen graph into the quantizer's float graph."""

import numpy as np

from net2bit.errors import ModelError
from net2bit.job import Job
from net2bit.xir import xmodel
from net2bit.xir.from_pb import read_pb
from net2bit.xir.graph import CONSTANTS, Graph
from net2bit.xir.passes import STANDARD, apply

SUFFIX = "_float"


def run(job: Job) -> None:
    """Make the float `.xmodel` from `frozen.pb`: biases and batch normalizations folded, padding explicit.

    The network is named after the file: `unet_float.xmodel` holds the network `unet`.

    Raises:
        ModelError: The frozen graph is damaged, has an operation that cannot be converted, or weights that are no numbers.
    """
    target = job.outputs["float.xmodel"]
    job.progress(0, 3, "reading")
    graph = read_pb(job.inputs["frozen.pb"], target.stem.removesuffix(SUFFIX))
    job.progress(1, 3, "folding")
    apply(graph, STANDARD)
    _check_finite(graph)
    job.progress(2, 3, "writing")
    xmodel.write(graph, target)
    for name, value in figures(graph).items():
        job.metric(name, value)
    job.progress(3, 3, "done")


def figures(graph: Graph) -> dict[str, int]:
    """Return how many `ops` a graph has, constants left out, and how many `params` its constants hold."""
    values = [op.data for op in graph.of_type(*CONSTANTS)]
    return {"ops": len(graph) - len(values), "params": sum(data.size for data in values if data is not None)}


def _check_finite(graph: Graph) -> None:
    """Refuse weights that a training which diverged has left: they would calibrate to nonsense."""
    for op in graph.of_type(*CONSTANTS):
        if op.data is not None and not np.isfinite(op.data).all():
            raise ModelError(
                f"'{op.name}' holds values that are no finite numbers",
                where=op.name,
                remedy="train again: the weights have diverged, or a batch normalization has a negative variance",
            )
