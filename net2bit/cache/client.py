"""The shared cache as a build sees it: fetch a result, offer one, wait for what is still on its way.

No fault of the cache is one of the build. A server that cannot be reached, is slow, refuses or breaks off is left out for the rest
of the build, after one notice; an entry that is damaged or that nobody trusted has signed is made anew, after one notice for all of them.
"""

import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

from net2bit.cache import entry, wire
from net2bit.cache.blobs import Spoiled
from net2bit.cache.fetch import Fetch, Fetched, Wanted
from net2bit.cache.places import reach
from net2bit.cache.sender import Parcel, Sender
from net2bit.cache.settings import RemoteSettings
from net2bit.cache.transport import Missing, Refused, Transport, Unavailable
from net2bit.cache.work import Meter, attend
from net2bit.errors import Net2bitError
from net2bit.job import Event
from net2bit.provenance.envelope import Untrusted
from net2bit.provenance.keys import VARIABLE
from net2bit.provenance.trust import decide

_FORESEEN: Final = (Missing, Refused, Unavailable, Untrusted, Spoiled, wire.Malformed, OSError, Net2bitError)
_BAD: Final = 3  # damaged entries after which a server is left out: each costs the time of its transfer

T = TypeVar("T")


class RemoteCache:
    """Results of other machines."""

    def __init__(self, settings: RemoteSettings, notice: Callable[[str], None], poll: Callable[[], None] = lambda: None) -> None:
        """Connect to nothing yet; *notice* receives lines for people.

        *poll* is called now and then by whoever waits; what it raises ends the waiting.

        Raises:
            ConfigError: A key is none, or signatures count and no key is trusted.
        """
        self.settings = settings
        self._poll = poll
        self.trust = decide(settings.url, settings.trust, settings.keys, reads=settings.reads)
        self._tell = notice
        self._lock = threading.Lock()
        self._door = threading.Lock()  # held while it is reached, which may hang
        self._off = False
        self._bad: set[str] = set()
        self._damaged = 0
        self._unsigned = False
        self._kept = False

    @cached_property
    def _transport(self) -> Transport:
        return reach(self.settings)

    def _reach(self) -> Transport:
        """Return the transport; made by one thread, which nobody waits for."""
        with self._door:
            return self._transport

    @cached_property
    def _sender(self) -> Sender:
        return Sender(self._reach, self.settings, self._say, self.leave)

    def fetch(
        self,
        base: str,
        kinds: Sequence[tuple[str, bool]],
        into: Path,
        *,
        holds: Callable[[str], bool] = lambda _: True,
        have: Callable[[str, bool], bool] = lambda _, __: False,
        watch: Callable[[Event], None] = lambda _: None,
    ) -> Fetched | None:
        """Bring the result of the stage key *base* into the folder *into*; None where there is none that counts.

        Args:
            base: The stage key.
            kinds: (kind, whether it is a folder) of each product, in order.
            into: Folder for the contents. What stays in it after a break is continued by the next build.
            holds: Tells whether the code that only a run finds is the same here (`Statement.extra`).
            have: Tells whether a content (digest, executable) is here already, and need not come.
            watch: Receives `progress` events.
        """
        if self._off or not self.settings.reads:
            return None
        meter = Meter()

        def beat() -> None:
            self._poll()
            if meter.total:
                done = min(meter.got, meter.total)
                watch({"event": "progress", "done": done, "total": meter.total, "text": f"from {self.settings.shown}"})

        job = Fetch(self._reach, self.settings, self.trust, Wanted(base, kinds, into, holds, have), meter)
        try:
            found = self._attended(job.run, meter, beat)
        except Missing:
            return None
        except (Untrusted, Spoiled, wire.Malformed) as fault:
            self._refuse(base, fault)
        except (Refused, Unavailable) as fault:
            self.leave(str(fault))
        except OSError as fault:
            self.leave(f"what comes from it cannot be kept here: {fault.strerror or fault}")
        else:
            if found is not None and self.trust.mode == "prefer" and not found.statement.signer:
                self._tell_unsigned()
            return found
        return None

    def reachable(self) -> str:
        """Return why the place cannot be used, an empty text where it can. It is asked, whatever happened before."""
        try:
            self._exists(f"ac/{'0' * 64}")
        except (Refused, Unavailable) as fault:
            return str(fault)
        return ""

    def has(self, base: str) -> bool:
        """Return whether there is an entry for the stage key *base*; nothing is verified."""
        if self._off or not self.settings.reads:
            return False
        try:
            return self._exists(entry.address(base))
        except (Refused, Unavailable) as fault:
            self.leave(str(fault))
            return False

    def _exists(self, name: str) -> bool:
        return self._attended(lambda: self._reach().exists(name), Meter(), self._poll)

    def _attended(self, work: Callable[[], T], meter: Meter, poll: Callable[[], None]) -> T:
        """Return the result of *work*, which asks the server (see `work.attend`).

        Raises:
            Unavailable: It takes too long, or fails of what nobody foresaw: what the server sent has led there, and a build goes on.
        """

        def guarded() -> T:
            try:
                return work()
            except _FORESEEN:
                raise
            except Exception as fault:
                raise Unavailable(f"what it answers is not understood ({type(fault).__name__})") from fault  # its text may hold anything

        return attend(guarded, meter, self.settings.timeout, poll)

    @property
    def accepts(self) -> bool:
        """Whether results are sent."""
        return self.settings.writes and not self._off and not self._sender.closed

    def offer(self, base: str, sealed: bytes, sources: Sequence[entry.Source], *, anew: bool, same: bool = False) -> None:
        """Send a result in the background.

        Args:
            base: The stage key.
            sealed: The statement about it (see `provenance.envelope.seal`).
            sources: Its files.
            anew: It has just been made: an entry that is there is replaced.
            same: Only where it is another one, or lacks contents. That is asked first, which takes longer where there is none.
        """
        if not self.accepts:
            return
        if self.trust.mode == "required" and not entry.signed(sealed):
            self._keep_back()
            return
        self._sender.add(Parcel(base, sealed, tuple(sources), anew=anew, same=same, mend=base in self._bad))

    def came(self, base: str) -> bool | None:
        """Return whether the result offered for *base* was sent, False where it was there already, None where it is not. After `close`."""
        return self._sender.came.get(base)

    def _keep_back(self) -> None:
        """Send no result that nobody has signed: nobody would take it. One from a cache of this machine says nothing about the next."""
        if not os.environ.get(VARIABLE, "").strip():
            self._sender.refuse(f"{VARIABLE} gives no key to sign with, and cache.remote.trust asks for signatures")
            return
        with self._lock:
            first, self._kept = not self._kept, True
        if first:
            self._say(
                f"a result that nobody has signed is not sent to {self.settings.shown} (`doit cache push` signs what was made in this tree)"
            )

    def close(self) -> None:
        """Wait until everything is sent, as long as it moves; then give connections back."""
        if "_sender" in self.__dict__:
            self._sender.drain(self._poll)
        if "_transport" in self.__dict__:
            self._transport.close()

    def _refuse(self, base: str, fault: Exception) -> None:
        """Leave out one entry."""
        with self._lock:
            first = not self._bad
            self._bad.add(base)
            self._damaged += not isinstance(fault, Untrusted)
        if first:
            self._say(f"a result in the shared cache {self.settings.shown} is refused and made here: {fault} (others like it are not told)")
        if self._damaged >= _BAD:
            self.leave("too many of its entries are damaged")

    def _tell_unsigned(self) -> None:
        with self._lock:
            first, self._unsigned = not self._unsigned, True
        if first:
            self._say(f"results in the shared cache {self.settings.shown} are not signed, and taken because cache.remote.trust is prefer")

    def leave(self, reason: str) -> None:
        """Use it no more, in this build."""
        with self._lock:
            first, self._off = not self._off, True
        if first:
            self._say(f"the shared cache {self.settings.shown} is left out of this build: {reason}")

    def _say(self, text: str) -> None:
        """Tell people, without what a server could say to their terminal."""
        self._tell("".join(letter if letter.isprintable() else "?" for letter in text))
