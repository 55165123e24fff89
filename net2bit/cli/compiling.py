"""From a quantized network, or the graph of a compiled one, to machine code."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from net2bit.cli.targets import fingerprint_of
from net2bit.dpu.compiler.compile import Compiled, compile_graph
from net2bit.dpu.compiler.info import save
from net2bit.dpu.compiler.plan import Effort
from net2bit.dpu.model import load
from net2bit.dpu.target.describe import describe
from net2bit.errors import ConfigError, ModelError
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read, write


@dataclass(frozen=True)
class Choice:
    """The options of `net2bit compile`."""

    effort: Effort
    max_subgraphs: int | None
    side_files: bool


def compiled(source: Path, target: str, output: Path, choice: Choice) -> dict[str, Any]:
    """Write the compiled network and return what is to be said about it.

    Raises:
        ConfigError: The target is unknown, or of another generation than ISA1; or files are to stand beside one that is no .xmodel.
        ModelError: The file is damaged, or no quantized network.
        ProgramError: A layer does not fit the target.
        QuantError: Fix positions ask for shifts that the DPU does not have.
    """
    if choice.side_files and output.suffix != ".xmodel":
        raise ConfigError(f"'{output.name}' does not end in .xmodel", where="-o", remedy=f"-o {output.with_suffix('.xmodel')}")
    wanted = describe(target)
    found = compile_graph(
        _quantized(source),
        fingerprint_of(wanted),
        effort=choice.effort,
        max_subgraphs=choice.max_subgraphs,
        origin={source.name: hashlib.md5(source.read_bytes(), usedforsecurity=False).hexdigest()},
    )
    return _said(found, wanted.notes, _written(found.graph, output, side_files=choice.side_files))


def _quantized(path: Path) -> Graph:
    """Return a network of fixed-point ops, or one with quantizers.

    Raises:
        ModelError: It is a float network.
    """
    graph = read(path)
    if not graph.of_type("data-fix") and not graph.of_type("fix"):
        raise ModelError(f"'{path.name}' is not quantized", where=str(path), remedy="quantize it first: `net2bit quantize`")
    return graph


def _written(graph: Graph, output: Path, *, side_files: bool) -> list[str]:
    if not side_files:
        write(graph, output)
        return [str(output)]
    return [str(path) for path in save(graph, output.parent, output.stem).values()]


def _said(found: Compiled, notes: Sequence[str], files: list[str]) -> dict[str, Any]:
    parts = load(found.graph)
    return {
        "name": found.graph.name,
        "target": str(parts[0].attrs["dpu_name"]),
        "fingerprint": f"{parts[0].fingerprint:#x}",
        "subgraphs": len(parts),
        "instructions": sum(len(part.program) for part in parts),
        "code": sum(len(part.code) for part in parts),
        "parameters": sum(len(part.parameters) for part in parts),
        "cpu_ops": [{"name": one.op, "type": one.type, "reason": one.why, "remedy": one.remedy} for one in found.partition.cpu],
        "notes": list(notes),
        "files": files,
    }
