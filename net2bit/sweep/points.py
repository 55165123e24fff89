"""The points of a sweep: one experiment each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from net2bit.errors import Net2bitError


@dataclass(frozen=True)
class Point:
    """One experiment of a sweep.

    Attributes:
        number: Its place in the sweep, from 0: hydra's `job.num`.
        overrides: The hydra overrides that make it, without those that speak of the sweep itself.
        label: Names its folder: safe as a file name, unique in the sweep, made of what differs between the points.
        config: The composed and checked experiment; None where it was refused.
        refused: Why it is no experiment (a DPU that does not fit the board, a wrong value, nothing that makes its goals); None where it is.
    """

    number: int
    overrides: tuple[str, ...]
    label: str
    config: Mapping[str, Any] | None = None
    refused: Net2bitError | None = None
