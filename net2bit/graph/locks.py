"""Locks between processes and threads: `flock` on a file that says who holds it, and a lease where other hosts work in the tree, too.

The kernel drops a `flock` with the last process that has the file open, so a killed build leaves nothing to clean up. The file
descriptor is handed to the stage's supervisor too: a lock lasts until the last process of its stage is gone, also when the
build that took it was killed. Other hosts see a `flock` on some file systems only, so there the lock is a lease (see `lease`), whose
signs of life the supervisor gives as well; the `flock` is taken all the same where it works, since on one host nothing is surer.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from net2bit.errors import StoreError
from net2bit.graph import lease, owner
from net2bit.graph.lease import Lease, Lost

_PAUSES: Final = (0.01, 0.02, 0.05, 0.1, 0.2)  # seconds between two tries
_LAZY: Final = (*_PAUSES, 0.5, 1.0)  # likewise for leases: each try is a few requests to a server

OnWait = Callable[[dict[str, Any]], None]

__all__ = ["Lock", "Lost", "Try", "alive", "held", "named", "pauses"]


class Lock:
    """A lock that is held.

    Attributes:
        fds: File descriptors that keep it.
        waited: Whether somebody else held it first.
    """

    def __init__(self, path: Path, fd: int | None, lease: Lease | None) -> None:
        """Count it as held."""
        self._path = path
        self._lease = lease
        self.fds = () if fd is None else (fd,)
        self.waited = False

    @property
    def signs(self) -> tuple[str, ...]:
        """Files that the supervisor of a stage touches to keep the lock (see `lease.BEAT`)."""
        return (str(self._lease.path),) if self._lease else ()

    def share(self, pid: int) -> None:
        """Let it last as long as the process *pid*, which has its file descriptors, too."""
        if self._lease:
            self._lease.share(pid)

    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            Lost: It is not; only a process that was stopped for long can come into this.
            StoreError: Nobody can tell: the file system does not answer.
        """
        if self._lease:
            try:
                self._lease.check()
            except OSError as fault:
                raise _failed(fault, self._path) from fault

    def release(self) -> None:
        """Give it back."""
        if self._lease:
            self._lease.release()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)  # before it is free: whoever opened it meanwhile sees that it is gone and makes a new one
        for fd in self.fds:
            os.close(fd)


class Try:
    """Tries to take one lock.

    Attributes:
        path: The lock.
    """

    def __init__(self, path: Path, *, leased: bool) -> None:
        """Try to take the lock *path*; *leased* where other hosts may hold it."""
        self.path = path
        self._waiter = lease.Waiter(path.with_suffix(".lease")) if leased else None

    @property
    def holder(self) -> dict[str, Any]:
        """Who holds it, empty where that is not known."""
        return _holder(self.path) or (self._waiter.holder if self._waiter else {})

    def take(self, stage: str) -> Lock | None:
        """Take it for building *stage*, None where somebody else holds it.

        Raises:
            StoreError: The lock file cannot be made.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = _flock(self.path, needed=self._waiter is None)
        except BlockingIOError:
            return None
        except OSError as fault:
            raise _failed(fault, self.path) from fault
        if self._waiter is None:
            return self._signed(Lock(self.path, fd, None), stage)
        try:
            mine = self._waiter.attempt(stage)
        except OSError as fault:
            _close(fd)
            raise _failed(fault, self.path) from fault
        if mine is None:
            _close(fd)
            return None
        return self._signed(Lock(self.path, fd, mine), stage)

    def _signed(self, lock: Lock, stage: str) -> Lock:
        """Write down who holds it; only for people, so a full disk does not matter here."""
        text = json.dumps(owner.signed(stage)).encode()
        with suppress(OSError):
            for fd in lock.fds:
                os.ftruncate(fd, 0)
                os.pwrite(fd, text, 0)
        return lock


def pauses(*, leased: bool) -> Iterator[float]:
    """Yield the seconds between two tries, ever longer."""
    steps = _LAZY if leased else _PAUSES
    yield from steps
    while True:
        yield steps[-1]


@contextmanager
def held(path: Path, stage: str, on_wait: OnWait, give_up: Callable[[], None], *, leased: bool = False) -> Iterator[Lock]:
    """Hold the lock *path* for building *stage*; *leased* where other hosts may want it, too.

    While somebody else holds it, *on_wait* is told who, once per holder, and *give_up* may raise.

    Raises:
        StoreError: The lock file cannot be made.
    """
    lock = _wait(Try(path, leased=leased), stage, on_wait, give_up, leased=leased)
    try:
        yield lock
    finally:
        lock.release()


def _wait(attempt: Try, stage: str, on_wait: OnWait, give_up: Callable[[], None], *, leased: bool) -> Lock:
    told, waited = "", False
    for pause in pauses(leased=leased):
        lock = attempt.take(stage)
        if lock is not None:
            lock.waited = waited
            return lock
        holder = attempt.holder
        if holder and named(holder) != told:
            told = named(holder)
            on_wait(holder)
        give_up()
        time.sleep(pause)
        waited = True
    raise AssertionError  # the pauses never end


@contextmanager
def occupied(folder: Path, stage: str, *, leased: bool) -> Iterator[Lock]:
    """Mark a new folder of this process's own as in use, by a file `lock` in it (see `abandoned`).

    Raises:
        OSError: It cannot be written.
    """
    path = folder / "lock"
    fresh = folder / "lock.new"
    fd = _flock(fresh, needed=not leased)
    lock = Lock(path, fd, lease.sign(fresh, owner.signed(stage)) if leased else None)
    try:
        fresh.rename(path)  # a sweeper sees it locked, or not at all
        yield lock
    finally:
        lock.release()


def abandoned(folder: Path, now: float) -> bool:
    """Return whether nobody uses a folder that was `occupied` any more, at *now* on its file system's clock."""
    path = folder / "lock"
    return not _flocked(path) and (lease.unsigned(path) or lease.forsaken(path, now))


def _flock(path: Path, *, needed: bool) -> int | None:
    """Return a descriptor with the lock on it; None where the file system does not lock and that is not *needed*.

    Raises:
        BlockingIOError: Somebody else has it.
        OSError: The file cannot be made or locked.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        os.close(fd)
        if needed or isinstance(fault, BlockingIOError):
            raise
        return None
    if _same(fd, path):
        return fd
    os.close(fd)
    raise BlockingIOError


def _same(fd: int, path: Path) -> bool:
    """Return whether the open file is the one at *path*: its last holder may have removed it."""
    try:
        return os.fstat(fd).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)


def _failed(fault: OSError, path: Path) -> StoreError:
    return StoreError(
        f"cannot make a lock: {fault.strerror}",
        where=str(path),
        remedy="building needs a folder that can be written; look at its permissions and at the space left",
    )


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


def alive(path: Path, *, leased: bool = False) -> bool:
    """Return whether some process holds the lock *path*."""
    return _flocked(path) or (leased and lease.alive(path.with_suffix(".lease")))


def _flocked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        return isinstance(fault, BlockingIOError)
    finally:
        os.close(fd)
    return False
