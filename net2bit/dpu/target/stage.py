"""The stages that describe the DPU of an experiment: what the compiler needs of it, and all that its board asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from net2bit.dpu.target import arch_json, compat, config, dcf, names, resources
from net2bit.dpu.target.configuration import GENERATIONS, Configuration
from net2bit.dpu.target.fingerprints import fingerprint, shown
from net2bit.job import Job, canonical

FORMAT = 1
"""Version of `target.json`."""


def arch(job: Job) -> None:
    """Write `arch.json`; of the DPU it reads what a compiled network depends on, so that another clock or board compiles nothing again.

    Raises:
        ConfigError: There is no such DPU.
    """
    one = {**job.config["dpu"], "cores": 1, "clock_mhz": 0}  # which are not in a fingerprint
    job.outputs["arch.json"].write_text(arch_json.text(fingerprint(config.from_config(one))), "utf-8")


def run(job: Job) -> None:
    """Write `dpu.dcf` and `target.json`: the DPU in full, which fits its board.

    Raises:
        ConfigError: The DPU does not fit the board, or does not exist.
    """
    dpu, board = job.config["dpu"], job.config["board"]
    found = config.check(dpu, board)
    job.outputs["dpu.dcf"].write_bytes(dcf.of_configuration(found))
    document = describe(found, dpu, board)
    for name, value in document["resources"].items():
        job.metric(name, value)
    job.outputs["target.json"].write_text(canonical(document) + "\n", "utf-8")


def describe(c: Configuration, dpu: Mapping[str, Any], board: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `target.json` holds: the DPU in full, the board's slice, resources, compatibility, warnings."""
    value, row = fingerprint(c), compat.release(dpu["release"])
    return {
        "format": FORMAT,
        "target": names.target_name(value),
        "fingerprint": shown(value),
        "generation": c.generation,
        "generation_says": GENERATIONS[c.generation],
        "arch": c.architecture,
        "cores": c.cores,
        "clock_mhz": c.clock_mhz,
        "peak_gops": c.peak * c.cores * float(dpu["clock_mhz"]) / 1000,
        "configuration": c.as_dict(),
        "board": dict(board),
        "resources": resources.need(c).as_dict(),
        "resources_exact": list(resources.EXACT),
        "compatibility": row.as_dict() | {"vitis_ai_names": names.releases(value)},
        "warnings": _warnings(c, row, board),
    }


def _warnings(c: Configuration, row: compat.Release, board: Mapping[str, Any]) -> list[str]:
    found = []
    if board["resources"]:
        full = resources.tight(c, resources.capacity(board["resources"]))
        found += [f"the DPU alone takes {one} of {board['title']}: routing and timing may fail" for one in full]
    if not names.releases(fingerprint(c)):
        found.append("no release of the vendor's compilers has a name for this configuration: no published bitstream has it")
    if c.generation == "ISA1":
        found.append("dpu.dcf is for Vitis AI up to 1.2, which knows ISA0 only: nothing reads it for this DPU")
    if board["dpu_pynq"] and row.dpu_pynq not in board["dpu_pynq"]:
        found.append(f"DPU-PYNQ {row.dpu_pynq} has no design for {board['title']}; releases with one: {', '.join(board['dpu_pynq'])}")
    return found
