"""What an earlier run of a search found out, taken into this one as far as it still holds."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from net2bit.graph.plan import Plan
from net2bit.graph.store import Store
from net2bit.sweep.points import Point
from net2bit.sweep.results import FAILED, PRUNED, REFUSED, PointResult
from net2bit.sweep.search.origin import Origins, Standing
from net2bit.sweep.search.trials import Trial
from net2bit.sweep.session import Session

CHANGED: Final = "changed"


def recall(session: Session, trials: Iterable[Trial], origins: Origins, point: Callable[[Trial], Point]) -> dict[int, str]:
    """Take the results that still hold into *session*: nothing of them is built again.

    A point that failed gets another try: a full disk or a cancelled job says nothing about it.

    Args:
        session: Of the sweep.
        trials: Of the search, so far.
        origins: Says what their metrics would come from today.
        point: Returns a trial as a point of the sweep.

    Returns:
        Number of a trial whose result does not hold -> why: `failed`, or `changed` where it comes from something else today.

    Raises:
        StoreError: Code or a file of the user's cannot be read.
    """
    again: dict[int, str] = {}
    ready = _Ready()
    for trial in (trial for trial in trials if trial.status and trial.same_as is None):
        standing = None if trial.status == FAILED else origins.of(trial)
        why = _doubt(trial, standing)
        if why:
            again[trial.number] = why
        else:
            how = ready.how(standing.plan, session.store) if standing else {}
            session.remember(_result(trial, point(trial), standing, how))
    return again


def _doubt(trial: Trial, standing: Standing | None) -> str:
    """Return why the result of *trial* does not hold; empty where it does. *standing*: of its experiment, None where it is refused."""
    if trial.status == FAILED:
        return FAILED
    if standing is None:
        return "" if trial.status == REFUSED else CHANGED
    return "" if trial.status != REFUSED and standing.holds(trial.origin, trial.metrics) else CHANGED


def _result(trial: Trial, point: Point, standing: Standing | None, how: Mapping[str, str]) -> PointResult:
    status = PRUNED if trial.status == REFUSED else trial.status  # a search expects refusals: they need nobody's attention
    return PointResult(point, standing.plan if standing else None, status, how, trial.reason, trial.metrics)


class _Ready:
    """Knows which stages are up to date; one that many points share is looked at once."""

    def __init__(self) -> None:
        self._fresh: dict[str, bool] = {}

    def how(self, plan: Plan, store: Store) -> dict[str, str]:
        """Return the stages of *plan* whose products lie in place, as `results.PointResult.how` has them."""
        found: dict[str, str] = {}
        for stage in plan.stages:
            if all(one.name in found for one in plan.upstream(stage)):
                fresh = self._fresh.get(stage.digest)
                if fresh is None:
                    fresh = self._fresh[stage.digest] = store.check(stage).fresh
                if fresh:
                    found[stage.name] = "fresh"
        return found
