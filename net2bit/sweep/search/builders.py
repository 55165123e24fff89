"""Building the points of a search: all that are wanted at once as one graph, or each by a launcher that knows no graph. Imports hydra."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from net2bit.errors import ConfigError, PlanError
from net2bit.sweep.arguments import experiments
from net2bit.sweep.current import Sweep
from net2bit.sweep.points import Point
from net2bit.sweep.results import DONE, FAILED, REFUSED
from net2bit.sweep.search.hunt import Result
from net2bit.sweep.search.trials import Trial
from net2bit.sweep.session import Session


class Points:
    """The trials of a search as points of its sweep."""

    def __init__(self, sweep: Sweep) -> None:
        """Compose for *sweep*."""
        self._batches = sweep.batches
        self._placed: dict[int, Point] = {}

    def place(self, trial: Trial) -> Point:
        """Return the trial as a point of the sweep, with a name of its own; it is composed once."""
        if trial.number not in self._placed:
            (self._placed[trial.number],) = self._batches.add([trial.overrides], trial.number)
        return self._placed[trial.number]

    def draft(self, trial: Trial) -> Point:
        """Return the trial as a point that the sweep does not have yet: the process that builds it will bring it in.

        Raises:
            ConfigError: It is refused.
        """
        return Point(trial.number, trial.overrides, "", self._batches.compose(experiments(trial.overrides)))


class Together:
    """Builds points as one graph: a stage that several of them share runs once. Implements `hunt.Builder`."""

    def __init__(self, session: Session, point: Callable[[Trial], Point]) -> None:
        """Build in *session*; *point* makes a point of a trial."""
        self._session = session
        self._point = point

    def build(self, points: Sequence[Trial], kinds: Sequence[str]) -> Mapping[int, Result]:
        """Make *kinds* for every point, the flow's goals where there are none; returns number -> result."""
        self._session.build([_only(self._point(trial), kinds) for trial in points], whole=not kinds)
        found = {trial.number: self._session.result(trial.number) for trial in points}
        return {number: Result(one.status, one.metrics, one.error) for number, one in found.items()}

    def prune(self, number: int, reason: str) -> None:
        """Note that a point is built no further."""
        self._session.prune(number, reason)


def _only(point: Point, kinds: Sequence[str]) -> Point:
    """Return *point* with other goals; what it makes of them lies where the whole build will look for it."""
    if not kinds or point.config is None:
        return point
    return replace(point, config={**point.config, "flow": {**point.config["flow"], "goals": list(kinds)}})


class Apart:
    """Hands points to a launcher of hydra's; the store keeps their jobs from building a stage twice. Implements `hunt.Builder`."""

    def __init__(self, launcher: Launcher, words: Sequence[str]) -> None:
        """Build with *launcher*; *words* speak of the sweep, and its jobs want to hear them."""
        self._launcher = launcher
        self._words = words

    def build(self, points: Sequence[Trial], kinds: Sequence[str]) -> Mapping[int, Result]:
        """Make *kinds* for every point, the flow's goals where there are none; returns number -> result."""
        goals = [f"flow.goals=[{','.join(kinds)}]"] if kinds else []
        found: dict[int, Result] = {}
        for row in _rows(points):
            jobs = self._launcher.launch([[*self._words, *trial.overrides, *goals] for trial in row], initial_job_idx=row[0].number)
            found |= {trial.number: _result(job) for trial, job in zip(row, jobs, strict=True)}
        return found

    def prune(self, number: int, reason: str) -> None:
        """Do nothing: the point's jobs have ended."""


def _rows(points: Sequence[Trial]) -> Iterator[list[Trial]]:
    """Yield the points in rows of consecutive numbers: a launcher counts on from the first."""
    for _, row in groupby(enumerate(points), lambda item: item[1].number - item[0]):
        yield [trial for _, trial in row]


def _result(job: JobReturn) -> Result:
    """Return what came of a job of hydra's."""
    if job.status == JobStatus.COMPLETED:
        found: Any = job.return_value
        return Result(DONE, dict(found)) if isinstance(found, Mapping) else Result(FAILED, reason=f"it returned {found!r}, no metrics")
    error = job._return_value  # noqa: SLF001 - return_value raises it
    return Result(REFUSED if isinstance(error, ConfigError | PlanError) else FAILED, reason=str(error))
