"""The stage that executes the compiled network on the validation set, and demands that it computes what the integer network does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from net2bit.data.packed import Split, open_packed, scale
from net2bit.dpu.model import DpuSubgraph, load
from net2bit.dpu.runner import Runner
from net2bit.dpu.target import arch_json
from net2bit.dpu.target.agree import agree
from net2bit.errors import DataError, ModelError, StageError
from net2bit.job import Job, canonical
from net2bit.quant.arith import Codes, Rounding, dequantize, quantize
from net2bit.quant.executor import Executor
from net2bit.quant.lower import lower
from net2bit.report.ladder import metric, share
from net2bit.report.metrics import Confusion, confusion, scores
from net2bit.xir.graph import Graph, Op
from net2bit.xir.xmodel import read

FORMAT: Final = "net2bit.simulation/1"
Array = NDArray[Any]


def run(job: Job) -> None:
    """Write `simulation.json`.

    Raises:
        DataError: The validation split is empty.
        ConfigError: The compiled network is for other hardware than `arch.json` says.
        ModelError: It is not the integer network's.
        StageError: A byte differs from what the integer network gives; the image and the tensor are named.
    """
    graph = read(job.inputs["xmodel"])
    parts = load(graph)
    check_fingerprint(parts, job.inputs["arch.json"])
    pair = Pair(graph, lower(read(job.inputs["int.xmodel"])), str(job.config["verify"]["engine"]))
    classes = list(job.config["dataset"]["classes"])
    with open_packed(job.inputs["dataset.h5"]) as packed:
        split = packed.split("val")
        matrix, compared, images = _climb(pair, split, job, len(classes))
    found = scores(matrix)
    simulation = {
        "format": FORMAT,
        "target": str(parts[0].attrs.get("dpu_name", "")),
        "fingerprint": f"{parts[0].fingerprint:#x}",
        "images": images,
        "bytes": compared,
        "different": 0,
        "dice": asdict(metric(found.dice, classes)),
        "iou": asdict(metric(found.iou, classes)),
        "accuracy": share(found.accuracy),
        "confusion": matrix.tolist(),
    }
    job.outputs["simulation.json"].write_text(canonical(simulation) + "\n", "utf-8")
    job.metric("bytes", compared)
    if found.dice.mean is not None:
        job.metric("dice", found.dice.mean)


def check_fingerprint(parts: Sequence[DpuSubgraph], described: Path) -> None:
    """Refuse a compiled network for other hardware than the `arch.json` at *described* says.

    Raises:
        ConfigError: The fingerprints differ; both configurations and the options that differ are named.
    """
    wanted = arch_json.read(described).fingerprints[0]
    for part in parts:
        agree(part.fingerprint, wanted)


def _climb(pair: "Pair", split: Split, job: Job, classes: int) -> tuple[Confusion, int, int]:
    """Return the confusion matrix, the bytes compared and the images run.

    Raises:
        DataError: There is no image.
        StageError: A byte differs.
    """
    wanted = [len(split), *(int(job.config["verify"][key]) for key in ("images", "simulated") if job.config["verify"][key] is not None)]
    count, matrix, compared = min(wanted), np.zeros((classes, classes), np.int64), 0
    if not count:
        raise DataError("the validation split has no images", where="dataset.h5", remedy="the simulation needs at least one")
    for index in range(count):
        job.progress(index, count, "executing")
        logits, size = pair.compare(scale(split.images[index : index + 1]), split.names[index])
        matrix += confusion(split.labels[index : index + 1], logits.argmax(axis=-1), classes)
        compared += size
    job.progress(count, count, "executed")
    return matrix, compared, count


@dataclass(frozen=True)
class Ends:
    """The one input and the outputs of a graph."""

    source: Op
    sinks: tuple[Op, ...]

    @classmethod
    def of(cls, graph: Graph) -> "Ends":
        """Find them.

        Raises:
            ModelError: There are several inputs.
        """
        inputs = graph.inputs()
        if len(inputs) != 1:
            raise ModelError(f"the network has {len(inputs)} inputs; the validation images can feed one only", where=graph.name)
        return cls(inputs[0], tuple(graph.outputs()))


class Pair:
    """The compiled network beside the integer network it was made from."""

    def __init__(self, compiled: Graph, integer: Graph, engine: str) -> None:
        """Make both ready.

        Raises:
            ModelError: They have not the same number of inputs and outputs.
            QuantError: There is no such engine.
        """
        self.machine, self.referee = Runner(compiled), Executor(integer, engine)
        self.compiled, self.integer = Ends.of(compiled), Ends.of(integer)
        if len(self.compiled.sinks) != len(self.integer.sinks):
            raise ModelError(
                f"the compiled network has {len(self.compiled.sinks)} outputs, the integer network {len(self.integer.sinks)}",
                where=compiled.name,
                remedy="compile it again",
            )

    def compare(self, image: NDArray[np.float32], name: str) -> tuple[Array, int]:
        """Run one image [1, H, W, C] through both; return the first output and how many bytes were compared.

        Raises:
            StageError: They differ.
        """
        source = self.integer.source
        codes = quantize(image, _position(source), Rounding.named(str(source.tensor.attrs["round_mode"])))
        wanted = self.referee.run({source.name: codes})
        found = self.machine.run({self.compiled.source.name: codes})
        size = 0
        for ours, theirs in zip(self.compiled.sinks, self.integer.sinks, strict=True):
            _demand_equal(found[ours.name], _like(wanted[theirs.name], theirs, found[ours.name]), name, theirs)
            size += found[ours.name].size
        return found[self.compiled.sinks[0].name], size


def _like(codes: Codes, op: Op, other: Array) -> Array:
    """Return codes as floats where the compiled network ends in them."""
    return dequantize(codes, _position(op)) if other.dtype.kind == "f" and codes.dtype.kind == "i" else codes


def _position(op: Op) -> int:
    found = op.tensor.attrs.get("fix_point")
    if not isinstance(found, int):
        raise ModelError(f"{op.type} '{op.name}' has no fix position", where=op.name)
    return found


def _demand_equal(found: Array, wanted: Array, image: str, op: Op) -> None:
    """Refuse a difference.

    Raises:
        StageError: There is one; image, tensor, number and first place of the differing bytes are named.
    """
    if found.shape == wanted.shape and np.array_equal(found, wanted):
        return
    if found.shape != wanted.shape:
        raise StageError(
            f"'{op.tensor.name}' is {list(found.shape)} in machine code, {list(wanted.shape)} in integers", where=op.tensor.name
        )
    away = np.argwhere(found != wanted)
    at = tuple(away[0].tolist())
    raise StageError(
        f"the machine code is not the integer network: {len(away)} of {found.size} bytes differ, the first at {list(at)} "
        f"({found[at]} in place of {wanted[at]})",
        where=f"image {image}, tensor {op.tensor.name}",
        remedy="this is a fault of the compiler or the simulator: `net2bit check` says whether the program is sound",
    )
