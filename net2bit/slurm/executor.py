"""The executor that hands every stage to Slurm as a job of its own."""

import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from net2bit.errors import ToolError
from net2bit.graph import signals
from net2bit.graph.execute import Done, Watcher
from net2bit.graph.merge import Merged
from net2bit.graph.store import Store
from net2bit.slurm.run import Run
from net2bit.slurm.settings import Settings

_PROGRAMS: Final = ("sbatch", "squeue", "scancel", "scontrol")


def _say(text: str) -> None:
    sys.stderr.write(f"net2bit: {text}\n")


class Slurm:
    """Runs merged graphs on a cluster; see `net2bit.graph.execute.Executor`.

    All stages that are not up to date are submitted at once, each depending on the jobs of the stages it needs, so that the cluster goes
    on when this process ends. A later run adopts the jobs that are still there.
    """

    def __init__(
        self, store: Store, settings: Mapping[str, Any], cache: Mapping[str, Any] | None = None, notice: Callable[[str], None] = _say
    ) -> None:
        """Work for *store*.

        Args:
            store: The tree's store; every node sees the tree at the same path.
            settings: The validated `executor` group, `executor.kind` being `slurm`.
            cache: The experiment's `cache` group, with which the nodes open the store.
            notice: Receives lines for people.

        Raises:
            ToolError: A program of Slurm is not on PATH.
        """
        missing = [name for name in _PROGRAMS if shutil.which(name) is None]
        if missing:
            raise ToolError(
                f"Slurm is not installed here: there is no {missing[0]}",
                where="executor=slurm",
                remedy="run this on a login node of the cluster, or choose executor=local",
            )
        self._store = store
        self._settings = Settings.of(settings)
        self._cache = cache or {}
        self._notice = notice

    def run(self, merged: Merged, watcher: Watcher, *, keep_going: bool) -> Mapping[str, Done]:
        """Make every node's products on the cluster (see `Executor.run`).

        Raises:
            Stopped: The build was told to stop; its jobs were cancelled.
        """
        signals.install()
        signals.check()
        return Run(self._store, self._settings, self._cache, merged, watcher, keep_going=keep_going).go(self._notice)
