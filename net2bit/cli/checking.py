"""Whether the machine code of a compiled model is sound, as plain data."""

from pathlib import Path
from typing import Any

from net2bit.dpu.check import check
from net2bit.dpu.model import DpuSubgraph, load


def checked(path: Path) -> dict[str, Any]:
    """Return the findings of every DPU subgraph.

    Raises:
        ConfigError: The model is for hardware of another generation.
        ModelError: The file is missing, damaged or not compiled.
        ProgramError: The code cannot be read.
    """
    subgraphs = [_subgraph(one) for one in load(path)]
    return {"model": path.name, "sound": not any(one["findings"] for one in subgraphs), "subgraphs": subgraphs}


def _subgraph(one: DpuSubgraph) -> dict[str, Any]:
    found = check(one.program, one.arch, {reg: len(memory) for reg, memory in one.registers().items()})
    return {
        "name": one.name,
        "arch": one.arch.name,
        "instructions": len(one.program),
        "findings": [
            {"kind": str(finding.kind), "instructions": list(finding.instructions), "engine": finding.engine, "text": finding.message}
            for finding in found
        ],
    }
