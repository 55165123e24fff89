"""The constants of a compiled model, read back from the parameters of its DPU subgraphs, so that the graph itself can be executed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu import model
from net2bit.errors import ModelError
from net2bit.xir.graph import Graph, Op


def with_parameters(graph: Graph) -> Graph:
    """Return a compiled graph whose constants are taken from REG_0, where a compiler has put them; it shares all other ops.

    The machine shifts a bias to the left only. One that is finer than half an accumulator step is therefore stored at that step, whatever
    position the graph still has for it.

    Raises:
        ModelError: A constant lies outside of REG_0.
    """
    blobs = {name: item.parameters for item in model.load(graph) for name in item.ops}
    coarse = dict(_coarse_biases(graph))
    made = Graph(graph.name, attrs=graph.attrs)
    for op in graph:
        if op.type == "const-fix" and (op.data is None or not op.data.size) and op.name in blobs:
            attrs = op.tensor.attrs | ({"fix_point": coarse[op.name]} if op.name in coarse else {})
            made.add(replace(op, tensor=replace(op.tensor, attrs=attrs), data=_parameter(op, blobs[op.name])))
        else:
            made.add(op)
    return made


def _coarse_biases(graph: Graph) -> Iterator[tuple[str, int]]:
    """Yield the biases that are finer than half an accumulator step, and the position of that step."""
    for op in graph:
        if op.args.get("bias") and op.args.get("weights"):
            bias, source, weights = (graph.op(op.arg(name)).tensor.attrs.get("fix_point") for name in ("bias", "input", "weights"))
            if isinstance(bias, int) and isinstance(source, int) and isinstance(weights, int) and bias > source + weights + 1:
                yield op.arg("bias"), source + weights + 1


def _parameter(op: Op, blob: bytes) -> NDArray[np.int8]:
    address, size = op.tensor.attrs.get("ddr_addr"), int(np.prod(op.tensor.shape))
    if not isinstance(address, int) or not 0 <= address <= len(blob) - size:
        raise ModelError(f"the {size} codes of '{op.name}' do not lie inside of REG_0 ({len(blob)} bytes)", where=op.name)
    return np.frombuffer(blob, np.int8, size, address).reshape(op.tensor.shape)
