"""Cutting a graph into DPU and CPU subgraphs, and building the DPU ones.

Ops that the DPU can compute and that no CPU op separates form one subgraph: each op stands on the level that counts the changes of device
on the way to it, and a subgraph is a level of one device. So subgraphs never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from net2bit.dpu.arch import Arch
from net2bit.dpu.compiler.front import moves, pool
from net2bit.dpu.compiler.front.blob import Blob
from net2bit.dpu.compiler.front.conv import convolution
from net2bit.dpu.compiler.front.reasons import Reason
from net2bit.dpu.compiler.front.site import Site, dims
from net2bit.dpu.compiler.front.source import plain
from net2bit.dpu.compiler.layers import Network, View
from net2bit.dpu.compiler.limits import reasons
from net2bit.errors import ModelError
from net2bit.xir.graph import CONSTANTS, Graph, Op

SOURCES = ("data", "data-fix", *CONSTANTS)

_RULES: Mapping[str, Callable[[Site, Op], None]] = {
    **dict.fromkeys(("conv2d-fix", "depthwise-conv2d-fix", "transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"), convolution),
    "pool-fix": pool.pool,
    "eltwise-fix": pool.eltwise,
    "hard-sigmoid-fix": pool.sigmoid,
    "concat-fix": moves.concat,
    "upsample-fix": moves.upsample,
    "reshape-fix": moves.reshape,
    "pad-fix": moves.pad,
}


@dataclass(frozen=True, slots=True)
class DpuPart:
    """A DPU subgraph.

    Attributes:
        name: As the vendor's compiler names them, after the first op.
        ops: In graph order, constants left out.
        inputs: Op outside -> the map that holds its tensor.
        outputs: Op inside whose tensor leaves -> its map.
        network: Its layers.
        constants: Const op -> its offset in the network's parameters.
        views: Op -> how its tensor is seen in the network's maps.
    """

    name: str
    ops: tuple[str, ...]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    network: Network
    constants: Mapping[str, int]
    views: Mapping[str, View]


@dataclass(frozen=True, slots=True)
class CpuPart:
    """Ops that the processor computes."""

    name: str
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Partition:
    """A graph cut for one target.

    Attributes:
        graph: What was cut: a `-fix` graph with all codes in place, the referee of what the subgraphs compute.
        subgraphs: In an order in which they can run.
        cpu: Why ops stay on the processor, in graph order.
    """

    graph: Graph
    subgraphs: tuple[DpuPart | CpuPart, ...]
    cpu: tuple[Reason, ...]

    @property
    def dpu(self) -> tuple[DpuPart, ...]:
        """The DPU subgraphs."""
        return tuple(part for part in self.subgraphs if isinstance(part, DpuPart))


def network(graph: Graph, arch: Arch) -> Partition:
    """Cut *graph* for *arch* and turn the DPU's parts into layers.

    Args:
        graph: Of `-fix` ops, as `net2bit.quant.lower` makes it, or that of a compiled model, whose machine code is ignored.
        arch: The target.

    Raises:
        ModelError: The graph is damaged, or takes several pictures at once.
        QuantError: Fix positions ask for shifts that the DPU does not have; the op and the tensors are named.
    """
    source = plain(graph)
    _quantized(source)
    held = {reason.op: reason for reason in reasons(source, arch)}
    parts: list[DpuPart | CpuPart] = []
    for (_, on_cpu), names in sorted(_levels(source, held).items()):
        name = f"subgraph_{names[0]}"
        parts.append(CpuPart(name, tuple(names)) if on_cpu else _build(source, arch, name, names))
    return Partition(source, tuple(parts), tuple(held.values()))


def _quantized(graph: Graph) -> None:
    if not any(op.type in _RULES for op in graph):
        raise ModelError(
            f"'{graph.name}' holds no fixed-point ops",
            where=graph.name,
            remedy="quantize it first: `net2bit quantize`",
        )


def _levels(graph: Graph, held: Mapping[str, Reason]) -> dict[tuple[int, bool], list[str]]:
    """Return the ops of each level and device (True: CPU)."""
    level: dict[str, int] = {}
    found: dict[tuple[int, bool], list[str]] = {}
    for op in graph:
        if op.type in SOURCES:
            continue
        on_cpu = op.name in held
        level[op.name] = max((level[name] + ((name in held) != on_cpu) for name in op.producers if name in level), default=0)
        found.setdefault((level[op.name], on_cpu), []).append(op.name)
    return found


def _build(graph: Graph, arch: Arch, name: str, ops: list[str]) -> DpuPart:
    inside = set(ops)
    readers = _readers(graph)
    leaving = [op for op in ops if not readers[op] or not inside.issuperset(readers[op])]
    site = Site(graph, arch, ops, leaving, Blob())
    entering = _entering(graph, ops)
    for source in entering:
        site.views[source] = site.new_map(source, dims(graph.op(source)))
    moves.plan_concats(site)
    for op in ops:
        _RULES[graph.op(op).type](site, graph.op(op))
    outputs = {op: _leaving(site, op) for op in leaving}
    order = {layer.writes.map: index for index, layer in enumerate(site.layers)}
    used = tuple(entering)
    made = Network(
        name,
        {key: item for key, item in site.maps.items() if key in order or key in used},
        tuple(site.layers),
        used,
        tuple(dict.fromkeys(outputs.values())),
        site.blob.content(),
    )
    return DpuPart(name, tuple(ops), {key: key for key in used}, outputs, made, _constants(site), dict(site.views))


def _readers(graph: Graph) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {op.name: [] for op in graph}
    for op in graph:
        for name in dict.fromkeys(op.producers):
            found[name].append(op.name)
    return found


def _entering(graph: Graph, ops: Iterable[str]) -> list[str]:
    """Return the ops outside that feed these, constants of convolutions left out, in graph order."""
    inside = set(ops)
    named = {name for op in ops for name in graph.op(op).producers}
    return [op.name for op in graph if op.name in named and op.name not in inside and op.type not in CONSTANTS]


def _leaving(site: Site, name: str) -> str:
    """Return the map that holds the tensor of an output; a view that is not all of a map of its own is written out first."""
    view = site.views[name]
    item = site.maps[view.map]
    if view.plain and (view.first, view.channels) == (0, item.channels) and view.map in site.ops:
        return view.map
    made = site.new_map(f"{name}(out)", (view.height, view.width, view.channels))
    site.copy(name, view, made)
    return made.map


def _constants(site: Site) -> dict[str, int]:
    """Return where the codes of each constant op lie: weights as they are, biases as they are stored."""
    found: dict[str, int] = {}
    for name in site.ops:
        op = site.graph.op(name)
        for key in op.args.get("weights", []):
            found[key] = site.blob.add(key, site.graph.op(key).data).offset  # type: ignore[arg-type]
        for key in op.args.get("bias", []):
            found[key] = site.bias(key).offset
    return dict(sorted(found.items(), key=lambda item: item[1]))
