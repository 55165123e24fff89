"""What the merged launcher does with a batch of hydra's jobs. Imports hydra."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from hydra.core.utils import JobReturn, JobRuntime, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from net2bit.errors import StageError
from net2bit.sweep.current import current
from net2bit.sweep.results import PointResult

GRID: Final = "hydra_plugins.net2bit_grid.Grid"


class Launcher(Protocol):
    """What hydra gave the launcher."""

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig


def launch(launcher: Launcher, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
    """Build *jobs* (overrides of each), numbered from *first*; returns what came of each.

    Raises:
        ConfigError: A point is refused and `sweep.keep_going` is off.
        Stopped: The build was told to stop.
    """
    sweep = current()
    points = sweep.batches.add(jobs, first)
    configs = _configs(launcher, jobs, first)
    for config in configs:
        launcher.hydra_context.callbacks.on_job_start(config=config, task_function=launcher.task_function)
    sweep.session.build(points)
    picked = sweep.session.settings["sweep"]["returns"]
    whole = launcher.config.hydra.sweeper._target_ != GRID
    returned = [
        _returned(words, sweep.session.result(point.number), picked, whole=whole) for words, point in zip(jobs, points, strict=True)
    ]
    for config, one in zip(configs, returned, strict=False):
        launcher.hydra_context.callbacks.on_job_end(config=config, job_return=one)
    return returned


def _configs(launcher: Launcher, jobs: Sequence[Sequence[str]], first: int) -> list[DictConfig]:
    """Return each job's configuration as hydra composes it, where somebody's callbacks want to see it: that takes 0.1 s for each."""
    found: list[DictConfig] = []
    for number, words in enumerate(jobs, first) if launcher.hydra_context.callbacks.callbacks else ():
        config = launcher.hydra_context.config_loader.load_sweep_config(launcher.config, list(words))
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        found.append(config)
    return found


def _returned(words: Sequence[str], result: PointResult, picked: str | Sequence[str] | None, *, whole: bool) -> JobReturn:
    """Return a point's result as hydra's sweepers take it; *whole*: with its configuration."""
    made = JobReturn(overrides=list(words), working_dir=".", task_name=JobRuntime.instance().get("name"))
    if whole:
        made.cfg = OmegaConf.create(dict(result.point.config or {}))
    try:
        made.return_value = value(result, picked)
        made.status = JobStatus.COMPLETED
    except StageError as error:
        made.return_value, made.status = error, JobStatus.FAILED
    return made


def value(result: PointResult, picked: str | Sequence[str] | None) -> Mapping[str, float] | float | list[float]:
    """Return what a point returns to hydra: all its metrics, or the one or those that `sweep.returns` names.

    Raises:
        StageError: It failed, was refused, or has no such metric.
    """
    if not result.good:
        raise StageError(f"{result.point.label}: {result.error}")
    if picked is None:
        return dict(result.metrics)
    return _metric(result, picked) if isinstance(picked, str) else [_metric(result, name) for name in picked]


def _metric(result: PointResult, name: str) -> Any:
    if name not in result.metrics:
        known = ", ".join(result.metrics) or "none"
        raise StageError(f"{result.point.label} has no metric {name!r}", where="sweep.returns", remedy=f"it has: {known}")
    return result.metrics[name]
