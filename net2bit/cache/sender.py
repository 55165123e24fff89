"""Results on their way to a shared cache, in the background, while the next stages are built."""

import hashlib
import io
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from net2bit.cache import entry, wire
from net2bit.cache.blobs import Spoiled, seal_of, small
from net2bit.cache.bundle import Bundle, grouped, packed
from net2bit.cache.settings import RemoteSettings
from net2bit.cache.transport import Missing, Refused, Transport, Unavailable
from net2bit.cache.work import Meter, Pace, Task, again, spread

_THREADS: Final = 4  # results at once; the files of each are sent by several threads again
_BEAT: Final = 0.2
_SILENT: Final = 1.0  # seconds of waiting that nobody needs to be told about

Bytes = io.BufferedReader | io.BytesIO


class Moved(Exception):  # noqa: N818 - a newer build has replaced the file: its own result is sent instead
    """A file is no longer what it was when it was offered."""


@dataclass(frozen=True)
class Parcel:
    """A result to send.

    Attributes:
        base: The stage key.
        sealed: The statement about it.
        sources: Its files.
        anew: An entry that is there is replaced.
        same: Not so where it is the same, and all of its contents are there.
        mend: Contents that are there are replaced, too: some of them are damaged.
    """

    base: str
    sealed: bytes
    sources: tuple[entry.Source, ...]
    anew: bool
    same: bool
    mend: bool

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(one.size for one in self.sources)


class _Counted(io.RawIOBase):
    """A file whose bytes are counted as they are read."""

    def __init__(self, file: Bytes, meter: Meter) -> None:
        self._file = file
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._meter.add(count)
        return count


