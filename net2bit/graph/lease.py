"""Locks that hold between hosts: files, made by `link`, which every network file system does in one step on its server.

A lock is a folder of numbered files, and whoever makes the file of the next number holds it:

* The highest number counts. It is *free* when its owner wrote so, *over* when its owner is known to be dead (same host, process gone),
  or when it was not touched for `STALE` seconds while somebody looked; then the next number may be made, and only one can make it.
* Numbers never come back: the highest file is never removed, so whoever comes late with an old number sees a higher one and retreats.
* An owner touches its file every `BEAT` seconds, and so does the supervisor of a stage that runs under the lock. Waiters count on their
  own clock, and only the time in which they were really looking: hosts may disagree on what time it is, and a waiter may have been
  stopped itself.
* An owner that was thought dead, and was only stopped, finds its file gone: it has lost the lock, and throws its result away.
"""

import errno
import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from net2bit.graph import owner

BEAT: Final = 5.0  # seconds between two signs of life
STALE: Final = 60.0  # seconds without one: more than any file system's default for how long it remembers a file's times
_BEAT_NS: Final = int(BEAT * 1e9)
_LONGEST: Final = 2.0  # seconds that one look may count: it took longer where the server, or the waiter, stood still
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_FORSAKEN: Final = 3600.0  # seconds after which nobody comes back for a folder: nothing depends on removing it soon
_ROOM: Final = 2048  # bytes of a lease: rewritten in place, never longer or shorter


class Lost(Exception):  # noqa: N818 - no error: the build starts over
    """Somebody took the lock over: this process gave no sign of life for too long."""


class Lease:
    """A lock that this process holds."""

    def __init__(self, path: Path, signature: dict[str, Any]) -> None:
        self.path = path
        self._signature = signature
        self._lost = False

    def share(self, pid: int) -> None:
        """Let the lock last as long as the process *pid* of this host, too."""
        self._signature["pids"].append([pid, owner.born(pid)])
        self._rewrite()

    def check(self) -> None:
        """Make sure that it is still held.

        Raises:
            Lost: It is not.
        """
        if self._lost or max(_numbers(self.path.parent, anew=True), default=0) != int(self.path.name):
            raise Lost

    def beat(self) -> None:
        """Give a sign of life."""
        try:
            os.utime(self.path)
        except FileNotFoundError:
            self._lost = True
        except OSError:  # the server is away: for the waiters, too
            return

    def release(self) -> None:
        """Give it back; where it was lost, its file is gone and nothing happens."""
        _HEART.drop(self)
        self._signature["free"] = True
        self._rewrite()

    def _rewrite(self) -> None:
        with suppress(OSError):  # a server that is away: the lease ends by itself then
            fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(fd, _text(self._signature), 0)
            finally:
                os.close(fd)


class _Heart:
    """Beats for all leases of this process, in one thread."""

    def __init__(self) -> None:
        self._leases: dict[int, Lease] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, lease: Lease) -> None:
        with self._lock:
            self._leases[id(lease)] = lease
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._go, name="leases", daemon=True)
                self._thread.start()

    def drop(self, lease: Lease) -> None:
        with self._lock:
            self._leases.pop(id(lease), None)

    def _go(self) -> None:
        while True:
            time.sleep(BEAT)
            with self._lock:
                leases = list(self._leases.values())
            for lease in leases:
                lease.beat()


_HEART: Final = _Heart()
_DEAD: Final[dict[str, int]] = {}  # owner found silent -> its last touch, in ns of the file system's clock


def sign(path: Path, signature: dict[str, Any]) -> Lease:
    """Write a signature into the existing file *path* of a folder of one's own, and keep it alive until it is released."""
    mine = Lease(path.with_name("lock"), signature)
    path.write_bytes(_text(signature))
    _HEART.add(mine)
    return mine


def unsigned(path: Path) -> bool:
    """Return whether a file has no signature: a `flock` alone says whether it is in use."""
    try:
        return not _parsed(_look(path)[0])
    except OSError:
        return True


def forsaken(path: Path, now: float) -> bool:
    """Return whether the owner of a signed file is dead: known to be, or without a sign of life for long, at *now* on the file's clock."""
    try:
        text, touched = _look(path)
    except OSError:
        return False
    return owner.gone(_parsed(text)) or now - touched / 1e9 > _FORSAKEN


