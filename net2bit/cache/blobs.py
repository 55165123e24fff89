"""Contents by digest, on their way to disk: every byte is hashed as it comes, and what was got before a break is not fetched again."""

import fcntl
import hashlib
import os
import queue
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from net2bit.cache.transport import CHUNK, Stream, Transport, Unavailable
from net2bit.cache.work import Meter, again

_LARGE: Final = 4 << 20  # bytes from which on a second processor pays
_AHEAD: Final = 128  # chunks that may wait to be hashed
_BACK: Final = 2_500_000_000  # ns
_MOMENT: Final = 0.001  # seconds; hashing a chunk takes a fifth of it

Seal = tuple[int, int, int]  # mtime_ns, size, inode: what no rename and no link changes


class Spoiled(Exception):  # noqa: N818 - a verdict, told in a notice
    """What came is not what was asked for."""


@dataclass(frozen=True)
class Blob:
    """A content that is wanted.

    Attributes:
        digest: Its SHA-256.
        executable: Whether the file is a program.
        limit: Most bytes that it may have.
        size: Its bytes, where they are known.
    """

    digest: str
    executable: bool
    limit: int
    size: int | None = None

    @property
    def name(self) -> str:
        """The name of its file: the digest, and `.x` where it is executable."""
        return self.digest + ".x" * self.executable


class Kept(NamedTuple):
    """A content that lies on disk, checked.

    Attributes:
        path: Its file.
        seal: How the file stood when its last byte was hashed.
    """

    path: str
    seal: Seal


class Hasher:
    """SHA-256 of bytes as they come; of large contents in a thread of its own, while the next ones arrive."""

    def __init__(self, *, aside: bool) -> None:
        self._hash = hashlib.sha256()
        self._chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()  # without a limit of its own, which would cost a lock for each chunk
        self._thread = threading.Thread(target=self._run, name="net2bit-hash", daemon=True) if aside else None
        if self._thread:
            self._thread.start()

    def _run(self) -> None:
        while chunk := self._chunks.get():
            self._hash.update(chunk)

    def update(self, chunk: bytes) -> None:
        """Take the next bytes, which are not empty."""
        if self._thread is None:
            self._hash.update(chunk)
            return
        while self._chunks.qsize() > _AHEAD:
            time.sleep(_MOMENT)
        self._chunks.put(chunk)

    def close(self) -> str:
        """Return the digest, as hexadecimal digits; ends the thread."""
        if self._thread is not None:
            self._chunks.put(b"")
            self._thread.join()
            self._thread = None
        return self._hash.hexdigest()


