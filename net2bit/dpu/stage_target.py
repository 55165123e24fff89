"""The stages that describe the hardware: what the compiler needs of it, apart from all that it does not."""

from dataclasses import replace

from net2bit.dpu.target import arch_json, config, stage
from net2bit.dpu.target.fingerprints import fingerprint
from net2bit.job import Job


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
    beside = {"arch.json": job.scratch / "arch.json"}  # the stage's own is the other op's product
    job.scratch.mkdir(parents=True, exist_ok=True)
    stage.run(replace(job, outputs={**beside, **job.outputs}))
