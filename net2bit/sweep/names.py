"""`sweeps/<name>/`: which sweep a folder belongs to."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

from net2bit.graph import paths
from net2bit.graph.place import disk, write_whole
from net2bit.sweep.arguments import own

SWEEPS: Final = "sweeps"
_OWNER: Final = "sweep.json"


def claim(root: Path, given: str | None, default: str, words: Sequence[str]) -> str:
    """Return the name of the sweep that *words* describe, its folder made and marked as theirs.

    A *given* name is taken as it is: the folder shows the last sweep of that name. A *default* one that belongs to other words gives way
    to the next (`dpu`, `dpu-2`, …), so that a sweep finds its own folder again and never another's.

    Raises:
        StoreError: The folder cannot be written.
    """
    said = [word for word in words if not own(word)]
    with disk(root / SWEEPS), _locked(root / SWEEPS):
        name = given or next(name for name in _candidates(default) if _owner(root, name) in (None, said))
        mark = root / SWEEPS / name / _OWNER
        if _owner(root, name) != said:
            mark.parent.mkdir(exist_ok=True)
            write_whole(mark, json.dumps({"words": said}, indent=1) + "\n")
        return name


def release(root: Path, name: str) -> None:
    """Remove the folder of a sweep that came to nothing, where there is nothing in it."""
    folder = root / SWEEPS / name
    with suppress(OSError):
        if os.listdir(folder) == [_OWNER]:
            (folder / _OWNER).unlink()
            folder.rmdir()


def default(swept: Sequence[str], otherwise: str) -> str:
    """Return the name of a sweep over the keys *swept*, or *otherwise* where there are none."""
    return paths.slug("-".join(key.rsplit("/", 1)[-1] for key in swept) or otherwise)


def _candidates(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _owner(root: Path, name: str) -> object:
    """Return the words of the sweep whose folder *name* is; None where there is no such folder."""
    try:
        found = json.loads((root / SWEEPS / name / _OWNER).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return ()
    return found.get("words") if isinstance(found, dict) else ()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    fd = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
