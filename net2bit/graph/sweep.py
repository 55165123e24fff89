"""Removing what nobody will come back for: work folders of killed builds, abandoned checkpoints, the oldest logs."""

import shutil
import time
from pathlib import Path
from typing import Final

from net2bit.graph import locks

WORK: Final = Path("build", ".work")
_ABANDONED: Final = 30 * 86400.0  # seconds after which a checkpoint that nobody came back for is removed
_UNBORN: Final = 3600.0  # seconds after which a work folder that was never locked belongs to nobody
_LOGS: Final = 500  # logs that are kept


def sweep(root: Path, state: Path) -> None:
    """Tidy up the project at *root*, whose state lies in *state*; what a living build uses stays."""
    for work in (root / WORK).glob("*"):
        lock = work / "lock"
        dead = not locks.alive(lock) if lock.exists() else _age(work) > _UNBORN
        if dead:
            remove(work)
    for scratch in (state / "scratch").glob("*"):
        if _age(scratch) > _ABANDONED:
            remove(scratch)
    for log in sorted((state / "logs").glob("*.log"), key=_age)[_LOGS:]:
        log.unlink(missing_ok=True)


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
