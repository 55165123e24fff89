"""The search itself: choose a batch, build it as far as it is worth it, remember what came of it, choose the next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from net2bit.sweep.results import DONE, FAILED, PRUNED, REFUSED
from net2bit.sweep.search.goals import Goal, Limit, front
from net2bit.sweep.search.memory import Memory
from net2bit.sweep.search.trials import UNKNOWN, Origin, Outcome, Trial

_REFUSED: Final = {"the experiment": 1.0}


@dataclass(frozen=True)
class Result:
    """What a build made of a point.

    Attributes:
        status: `done`, `refused` or `failed`.
        metrics: What its products tell, by name.
        reason: Why it is not done.
        origin: What the metrics come from.
    """

    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    origin: Origin = UNKNOWN


class Builder(Protocol):
    """Builds points."""

    def build(self, points: Sequence[Trial], kinds: Sequence[str]) -> Mapping[int, Result]:
        """Make *kinds* for every point, the flow's goals where there are none; returns number -> result.

        Raises:
            Stopped: The build was told to stop.
        """

    def prune(self, number: int, reason: str) -> None:
        """Hear that a point is built no further, as a search expects of many."""


@dataclass(frozen=True)
class Plan:
    """How a search goes.

    Attributes:
        goals: What is to become better.
        limits: What a point must hold.
        rungs: Kinds that are made before the rest, since they tell whether limits hold; each with those of the rungs before it.
        batch: Points that are built together.
        trials: Different points in all.
    """

    goals: tuple[Goal, ...]
    limits: tuple[Limit, ...]
    rungs: tuple[tuple[str, ...], ...]
    batch: int
    trials: int


def search(plan: Plan, memory: Memory, builder: Builder, told: Callable[[Sequence[Trial], Mapping[int, Outcome]], None]) -> None:
    """Try points until there are enough; *told* hears of every batch.

    Raises:
        Stopped: It was told to stop; what is finished is remembered.
    """
    while batch := memory.batch(plan.batch, plan.trials):
        outcomes = _try(plan, batch, builder)
        memory.tell(outcomes)
        told(batch, outcomes)


def _try(plan: Plan, batch: Sequence[Trial], builder: Builder) -> dict[int, Outcome]:
    """Return what came of the points: those that a limit rules out are built no further than to what tells so."""
    outcomes: dict[int, Outcome] = {}
    for rung in (*plan.rungs, ()):
        left = [trial for trial in batch if trial.number not in outcomes or outcomes[trial.number].status == DONE]
        found = builder.build(left, rung) if left else {}
        for number, result in found.items():
            outcomes[number] = replace(_judge(plan, result, last=not rung), origin=result.origin)
            if outcomes[number].status in {PRUNED, REFUSED}:
                builder.prune(number, outcomes[number].reason)
    return outcomes


def _judge(plan: Plan, result: Result, *, last: bool) -> Outcome:
    """Return the outcome that a result amounts to; *last*: nothing is left to build, so every metric must be there."""
    if result.status != DONE:
        return Outcome(result.status, result.metrics, result.reason, _REFUSED if result.status == REFUSED else {})
    known = {str(limit): limit.excess(result.metrics[limit.metric]) for limit in plan.limits if limit.metric in result.metrics}
    broken = [limit for limit in plan.limits if known.get(str(limit))]
    if broken:
        reason = ", ".join(f"{limit.metric} is {result.metrics[limit.metric]:.6g}, not {limit.sign} {limit.bound:g}" for limit in broken)
        return Outcome(PRUNED, result.metrics, reason, known)
    needed = [*(goal.metric for goal in plan.goals), *(limit.metric for limit in plan.limits)]
    missing = [name for name in needed if name not in result.metrics] if last else []
    if missing:
        return Outcome(FAILED, result.metrics, f"it does not tell {', '.join(missing)}")
    return Outcome(DONE, result.metrics, excess=known)


def best(goals: Sequence[Goal], trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that no other is better than: every point once, in order."""
    done = {trial.number: trial for trial in trials if trial.status == DONE and trial.same_as is None}
    chosen = front(goals, {number: [trial.metrics[goal.metric] for goal in goals] for number, trial in done.items()})
    return [done[number] for number in chosen]