class Part:
    """A content of which some is on disk. What an earlier process left is hashed again, and counts only then."""

    def __init__(self, path: Path, blob: Blob) -> None:
        """Continue the file at *path*, which is locked by this process, or begin it."""
        self._blob = blob
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self.got = 0
        self._hasher = self._fresh()

    def _fresh(self) -> Hasher:
        return Hasher(aside=(self._blob.size or 0) >= _LARGE)

    def recall(self) -> bool:
        """Take over what lies there; returns whether the process that wrote it is gone."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        if os.fstat(self._fd).st_size > self._most:
            os.ftruncate(self._fd, 0)
        while chunk := os.read(self._fd, CHUNK):
            self._hasher.update(chunk)
            self.got += len(chunk)
        return True

    @property
    def _most(self) -> int:
        return self._blob.limit if self._blob.size is None else self._blob.size

    @property
    def inode(self) -> int:
        """The file that it writes."""
        return os.fstat(self._fd).st_ino

    @property
    def full(self) -> bool:
        """Whether all is there that there can be."""
        return self.got == self._blob.size

    def restart(self) -> None:
        """Begin anew."""
        self._hasher.close()
        self._hasher = self._fresh()
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self.got = 0

    def take(self, stream: Stream, meter: Meter) -> None:
        """Append a stream to its end.

        Raises:
            Spoiled: It is longer than it may be.
            Unavailable: It breaks off.
        """
        if stream.offset != self.got:
            self.restart()
        if stream.offset not in {0, self.got}:
            raise Unavailable("it answers with another part than was asked for")
        if stream.size is not None and (stream.size > self._most or (self._blob.size is not None and stream.size != self._blob.size)):
            raise Spoiled(f"it has {stream.size} bytes in place of {self._most}")
        while chunk := stream.read():
            meter.add(len(chunk))
            self.got += len(chunk)
            if self.got > self._most:
                raise Spoiled("it has more bytes than it may have")
            self._hasher.update(chunk)
            _write(self._fd, chunk)
        meter.answered()
        if stream.size is not None and self.got != stream.size:
            raise Unavailable("it breaks off")

    def digest(self) -> str:
        """Return the SHA-256 of all that came."""
        return self._hasher.close()

    def check(self) -> None:
        """Compare what came with what was asked for.

        Raises:
            Spoiled: It is something else.
        """
        if self.digest() != self._blob.digest:
            raise Spoiled("its content has another digest")

    def seal(self) -> Seal:
        """Make it read-only and return what tells whether anybody touches it from now on."""
        return _sealed(self._fd, self._blob)

    def close(self) -> None:
        """Let go of it."""
        self._hasher.close()
        os.close(self._fd)


def _sealed(fd: int, blob: Blob) -> Seal:
    """Make a file that is written read-only, and its mtime older than a tick of any clock that stamps files: the next change shows."""
    os.fchmod(fd, 0o555 if blob.executable else 0o444)
    before = time.time_ns() - _BACK
    os.utime(fd, ns=(before, before))
    return seal_of(fd)


def seal_of(fd: int) -> Seal:
    """Return the seal of an open file."""
    found = os.fstat(fd)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _write(fd: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(fd, rest) :]


def download(transport: Transport, blob: Blob, folder: Path, meter: Meter, retries: int) -> Kept:
    """Fetch *blob* into *folder*, under its name.

    Raises:
        Missing: It is not there.
        OSError: The disk refuses.
        Refused: The server says no.
        Spoiled: It is another content.
        Unavailable: It did not come, at every try. What came is continued the next time.
    """
    with _part(folder, blob) as (path, part):
        resumed = part.got > 0
        try:
            _fill(transport, blob, part, meter, retries)
            if resumed and part.digest() != blob.digest:  # the piece on disk may be the wrong one
                part.restart()
                _fill(transport, blob, part, meter, retries)
            part.check()
        except Spoiled:
            _discard(path)
            raise
        seal = part.seal()
        target = path.rename(folder / blob.name)
        return Kept(str(target), seal)


def recall(folder: Path, blob: Blob) -> Kept | None:
    """Return *blob* where an earlier transfer has left it whole in *folder*; it is hashed again."""
    path = folder / blob.name
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # no link, no pipe
            seal = seal_of(file.fileno())
            if hashlib.file_digest(file, "sha256").hexdigest() == blob.digest:
                return Kept(str(path), seal)
    except FileNotFoundError:
        return None
    except OSError:
        pass
    _discard(path)
    return None


def _fill(transport: Transport, blob: Blob, part: Part, meter: Meter, retries: int) -> None:
    def more() -> None:
        if not part.full:
            with transport.get(f"cas/{blob.digest}", part.got) as stream:
                part.take(stream, meter)

    again(more, meter, retries)


@contextmanager
def _part(folder: Path, blob: Blob) -> Iterator[tuple[Path, Part]]:
    """Open the part of *blob* that lies in *folder*; one of this process's own where another process is at it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{blob.name}.part"
    _clear(path)
    part = Part(path, blob)
    own = not (part.recall() and _same(path, part))
    if own:
        part.close()
        path = folder / f"{blob.name}.{os.urandom(8).hex()}.part"
        part = Part(path, blob)
        part.recall()
    try:
        yield path, part
    finally:
        if own:
            _discard(path)
        part.close()


def _clear(path: Path) -> None:
    """Remove what is no file: a link would be refused, a pipe waited for."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            path.unlink()


def _same(path: Path, part: Part) -> bool:
    """Return whether the file that was locked still lies at *path*: its writer may have finished it in between."""
    try:
        return path.stat().st_ino == part.inode
    except FileNotFoundError:
        return False


def _discard(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def small(transport: Transport, name: str, limit: int, meter: Meter) -> bytes:
    """Return what lies under *name*, read into memory.

    Raises:
        Missing: Nothing does.
        Refused: The server says no.
        Spoiled: It has more than *limit* bytes.
        Unavailable: It did not come.
    """
    found, length = [], 0
    with transport.get(name) as stream:
        if stream.size is not None and stream.size > limit:
            raise Spoiled(f"it has {stream.size} bytes, more than any that is real")
        while chunk := stream.read():
            meter.add(len(chunk))
            length += len(chunk)
            if length > limit:
                raise Spoiled("it has more bytes than any that is real")
            found.append(chunk)
        if stream.size is not None and length != stream.size:
            raise Unavailable("it breaks off")
    meter.answered()
    return b"".join(found)


def keep(folder: Path, blob: Blob, content: bytes, *, lasting: bool = False) -> Kept:
    """Write a content into *folder*: *lasting* under its name, where a later transfer finds it, else under one of this transfer's own.

    Raises:
        OSError: The disk refuses.
        Spoiled: It is another content.
    """
    if hashlib.sha256(content).hexdigest() != blob.digest:
        raise Spoiled("a content within the entry has another digest")
    path = f"{folder}/{blob.name}.{os.urandom(8).hex()}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _write(fd, content)
        seal = _sealed(fd, blob)
        if lasting:
            path = str(Path(path).rename(folder / blob.name))
    except OSError:
        _discard(Path(path))
        raise
    finally:
        os.close(fd)
    return Kept(path, seal)
