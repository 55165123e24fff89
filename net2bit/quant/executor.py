"""Executes `-fix` graphs in integers, bit for bit as the DPU computes them (`net2bit.quant.arith` is the specification).

Which engine does the arithmetic changes the time and nothing else: `reference` is numpy int64, `exact` float32 convolutions under a guard,
`vnni` 8-bit dot products of the processor. What a compiled graph leaves to the processor (`fix2float`, `softmax`) runs in float32.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import QuantError, near
from net2bit.quant import engines, kernels_float, kernels_read
from net2bit.quant.engines import Engine, Handle, Kernel
from net2bit.quant.floating import feed, last_uses, names
from net2bit.xir.graph import Graph, Op

_MOVED = frozenset({"upload", "download", "identity"})
_CODES = frozenset({"fix2float", "argmax-fix"})
"""What the processor computes from codes."""
_CONSTANTS = frozenset({"const", "const-fix"})


def run_integer(
    graph: Graph,
    inputs: Mapping[str, NDArray[np.int8]],
    engine: str | Engine = "exact",
    keep: Iterable[str] = (),
) -> dict[str, NDArray[Any]]:
    """Execute *graph* once.

    Args:
        graph: Of `-fix` ops, as `net2bit.quant.lower` makes it or a compiler writes it (with the parameters in `Op.data`).
        inputs: Name of every `data-fix` op -> int8 codes, NHWC (of a `data` op: float32); the batch may differ from the graph's.
        engine: One of `engines.available()`, or an engine made before.
        keep: Further ops whose outputs are wanted.

    Returns:
        The outputs of the graph and of the ops in *keep*, by name: int8 codes, or float32 behind a `fix2float`.

    Raises:
        QuantError: An input, an op or an attribute is missing or impossible; it names the op.
        ToolError: The engine cannot run here.
    """
    return Executor(graph, engine).run(inputs, keep)


class Executor:
    """A graph made ready on an engine, to run many batches.

    Attributes:
        graph: What it executes; it must not change from now on.
    """

    def __init__(self, graph: Graph, engine: str | Engine = "exact") -> None:
        """Check every op and pack every weight.

        Raises:
            QuantError: An op or an attribute is missing or impossible; it names the op.
            ToolError: The engine cannot run here.
        """
        self.graph = graph
        self._engine = engines.create(engine) if isinstance(engine, str) else engine
        self._codes = coded(graph)
        self._spent = last_uses(graph)
        self._steps: dict[str, tuple[tuple[str, ...], Kernel]] = {}
        for op in graph:
            if op.type in kernels_read.known():
                step = kernels_read.step_of(graph, op)
                self._steps[op.name] = step.inputs, self._engine.compile(step)
        processed = [op for op in graph if op.name not in self._steps]
        self._operands = {name for sources, _ in self._steps.values() for name in sources} | {
            name for op in processed for name in op.producers
        }

    def run(self, inputs: Mapping[str, NDArray[Any]], keep: Iterable[str] = ()) -> dict[str, NDArray[Any]]:
        """Execute the graph on *inputs*; see `run_integer`."""
        wanted = {op.name for op in self.graph.outputs()} | set(keep)
        unknown = sorted(name for name in wanted if name not in self.graph)
        if unknown:
            raise QuantError(
                f"the graph has no op '{unknown[0]}' to keep", where=self.graph.name, suggestion=near(unknown[0], names(self.graph))
            )
        values: dict[str, Handle] = {}
        kept: dict[str, NDArray[Any]] = {}
        for op in self.graph:
            if op.type not in _CONSTANTS or op.name in self._operands | wanted:
                values[op.name] = self._execute(op, values, inputs)
            if op.name in wanted:
                kept[op.name] = self._engine.store(values[op.name]) if op.name in self._codes else values[op.name]
            for name in self._spent.get(op.name, ()):
                values.pop(name, None)
        return kept

    def _execute(self, op: Op, values: Mapping[str, Handle], inputs: Mapping[str, NDArray[Any]]) -> Handle:
        if op.name in self._steps:
            sources, kernel = self._steps[op.name]
            return kernel([values[name] for name in sources])
        if op.type in _MOVED:
            return values[op.arg("input")]
        if op.type in _CONSTANTS:
            return self._engine.load(kernels_read.codes_of(op)) if op.name in self._codes else op.data
        if op.type in ("data", "data-fix"):
            return self._engine.load(feed(op, inputs, np.int8)) if op.name in self._codes else feed(op, inputs, np.float32)
        return self._process(op, values)

    def _process(self, op: Op, values: Mapping[str, Handle]) -> Handle:
        """Compute what a compiled graph leaves to the processor."""
        arrays = {
            arg: [self._engine.store(values[name]) if name in self._codes else values[name] for name in producers]
            for arg, producers in op.args.items()
        }
        made = kernels_float.KERNELS[op.type](op, arrays)
        return self._engine.load(made) if op.name in self._codes else made


def coded(graph: Graph) -> frozenset[str]:
    """Return the names of the ops whose outputs are int8 codes; those of the others are float32.

    Raises:
        QuantError: An op has no kernel here, or mixes the two; it names the op.
    """
    found: set[str] = set()
    for op in graph:
        sources = op.args.get("input", [])
        kinds = {name in found for name in sources}
        if op.type in kernels_read.known() | {"data-fix", "const-fix", "float2fix"} or (op.type in _MOVED and kinds == {True}):
            found.add(op.name)
        _check(op, kinds)
    return frozenset(found)


def _check(op: Op, kinds: set[bool]) -> None:
    known = {"data", "data-fix", "const", "const-fix", *_MOVED, *kernels_read.known(), *kernels_float.KERNELS}
    if op.type not in known:
        raise QuantError(
            f"the integer executor has no kernel for {op.type} '{op.name}'",
            where=op.name,
            remedy="cut the graph in front of it; a float graph runs in net2bit.quant.floating, and net2bit.quant.lower makes it integer",
            suggestion=near(op.type, known),
        )
    wants = op.type in kernels_read.known() | _CODES
    if op.type not in _MOVED and kinds and kinds != {wants}:
        raise QuantError(
            f"{op.type} '{op.name}' takes {'int8 codes' if wants else 'float32 numbers'}, and is fed the other kind",
            where=op.name,
            remedy="put a float2fix or a fix2float in between",
        )
