"""`sweeps/<name>/points/<label>/`: a point's artifacts under their plain names, its overrides, its configuration and its report.

The folders are views: where one cannot be written, the sweep goes on, and says so at its end.
"""

import json
import os
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from net2bit.graph import paths
from net2bit.graph.place import write_whole
from net2bit.graph.plan import Plan
from net2bit.graph.publish import due, fill
from net2bit.graph.showcase import Showcase
from net2bit.graph.store import Store
from net2bit.sweep.names import SWEEPS
from net2bit.sweep.points import Point
from net2bit.sweep.results import PointResult

POINTS: Final = "points"
WORDS, CONFIG = "overrides.txt", "config.json"
_OWN: Final = frozenset({WORDS, CONFIG, paths.PAGE, f".{paths.PAGE}.of"})


class View:
    """The folder of one sweep."""

    def __init__(self, root: Path, name: str) -> None:
        """Name the folder; nothing is written yet."""
        self.root = root
        self._folder = os.path.join(SWEEPS, name)
        self._told = False

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        return self.root / self._folder

    @property
    def whole(self) -> bool:
        """Whether everything could be written."""
        return not self._told

    def of(self, point: Point) -> str:
        """Return the folder of a point, relative to the project's root."""
        return os.path.join(self._folder, POINTS, point.label)

    def show(self, point: Point, plan: Plan, made: Collection[str]) -> None:
        """Link what the stages *made* (their names) have made for *point*, and write what the point is."""
        inside = self.of(point)
        showcase = Showcase(plan, self.root, inside)
        for stage in plan.stages:
            if stage.name in made:
                showcase.show(stage)
            else:
                showcase.hide(stage)
        self._write(inside, WORDS, "".join(f"{word}\n" for word in point.overrides))
        self._write(inside, CONFIG, json.dumps(point.config, indent=1) + "\n")

    def publish(self, results: Iterable[PointResult], store: Store) -> None:
        """Write the reports of the points, with what their stages took filled in."""
        built = ((result, result.plan) for result in results if result.plan is not None)
        copies = [copy for result, plan in built for copy in due(plan, store, result.how, self.of(result.point))]
        fill(copies, store.root / paths.STATE)

    def keep(self, points: Iterable[Point]) -> None:
        """Remove the folders of points that the sweep no longer has; what the user put there stays."""
        labels = {point.label for point in points}
        gone = [folder for folder in (self.folder / POINTS).glob("*") if folder.name not in labels]
        for folder in gone:
            with suppress(OSError):
                _remove(folder)

    def _write(self, inside: str, name: str, text: str) -> None:
        path = self.root / inside / name
        try:
            if path.exists() and path.read_bytes() == text.encode():
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text)
        except OSError as fault:
            if not self._told:  # once: a full disk is full for all points
                sys.stderr.write(f"net2bit: {path} was not written: {fault.strerror}\n")
            self._told = True


def _remove(folder: Path) -> None:
    """Remove what a point's folder shows, and the folder.

    Raises:
        OSError: There is more in it, or it is no folder.
    """
    for entry in os.scandir(folder):
        if entry.is_symlink() or entry.name in _OWN:
            os.unlink(entry.path)
    folder.rmdir()
