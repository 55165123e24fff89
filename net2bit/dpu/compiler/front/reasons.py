"""Why an op stays on the processor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One op that the DPU does not compute.

    Attributes:
        op: Its name.
        type: Its type.
        why: The limit that it breaks.
        remedy: What to change in the network; empty where nothing helps, or nothing need be done.
    """

    op: str
    type: str
    why: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the reason as one line."""
        return f"{self.type} '{self.op}' runs on the processor: {self.why}" + (f" ({self.remedy})" if self.remedy else "")
