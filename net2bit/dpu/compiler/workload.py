"""Operations of a network's ops, as the vendor's compiler counts them: on the numbers, and padded to what the architecture computes."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from net2bit.dpu.arch import Arch
from net2bit.dpu.compiler.layers import Layer, Network, Work
from net2bit.xir.attrs import TypedInt, Wire
from net2bit.xir.graph import Attr, Graph, Op


class Workload(NamedTuple):
    """Operations, two for a multiply-accumulate, one for adding a bias."""

    ops: int = 0
    on_arch: int = 0

    def __add__(self, other: object) -> Workload:
        """Add up, number by number."""
        return Workload(self.ops + other.ops, self.on_arch + other.on_arch) if isinstance(other, Workload) else NotImplemented

    def attrs(self) -> dict[str, Attr]:
        """Return the two attributes of ops and subgraphs."""
        return {"workload": TypedInt(self.ops, Wire.UINT64), "workload_on_arch": TypedInt(self.on_arch, Wire.UINT64)}


def workload(graph: Graph, op: Op, network: Network, target: Arch) -> Workload:
    """Return the operations of *op*: those that its output takes, and those that the layers computing it spend."""
    spent = sum(_spent(layer, target) for layer in network.layers if layer.name == op.name)
    outputs = prod(op.tensor.shape)
    if "weights" in op.args:
        taps = prod(graph.op(op.arg("weights")).tensor.shape[1 : 3 if "depthwise" in op.type else 4])
        return Workload(outputs * (2 * taps + 1) if "transposed" not in op.type else _exact(network, op), spent)
    if op.type == "pool-fix":
        return Workload(outputs * _taps(network, op), spent)
    if op.type == "eltwise-fix":
        return Workload(outputs * (len(op.args["input"]) - 1), spent)
    return Workload(0, spent) if op.type == "hard-sigmoid-fix" else Workload()


def _exact(network: Network, op: Op) -> int:
    return sum(2 * layer.macs + prod((layer.writes.height, layer.writes.width, layer.writes.channels)) for layer in _layers(network, op))


def _layers(network: Network, op: Op) -> list[Layer]:
    return [layer for layer in network.layers if layer.name == op.name]


def _taps(network: Network, op: Op) -> int:
    return sum(prod(layer.kernel) for layer in _layers(network, op))


def _spent(layer: Layer, target: Arch) -> int:
    """Return the operations with rows rounded up to the pixel parallelism and channels to the channel parallelism."""
    view = layer.writes
    pixels = -(-view.height // target.pp) * target.pp * view.width * target.lines(view.channels) * target.cp
    taps = prod(layer.kernel)
    if layer.work is Work.CONV:
        columns = layer.kernel.width * layer.reads[0].channels
        inputs = target.lines(columns) if layer.augmented else layer.kernel.width * target.lines(layer.reads[0].channels)
        return pixels * (2 * layer.kernel.height * inputs * target.cp + 1)
    if layer.work is Work.DEPTHWISE:
        return pixels * (2 * taps + 1)
    return pixels * (max(1, len(layer.reads) - 1) if layer.work.on_elew else taps)
