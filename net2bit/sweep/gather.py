"""What the processes of other launchers (joblib, submitit, ray) left of their points, taken into the sweep that began them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from net2bit.sweep.current import Sweep
from net2bit.sweep.task import JOBS

_LOST: Final = "its process left no result: see the launcher's own log"


def gather(sweep: Sweep, since: float) -> None:
    """Take in the notes written after *since* (seconds since 1970); a point without one has failed.

    Raises:
        ConfigError: A point is refused, and `sweep.keep_going` is off.
    """
    known = set(sweep.session.results)
    found = dict(_notes(sweep.session.view.folder / JOBS, since))
    sent = {number: words for number, words in sweep.sent.items() if number not in known} | {
        n: one["overrides"] for n, one in found.items()
    }
    for number, words in sorted(sent.items()):
        (point,) = sweep.batches.add([words], number)
        note = found.get(number)
        if note is None or not _same(note["overrides"], point.overrides):
            note = {"how": {}, "error": _LOST}
        sweep.session.adopt(point, note["how"], note["error"])


def _same(some: Sequence[str], others: Sequence[str]) -> bool:
    return list(some) == list(others)


def _notes(folder: Path, since: float) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for path in folder.glob("*.json"):
        if path.stem.isdigit() and path.stat().st_mtime >= since:
            yield int(path.stem), json.loads(path.read_bytes())
