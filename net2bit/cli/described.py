"""What a model holds, as plain data."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from net2bit.dpu.model import DpuSubgraph, DpuTensor, dpu_nodes, load, ops_of
from net2bit.errors import ConfigError
from net2bit.xir.graph import CONSTANTS, Graph, Subgraph
from net2bit.xir.xmodel import read


def model_facts(path: Path) -> dict[str, Any]:
    """Return what `net2bit inspect` prints.

    Raises:
        ModelError: The file is missing, damaged, or no .xmodel.
    """
    graph = read(path)
    compiled = {one.name: one for one in load(graph)} if any(dpu_nodes(graph)) else {}
    return {
        "name": graph.name,
        "file": path.name,
        "md5": hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(),
        "origin": graph.attrs.get("origin"),
        "compiled": bool(compiled),
        "inputs": [_port(op.name, op.tensor.shape, op.tensor.attrs.get("fix_point")) for op in graph.inputs()],
        "outputs": [_port(op.name, op.tensor.shape, op.tensor.attrs.get("fix_point")) for op in graph.outputs()],
        "subgraphs": [_subgraph(graph, node, compiled.get(node.name)) for node in _nodes(graph)],
    }


def _nodes(graph: Graph) -> Iterator[Subgraph]:
    """Yield the parts of a graph, the whole of one that is not cut."""
    yield from graph.root.children if graph.root and graph.root.children else [Subgraph(graph.name, [op.name for op in graph])]


def _port(name: str, shape: tuple[int, ...], fix_point: object) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "fix_point": fix_point}


def _subgraph(graph: Graph, node: Subgraph, compiled: DpuSubgraph | None) -> dict[str, Any]:
    ops = [graph.op(name) for name in ops_of(node)]
    types = Counter(op.type for op in ops if op.type not in CONSTANTS)
    facts = {"name": node.name, "device": str(node.attrs.get("device", "")), "ops": len(ops), "types": dict(sorted(types.items()))}
    return facts | (_compiled(compiled) if compiled else {})


def _compiled(subgraph: DpuSubgraph) -> dict[str, Any]:
    return {
        "target": str(subgraph.attrs.get("dpu_name") or "unnamed"),
        "fingerprint": f"{subgraph.fingerprint:#x}",
        "code": len(subgraph.code),
        "instructions": _instructions(subgraph),
        "layers": list(subgraph.layers),
        "parameters": len(subgraph.parameters),
        "workload": int(subgraph.attrs.get("workload", 0)),
        "workload_on_arch": int(subgraph.attrs.get("workload_on_arch", 0)),
        "registers": [{"id": reg, "kind": subgraph.kinds.get(reg, "DATA"), "size": size} for reg, size in sorted(subgraph.sizes.items())],
        "inputs": [_border(tensor) for tensor in subgraph.inputs],
        "outputs": [_border(tensor) for tensor in subgraph.outputs],
    }


def _instructions(subgraph: DpuSubgraph) -> dict[str, int]:
    """Return how many of each name there are; none where the code is of another generation than ISA1."""
    try:
        return dict(sorted(Counter(one.mnemonic for one in subgraph.program).items()))
    except ConfigError:
        return {}


def _border(tensor: DpuTensor) -> dict[str, Any]:
    return _port(tensor.name, tensor.shape, tensor.fix_point) | {
        "reg": tensor.reg,
        "address": tensor.address,
        "stride": list(tensor.stride),
    }
