"""How a network's layers share the chip: which run together, how many rows at a time, where weights stay.

A group is a run of consecutive layers that work in stripes: the maps between them live in image banks only, as rings of rows; what a later
group reads is saved to DDR. One layer alone is a group of one. With stripes as high as the map, whole maps stay on chip.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from net2bit.dpu.isa import Instruction
from net2bit.errors import ProgramError


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer of a group."""

    layer: int
    """Index into the network's layers."""
    rows: int
    """Output rows that it computes in one turn; weights that are not resident are loaded once for each turn."""
    resident: bool = False
    """Whether its weights are loaded once for the whole group and stay in their banks."""


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that run together."""

    layers: tuple[LayerPlan, ...]
    columns: tuple[int, ...]
    """Column tiles of the last layer's output: boundaries from 0 to its width; halos of the layers before are computed again."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every layer of the network in exactly one group, in order."""

    groups: tuple[Group, ...]


@dataclass(slots=True)
class Program:
    """Instructions, and the layer that each one works for (-1: none)."""

    instructions: list[Instruction] = field(default_factory=list)
    layer: list[int] = field(default_factory=list)


class FitError(ProgramError):
    """A group as planned does not fit the banks or the instruction fields; the planner tries another."""
