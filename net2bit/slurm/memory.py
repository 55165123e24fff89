"""How much memory a job asks for."""

from dataclasses import replace
from typing import Final

from net2bit.graph import memory
from net2bit.graph.memory import Peaks
from net2bit.graph.stage import Stage
from net2bit.slurm.settings import Settings

_BESIDE: Final = 200 * 10**6
"""Bytes for what runs in a job beside the stage: its own Python that restores, hashes and sends (65 MB where it speaks to a bucket),
and the stage's supervisor (20 MB)."""


def asking(stage: Stage, settings: Settings, peaks: Peaks) -> Stage:
    """Return *stage* with the memory that its job asks for.

    An estimate is raised to `executor.memory`; what the user says of the stage itself is taken as it stands.
    """
    found = memory.of(stage, peaks)
    if found is None or not found.source:
        return stage
    amount = max(found.amount + _BESIDE, settings.memory or 0)
    return replace(stage, resources={**stage.resources, "memory": amount})


def estimated(stage: Stage) -> bool:
    """Return whether the memory that *stage* asks for is no more than an estimate."""
    return "memory" in stage.resources and "memory" not in stage.said
