"""Runs whole models: DPU subgraphs by their machine code, what lies between and behind them by the executors of the graph.

A compiled model says which device every subgraph belongs to; its DPU subgraphs run in `net2bit.dpu.simulator`, everything else in
`net2bit.quant.executor`. With the engine `integer` the graph itself is executed instead, code and registers unused: both must agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu import model, simulator
from net2bit.dpu.model import DpuSubgraph, ops_of
from net2bit.dpu.parameters import with_parameters
from net2bit.dpu.simulator import Task
from net2bit.errors import ModelError, QuantError, near
from net2bit.quant.arith import dequantize, quantize
from net2bit.quant.executor import Executor
from net2bit.quant.lower import lower
from net2bit.xir import build
from net2bit.xir.graph import CONSTANTS, Graph, Op, Subgraph, Tensor
from net2bit.xir.xmodel import read

Array = NDArray[Any]
Values = dict[str, Array]

ENGINES: Final = ("simulator", "integer")


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a model.

    Attributes:
        name: Of its op.
        shape: As in the graph, the batch first.
        fix_point: Its codes stand for `code * 2**-fix_point`; None where it is float32.
    """

    name: str
    shape: tuple[int, ...]
    fix_point: int | None


class Runner:
    """A model made ready to run many batches.

    Attributes:
        graph: The model: compiled, or quantized only (that one runs with the engine `integer`).
        inputs: In graph order.
        outputs: In graph order.
    """

    def __init__(self, source: Path | str | Graph) -> None:
        """Read the model.

        Raises:
            ModelError: The file is missing or damaged.
        """
        self.graph = source if isinstance(source, Graph) else read(Path(source))
        self._plans: dict[str, list[Task]] = {}
        whole = self.graph if self.compiled or not self.graph.of_type("fix") else self._integer.graph
        self.inputs = tuple(port(op) for op in whole.inputs())
        self.outputs = tuple(port(op) for op in whole.outputs())

    @property
    def compiled(self) -> bool:
        """Whether the model has a DPU subgraph."""
        return any(True for _ in model.dpu_nodes(self.graph))

    def run(
        self, feeds: Mapping[str, Array], engine: str = "simulator", *, keep: Iterable[str] = (), reals: bool = False, strict: bool = False
    ) -> Values:
        """Run the model on a batch, image by image where it runs on the DPU.

        Args:
            feeds: Name of every input -> int8 codes, or floats, which are quantized as the input's tensor says; the batch is free.
            engine: `simulator` executes the machine code, `integer` the graph.
            keep: Further ops whose outputs are wanted; with the simulator only those outside of DPU subgraphs, and their outputs.
            reals: Whether int8 outputs are given as the numbers they stand for.
            strict: Whether the simulator also looks for what hardware would not forgive.

        Returns:
            Output name -> int8 codes, or float32 where the model ends in float ops.

        Raises:
            QuantError: An input is missing, unknown, or of another shape or type.
            ModelError: The model cannot be run by this engine.
            ProgramError: The machine code cannot be executed.
        """
        if engine not in ENGINES:
            raise QuantError(
                f"there is no engine '{engine}'", remedy=f"choose one of {', '.join(ENGINES)}", suggestion=near(engine, ENGINES)
            )
        values = self._accept(feeds)
        wanted = [*(item.name for item in self.outputs), *keep]
        found = self._integer.run(values, keep) if engine == "integer" else self._simulate(values, wanted, strict=strict)
        points = {name: _position(self._op(name)) for name in wanted}
        return {name: _real(found[name], points[name]) if reals else found[name] for name in dict.fromkeys(wanted)}

    def _op(self, name: str) -> Op:
        return self.graph.op(name) if self.compiled else self._integer.graph.op(name)

    def _accept(self, feeds: Mapping[str, Array]) -> Values:
        """Return the feeds by op, floats quantized."""
        names = [item.name for item in self.inputs]
        if unknown := sorted(set(feeds) - set(names)):
            raise QuantError(
                f"the model has no input '{unknown[0]}'", where=self.graph.name, remedy=_list(names), suggestion=near(unknown[0], names)
            )
        if missing := [name for name in names if name not in feeds]:
            raise QuantError(f"no value is given for the input '{missing[0]}'", where=self.graph.name, remedy=_list(names))
        made = {item.name: accept(item, np.asarray(feeds[item.name])) for item in self.inputs}
        sizes = {name: array.shape[0] for name, array in made.items()}
        if len(set(sizes.values())) > 1:
            raise QuantError(f"the inputs have batches of different sizes: {sizes}", where=self.graph.name)
        return made

    # The graph ----------------------------------------------------------------------------------------------------------------------

    @cached_property
    def _integer(self) -> Executor:
        graph = lower(self.graph) if self.graph.of_type("fix") else self.graph
        return Executor(with_parameters(graph) if self.compiled else graph)

    # The machine code ---------------------------------------------------------------------------------------------------------------

    @cached_property
    def _dpu(self) -> dict[str, DpuSubgraph]:
        return {item.name: item for item in model.load(self.graph)}

    @cached_property
    def _parts(self) -> list[Host | DpuSubgraph]:
        dpu = self._dpu
        assert self.graph.root is not None  # noqa: S101 - they are below it
        return [dpu[node.name] if node.name in dpu else Host(self.graph, node) for node in self.graph.root.children]

    def _simulate(self, values: Values, wanted: list[str], *, strict: bool) -> Values:
        if unknown := [name for name in wanted if name not in self.graph]:
            raise QuantError(f"the graph has no op '{unknown[0]}'", where=self.graph.name, suggestion=near(unknown[0], self._names()))
        for part in self._parts:
            if isinstance(part, DpuSubgraph):
                values |= execute(part, values, self._plan(part), strict=strict)
            else:
                values |= part.run(values, wanted)
        if hidden := [name for name in wanted if name not in values]:
            raise ModelError(
                f"'{hidden[0]}' lies inside of a DPU subgraph, where the machine code leaves nothing to read",
                where=self.graph.name,
                remedy="ask the engine integer for it",
            )
        return values

    def _plan(self, part: DpuSubgraph) -> list[Task]:
        if part.name not in self._plans:
            self._plans[part.name] = simulator.plan(part.program, part.arch)
        return self._plans[part.name]

    def _names(self) -> list[str]:
        return [op.name for op in self.graph]


