"""hydra/sweeper=grid: every combination of the given values. As hydra's basic sweeper, but for what many points need (see `sweep.grid`)."""

from collections.abc import Mapping
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class Grid(Sweeper):
    """Hands all combinations to the launcher at once, or in batches."""

    def __init__(self, max_batch_size: int | None, params: Mapping[str, str] | None) -> None:
        """Take the greatest number of points in a batch, and values that are swept besides those of the command line."""
        self.max_batch_size = max_batch_size
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher."""
        self.hydra_context = hydra_context
        self.config = config
        launcher = Plugins.instance().instantiate_launcher(hydra_context=hydra_context, task_function=task_function, config=config)
        self.launcher = launcher

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        """Build all combinations of *arguments*; returns what came of each."""
        from net2bit.sweep import grid  # noqa: PLC0415 - hydra imports all plug-ins whenever it composes
        from net2bit.sweep.current import current  # noqa: PLC0415 - likewise

        given: list[Any] = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        points = grid.points(given, self.hydra_context.config_loader, self.config.sweep.max_points)
        returned: list[JobReturn] = []
        for batch in grid.batches(points, self.max_batch_size):
            current().sent.update(enumerate(batch, len(returned)))
            returned += self.launcher.launch(batch, initial_job_idx=len(returned))
        return returned
