"""What a build would do and why: transitive, root cause first.

`store.check` speaks about one stage as the files lie now. Here the plan joins in: behind a stage that must run, every other
one *may* have to run - it will not if the stage gives the same bytes as before (early cut-off), which nobody can know yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from net2bit.graph.reasons import InputMissing, Reason

if TYPE_CHECKING:
    from net2bit.graph.plan import Plan
    from net2bit.graph.stage import Stage
    from net2bit.graph.store import Store


class State(Enum):
    """What is known about a stage before anything runs."""

    FRESH = "up to date"
    STALE = "runs"
    CACHED = "comes from the cache"
    FOLLOWS = "follows"


@dataclass(frozen=True)
class Forecast:
    """What would happen to one stage.

    Attributes:
        stage: The stage.
        state: What would happen.
        reasons: Its own causes, the nearest first; empty where it only follows from others.
        behind: Names of the stale stages it directly takes its inputs from.
        seconds: Predicted from the history of this stage; None where there is none.
    """

    stage: "Stage"
    state: State
    reasons: tuple[Reason, ...]
    behind: tuple[str, ...]
    seconds: float | None

    @property
    def runs(self) -> bool:
        """Whether the stage is not up to date."""
        return self.state is not State.FRESH

    def text(self) -> str:
        """Return the cause in one line."""
        if self.reasons:
            more = len(self.reasons) - 1
            return self.reasons[0].text() + (f" (and {more} more)" if more else "")
        return f"follows {', '.join(self.behind)}" if self.behind else self.state.value


def needed(plan: "Plan", names: Iterable[str]) -> list["Stage"]:
    """Return the stages that make *names* (stage names), in plan order, with all they need."""
    wanted: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo.extend(stage.name for stage in plan.upstream(plan.by_name[name]))
    return [stage for stage in plan.stages if stage.name in wanted]


def forecast(plan: "Plan", store: "Store", names: Iterable[str] = ()) -> list[Forecast]:
    """Return what a build of the stages *names* (the plan's goals by default) would do, inputs first.

    Raises:
        StoreError: A file of the tree cannot be read.
    """
    known: dict[str, Forecast] = {}
    for stage in needed(plan, tuple(names) or plan.goals):
        known[stage.name] = _one(plan, store, stage, known)
    return list(known.values())


def _one(plan: "Plan", store: "Store", stage: "Stage", known: Mapping[str, Forecast]) -> Forecast:
    verdict = store.check(stage)
    behind = tuple(up.name for up in plan.upstream(stage) if known[up.name].runs)
    reasons = tuple(reason for reason in verdict.reasons if not (behind and isinstance(reason, InputMissing)))
    if verdict.fresh and not behind:
        return Forecast(stage, State.FRESH, (), (), 0.0)
    if verdict.fresh or (behind and not reasons):
        return Forecast(stage, State.FOLLOWS, (), behind, store.history.estimate(stage))
    cached = not behind and verdict.key is not None and store.restorable(stage, verdict.key)
    return Forecast(stage, State.CACHED if cached else State.STALE, reasons, behind, 0.0 if cached else store.history.estimate(stage))


def roots(forecasts: Iterable[Forecast]) -> list[Forecast]:
    """Return the stages that are stale by a cause of their own, in plan order: where the trouble begins."""
    return [item for item in forecasts if item.reasons]


def chain(plan: "Plan", forecasts: Iterable[Forecast], root: str, target: str) -> list[str]:
    """Return the names on the way from *root* to *target*, both included; empty when no way leads there."""
    stale = {item.stage.name for item in forecasts if item.runs}
    paths: dict[str, list[str]] = {root: [root]}
    for stage in plan.stages:
        ways = [paths[up.name] for up in plan.upstream(stage) if up.name in paths]
        if stage.name in stale and ways and stage.name not in paths:
            paths[stage.name] = [*min(ways, key=len), stage.name]
    return paths.get(target, [])


def total(forecasts: Iterable[Forecast]) -> tuple[float, int]:
    """Return the predicted seconds of all stages that would run, one after another, and how many of them have no history."""
    todo = [item for item in forecasts if item.runs]
    return sum(item.seconds or 0.0 for item in todo), sum(item.seconds is None for item in todo)


def describe(plan: "Plan", forecasts: list[Forecast], target: str) -> Iterator[str]:
    """Yield the lines of `doit why`: each root cause, the chain it dirties, and what that costs."""
    from net2bit.graph.display import span  # noqa: PLC0415 - the terminal's words, not this module's business otherwise

    if not any(item.runs for item in forecasts):
        yield f"{target} is up to date"
        return
    for item in roots(forecasts):
        way = chain(plan, forecasts, item.stage.name, target)
        if not way:
            continue
        yield f"{item.stage.name}: {item.reasons[0].text()}"
        yield from (f"    also: {reason.text()}" for reason in item.reasons[1:])
        if len(way) > 1:
            yield f"    {' → '.join(way)}"
    seconds, unknown = total(forecasts)
    count = sum(item.runs for item in forecasts)
    blind = f", {unknown} of them never timed here" if unknown else ""
    yield f"{count} of {len(forecasts)} stages to look at, at most about {span(seconds)}{blind} (predicted from earlier runs)"
