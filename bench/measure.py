"""Timing of whole commands: CPU seconds as the kernel accounts them (they hold on a busy machine), wall seconds beside them."""

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """One run of a command: CPU seconds (user and system, children included), wall seconds, exit status."""

    cpu: float
    wall: float
    status: int


def run(command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None) -> Cost:
    """Run *command* in *folder*, its output thrown away, and return what it cost."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    status = subprocess.run(command, cwd=folder, env={**os.environ, **(environ or {})}, capture_output=True, check=False).returncode
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return Cost(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, ended - began, status)


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median CPU and wall seconds of several runs, and the worst exit status."""
    return Cost(
        statistics.median(cost.cpu for cost in costs), statistics.median(cost.wall for cost in costs), max(cost.status for cost in costs)
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* as aligned text, the first column to the left and the others to the right."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in [head, *rows]
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
