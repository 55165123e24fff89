"""The stage that predicts the latency of the compiled network, and what `net2bit latency` prints."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

from net2bit.dpu.isa import ENGINES, AluInit, ConvInit, ElewInit, End
from net2bit.dpu.latency import LayerPrediction, Memory, Prediction, predict
from net2bit.dpu.latency.prediction import rounded
from net2bit.dpu.model import DpuSubgraph, load
from net2bit.dpu.target.agree import agree
from net2bit.job import Job, canonical
from net2bit.report import timeline
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read

FORMAT: Final = "net2bit.latency/1"
DIGITS: Final = 6
SILENT: Final = (ConvInit, AluInit, ElewInit, End)
"""Instructions that set up others: too short to draw."""
LANES: Final = {engine: timeline.ENGINES.index(str(engine.name)) for engine in ENGINES}
"""Engine -> its lane in the pictures."""


@dataclass(frozen=True)
class Site:
    """Where the network is to run.

    Attributes:
        board: Its name.
        clock_mhz: Of the DPU.
        cores: DPU cores.
        memory: Its DRAM, as the cores reach it.
    """

    board: str
    clock_mhz: float
    cores: int
    memory: Memory


def run(job: Job) -> None:
    """Write `latency.json`.

    Raises:
        ConfigError: The compiled network is for other hardware than `target.json` says.
        ModelError: It is not compiled.
        ProgramError: The machine code cannot run to its end.
    """
    target = json.loads(job.inputs["target.json"].read_text("utf-8"))
    graph = read(job.inputs["xmodel"])
    for part in load(graph):
        agree(part.fingerprint, int(target["fingerprint"], 16), board=str(target["board"]["title"]))
    job.progress(0, 1, "timing")
    found = forecast(graph, site(target))
    job.outputs["latency.json"].write_text(canonical(found) + "\n", "utf-8")
    job.metric("ms", found["ms"])
    job.metric("fps", found["fps"][-1]["fps"])
    job.progress(1, 1, "predicted")


def site(target: Mapping[str, Any]) -> Site:
    """Return the place that `target.json` describes."""
    board = target["board"]
    return Site(str(board["name"]), float(target["clock_mhz"]), int(target["cores"]), memory(board["memory"]))


def memory(board: Mapping[str, Any]) -> Memory:
    """Return the DRAM that a board's `memory` describes.

    Raises:
        ConfigError: A figure is none that a board has.
    """
    return Memory(float(board["gbytes_per_second"]), int(board["ports_bits"]))


def forecast(graph: Graph, where: Site) -> dict[str, Any]:
    """Return what `latency.json` holds: the prediction for all DPU subgraphs one after the other, the processor's part not counted.

    Raises:
        ModelError: The model is not compiled.
        ProgramError: Its code cannot run to the end.
    """
    parts = load(graph)
    macs = dict(_macs(graph))
    found = [_predicted(part, where, macs) for part in parts]
    layers = [_layer(layer, graph, where) for one in found for layer in one.layers]
    ms, cycles = sum(one.ms for one in found), sum(one.cycles for one in found)
    low, high = sum(one.low_ms for one in found), sum(one.high_ms for one in found)
    work = sum(one.macs for one in found)
    first = found[0]
    figures: dict[str, Any] = rounded(
        {
            "format": FORMAT,
            "model": graph.name,
            "board": where.board,
            "arch": first.arch,
            "clock_mhz": where.clock_mhz,
            "cores": where.cores,
            "cycles": round(cycles),
            "ms": ms,
            "low_ms": low,
            "high_ms": high,
            "band": first.error.band,
            "fps": list(_rates(found, ms, low, high)),
            "peak_gops": first.roof.gops,
            "bandwidth_gbs": first.roof.gbytes_per_second,
            "gops": 2 * work / (cycles / where.clock_mhz * 1e3) if cycles else 0.0,
            "utilisation": 2 * work / (cycles * parts[0].arch.peak) if cycles else 0.0,
            "bound": first.bound if len(found) == 1 else Counter(one.bound for one in found).most_common(1)[0][0],
            "engines": {name: sum(getattr(one.busy, name.lower()) for one in found) for name in timeline.ENGINES},
            "layers": layers,
            "timeline": _timeline(parts, found),
            "kernel": kernel(graph, parts),
            "text": first.text,
        },
        DIGITS,
    )
    return figures


def _predicted(part: DpuSubgraph, where: Site, macs: Mapping[str, int]) -> Prediction:
    return predict(
        part.program, part.layer_of, part.layers, part.arch, clock_mhz=where.clock_mhz, cores=where.cores, memory=where.memory, macs=macs
    )


def _macs(graph: Graph) -> Iterator[tuple[str, int]]:
    """Yield the multiply-accumulates of each op; its workload counts two for each, and one for every bias that is added."""
    for op in graph:
        workload = op.attrs.get("workload")
        if "weights" in op.args and isinstance(workload, int):
            yield op.name, (workload - (prod(op.tensor.shape) if "bias" in op.args else 0)) // 2


def _rates(found: Sequence[Prediction], ms: float, low: float, high: float) -> Iterator[dict[str, Any]]:
    """Yield images a second for each number of cores, with the same relative band as the latency."""
    for cores in range(1, len(found[0].fps) + 1):
        rate = 1 / sum(1 / one.fps[cores - 1] for one in found)
        yield {"cores": cores, "fps": rate, "low": rate * ms / high, "high": rate * ms / low}


def _layer(layer: LayerPrediction, graph: Graph, where: Site) -> dict[str, Any]:
    span = max(layer.cycles, layer.busy.conv, layer.busy.misc)
    gops = 2 * layer.macs / span * where.clock_mhz * 1e-3 if span else 0.0
    return {
        "name": layer.name,
        "work": graph.op(layer.name).type.removesuffix("-fix") if layer.name in graph else "",
        "macs": layer.macs,
        "bytes": layer.ddr_bytes,
        "cycles": layer.cycles,
        "ms": layer.ms,
        "gops": gops,
        "utilisation": layer.utilisation,
        "bound": layer.bound,
        "busy": layer.busy._asdict(),
    }


def _timeline(parts: Sequence[DpuSubgraph], found: Sequence[Prediction]) -> dict[str, Any]:
    """Return the pictures' data; several subgraphs follow each other."""
    lanes: list[int] = []
    starts: list[float] = []
    ends: list[float] = []
    layers: list[int] = []
    begin, first = 0.0, 0
    for part, one in zip(parts, found, strict=True):
        index = {layer.name: at for at, layer in enumerate(one.layers)}
        places = [*(first + index.get(name, 0) for name in part.layers), -1]  # the last stands for "none", which is -1
        lanes += [-1 if isinstance(item, SILENT) else LANES[item.engine] for item in part.program]
        starts += (one.run.start + begin).tolist()
        ends += (one.run.end + begin).tolist()
        layers += [places[at] for at in part.layer_of or [-1] * len(part.program)]
        begin, first = begin + one.run.total, first + len(one.layers)
    return timeline.condense(lanes, starts, ends, layers)


def kernel(graph: Graph, parts: Sequence[DpuSubgraph]) -> dict[str, Any]:
    """Return the figures of the compiled network that its size and the hardware's padding decide."""
    devices = Counter(str(node.attrs.get("device")) for node in (graph.root.children if graph.root else ()))
    return {
        "target": str(parts[0].attrs.get("dpu_name", "")),
        "fingerprint": f"{parts[0].fingerprint:#x}",
        "subgraphs": len(parts),
        "cpu_subgraphs": devices["CPU"],
        "instructions": sum(len(part.program) for part in parts),
        "code": sum(len(part.code) for part in parts),
        "parameters": sum(len(part.parameters) for part in parts),
        "workspace": sum(part.sizes.get(1, 0) for part in parts),
        "workload": sum(int(part.attrs.get("workload", 0)) for part in parts),
        "workload_on_arch": sum(int(part.attrs.get("workload_on_arch", 0)) for part in parts),
    }