class Host:
    """A subgraph that the processor executes; one that holds the model's inputs has nothing to do."""

    def __init__(self, graph: Graph, node: Subgraph) -> None:
        """Cut the subgraph out of the graph; what it takes from outside becomes an input of its own."""
        inside = set(ops_of(node))
        self.inputs = {op.name for op in graph if op.name in inside and op.type in {"data", "data-fix"}}
        self.needs = {name for op in graph if op.name in inside for name in op.producers} - inside
        self.graph = Graph(node.name)
        for op in graph:
            if op.name in self.needs and op.type not in CONSTANTS:
                self.graph.add(_source(op))
            elif op.name in inside | self.needs:
                self.graph.add(op)
        self.needs = {name for name in self.needs if graph.op(name).type not in CONSTANTS}
        users = {name for op in graph if op.name not in inside for name in op.producers}
        self.gives = [op.name for op in graph if op.name in inside and op.name in users and op.type not in CONSTANTS]

    @cached_property
    def _executor(self) -> Executor:
        return Executor(self.graph)

    def run(self, values: Values, wanted: Iterable[str]) -> Values:
        """Return its outputs, and those of its ops that are wanted."""
        if all(op.name in self.inputs for op in self.graph):
            return {}
        keep = [name for name in wanted if name in self.graph and name not in self.needs]
        return self._executor.run({name: values[name] for name in self.needs | self.inputs}, [*self.gives, *keep])


def _source(op: Op) -> Op:
    """Return an input that stands for the output of *op*."""
    if (position := _position(op)) is not None:
        return build.data_fix(Graph("one"), op.name, op.tensor.shape, position)
    return Op(op.name, "data", Tensor(op.tensor.name, op.tensor.shape))


def execute(part: DpuSubgraph, values: Mapping[str, Array], tasks: Sequence[Task], *, strict: bool = False) -> Values:
    """Run a DPU subgraph on int8 codes by the names of the ops that feed it, image by image; memory is not cleared in between.

    Raises:
        ModelError: The subgraph is made for more than one picture at a time.
        ProgramError: The machine code cannot be executed.
    """
    if any(item.shape[0] != 1 for item in (*part.inputs, *part.outputs)):
        raise ModelError("a tensor at its border holds several pictures; this DPU computes one at a time", where=part.name)
    registers = part.registers()
    if strict:
        fed = {item.reg for item in part.inputs}
        unwritten = {reg for reg, kind in part.kinds.items() if kind != "CONST" and reg not in fed}
        simulator.verify(part.program, part.arch, {reg: memory.size for reg, memory in registers.items()}, unwritten)
    made: dict[str, list[Array]] = {item.op: [] for item in part.outputs}
    for image in range(next(iter(values[item.op].shape[0] for item in part.inputs))):
        for item in part.inputs:
            item.view(registers)[...] = values[item.op][image]
        simulator.execute(tasks, part.arch, registers)
        for item in part.outputs:
            made[item.op].append(np.array(item.view(registers)))
    return {name: np.concatenate(images) for name, images in made.items()}


def port(op: Op) -> Port:
    """Return what an op is as an input or output."""
    return Port(op.name, tuple(op.tensor.shape), _position(op))


def _position(op: Op) -> int | None:
    found = op.tensor.attrs.get("fix_point")
    return found if isinstance(found, int) else None


def accept(item: Port, array: Array) -> Array:
    """Return an array as an input takes it: int8 codes, or float32 where it has no fix position.

    Raises:
        QuantError: Its shape or its type is another.
    """
    if array.ndim != len(item.shape) or array.shape[1:] != item.shape[1:] or not array.shape[0]:
        wanted = " x ".join(["N", *map(str, item.shape[1:])])
        missing = array.shape == item.shape[1:]
        remedy = "put the batch in front: array[None]" if missing else "maps are NHWC"
        raise QuantError(f"the input '{item.name}' has the shape {list(array.shape)}, not {wanted}", where=item.name, remedy=remedy)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise QuantError(f"the input '{item.name}' holds numbers that are not finite", where=item.name)
        return array.astype(np.float32) if item.fix_point is None else quantize(array, item.fix_point)
    if item.fix_point is None or array.dtype != np.int8:
        wanted = "floats" if item.fix_point is None else f"int8 codes at fix position {item.fix_point}, or floats"
        raise QuantError(f"the input '{item.name}' holds {array.dtype}; it takes {wanted}", where=item.name)
    return np.ascontiguousarray(array)


def _real(array: Array, position: int | None) -> Array:
    return array if position is None or array.dtype != np.int8 else dequantize(array, position)


def _list(names: Iterable[str]) -> str:
    return "inputs: " + ", ".join(names)
