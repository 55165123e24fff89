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
    content = blobs(graph)
    coarse = dict(coarse_biases(graph))
    made = Graph(graph.name, attrs=graph.attrs)
    for op in graph:
        if op.type == "const-fix" and (op.data is None or not op.data.size) and op.name in content:
            attrs = op.tensor.attrs | ({"fix_point": coarse[op.name]} if op.name in coarse else {})
            made.add(replace(op, tensor=replace(op.tensor, attrs=attrs), data=codes(op, content[op.name])))
        else:
            made.add(op)
    return made


def blobs(graph: Graph) -> dict[str, bytes]:
    """Return the REG_0 that each op of a DPU subgraph reads."""
    found: dict[str, bytes] = {}
    for node in model.dpu_nodes(graph):
        values = node.attrs.get("reg_id_to_parameter_value")
        parameters = values.get("REG_0", b"") if isinstance(values, dict) else b""
        found |= dict.fromkeys(model.ops_of(node), bytes(parameters))  # type: ignore[arg-type]
    return found


def codes(op: Op, parameters: bytes) -> NDArray[np.int8]:
    """Return the codes of a constant that lies in *parameters*.

    Raises:
        ModelError: It does not.
    """
    at, size = op.tensor.attrs.get("ddr_addr"), int(np.prod(op.tensor.shape))
    if not isinstance(at, int) or op.tensor.attrs.get("reg_id") != 0 or not 0 <= at <= len(parameters) - size:
        raise ModelError(
            f"the parameters of '{op.name}' do not lie in REG_0 of its subgraph ({len(parameters)} bytes)",
            where=op.name,
            remedy="the file is damaged: compile again",
        )
    return np.frombuffer(parameters, np.int8, size, at).reshape(op.tensor.shape)


def coarse_biases(graph: Graph) -> Iterator[tuple[str, int]]:
    """Yield the biases that are finer than half an accumulator step, and the position of that step."""
    for op in graph:
        if op.args.get("bias") and op.args.get("weights"):
            bias, source, weights = (graph.op(op.arg(name)).tensor.attrs.get("fix_point") for name in ("bias", "input", "weights"))
            if isinstance(bias, int) and isinstance(source, int) and isinstance(weights, int) and bias > source + weights + 1:
                yield op.arg("bias"), source + weights + 1
