"""What came of the points of a sweep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from net2bit.graph.plan import Plan
from net2bit.sweep.points import Point

DONE, FAILED, REFUSED, PRUNED = "done", "failed", "refused", "pruned"
_TELLING: Final = ("ran", "restored", "failed", "waited", "fresh", "skipped")
"""How a stage can end, what tells most first: a stage that one process ran is up to date for all others."""


@dataclass(frozen=True)
class PointResult:
    """What came of one point.

    Attributes:
        point: The point.
        plan: What it wanted to build; None where it was refused.
        status: `done`, `failed` (a stage did), `refused` (no stage was tried) or `pruned` (a search stopped it on the way).
        how: Stage name -> how it ended (see `graph.execute.Done`).
        error: Why it is not done, for people; empty where it is.
        metrics: Its figures by name (see `sweep.metrics`).
    """

    point: Point
    plan: Plan | None
    status: str
    how: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether the point needs nobody's attention: a pruned one was stopped on purpose."""
        return self.status in {DONE, PRUNED}


def telling(ways: Iterable[str]) -> str:
    """Return which of the *ways* in which several processes saw one stage end tells most; `skipped` where there is none."""
    return min(ways, key=_TELLING.index, default="skipped")
