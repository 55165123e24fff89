"""The comparison of a sweep's points: `points.json`, from which a process of its own makes tables, pictures and the page.

Drawing imports what a sweep that found nothing to do cannot afford: such a sweep leaves the comparison as it is.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from net2bit.graph.place import write_whole
from net2bit.graph.store import Store
from net2bit.job import canonical
from net2bit.sweep.account import FORM, GOOD, describe, finite, goals_of
from net2bit.sweep.results import PointResult

FILE: Final = "points.json"
PAGE: Final = "index.html"
_WORKED: Final = GOOD - {"fresh"}


def write(folder: Path, name: str, results: Sequence[PointResult], store: Store, settings: Mapping[str, Any]) -> bool:
    """Write the comparison of the sweep *name* into *folder*; where all is as it was, nothing is read or written.

    The folder is a view: where it cannot be written, what was built is as good without it.

    Args:
        folder: `sweeps/<name>`.
        name: The sweep's name.
        results: What came of its points.
        store: Of the tree that they were built in.
        settings: The sweep's own; `goals` (figure -> `min` or `max`), where a search has them, say what the Pareto front is of.

    Returns:
        Whether the comparison is there now.
    """
    mark, told = folder / f".{PAGE}.of", _told(name, results, settings)
    worked = any(how in _WORKED for result in results for how in result.how.values())
    if not worked and _read(mark) == told and (folder / PAGE).exists():
        return True
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(describe(folder, name, results, store, settings), indent=1, allow_nan=False)
        write_whole(folder / FILE, f"{text}\n")
        drawn = _draw(folder)
        write_whole(mark, told if drawn else "")
    except OSError as fault:
        sys.stderr.write(f"net2bit: {folder} was not written: {fault.strerror}\n")
        return False
    return drawn


def _draw(folder: Path) -> bool:
    command = [sys.executable, "-m", "net2bit.report.comparison", str(folder / FILE)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(f"net2bit: {folder / PAGE} was not written: {done.stderr}")
    return done.returncode == 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _told(name: str, results: Sequence[PointResult], settings: Mapping[str, Any]) -> str:
    """Return a digest over all that the comparison tells and the store does not."""
    points = [
        [
            *(result.point.number, result.point.label, result.point.overrides, result.status, result.error, finite(result.metrics)),
            [stage.digest for stage in result.plan.stages] if result.plan else None,
        ]
        for result in results
    ]
    return hashlib.sha256(canonical([FORM, name, goals_of(settings), points]).encode()).hexdigest()
