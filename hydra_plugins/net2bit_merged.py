"""hydra/launcher=merged: all points of a batch as one graph. Hydra takes plug-ins from this package only; the work is in net2bit.sweep."""

from collections.abc import Sequence

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class Merged(Launcher):
    """Builds the points of each batch together."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what the points' callbacks need."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Build the points that *job_overrides* make; returns what came of each, in their order."""
        from net2bit.sweep.launch import launch  # noqa: PLC0415 - hydra imports all plug-ins whenever it composes

        return launch(self, job_overrides, initial_job_idx)
