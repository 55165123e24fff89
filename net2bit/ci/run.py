"""What one run did: which stages ran, which came from a cache, how long both took, and the figures of what was made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from net2bit.graph import adapter, config, paths, registry, words
from net2bit.graph.explain import needed
from net2bit.graph.plan import plan
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store

KEPT: Final = "kept"
MISSING: Final = "missing"


@dataclass(frozen=True)
class StageRun:
    """What became of one stage.

    Attributes:
        name: Of the stage.
        title: What it does.
        how: `ran`, `restored`, `failed`, `kept` (was there before) or `missing` (not made).
        seconds: What it took in this run.
        saved: What its first run took more than this one; 0 where it ran.
    """

    name: str
    title: str
    how: str
    seconds: float = 0.0
    saved: float = 0.0


@dataclass(frozen=True)
class Run:
    """A run of one experiment.

    Attributes:
        experiment: Its name.
        stages: In the plan's order.
        metrics: Figures by name (`sweep.metrics`).
    """

    experiment: str
    stages: tuple[StageRun, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether a stage ran: there is something to keep that no cache has."""
        return any(stage.how == "ran" for stage in self.stages)


def look(root: Path, given: Sequence[str], since: float) -> Run:
    """Return what the build of *given* (overrides and targets) in the project at *root* did since then (seconds since 1970).

    Raises:
        ConfigError: The configuration does not hold.
        PlanError: Nothing makes a target, or the goals.
        StoreError: The records or an artifact cannot be read.
    """
    from net2bit.sweep.metrics import metrics_of  # noqa: PLC0415 - reads artifacts: only where there is a plan

    overrides, targets = words.split(given)
    experiment = config.load(config.origin(root, overrides), root / paths.STATE / "config")
    found = plan(experiment, registry.load(root), root=root)
    with adapter.store(root, experiment["cache"]) as store:
        stages = [stage for stage in needed(found, [found.find(word).name for word in targets] or found.goals) if stage.op.run]
        told = tuple(_stages(stages, store, since))
        made = {stage.name for stage in told if stage.how in {"ran", "restored", KEPT}}
        return Run(found.name, told, metrics_of(found, store, made))


def _stages(stages: Sequence[Stage], store: Store, since: float) -> Iterator[StageRun]:
    rows = store.records.ask("SELECT stage, how, seconds FROM history WHERE at >= ? ORDER BY at, id", (since,))
    last = {stage: (how, seconds) for stage, how, seconds in rows}
    for stage in stages:
        how, seconds = last.get(stage.name, (KEPT if store.check(stage).fresh else MISSING, 0.0))
        yield StageRun(stage.name, stage.op.title, how, seconds, _saved(stage, store, how, seconds))


def _saved(stage: Stage, store: Store, how: str, seconds: float) -> float:
    if how not in {"restored", KEPT}:
        return 0.0
    took: Mapping[str, Any] = (store.manifest(stage) or {}).get("took", {})
    return max(float(took.get("seconds", 0.0)) - seconds, 0.0)
