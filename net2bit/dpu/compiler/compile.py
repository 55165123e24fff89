"""The compiler: from a quantized graph to machine code, and to the compiled graph that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from net2bit.dpu.arch import Arch, arch
from net2bit.dpu.compiler.allocate import Allocation, allocate
from net2bit.dpu.compiler.assemble import Code, assemble
from net2bit.dpu.compiler.emit import emit
from net2bit.dpu.compiler.front import DpuPart, Partition, network
from net2bit.dpu.compiler.layers import Network
from net2bit.dpu.compiler.plan import Effort, alone, plan, trivial
from net2bit.dpu.compiler.schedule import FitError, Group, Program, Schedule
from net2bit.dpu.depend import depend
from net2bit.errors import ModelError
from net2bit.xir.graph import Graph


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled model with all that led to it.

    Attributes:
        graph: The compiled graph, to be written as an .xmodel.
        partition: Which ops run where, and why; its graph is the referee.
        networks: The layers of each DPU subgraph, in order.
        schedules: How each one shares the chip.
        allocations: Where the maps of each one lie in DDR.
        programs: The instructions of each one.
    """

    graph: Graph
    partition: Partition
    networks: tuple[Network, ...]
    schedules: tuple[Schedule, ...]
    allocations: tuple[Allocation, ...]
    programs: tuple[Program, ...]


def compile_graph(
    graph: Graph, fingerprint: int, *, effort: Effort = "fast", max_subgraphs: int | None = None, origin: Mapping[str, str] | None = None
) -> Compiled:
    """Compile a quantized graph for a DPU.

    Args:
        graph: Of `-fix` ops, as `net2bit.quant.lower` makes it; or that of a compiled model, whose machine code is ignored.
        fingerprint: Of the target.
        effort: How long to look for a good schedule.
        max_subgraphs: More DPU subgraphs than these are an error.
        origin: Names and md5 sums of the files that the graph comes from, for the record in the compiled one.

    Raises:
        ConfigError: The fingerprint is that of no DPUCZDX8G with ISA1.
        ModelError: The graph is damaged, holds nothing for the DPU, or falls into too many subgraphs.
        QuantError: Fix positions ask for shifts that the DPU does not have.
        ProgramError: A layer does not fit the machine.
    """
    target = arch(fingerprint)
    partition = network(graph, target)
    check_subgraphs(partition, max_subgraphs)
    made = [_compile(part, target, effort) for part in partition.dpu]
    whole = assemble(partition, made, target, origin or {})
    return Compiled(
        whole,
        partition,
        tuple(part.network for part in partition.dpu),
        tuple(code.schedule for code in made),
        tuple(code.allocation for code in made),
        tuple(code.program for code in made),
    )


def _compile(part: DpuPart, target: Arch, effort: Effort) -> Code:
    schedule = plan(part.network, target, effort=effort)
    try:
        code = _emitted(part.network, schedule, target)
    except FitError:
        code = _emitted(part.network, _apart(part.network, schedule, target), target)
    depend(code.program.instructions, target)
    return code


def _emitted(item: Network, schedule: Schedule, target: Arch) -> Code:
    allocation = allocate(item, schedule)
    return Code(schedule, allocation, emit(item, schedule, allocation.places, target))


def _apart(item: Network, schedule: Schedule, target: Arch) -> Schedule:
    """Return the schedule with those groups taken apart that the planner took to fit and that do not."""
    groups: list[Group] = []
    places = allocate(item, trivial(item, target)).places
    for group in schedule.groups:
        try:
            emit(item, Schedule((group,)), places, target)
            groups.append(group)
        except FitError:
            groups += [alone(item, layer.layer, target) for layer in group.layers]
    return Schedule(tuple(groups))


def check_subgraphs(partition: Partition, most: int | None) -> None:
    """Refuse a graph with nothing for the DPU, or with more than *most* DPU subgraphs.

    Raises:
        ModelError: It names the ops that cut the graph, and what to change.
    """
    count = len(partition.dpu)
    if count and (most is None or count <= most):
        return
    cutting = list(partition.cpu)[:_NAMED]
    told = "; ".join(str(reason) for reason in cutting) + ("; ..." if len(partition.cpu) > len(cutting) else "")
    remedies = dict.fromkeys(reason.remedy for reason in partition.cpu if reason.remedy)
    what = f"the network falls into {count} DPU subgraphs, {most} allowed" if count else "no op of the network can run on the DPU"
    raise ModelError(f"{what}: {told}", where=partition.graph.name, remedy="; ".join(remedies) or "allow more subgraphs")


_NAMED = 8
"""How many ops an error names."""
