"""One result on its way here: entry, statement, contents, each checked before the next is asked for."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from net2bit.cache import bundle, entry, wire
from net2bit.cache.blobs import Blob, Kept, Seal, Spoiled, download, keep, recall, small
from net2bit.cache.bundle import Bundle
from net2bit.cache.settings import RemoteSettings
from net2bit.cache.transport import Transport
from net2bit.cache.work import Meter, again, spread
from net2bit.provenance.envelope import LIMIT, Trust, unseal
from net2bit.provenance.statement import Statement

_EMPTY: Final = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Wanted:
    """A result that a build wants; see `client.RemoteCache.fetch`."""

    base: str
    kinds: Sequence[tuple[str, bool]]
    into: Path
    holds: Callable[[str], bool]
    have: Callable[[str, bool], bool]


@dataclass(frozen=True)
class Fetched:
    """A result whose contents lie in the folder for arrivals, as far as they were not here before.

    Attributes:
        statement: What is said about it, by somebody who is trusted to.
        sealed: The same, as it came.
        seals: Seal of a file that was hashed as it came -> its digest.
        lies: Name of a content (its digest, and `.x` where it is executable) -> path of its file.
    """

    statement: Statement
    sealed: bytes
    seals: Mapping[Seal, str]
    lies: Mapping[str, str]


class Fetch:
    """The transfer of one result."""

    def __init__(self, reach: Callable[[], Transport], settings: RemoteSettings, trust: Trust, wanted: Wanted, meter: Meter) -> None:
        """Send nothing yet."""
        self._reach = reach
        self._settings = settings
        self._trust = trust
        self._wanted = wanted
        self._meter = meter
        self._seals: dict[Seal, str] = {}
        self._lies: dict[str, str] = {}
        self._room = 0  # bytes that may still come, of those that the statement speaks of
        self._lock = threading.Lock()

    def run(self) -> Fetched | None:
        """Bring the result here; None where it was made by other code.

        Raises:
            Malformed: The entry is none.
            Missing: There is none, or one of its contents is gone.
            OSError: The disk refuses.
            Refused: The server says no.
            Spoiled: Something is not what it should be.
            Unavailable: It did not come.
            Untrusted: Nobody who is trusted says that this is the result.
        """
        wanted = self._wanted
        files = wire.decode(self._small(entry.address(wanted.base), wire.LIMIT))
        sealed = self._statement(files)
        statement = unseal(sealed, self._trust)
        entry.check(statement, wanted.base, wanted.kinds, self._settings.max_entry)
        if statement.extra and not wanted.holds(statement.extra):
            return None
        self._bring(statement, files)
        return Fetched(statement, sealed, self._seals, self._lies)

    def _small(self, name: str, limit: int) -> bytes:
        return again(lambda: small(self._reach(), name, limit, self._meter), self._meter, self._settings.retries)

    def _statement(self, files: Sequence[wire.OutputFile]) -> bytes:
        found = entry.pointer(files)
        sealed = found.contents if found.contents is not None else self._small(f"cas/{found.digest}", LIMIT)
        if hashlib.sha256(sealed).hexdigest() != found.digest:
            raise Spoiled("its statement has another digest")
        return sealed

    def _bring(self, statement: Statement, files: Sequence[wire.OutputFile]) -> None:
        """Put every content that is not here into the folder; *files* is what the entry says."""
        inside = {one.digest: one.contents for one in files if one.contents is not None}
        inside[_EMPTY] = b""  # which a server that writes the message anew leaves out
        self._room = self._meter.total = sum(one.size for one in statement.outputs)
        self._wanted.into.mkdir(parents=True, exist_ok=True)
        missing = [blob for blob in entry.blobs(statement.outputs) if not self._wanted.have(blob.digest, blob.executable)]
        for blob in missing:
            if blob.digest in inside:
                self._note(blob, keep(self._wanted.into, blob, inside[blob.digest]))
                self._meter.add(0)
        spread(self._jobs([blob for blob in missing if blob.digest not in inside], bundle.listed(files)))

    def _jobs(self, blobs: Sequence[Blob], bundles: Sequence[Bundle]) -> Iterator[Callable[[], None]]:
        """Yield what brings *blobs* here: out of *bundles*, as far as they are in them."""
        left: dict[str, list[Blob]] = {}
        for blob in blobs:
            left.setdefault(blob.digest, []).append(blob)
        for one in bundles:
            wanted = {digest: left.pop(digest) for digest, _ in one.members if digest in left}
            if wanted:
                yield partial(self._unpack, one, wanted)
        for same in left.values():
            for blob in same:
                yield partial(self._download, blob)

    def _unpack(self, one: Bundle, wanted: Mapping[str, Sequence[Blob]]) -> None:
        """Bring the *wanted* contents out of a bundle; those that an earlier transfer has left in the folder are not fetched again."""
        missing = {digest: [blob for blob in same if not self._recalled(blob)] for digest, same in wanted.items()}

        def take(digest: str, content: bytes) -> None:
            for blob in missing[digest]:
                self._note(blob, keep(self._wanted.into, blob, content, lasting=True))

        left = [digest for digest, same in missing.items() if same]
        if left:
            bundle.unpack(self._reach(), one, left, take, self._meter, self._settings.retries)

    def _download(self, blob: Blob) -> None:
        if not self._recalled(blob):
            self._note(blob, download(self._reach(), blob, self._wanted.into, self._meter, self._settings.retries))

    def _recalled(self, blob: Blob) -> bool:
        found = recall(self._wanted.into, blob)
        if found:
            self._note(blob, found)
        return found is not None

    def _note(self, blob: Blob, kept: Kept) -> None:
        """Remember a content that has come.

        Raises:
            Spoiled: With it, there are more bytes than the statement speaks of.
        """
        self._lies[blob.name] = kept.path
        self._seals[kept.seal] = blob.digest
        with self._lock:
            self._room -= kept.seal[1]
        if self._room < 0:
            raise Spoiled("its files have more bytes together than it says")
