"""What of the goals and limits the experiment's flow makes, and in which order limits are looked at: the cheapest first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from net2bit.errors import ConfigError, Net2bitError
from net2bit.graph import registry
from net2bit.graph.plan import Plan, plan
from net2bit.sweep import metrics
from net2bit.sweep.search.goals import Goal, Limit


@dataclass(frozen=True)
class Tree:
    """Where experiments come from.

    Attributes:
        home: The project's root.
        compose: Returns the experiment that overrides make.
        words: Overrides that all points share.
    """

    home: Path
    compose: Callable[[Sequence[str]], Mapping[str, Any]]
    words: tuple[str, ...]

    @cached_property
    def _registry(self) -> registry.Registry:
        return registry.load(self.home)

    def plan(self, composed: Mapping[str, Any], goals: Sequence[str] = ()) -> Plan:
        """Return the plan of an experiment.

        Raises:
            PlanError: Nothing makes its goals.
        """
        return plan(composed, self._registry, goals, root=self.home)


def rungs(tree: Tree, composed: Mapping[str, Any], limits: Sequence[Limit]) -> list[tuple[str, ...]]:
    """Return the kinds that tell the limits' metrics: first that which the fewest stages make, then that and the next, and so on.

    What only a whole build tells is left out. The number of stages is the measure, and not the time that they took, so that the same
    search prunes alike on every machine.
    """
    whole = tree.plan(composed)
    kinds = {kind for limit in limits if (kind := metrics.source(limit.metric, whole))}
    cost = {kind: len(tree.plan(composed, [kind]).stages) for kind in kinds}
    cheap = [kind for kind in sorted(kinds, key=lambda kind: (cost[kind], kind)) if cost[kind] < len(whole.stages)]
    return [tuple(cheap[:count]) for count in range(1, len(cheap) + 1)]


def check(tree: Tree, composed: Mapping[str, Any], wanted: Sequence[Goal | Limit]) -> None:
    """Refuse what the experiment's flow does not make.

    Raises:
        ConfigError: So it is; naming a flow that does, or the near miss.
    """
    whole = tree.plan(composed)
    for one in wanted:
        if metrics.source(one.metric, whole) is None:
            raise _missing(tree, whole, one.metric, composed["flow"]["name"])


def _missing(tree: Tree, whole: Plan, name: str, flow: str) -> ConfigError:
    if metrics.known(name) is None:
        ops = [f"{stage.op.name}.{name.partition('.')[2]}" for stage in whole.stages]
        return metrics.unknown(name, "search", ops)
    flows = [other for other in _flows(tree.home) if _makes(tree, other, name)]
    remedy = f"flow={flows[0]} makes it" if flows else "no flow in experiments/flow makes it"
    return ConfigError(f"the flow {flow} does not make what tells {name}", where="search", remedy=remedy)


def _flows(home: Path) -> list[str]:
    return sorted(path.stem for path in (home / "experiments" / "flow").glob("*.yaml"))


def _makes(tree: Tree, flow: str, name: str) -> bool:
    """Return whether the experiment, with another flow, makes what tells the metric *name*."""
    try:
        return metrics.source(name, tree.plan(tree.compose([*tree.words, f"flow={flow}"]))) is not None
    except Net2bitError:
        return False
