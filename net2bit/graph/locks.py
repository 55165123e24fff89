"""Locks between processes and threads: `flock` on a file that says who holds it.

The kernel drops the lock with the last process that has the file open, so a killed build leaves nothing to clean up. The file
descriptor is handed to the stage's supervisor too: a lock lasts until the last process of its stage is gone, also when the
build that took it was killed.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from net2bit.errors import StoreError

_PAUSES: Final = (0.01, 0.02, 0.05, 0.1, 0.2)  # seconds between two tries


@dataclass(frozen=True)
class Lock:
    """A lock that is held.

    Attributes:
        fd: The file descriptor it hangs on.
        waited: Whether somebody else held it first.
    """

    fd: int
    waited: bool


@contextmanager
def held(path: Path, stage: str, on_wait: Callable[[dict[str, Any]], None], give_up: Callable[[], None]) -> Iterator[Lock]:
    """Hold the lock *path*; while somebody else does, *on_wait* is told who, once per holder, and *give_up* may raise.

    Raises:
        StoreError: The lock file cannot be made.
    """
    lock = _wait(path, stage, on_wait, give_up)
    try:
        yield lock
    finally:
        path.unlink(missing_ok=True)  # before it is free: whoever opened it meanwhile sees that it is gone and makes a new one
        os.close(lock.fd)


def _wait(path: Path, stage: str, on_wait: Callable[[dict[str, Any]], None], give_up: Callable[[], None]) -> Lock:
    told: dict[str, Any] = {}
    tries = 0
    while True:
        fd = _try(path)
        if fd is not None:
            _sign(fd, stage)
            return Lock(fd, waited=tries > 0)
        holder = _holder(path)
        if holder and holder != told:
            told = holder
            on_wait(holder)
        give_up()
        time.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
        tries += 1


def _try(path: Path) -> int | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as fault:
        raise StoreError(
            f"cannot make a lock: {fault.strerror}",
            where=str(path),
            remedy="building needs a folder that can be written; look at its permissions and at the space left",
        ) from fault
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_ino == path.stat().st_ino:
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return None


def _sign(fd: int, stage: str) -> None:
    """Write down who holds it; only for people, so a full disk does not matter here."""
    text = json.dumps({"pid": os.getpid(), "host": os.uname().nodename, "since": time.time(), "stage": stage})
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode(), 0)
    except OSError:
        pass


def _holder(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):  # just made, or just gone
        return {}
    return found if isinstance(found, dict) else {}


def named(holder: Mapping[str, Any]) -> str:
    """Return who holds a lock, for people."""
    since = time.strftime("%H:%M:%S", time.localtime(holder.get("since", 0.0)))
    return f"process {holder.get('pid')} on {holder.get('host')} (since {since})"


def alive(path: Path) -> bool:
    """Return whether some process holds the lock *path* (a file that nobody removes)."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
