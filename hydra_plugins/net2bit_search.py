"""hydra/sweeper=search: points are chosen by what came of those before. The work is in net2bit.sweep: hydra wants its plug-ins here."""

from typing import Any, Final

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

_MERGED: Final = "hydra_plugins.net2bit_merged.Merged"


class Search(Sweeper):
    """Looks for the best points of a space."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher."""
        self.hydra_context = hydra_context
        self.config = config
        launcher = Plugins.instance().instantiate_launcher(hydra_context=hydra_context, task_function=task_function, config=config)
        self.launcher = launcher

    def sweep(self, arguments: list[str]) -> dict[str, Any]:
        """Search the space that *arguments* span; returns the best points."""
        from net2bit.sweep.search import sweeper  # noqa: PLC0415 - hydra imports all plug-ins whenever it composes

        merged = self.config.hydra.launcher._target_ == _MERGED
        return sweeper.sweep(self.launcher, self.hydra_context.config_loader, arguments, merged=merged)
