"""The graph to compile: a `-fix` graph with its codes in place, whether it comes from the quantizer or out of a compiled model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from net2bit.dpu.compiler.front.islands import fixed
from net2bit.dpu.model import dpu_nodes, ops_of
from net2bit.errors import ModelError
from net2bit.quant.kernels_read import position
from net2bit.xir.graph import Graph, Op, Tensor

BORDER = frozenset({"upload", "download"})
DDR_ATTRS = frozenset({"reg_id", "ddr_addr", "location", "stride"})


def plain(graph: Graph) -> Graph:
    """Return a `-fix` graph without subgraphs, borders and addresses; constants of a compiled model are read from its REG_0.

    A bias that the compiler has stored shifted right gets the fix position of what is stored, so that the integer executor computes
    the same numbers. A fake-quantized graph is lowered first.

    Raises:
        ModelError: It holds a picture batch, or the parameters of a compiled model are damaged.
    """
    graph = fixed(graph) if graph.of_type("fix") else graph
    content = _parameters(graph)
    made = Graph(graph.name, attrs={name: graph.attrs[name] for name in ("origin",) if name in graph.attrs})
    made.op_defs = graph.op_defs
    renamed: dict[str, str] = {}
    for op in graph:
        if op.type in BORDER:
            source = op.arg("input")
            renamed[op.name] = renamed.get(source, source)
            if op.type == "download":
                made.op(renamed[op.name]).tensor.name = op.tensor.name
            continue
        made.add(_stripped(op, renamed, content))
    _single(made)
    _align_biases(made, content)
    return made


def _parameters(graph: Graph) -> dict[str, bytes]:
    """Return the REG_0 that each op of a DPU subgraph reads."""
    found: dict[str, bytes] = {}
    for node in dpu_nodes(graph):
        values = node.attrs.get("reg_id_to_parameter_value")
        parameters = values.get("REG_0", b"") if isinstance(values, dict) else b""
        found |= dict.fromkeys(ops_of(node), bytes(parameters))  # type: ignore[arg-type]
    return found


def _stripped(op: Op, renamed: dict[str, str], content: dict[str, bytes]) -> Op:
    tensor = Tensor(op.tensor.name, tuple(op.tensor.shape), op.tensor.dtype, dict(op.tensor.attrs))
    args = {arg: [renamed.get(name, name) for name in names] for arg, names in op.args.items()}
    made = replace(op, tensor=tensor, args=args, attrs=dict(op.attrs))
    if op.type == "const-fix" and op.data is None and op.name in content:
        made.data = _codes(op, content[op.name])
    for name in DDR_ATTRS:
        tensor.attrs.pop(name, None)
    return made


def _codes(op: Op, parameters: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    at, size = op.tensor.attrs.get("ddr_addr"), int(np.prod(op.tensor.shape))
    if not isinstance(at, int) or op.tensor.attrs.get("reg_id") != 0 or not 0 <= at <= len(parameters) - size:
        raise ModelError(
            f"the parameters of '{op.name}' do not lie in REG_0 of its subgraph", where=op.name, remedy="the file is damaged: compile again"
        )
    return np.frombuffer(parameters, np.int8, size, at).reshape(op.tensor.shape).copy()


def _single(graph: Graph) -> None:
    for op in graph.inputs():
        if op.tensor.shape and op.tensor.shape[0] != 1:
            raise ModelError(
                f"the input '{op.name}' takes {op.tensor.shape[0]} pictures at once; a DPU of this family computes one",
                where=op.name,
                remedy="quantize and export the network with batch size 1",
            )


def _align_biases(graph: Graph, content: dict[str, bytes]) -> None:
    """Undo the shift of biases that were stored with one guard bit: their position becomes that of half an accumulator step."""
    for op in graph:
        if not op.args.get("bias") or op.arg("bias") not in content or graph.op(op.arg("bias")).type != "const-fix":
            continue
        bias = graph.op(op.arg("bias"))
        accumulator = position(graph.op(op.arg("input"))) + position(graph.op(op.arg("weights")))
        bias.tensor.attrs["fix_point"] = min(position(bias), accumulator + 1)
