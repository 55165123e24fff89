"""`dist/<experiment>/`, `sweeps/<name>/points/<label>/`: links to the finished artifacts of an experiment, under their plain names."""

import os
from pathlib import Path

from net2bit.graph import paths
from net2bit.graph.plan import Plan
from net2bit.graph.stage import Artifact, Stage


class Showcase:
    """Keeps the folder of links in step with what is finished; only what a plan chose and the store calls fresh is shown.

    The folder is a view: where it cannot be written, the build goes on without it.
    """

    def __init__(self, plan: Plan, root: Path, folder: str = "") -> None:
        """Name the folder, relative to *root*, `dist/<experiment>` by default; nothing is written yet."""
        self._plan = plan
        inside = folder or os.path.join(paths.DIST, plan.name)
        self._folder = os.path.join(root, inside)
        self._up = os.path.relpath(os.curdir, inside)
        self._chosen = {id(item) for item in plan.chosen.values() if item.kind != paths.PAGE}
        self._names = {os.path.basename(item.path) for item in plan.chosen.values() if item.maker}
        self._swept = False

    def show(self, stage: Stage) -> None:
        """Link the chosen products of *stage*, each in one step."""
        for item in self._of(stage):
            link, goal = self._link(item), os.path.join(self._up, item.path)
            if _goal(link) != goal:
                self._replace(link, goal)

    def hide(self, stage: Stage) -> None:
        """Remove the links of *stage*, which has yet to be built, and of all behind it; once, also those of no stage of this plan."""
        if not self._swept:
            self._swept = True
            self._sweep()
        hidden: set[str] = set()
        for other in self._plan.stages:
            if other.name == stage.name or any(item.maker in hidden for item in other.inputs):
                hidden.add(other.name)
                for item in other.outputs:
                    if id(item) in self._chosen or item.kind == paths.PAGE:
                        _remove(self._link(item))

    def _of(self, stage: Stage) -> list[Artifact]:
        return [item for item in stage.outputs if id(item) in self._chosen]

    def _link(self, item: Artifact) -> str:
        return os.path.join(self._folder, os.path.basename(item.path))

    def _replace(self, link: str, goal: str) -> None:
        fresh = f"{link}.{os.getpid()}.new"
        try:
            os.makedirs(self._folder, exist_ok=True)
            os.symlink(goal, fresh)
            os.replace(fresh, link)
        except OSError:
            _remove(fresh)

    def _sweep(self) -> None:
        try:
            names = os.listdir(self._folder)
        except OSError:
            return
        for name in names:
            if name not in self._names:
                _remove(os.path.join(self._folder, name))


def _goal(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _remove(path: str) -> None:
    """Remove the link *path* (or the report); whatever else lies there is the user's."""
    if os.path.islink(path) or os.path.basename(path) == paths.PAGE:
        try:
            os.unlink(path)
        except OSError:
            return
