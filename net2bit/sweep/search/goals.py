"""What a search is after: metrics to make better, and limits that a point must hold."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from net2bit.errors import ConfigError
from net2bit.sweep import metrics

_LIMIT: Final = re.compile(r"\s*([\w.*-]+)\s*(<=|>=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True)
class Goal:
    """A metric to make better.

    Attributes:
        metric: Its name.
        better: Which way: `min` or `max`.
    """

    metric: str
    better: str

    def __str__(self) -> str:
        """Return it as it is written in `search.goals`."""
        return f"{self.metric}:{self.better}"

    @property
    def worst(self) -> float:
        """The value that any other is better than."""
        return inf if self.better == "min" else -inf

    def cost(self, value: float) -> float:
        """Return *value* so that less is better."""
        return value if self.better == "min" else -value


@dataclass(frozen=True)
class Limit:
    """What the value of a metric must hold.

    Attributes:
        metric: Its name.
        sign: `<=`, `>=`, `<` or `>`.
        bound: The number.
    """

    metric: str
    sign: str
    bound: float

    def __str__(self) -> str:
        """Return it as it is written in `search.limits`."""
        return f"{self.metric} {self.sign} {self.bound:g}"

    def holds(self, value: float) -> bool:
        """Return whether *value* is within."""
        return {"<=": value <= self.bound, ">=": value >= self.bound, "<": value < self.bound, ">": value > self.bound}[self.sign]

    def excess(self, value: float) -> float:
        """Return how far *value* is beyond, as a share of the bound; 0 where it holds."""
        return 0.0 if self.holds(value) else max(abs(value - self.bound) / (abs(self.bound) or 1.0), 1e-9)


def goal(text: str) -> Goal:
    """Return the goal that *text* names: `fps`, `latency:min`.

    Raises:
        ConfigError: There is no such metric or direction, or the metric has no direction of its own.
    """
    name, _, way = (part.strip() for part in text.partition(":"))
    better = way or metrics.describe(name).better
    if way not in {"", "min", "max"}:
        raise ConfigError(f"a goal is made better by min or max, not {way!r}", where=f"search.goals: {text}", remedy=f"{name}:max")
    metrics.check(name, f"search.goals: {text}")
    if not better:
        raise ConfigError(f"which way is {name} better?", where=f"search.goals: {text}", remedy=f"say so: {name}:max, or {name}:min")
    return Goal(name, better)


def limit(text: str) -> Limit:
    """Return the limit that *text* states: `resources.dsp <= 300`.

    Raises:
        ConfigError: It states none, or there is no such metric.
    """
    found = _LIMIT.fullmatch(text)
    try:
        stated = Limit(found[1], found[2], float(found[3])) if found else None
    except ValueError:
        stated = None
    if stated is None:
        raise ConfigError(
            f"{text!r} is no limit",
            where="search.limits",
            remedy="a metric, a sign and a number: 'search.limits=[\"resources.dsp <= 300\"]'",
        )
    metrics.check(stated.metric, f"search.limits: {text}")
    return stated


def distinct(goals: Sequence[Goal]) -> tuple[Goal, ...]:
    """Return *goals*.

    Raises:
        ConfigError: Two of them are for one metric.
    """
    names = [one.metric for one in goals]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ConfigError(f"{twice} is a goal twice", where="search.goals", remedy="name it once")
    return tuple(goals)


def values(goals: Sequence[Goal], found: Mapping[str, float]) -> list[float] | None:
    """Return the values of *goals* in their order, None where one is missing."""
    return [found[one.metric] for one in goals] if all(one.metric in found for one in goals) else None


def front(goals: Sequence[Goal], points: Mapping[int, Sequence[float]]) -> list[int]:
    """Return the numbers of those *points* that no other is better than in one goal and as good in all others, in order.

    Args:
        goals: The goals.
        points: Number -> the values of the goals, in their order.
    """
    costs = {number: tuple(one.cost(value) for one, value in zip(goals, found, strict=True)) for number, found in points.items()}
    return [number for number, cost in sorted(costs.items()) if not any(_dominates(other, cost) for other in costs.values())]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
