"""What the processes of other launchers (joblib, submitit, ray) left of their points, taken into the sweep that began them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from net2bit.graph import null
from net2bit.sweep.current import Sweep
from net2bit.sweep.foreign import LauncherError
from net2bit.sweep.task import JOBS

_LOST: Final = "its process left no result: see the launcher's own log"


Notes = Mapping[Path, null.Stat | None]
"""Notes of points, and how their files stand."""


def notes(sweep: Sweep) -> Notes:
    """Return the notes that there are."""
    return {path: null.stat_of(str(path)) for path in (sweep.session.view.folder / JOBS).glob("*.json") if path.stem.isdigit()}


def gather(sweep: Sweep, before: Notes, fault: LauncherError | None = None) -> None:
    """Take in the notes that were written since there were those *before*; a point without one has failed.

    Clocks are not asked: the nodes, and the server of the files, have others than this machine.

    Args:
        sweep: The sweep.
        before: The notes of earlier sweeps.
        fault: What the launcher itself failed of.

    Raises:
        ConfigError: A point is refused, and `sweep.keep_going` is off.
        LauncherError: The launcher failed before any point was finished.
    """
    found = dict(written(sweep, before))
    if fault is not None and not found:
        raise fault
    sent = {number: words for number, words in sweep.sent.items() if number not in sweep.session.results}
    for number, words in sorted(({number: note["overrides"] for number, note in found.items()} | sent).items()):
        (point,) = sweep.batches.add([words], number)
        note, pruned = found.get(number), sweep.pruned.get(number, "")
        if note is None or not (pruned or note["overrides"] == list(point.overrides)):  # a look at a limit has goals of its own
            note = {"how": {}, "error": str(fault or _LOST)}
        sweep.session.adopt(point, note["how"], pruned or note["error"])
        if pruned:
            sweep.session.prune(number, pruned)


def written(sweep: Sweep, before: Notes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield number and content of the notes that are not as they were *before*."""
    for path, stat in notes(sweep).items():
        if stat != before.get(path):
            yield int(path.stem), json.loads(path.read_bytes())