class Sender:
    """Sends parcels; contents first, the entry that names them last.

    Attributes:
        closed: Whether it sends no more.
        came: Stage key -> whether its result was sent; where it was not, it was there already. What failed is not in it.
    """

    def __init__(
        self, reach: Callable[[], Transport], settings: RemoteSettings, notice: Callable[[str], None], leave: Callable[[str], None]
    ) -> None:
        """Begin nothing yet; *leave* is told why the server cannot be used any more."""
        self.closed = False
        self.came: dict[str, bool] = {}
        self._reach = reach
        self._settings = settings
        self._notice = notice
        self._leave = leave
        self._meter = Meter()
        self._todo: deque[Parcel] = deque()
        self._moving = threading.Condition()
        self._pending = self._threads = self._sent = self._bytes = 0
        self._there: set[str] = set()

    def add(self, parcel: Parcel) -> None:
        """Send *parcel* as soon as a thread is free."""
        with self._moving:
            self._todo.append(parcel)
            self._pending += 1
            self._meter.total += parcel.size
            if self._threads < min(_THREADS, self._pending):
                self._threads += 1
                Task(self._run)

    def _run(self) -> None:
        while True:
            with self._moving:
                if not self._todo:
                    self._threads -= 1
                    return
                parcel = self._todo.popleft()
            try:
                if not self.closed:
                    self._send(parcel)
            except Refused as fault:
                self.refuse(str(fault))
            except Unavailable as fault:
                self._close()
                self._leave(str(fault))
            except Moved:
                pass
            except Exception as fault:  # noqa: BLE001 - a file that nobody may read, a name that is no text: nobody waits for this thread
                self._notice(f"a result is not sent to the shared cache: {type(fault).__name__}: {fault}")
            finally:
                with self._moving:
                    self._pending -= 1
                    self._moving.notify_all()

    def refuse(self, reason: str) -> None:
        """Send no more, in this build."""
        if self._close():
            self._notice(f"nothing is sent to the shared cache {self._settings.shown}: {reason}")

    def _close(self) -> bool:
        """Send no more; returns whether this is news."""
        with self._moving:
            first, self.closed = not self.closed, True
            return first

    def _send(self, parcel: Parcel) -> None:
        name = entry.address(parcel.base)
        if not parcel.mend and self._lies(parcel, name):
            self.came[parcel.base] = False
            return
        inside = entry.inlined(parcel.sources, parcel.sealed)
        contents = {one.digest: _content(one) for one in parcel.sources if one.digest in inside}
        bundles = self._send_contents(parcel, {one.digest: one for one in parcel.sources if one.digest not in inside})
        self._put(name, entry.message(parcel.sources, contents, bundles, parcel.sealed))
        with self._moving:
            self._sent += 1
            self._bytes += parcel.size
            self.came[parcel.base] = True

    def _lies(self, parcel: Parcel, name: str) -> bool:
        """Return whether the entry *name* may stay as it is."""
        if not parcel.anew:
            return self._exists(name)
        return parcel.same and self._whole(name, parcel.sealed)

    def _whole(self, name: str, sealed: bytes) -> bool:
        """Return whether there is an entry *name* that holds the statement *sealed*, and all contents that it names."""
        try:
            found = wire.decode(again(lambda: small(self._reach(), name, wire.LIMIT, Meter()), self._meter, self._settings.retries))
            same = entry.pointer(found).contents == sealed
        except (Missing, Spoiled, wire.Malformed):
            return False
        return same and all(self._exists(f"cas/{one.digest}") for one in found if one.contents is None)

    def _send_contents(self, parcel: Parcel, outside: Mapping[str, entry.Source]) -> list[Bundle]:
        """Send what does not travel within the message; returns the bundles in which small files lie."""
        groups = grouped({digest: one.size for digest, one in outside.items()})
        alone = outside.keys() - {digest for group in groups for digest in group}
        bundles: list[Bundle] = []

        def send_bundle(group: Sequence[str]) -> None:
            bundle, whole = packed(group, lambda digest: _content(outside[digest]))
            self._send_once(bundle.digest, bundle.size, lambda: nullcontext(io.BytesIO(whole)), sure=parcel.mend)
            bundles.append(bundle)

        spread([
            *(partial(send_bundle, group) for group in groups),
            *(partial(self._send_file, outside[digest], sure=parcel.mend) for digest in alone),
            partial(self._put, f"cas/{hashlib.sha256(parcel.sealed).hexdigest()}", parcel.sealed),
        ])  # fmt: skip
        return sorted(bundles, key=lambda one: one.digest)

    def _send_file(self, source: entry.Source, *, sure: bool) -> None:
        self._send_once(source.digest, source.size, lambda: _opened(source), sure=sure)

    def _send_once(self, digest: str, size: int, opened: Callable[[], AbstractContextManager[Bytes]], *, sure: bool) -> None:
        """Send a content where it is not there yet; *sure*: also where it seems to be."""
        name = f"cas/{digest}"
        if digest in self._there or (not sure and self._exists(name)):
            self._meter.total -= size
            return

        def put() -> None:
            with opened() as file:
                self._reach().put(name, _Counted(file, self._meter), size)

        self._again(put)
        self._there.add(digest)

    def _put(self, name: str, content: bytes) -> None:
        self._again(lambda: self._reach().put(name, io.BytesIO(content), len(content)))

    def _exists(self, name: str) -> bool:
        found: list[bool] = []
        self._again(lambda: found.append(self._reach().exists(name)))
        return found[0]

    def _again(self, work: Callable[[], None]) -> None:
        again(work, self._meter, self._settings.retries)
        self._meter.answered()

    def drain(self, poll: Callable[[], None]) -> None:
        """Wait until all is sent, as long as bytes move; *poll* is called now and then, and ends it by raising."""
        began, told, pace = time.monotonic(), False, Pace(self._meter, self._settings.timeout)
        try:
            while not self._finished(_BEAT):
                poll()
                pace.check()
                if not told and time.monotonic() - began > _SILENT:
                    told = True
                    left = max(self._meter.total - self._meter.got, 0)
                    self._notice(f"sending {_counted(self._pending)} to {self._settings.shown} ({left / 1e6:.1f} MB to go)")
        except Unavailable as fault:
            self._close()
            self._leave(f"{fault}; {_counted(self._pending)} not sent")
        finally:
            self._meter.stop()
        if self._sent:
            self._notice(f"sent {_counted(self._sent)} to {self._settings.shown} ({self._bytes / 1e6:.1f} MB)")
            self._sent = self._bytes = 0  # told

    def _finished(self, seconds: float) -> bool:
        with self._moving:
            return self._moving.wait_for(lambda: not self._pending, seconds)


def _counted(number: int) -> str:
    return f"{number} result{'s' * (number != 1)}"


@contextmanager
def _opened(source: entry.Source) -> Iterator[io.BufferedReader]:
    """Open a file that must be what it was when it was hashed.

    Raises:
        Moved: It is another one.
    """
    try:
        file = source.path.open("rb")
    except FileNotFoundError:
        raise Moved from None
    with file:
        if seal_of(file.fileno()) != source.seal:
            raise Moved
        yield file


def _content(source: entry.Source) -> bytes:
    with _opened(source) as file:
        return file.read(source.size)
