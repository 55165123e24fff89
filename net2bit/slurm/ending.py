"""Why a stage has failed on the cluster, told to people."""

import math
import re
import signal
from collections.abc import Mapping
from typing import Final

from net2bit import errors
from net2bit.errors import Net2bitError, StageError, StoreError, ToolError
from net2bit.graph.stage import Stage
from net2bit.slurm.client import End, Job

RETRIED: Final = frozenset({"BOOT_FAIL", "NODE_FAIL", "PREEMPTED"})
"""States in which a job ends through no fault of its own."""

HOPELESS: Final = {
    "AccountNotAllowed": "executor.account",
    "BadConstraints": "executor.options",
    "InvalidAccount": "executor.account",
    "InvalidQOS": "executor.qos",
    "MaxMemPerLimit": "resources.stages, executor.memory",
    "PartitionConfig": "executor.partition, resources.stages",
    "PartitionNodeLimit": "executor.partition, executor.options",
    "PartitionTimeLimit": "executor.time, executor.partition",
    "QOSNotAllowed": "executor.qos",
}
"""Reasons to wait that no waiting ends -> the keys that may be wrong."""

_NO_FILES: Final = 53  # the signal under which Slurm files a job whose output cannot be opened
_GB: Final = {"M": 2**20 / 10**9, "G": 2**30 / 10**9, "T": 2**40 / 10**9}  # GB in a unit of Slurm's
_TAIL: Final = 8  # lines of the job's log that an error shows


def of(stage: Stage, number: str, job: Job | None, end: End | None, log: str | None) -> Net2bitError:
    """Return the error of a stage whose job left no result.

    Args:
        stage: What the job was to build.
        number: The job's id.
        job: How Slurm shows it; None where Slurm has forgotten it.
        end: How its script ended; None where Slurm does not know.
        log: What the job printed; None where there is no such file.
    """
    state = job.state if job else "GONE"
    place = f"job {number}" + (f" on {job.nodes}" if job and job.nodes else "")
    if _blind(state, end, log):
        return StoreError(
            f"{stage.name} could not start: the node does not see the project, or cannot write there",
            where=place,
            remedy="every node needs the project's folder at the same path, on a file system they share; leave a node out with "
            f"executor.options=[--exclude={job.nodes if job and job.nodes else 'NODE'}]",
        )
    what, remedy = _cause(stage, state, end, job.memory if job else "")
    return StageError(f"{stage.name} failed: {what}{_tail(log)}", where=place, remedy=remedy)


def refused(stage: Stage, refusal: ToolError) -> Net2bitError:
    """Return the error of a stage for which Slurm takes no job."""
    return ToolError(
        f"Slurm takes no job for {stage.name}: {refusal.what}",
        where="executor=slurm",
        remedy="`sinfo` shows partitions and limits, `scontrol show lic` licences; the keys are executor.* and resources.stages",
    )


def hopeless(stage: Stage, job: Job) -> Net2bitError:
    """Return the error of a stage whose job waits for what never comes."""
    return StageError(
        f"{stage.name} would wait for ever: Slurm holds its job back ({job.reason})",
        where=HOPELESS[job.reason],
        remedy="ask for what the partition has: `scontrol show partition` shows its limits",
    )


def reported(parts: Mapping[str, str]) -> Net2bitError:
    """Return the error that a node has written down."""
    kind = getattr(errors, parts["type"], StageError)
    found: Net2bitError = kind(parts["what"], where=parts["where"], remedy=parts["remedy"], suggestion=parts["suggestion"])
    return found


def _blind(state: str, end: End | None, log: str | None) -> bool:
    return log is None and state == "FAILED" and end is not None and end.signal in {0, _NO_FILES}


def _cause(stage: Stage, state: str, end: End | None, asked: str) -> tuple[str, str]:
    """Return what happened to a job that asked for the memory *asked*, and the remedy."""
    op = stage.op.name
    memory = f"give it more memory: ++resources.stages.{op}.memory={_more(asked)}, or executor.memory for all jobs"
    time = f"raise it: executor.time=12h, or for this operation ++executor.stages.{op}.time=12h"
    tries = "start again, or allow more tries with executor.retries"
    known = {
        "BOOT_FAIL": ("its node failed", tries),
        "CANCELLED": ("its job was cancelled (scancel)", "start again: what is finished is kept"),
        "DEADLINE": ("its job reached its deadline", time),
        "GONE": ("its job is gone and left no result", "ask the cluster's log (sacct, if there is one), and start again"),
        "NODE_FAIL": ("its node failed", tries),
        "OUT_OF_MEMORY": (f"its job needed more memory than it had asked for{_had(asked)}", memory),
        "PREEMPTED": ("its job was preempted", tries),
        "TIMEOUT": ("its job reached the time limit", time),
    }
    return known.get(state) or _broken(end, memory)


def _had(asked: str) -> str:
    return f" ({asked})" if asked.strip("0") else ""


def _more(asked: str) -> str:
    """Return twice the memory that Slurm writes as *asked* (`1500M`, `1.5G`), in whole GB; a mere example where that is unknown."""
    found = re.fullmatch(r"([\d.]+)([MGT])", asked)
    return f"{math.ceil(2 * float(found[1]) * _GB[found[2]])}GB" if found else "16GB"


def _broken(end: End | None, memory: str) -> tuple[str, str]:
    if end is not None and end.signal == signal.SIGKILL:
        return "its job was killed (SIGKILL; when nobody did, the node ran out of memory)", memory
    if end is not None and end.signal:
        return f"its job was ended by signal {end.signal}", "the job's log may tell more"
    status = f" with status {end.status}" if end is not None else ""
    return f"its job ended{status} before it could say more", "see that executor.python and executor.setup are right for the nodes"


def _tail(log: str | None) -> str:
    lines = (log or "").rstrip().splitlines()[-_TAIL:]
    return "".join(f"\n  | {line}" for line in lines)
