"""One sweep from its first batch of points to its table."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from net2bit.errors import ConfigError, Net2bitError, StageError
from net2bit.graph import registry
from net2bit.graph.display import display
from net2bit.graph.execute import Done
from net2bit.graph.merge import Merged, Node, merge
from net2bit.graph.plan import Plan
from net2bit.graph.plan import plan as planned
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store
from net2bit.job import canonical
from net2bit.sweep import executors, returns
from net2bit.sweep.metrics import metrics_of
from net2bit.sweep.points import Point
from net2bit.sweep.results import DONE, FAILED, PRUNED, REFUSED, PointResult, telling
from net2bit.sweep.view import View
from net2bit.sweep.watch import Watch, fault

_MACHINE = ("cache", "resources")
"""Groups that speak of the machine: a sweep has one of each."""
_UNTOLD = Done("skipped")
"""Of a node that was never reached."""


class Session:
    """The points of a sweep, built batch by batch.

    Attributes:
        name: The sweep's name.
        settings: The groups `sweep` and `executor` as plain data, and what a sweeper adds to them (`goals`, for the comparison).
        results: What came of each point, by its number.
        failures: What went wrong, each once: name of the node -> message.
    """

    def __init__(self, root: Path, name: str, settings: Mapping[str, Any], *, view: bool = True) -> None:
        """Build in the project at *root*; without *view* nothing is written to the sweep's folder."""
        self.root = root
        self.name = name
        self.settings = dict(settings)
        self.results: dict[int, PointResult] = {}
        self.failures: dict[str, str] = {}
        self.view = View(root, name)
        self._shows = view
        self._ended: dict[str, tuple[Stage, str]] = {}
        self._first: dict[str, int] = {}
        self._twins: dict[int, int] = {}
        self._machine: dict[str, Any] = {}

    @cached_property
    def _registry(self) -> registry.Registry:
        return registry.load(self.root)

    @cached_property
    def store(self) -> Store:
        """The project's store, with the cache of the first point that is not refused."""
        if executors.clustered(self.settings):
            os.environ["NET2BIT_SHARED"] = "1"  # the nodes keep the same records
        return Store(self.root, self._machine["cache"])

    @property
    def opened(self) -> bool:
        """Whether there was anything to look at in the store."""
        return "store" in self.__dict__

    def told(self) -> list[PointResult]:
        """Return what came of the points, in their order."""
        return [result for _, result in sorted(self.results.items())]

    def stages(self) -> Mapping[str, str]:
        """Return how each distinct stage ended, by its digest."""
        return {digest: how for digest, (_, how) in self._ended.items()}

    def distinct(self) -> list[Stage]:
        """Return the distinct stages of all points."""
        return [stage for stage, _ in self._ended.values()]

    def result(self, number: int) -> PointResult:
        """Return what came of a point; of two with one configuration, both share it."""
        return self.results[self._twins.get(number, number)]

    def build(self, points: Sequence[Point], *, whole: bool = True) -> None:
        """Build *points* together; not *whole* where they only begin, for what is known early (see `sweep.search`): then none is shown.

        Raises:
            ConfigError: A point is refused, and `sweep.keep_going` is off: nothing is built then.
            Stopped: The build was told to stop; the results say how far it came.
        """
        plans = self._plans([point for point in points if self._new(point)], whole=whole)
        if plans:
            self._run({point.number: point for point in points}, merge(plans), whole=whole)

    def remember(self, result: PointResult) -> None:
        """Take in what an earlier run of a search found out about a point: nothing of it is built again."""
        self.results[result.point.number] = result
        for name, how in result.how.items():
            if result.plan:
                stage = result.plan.by_name[name]
                self._ended.setdefault(stage.digest, (stage, how))

    def prune(self, number: int, why: str) -> None:
        """Note that a search stopped a point on the way."""
        found = self.result(number)
        self.results[found.point.number] = PointResult(found.point, found.plan, PRUNED, found.how, why, found.metrics)

    def adopt(self, point: Point, how: Mapping[str, str], error: str) -> None:
        """Take in what another process says of *point*: how its stages ended, and why it is not done."""
        if not self._new(point):
            return
        for number, plan in self._plans([point], whole=False).items():
            known = {name: how.get(name, "skipped") for name in plan.by_name}
            ended = {name: Done(one, error=StageError(error) if error else None) for name, one in known.items()}
            self._reached(point, plan, good=not error)
            self.results[number] = self._result(point, plan, ended)

    def _new(self, point: Point) -> bool:
        """Return whether no earlier point has the same configuration."""
        if point.config is None:
            return True
        first = self._first.setdefault(canonical(point.config), point.number)
        if first != point.number:
            self._twins[point.number] = first
        return first == point.number

    def _plans(self, points: Sequence[Point], *, whole: bool) -> dict[int, Plan]:
        plans: dict[int, Plan] = {}
        for point in points:
            try:
                plan = self.plan(point)
                if whole:
                    returns.promised(self.settings, plan)
                plans[point.number] = plan
            except Net2bitError as error:
                self.results[point.number] = PointResult(point, None, REFUSED, error=str(error))
        refused = [result for result in self.results.values() if result.status == REFUSED]
        if refused and not self.settings["sweep"]["keep_going"]:
            raise _refusal(refused)
        return plans

    def plan(self, point: Point) -> Plan:
        """Return what *point* wants to be built.

        Raises:
            Net2bitError: It is refused.
        """
        if point.refused is not None or point.config is None:
            raise point.refused or ConfigError("the point has no configuration")
        made = planned(point.config, self._registry, root=self.root)
        self._share(point.config)
        return made

    def _share(self, config: Mapping[str, Any]) -> None:
        """Hold the points to one machine.

        Raises:
            ConfigError: An earlier one has another.
        """
        for group in _MACHINE:
            if self._machine.setdefault(group, config[group]) != config[group]:
                remedy = f"give {group} one value for the whole sweep"
                raise ConfigError(f"points of one sweep are built with one {group}", where=group, remedy=remedy)

    def _run(self, points: Mapping[int, Point], merged: Merged, *, whole: bool) -> None:
        shown = display()
        labels = {number: points[number].label for number in merged.plans} if whole else {}
        watch = Watch(merged, labels, shown, lambda number, good: self._reached(points[number], merged.plans[number], good=good))
        try:
            executor = executors.of(self.settings, self.store, self._machine)
            executor.run(merged, watch, keep_going=self.settings["sweep"]["keep_going"])
        finally:
            shown.close()
            self._settle(points, merged, watch.done)

    def _reached(self, point: Point, plan: Plan, *, good: bool) -> None:
        """Show a point as soon as it is finished: people want to look at it."""
        if good and self._shows:
            self.view.show(point, plan, plan.by_name)

    def _settle(self, points: Mapping[int, Point], merged: Merged, done: Mapping[str, Done]) -> None:
        """Keep what came of each point, also of one that was stopped half-way."""
        self.failures |= {name: fault(merged.nodes[name], one) for name, one in done.items() if one.how == "failed"}
        nodes: dict[int, list[Node]] = {number: [] for number in merged.plans}
        for node in merged.nodes.values():
            for number in node.points:
                nodes[number].append(node)
        for number, plan in merged.plans.items():
            ended = {node.stage.name: done.get(node.name, _UNTOLD) for node in nodes[number]}
            self.results[number] = self._result(points[number], plan, ended)

    def _result(self, point: Point, plan: Plan, ended: Mapping[str, Done]) -> PointResult:
        how = {name: one.how for name, one in ended.items()}
        self._count(plan, how)
        made = {name for name, one in ended.items() if one.good}
        error = next((str(one.error or "stopped") for one in ended.values() if not one.good), "")
        try:
            metrics = metrics_of(plan, self.store, made)
        except Net2bitError as fault:
            metrics, error = {}, error or str(fault)
        if error and self._shows:
            self.view.show(point, plan, made)
        return PointResult(point, plan, FAILED if error else DONE, how, error, metrics)

    def _count(self, plan: Plan, how: Mapping[str, str]) -> None:
        """Note how the stages of a plan ended, each once for all points that share it."""
        for name, stage in plan.by_name.items():
            known = self._ended.get(stage.digest)
            self._ended[stage.digest] = (stage, telling([how[name], *(known[1:] if known else ())]))


def _refusal(refused: Sequence[PointResult]) -> ConfigError:
    """Return the error that names every refused point."""
    texts = "\n".join(f"{result.point.label}: {result.error}" for result in refused)
    remedy = "correct the sweep, or let the other points go on: sweep.keep_going=true"
    return ConfigError(f"nothing is built, because points are refused:\n{texts}", where="sweep.keep_going", remedy=remedy)