class Waiter:
    """Waits for one lock, and judges whether its holder still lives.

    Attributes:
        holder: Who held it at the last look; empty where nobody did, or nobody knows.
    """

    def __init__(self, folder: Path) -> None:
        """Wait for the lock *folder*."""
        self._folder = folder
        self._seen: tuple[str, int, str] | None = None
        self._quiet = 0.0
        self._looked = 0.0
        self.holder: dict[str, Any] = {}

    def attempt(self, stage: str) -> Lease | None:
        """Take the lock, for building *stage*, where nobody living holds it.

        Raises:
            OSError: The folder cannot be written.
        """
        top = max(_numbers(self._folder), default=0)
        if top and not self._over(self._folder / str(top)):
            return None
        return _claim(self._folder, top, owner.signed(stage))

    def _over(self, path: Path) -> bool:
        try:
            text, touched = _look(path)
        except OSError:  # its successor has just removed it, which this host's cache may not know yet
            _numbers(self._folder, anew=True)
            return False
        self._count((path.name, touched, text))
        self.holder = _parsed(text)
        return bool(self.holder.get("free")) or owner.gone(self.holder) or self._silent(touched)

    def _silent(self, touched: int) -> bool:
        """Return whether the holder is thought dead; who was, for one lease, is so for all that it touched for the last time then."""
        who = str([self.holder.get("space"), self.holder.get("pids")])
        if self._quiet >= STALE:
            _DEAD[who] = max(touched, _DEAD.get(who, 0))
        return touched <= _DEAD.get(who, -_BEAT_NS) + _BEAT_NS

    def _count(self, found: tuple[str, int, str]) -> None:
        now = time.monotonic()
        self._quiet = self._quiet + min(now - self._looked, _LONGEST) if found == self._seen else 0.0
        self._seen, self._looked = found, now


def _claim(folder: Path, top: int, signature: dict[str, Any]) -> Lease | None:
    """Make the file that follows the number *top*, which was seen to be over; None where somebody else was faster."""
    signature["nonce"] = os.urandom(8).hex()
    path = folder / str(top + 1)
    if not _made(path, signature):
        return None
    found = _numbers(folder)
    if max(found, default=0) != top + 1 or (top and top not in found):  # what was seen is no longer so
        path.unlink(missing_ok=True)
        return None
    for number in found:
        if number <= top:
            (folder / str(number)).unlink(missing_ok=True)
    lease = Lease(path, signature)
    _HEART.add(lease)
    return lease


def _made(path: Path, signature: Mapping[str, Any]) -> bool:
    """Make a file with its content in one step; returns whether it was this process that made it."""
    fresh = path.with_name(f"new-{signature['nonce']}")
    _write(fresh, _text(signature))
    try:
        os.link(fresh, path)
    except FileExistsError:  # or made by us, and the server's answer was lost
        return _is_ours(path, signature)
    except OSError as fault:
        if fault.errno not in _NO_LINKS:
            raise
        return _made_exclusively(path, signature)
    finally:
        fresh.unlink(missing_ok=True)
    return True


def _is_ours(path: Path, signature: Mapping[str, Any]) -> bool:
    try:
        return bool(_parsed(_look(path)[0]).get("nonce") == signature["nonce"])
    except OSError:
        return False


def _made_exclusively(path: Path, signature: Mapping[str, Any]) -> bool:
    """Do the same where there are no hard links: until it is written, the file is one that nobody can read, and so held."""
    try:
        _write(path, _text(signature))
    except FileExistsError:
        return False
    return True


def _write(path: Path, text: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)


def _look(path: Path) -> tuple[str, int]:
    """Return a file's text and when it was touched; opening it asks the server, whatever this host remembers."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(fd, _ROOM, 0).decode(errors="replace"), os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)


def _text(signature: Mapping[str, Any]) -> bytes:
    return json.dumps(signature).encode().ljust(_ROOM)[:_ROOM]


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:  # being written
        return {}
    return found if isinstance(found, dict) else {}


def _numbers(folder: Path, *, anew: bool = False) -> list[int]:
    """Return the numbers in a lock's folder; *anew* makes this host forget what it remembers of the folder."""
    try:
        if anew:
            refresh(folder)
        return [int(name) for name in os.listdir(folder) if name.isdigit()]
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        return []


def refresh(folder: Path) -> None:
    """Make this host look at *folder* again: a change of one's own ends what a network file system remembers of a folder's names.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"new-{os.urandom(8).hex()}"
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    fresh.unlink(missing_ok=True)


def alive(folder: Path) -> bool:
    """Return whether the lock *folder* is held, as far as one look can tell."""
    top = max(_numbers(folder), default=0) if folder.exists() else 0
    if not top:
        return False
    try:
        said = _parsed(_look(folder / str(top))[0])
    except OSError:
        return True
    return not said.get("free") and not owner.gone(said)
