"""`doit [run]`: doit's own command, with targets by any of their names, and --dry-run."""

import inspect
import sys
from collections.abc import Sequence
from typing import Any

from doit.cmd_run import Run

from net2bit.errors import PlanError, near
from net2bit.graph import signals
from net2bit.graph.commands.base import ProjectCommand, columns, plainly
from net2bit.graph.display import span
from net2bit.graph.explain import Forecast, forecast, total
from net2bit.graph.options import Worded

_DRY_RUN = {
    "name": "dry_run",
    "long": "dry-run",
    "type": bool,
    "default": False,
    "help": "say which stages would run, why, and how long they took before; run nothing",
}


def row(item: Forecast) -> tuple[str, str, str, str]:
    """Return a forecast as table cells: what happens, stage, cause, predicted time."""
    time = "" if not item.runs else "never timed" if item.seconds is None else f"about {span(item.seconds)}"
    return item.state.value, item.stage.name, item.text() if item.runs else "", time


class DryRun(ProjectCommand):
    """What `doit --dry-run` prints. It is transitive: stages behind a stale one are named too."""

    name = "dry-run"
    doc_purpose = "say what a build would do"
    doc_usage = "[TARGET ...]"
    doc_description = None

    def answer(self, words: Sequence[str]) -> int:
        """Print the stages that would run; nothing is changed."""
        found = forecast(self.plan, self.store, self.names(words))
        todo = [item for item in found if item.runs]
        self.outstream.writelines(f"{line}\n" for line in columns([row(item) for item in todo]))
        if not todo:
            self.outstream.write(f"nothing to do: {len(found)} stages are up to date\n")
            return 0
        seconds, unknown = total(found)
        blind = f" and {unknown} never timed here" if unknown else ""
        self.outstream.write(f"{len(todo)} of {len(found)} stages, about {span(seconds)}{blind} (predicted from earlier runs)\n")
        return 0


class Build(Worded, Run):
    """doit's `run`."""

    name = "run"
    doc_purpose = "build what is stale"
    doc_usage = "[key=value ...] [TARGET ...]"
    doc_description = "key=value words override the experiment's configuration; TARGET is a file, a kind, an op or a path of the plan."
    cmd_options = (*Run.cmd_options, _DRY_RUN)

    def execute(self, params: Any, args: Sequence[str]) -> int:
        """Forecast or build.

        Raises:
            InvalidCommand: A target is not in the plan.
        """
        if params["dry_run"]:
            asked = DryRun(task_loader=self.loader, config=self.config, bin_name=self.bin_name, cmds=None)
            return int(asked.execute(params, args) or 0)
        return int(super().execute(params, args) or 0)

    def _execute(self, **options: Any) -> int:
        """Build; doit picks the options by the names in this method's signature, so it shows those of the original."""
        if not self.sel_default_tasks:
            self.sel_tasks = plainly(self._targets)
        for task in self.task_list:
            if options.get("always") and task.meta:
                task.meta["work"].force = True
        signals.install()
        try:
            return int(super()._execute(**options) or 0)
        except signals.Stopped:
            sys.stderr.write("\nnet2bit: stopped; what is finished is kept, and the next build goes on from there\n")
            raise

    _execute.__signature__ = inspect.signature(Run._execute)  # type: ignore[attr-defined]  # noqa: SLF001 - see the docstring

    def _targets(self) -> list[str]:
        tasks = {task.name for task in self.task_list}
        return [word if word in tasks else self._find(word) for word in self.sel_tasks]

    def _find(self, word: str) -> str:
        try:
            return str(self.loader.namespace["PLAN"].find(word).name)
        except PlanError as error:
            command = near(word, self.loader.cmd_names)
            if command and not error.suggestion:
                error.suggestion = f"the command {command}"
            raise
