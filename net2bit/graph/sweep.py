"""Removing what nobody will come back for: work folders of killed builds, abandoned checkpoints, the oldest logs."""

import os
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from net2bit.graph import locks

WORK: Final = Path("build", ".work")
_ABANDONED: Final = 30 * 86400.0  # seconds after which a checkpoint that nobody came back for is removed
_UNBORN: Final = 3600.0  # seconds after which a work folder that was never locked belongs to nobody
_IDLE: Final = 86400.0  # seconds: far more than any process stands still between two looks at a lock
_FORGOTTEN: Final = 90 * 86400.0  # seconds after which every host has asked for what others finished
_LOOKS: Final = 4  # folders of the exchange that one build looks through: there may be many files, on a slow server
_LOGS: Final = 500  # logs that are kept


def sweep(root: Path, state: Path) -> None:
    """Tidy up the project at *root*, whose state lies in *state*; what a living build uses stays, on whatever host it runs.

    Raises:
        OSError: The state cannot be written.
    """
    now = _now(state)
    for work in (root / WORK).glob("*"):
        dead = locks.abandoned(work, now) if (work / "lock").exists() else _age(work) > _UNBORN
        if dead:
            remove(work)
    leases(state / "locks", now)
    told(state / "exchange", now)
    for scratch in (state / "scratch").glob("*"):
        if _age(scratch) > _ABANDONED:
            remove(scratch)
    for log in sorted((state / "logs").glob("*.log"), key=_age)[_LOGS:]:
        log.unlink(missing_ok=True)


def leases(folder: Path, now: float) -> None:
    """Remove the locks in *folder* that nobody has wanted for a day, at *now* on its file system's clock; see `lease`."""
    for lease in folder.glob("*.lease"):
        times = [_touched(path) for path in lease.glob("*")]
        if now - max([_touched(lease), *times]) > _IDLE:
            remove(lease)


def told(exchange: Path, now: float) -> None:
    """Remove what hosts told each other long ago, at *now* on the file system's clock; who never asked has to make it again."""
    folders = sorted(exchange.glob("*"))
    for folder in random.sample(folders, min(len(folders), _LOOKS)):
        for path in folder.glob("*"):
            if now - _touched(path) > _FORGOTTEN:
                path.unlink(missing_ok=True)


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it has just gone
        return 0.0


def _now(folder: Path) -> float:
    """Return what time it is for the file system: a server's clock may be another than this host's."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime


def _age(path: Path) -> float:
    """Return for how many seconds nothing was changed at *path*; 0 when it has just gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as that is possible."""
    shutil.rmtree(folder, ignore_errors=True)


def empty(folder: Path) -> None:
    """Leave nothing in a folder."""
    remove(folder)
    folder.mkdir(exist_ok=True)
