"""The stage that compiles the quantized network to machine code."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from net2bit.dpu.compiler.compile import Compiled, compile_graph
from net2bit.dpu.compiler.info import kernel_info, meta
from net2bit.dpu.target import arch_json
from net2bit.job import Job
from net2bit.xir.xmodel import encode, read


def run(job: Job) -> None:
    """Make the compiled `.xmodel`, `meta.json`, `md5sum.txt` and the kernel's text; of the DPU it reads `arch.json` only.

    Raises:
        ConfigError: `arch.json` names no DPU that can be compiled for.
        ModelError: The network falls into more parts than `dpu.max_subgraphs` allows, or nothing of it can run on the DPU.
        ProgramError: A layer does not fit the machine, even in the smallest tiles.
        QuantError: Fix positions ask for shifts that the DPU does not have.
    """
    source = job.inputs["int.xmodel"]
    job.progress(0, 2, "compiling")
    found = compile_graph(
        read(source),
        arch_json.read(job.inputs["arch.json"]).fingerprints[0],
        effort=job.config["compile"]["effort"],
        max_subgraphs=job.config["dpu"]["max_subgraphs"],
        origin={source.name: hashlib.md5(source.read_bytes(), usedforsecurity=False).hexdigest()},
    )
    job.progress(1, 2, "writing")
    _write(found, job.outputs)
    job.metric("instructions", sum(len(program.instructions) for program in found.programs))
    job.metric("dpu_subgraphs", len(found.programs))
    job.metric("cpu_ops", len(found.partition.cpu))
    job.progress(2, 2, "done")


def _write(found: Compiled, outputs: Mapping[str, Path]) -> None:
    content, model = encode(found.graph), outputs["xmodel"]
    model.write_bytes(content)
    outputs["meta.json"].write_text(json.dumps(meta(found.graph, model.name), indent=4) + "\n", "utf-8")
    outputs["md5sum.txt"].write_text(hashlib.md5(content, usedforsecurity=False).hexdigest() + "\n", "utf-8")
    outputs["kernel.info"].write_text(kernel_info(found.graph), "utf-8")
