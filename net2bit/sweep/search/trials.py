"""What a search is, what it chose and what came of it. Imports nothing but what the space is written in."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple, Self

from net2bit.sweep.search.goals import Goal
from net2bit.sweep.search.space import Space

FORMAT: Final = "net2bit.search/1"


@dataclass(frozen=True)
class Method:
    """How points are chosen (see `schemas.search`)."""

    sampler: str
    seed: int
    startup: int


@dataclass(frozen=True)
class Identity:
    """What makes a search this one and no other: trials of another say nothing about it."""

    space: Space
    goals: tuple[Goal, ...]
    limits: tuple[str, ...]
    method: Method

    def describe(self) -> dict[str, Any]:
        """Return it as plain data."""
        goals = [str(goal) for goal in self.goals]
        return {"format": FORMAT, **self.space.describe(), "goals": goals, "limits": list(self.limits), **asdict(self.method)}


class Origin(NamedTuple):
    """What the metrics of a point come from.

    Attributes:
        deep: SHA-256 over the deep keys of the stages that tell them (see `graph.deep`); empty where nobody knows.
        found: Code that only the runs of the stages could find (see `graph.records.Record.extra`); empty where there is none.
    """

    deep: str = ""
    found: str = ""


UNKNOWN: Final = Origin()


@dataclass(frozen=True)
class Trial:
    """A point that was chosen.

    Attributes:
        number: Its place in the search, from 0.
        overrides: The point, as overrides of the experiment.
        batch: The batch that it was chosen in, from 0.
        status: `done`, `pruned`, `refused`, `failed`; empty while it is not known.
        metrics: All that is known of the point, by name.
        reason: Why it is not done; empty where it is.
        same_as: The number of the trial that was the same point; None where it is a new one.
        origin: What the metrics come from.
        again: Whether something was known of it once that holds no longer.
    """

    number: int
    overrides: tuple[str, ...]
    batch: int
    status: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    same_as: int | None = None
    origin: Origin = UNKNOWN
    again: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a point.

    Attributes:
        status: `done`, `pruned`, `refused` or `failed`.
        metrics: What is known of it, by name.
        reason: Why it is not done; empty where it is.
        excess: Limit -> how far it is beyond, as a share of the bound, 0 where it holds; what the sampler learns of a pruned point.
        origin: What the metrics come from.
    """

    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    excess: Mapping[str, float] = field(default_factory=dict)
    origin: Origin = UNKNOWN

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Return the outcome that `asdict` made plain data of."""
        return cls(**{**said, "origin": Origin(*said.get("origin", ()))})
