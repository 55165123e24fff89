"""The graph to compile: a `-fix` graph with its codes in place, whether it comes from the quantizer or out of a compiled model."""

from __future__ import annotations

from dataclasses import replace

from net2bit.dpu.compiler.front.islands import fixed
from net2bit.dpu.parameters import blobs, coarse_biases, codes
from net2bit.errors import ModelError
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
    content = blobs(graph)
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
    for name, point in coarse_biases(made):
        if name in content and made.op(name).type == "const-fix":
            made.op(name).tensor.attrs["fix_point"] = point
    return made


def _stripped(op: Op, renamed: dict[str, str], content: dict[str, bytes]) -> Op:
    tensor = Tensor(op.tensor.name, tuple(op.tensor.shape), op.tensor.dtype, dict(op.tensor.attrs))
    args = {arg: [renamed.get(name, name) for name in names] for arg, names in op.args.items()}
    made = replace(op, tensor=tensor, args=args, attrs=dict(op.attrs))
    if op.type == "const-fix" and op.data is None and op.name in content:
        made.data = codes(op, content[op.name]).copy()
    for name in DDR_ATTRS:
        tensor.attrs.pop(name, None)
    return made


def _single(graph: Graph) -> None:
    for op in graph.inputs():
        if op.tensor.shape and op.tensor.shape[0] != 1:
            raise ModelError(
                f"the input '{op.name}' takes {op.tensor.shape[0]} pictures at once; a DPU of this family computes one",
                where=op.name,
                remedy="quantize and export the network with batch size 1",
            )
