"""`<net>_kernel.info`: the compiled network in figures, with the fields of the vendor's compilers up to Vitis AI 1.2; and the files beside.

MB are 2**20 bytes and MOPS 10**6 operations, a multiply-accumulate being two, as in the vendor's reports.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from net2bit.dpu.compiler.front.site import dims
from net2bit.dpu.model import DpuSubgraph, dpu_nodes, load, ops_of
from net2bit.xir.graph import CONSTANTS, Graph, Op, Subgraph
from net2bit.xir.xmodel import encode

WIDTH: Final = 40
"""Columns ahead of the colon."""
RULE: Final = 80
COMPUTING: Final = frozenset(
    {
        *("conv2d-fix", "depthwise-conv2d-fix", "transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"),
        *("pool-fix", "eltwise-fix", "hard-sigmoid-fix", "concat-fix", "upsample-fix"),
    }
)
"""Op types that count as nodes."""


def kernel_info(graph: Graph) -> str:
    """Return the text for a compiled graph: a list of its kernels, then the figures of each.

    Raises:
        ModelError: The graph is not compiled.
    """
    parts = {part.name: part for part in load(graph)}
    nodes = [node for node in (graph.root.children if graph.root else ()) if node.attrs.get("device") != "USER"]
    lines = [_line("Kernel ID", "Name"), *(_line(str(index), node.name) for index, node in enumerate(nodes)), ""]
    for node in nodes:
        lines += [_line("Kernel Name", node.name), "-" * RULE]
        lines += _dpu(graph, parts[node.name]) if node.name in parts else _cpu(graph, node)
        lines += ["", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _line(name: str, value: str) -> str:
    return f"{name:>{WIDTH}} : {value}"


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.2f}MB"


def _dpu(graph: Graph, part: DpuSubgraph) -> Iterator[str]:
    ops = [graph.op(name) for name in part.ops]
    nodes = [op for op in ops if op.type in COMPUTING]
    entering = {op.name: op for op in ops if op.type == "upload"}
    leaving = {op.arg("input"): graph.op(op.arg("input")) for op in ops if op.type == "download"}
    yield _line("Kernel Type", "DPUKernel")
    yield _line("Code Size", _mib(len(part.code)))
    yield _line("Param Size", _mib(len(part.parameters)))
    yield _line("Workload MACs", f"{int(part.attrs.get('workload', 0)) / 1e6:.2f}MOPS")
    yield _line("IO Memory Space", _mib(sum(size for reg, size in part.sizes.items() if reg)))
    yield _line("Mean Value", "0, " * len(entering))
    yield _line("Total Tensor Count", str(len(nodes) + len(entering)))
    yield from _boundary(((op.tensor.name, op) for op in entering.values()), ((op.tensor.name, op) for op in leaving.values()))
    yield _line("Total Node Count", str(len(nodes)))
    first = [(op.name, graph.op(op.arg("input"))) for op in nodes if set(op.producers) & entering.keys() and len(op.args["input"]) == 1]
    yield from _nodes(first, list(leaving.items()))


def _cpu(graph: Graph, node: Subgraph) -> Iterator[str]:
    inside = set(ops_of(node))
    ops = [op for op in graph if op.name in inside and op.type not in CONSTANTS]
    sources = {name: graph.op(name) for op in ops for name in op.producers if name not in inside}
    used = {name for op in graph if op.name not in inside for name in op.producers} | {op.name for op in graph.outputs()}
    leaving = [op for op in ops if op.name in used]
    yield _line("Kernel Type", "CPUKernel")
    yield from _boundary(((op.tensor.name, op) for op in sources.values()), ((op.tensor.name, op) for op in leaving))
    first = [(op.name, graph.op(op.producers[0])) for op in ops if set(op.producers) & sources.keys()]
    yield from _nodes(first, [(op.name, op) for op in leaving])


def _boundary(entering: Iterable[tuple[str, Op]], leaving: Iterable[tuple[str, Op]]) -> Iterator[str]:
    yield from _shapes("Boundary Input Tensor(s)", entering)
    yield from _shapes("Boundary Output Tensor(s)", leaving)


def _nodes(entering: Iterable[tuple[str, Op]], leaving: Iterable[tuple[str, Op]]) -> Iterator[str]:
    yield from _shapes("Input Node(s)", entering)
    yield from _shapes("Output Node(s)", leaving)


def _shapes(title: str, items: Iterable[tuple[str, Op]]) -> Iterator[str]:
    yield f"{title:>{WIDTH}}   (H*W*C)"
    for name, op in items:
        yield _line(f"{name}(0)", "*".join(map(str, dims(op))))
    yield ""


def meta(graph: Graph, filename: str) -> dict[str, object]:
    """Return what `meta.json` says: the runtime's library, the file, its DPU kernels and the target.

    Raises:
        ModelError: The graph is not compiled.
    """
    names = [node.name for node in dpu_nodes(graph)]
    target = next(node.attrs.get("dpu_name", "") for node in dpu_nodes(graph))
    return {"lib": "libvart-dpu-runner.so", "filename": filename, "kernel": names, "target": target}


def save(graph: Graph, folder: Path, name: str) -> Mapping[str, Path]:
    """Write a compiled graph and the files beside it; the same graph always gives the same bytes.

    Args:
        graph: The compiled graph.
        folder: Receives `<name>.xmodel`, `meta.json`, `md5sum.txt` and `<name>_kernel.info`; it is made where absent.
        name: Of the network.

    Returns:
        The paths, by kind: `xmodel`, `meta.json`, `md5sum.txt`, `kernel.info`.

    Raises:
        ModelError: The graph is not compiled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = encode(graph)
    model = folder / f"{name}.xmodel"
    made = {
        "xmodel": (model, content),
        "meta.json": (folder / "meta.json", json.dumps(meta(graph, model.name), indent=4).encode() + b"\n"),
        "md5sum.txt": (folder / "md5sum.txt", f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}\n".encode()),
        "kernel.info": (folder / f"{name}_kernel.info", kernel_info(graph).encode()),
    }
    for path, text in made.values():
        path.write_bytes(text)
    return {kind: path for kind, (path, _) in made.items()}
